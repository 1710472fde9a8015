//! The name of a project in URLs.

use std::borrow::Borrow;
use std::fmt;
use std::sync::Arc;

/// `^[a-z][a-z0-9-]{1,99}$`; anything else is a 404 without a database query.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Slug(Arc<str>);

impl Slug {
    /// The slug in `text`, if it is one.
    pub fn parse(text: &str) -> Option<Self> {
        let (first, rest) = text.as_bytes().split_first()?;
        let tail = |b: &u8| b.is_ascii_lowercase() || b.is_ascii_digit() || *b == b'-';
        let fits = first.is_ascii_lowercase() && (1..=99).contains(&rest.len());
        (fits && rest.iter().all(tail)).then(|| Self(text.into()))
    }

    /// As it stands in URLs.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Borrow<str> for Slug {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Slug {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::Slug;

    #[test]
    fn it_is_lower_case_letters_digits_and_hyphens_behind_a_letter() {
        let longest = format!("a{}", "9".repeat(99));
        for good in ["ab", "a-", "downtown-heights", "a1", &longest] {
            assert!(Slug::parse(good).is_some(), "{good}");
        }
        let too_long = format!("{longest}9");
        for bad in [
            "", "a", "1a", "-a", "Ab", "aB", "a_b", "a b", "a\n", "é1", &too_long,
        ] {
            assert!(Slug::parse(bad).is_none(), "{bad}");
        }
    }
}
