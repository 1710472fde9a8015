//! The tokens whose disconnect was told already: a connect that arrives after it must not bring them back.

use std::collections::{HashSet, VecDeque};

use crate::token::Token;

/// The last so many. A gateway's disconnect overtakes its connect by seconds, so even a deploy that ends every stream
/// at once pushes none out too early.
const MOST: usize = 20_000;

/// A set that forgets the oldest.
#[derive(Debug, Default)]
pub(crate) struct Departed {
    known: HashSet<Token>,
    order: VecDeque<Token>,
}

impl Departed {
    /// Whether it is new.
    pub(crate) fn insert(&mut self, token: &Token) -> bool {
        if !self.known.insert(token.clone()) {
            return false;
        }
        self.order.push_back(token.clone());
        if self.order.len() > MOST
            && let Some(oldest) = self.order.pop_front()
        {
            self.known.remove(&oldest);
        }
        true
    }

    pub(crate) fn contains(&self, token: &Token) -> bool {
        self.known.contains(token)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_so_many_are_kept_and_the_oldest_goes_first() {
        let token = |number: usize| Token::parse(&number.to_string()).unwrap();
        let mut departed = Departed::default();
        for number in 0..=MOST {
            assert!(departed.insert(&token(number)));
        }
        assert!(!departed.contains(&token(0)));
        assert!(departed.contains(&token(1)));
        assert!(!departed.insert(&token(MOST)), "known already");
        assert_eq!(departed.known.len(), MOST);
        assert_eq!(departed.order.len(), MOST);
    }
}
