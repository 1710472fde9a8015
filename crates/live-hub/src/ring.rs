//! The ring of recent steps, bounded in number and in weight.

use std::collections::VecDeque;

/// The newest steps in order; knows the number of each by its place.
pub(crate) struct Ring<S> {
    steps: VecDeque<(S, usize)>,
    /// Number of the newest step ever pushed; 0 before the first.
    newest: u64,
    weight: usize,
    max_steps: usize,
    max_weight: usize,
}

impl<S> Ring<S> {
    pub(crate) fn new(max_steps: usize, max_weight: usize) -> Self {
        Self {
            steps: VecDeque::new(),
            newest: 0,
            weight: 0,
            max_steps,
            max_weight,
        }
    }

    /// Number of the newest step.
    pub(crate) fn newest(&self) -> u64 {
        self.newest
    }

    /// Appends the next step; the oldest leave until both limits hold again. They
    /// are given back, for who holds a lock and does not want to free them under it.
    pub(crate) fn push(&mut self, step: S, weight: usize) -> Vec<(S, usize)> {
        self.steps.push_back((step, weight));
        self.newest += 1;
        self.weight += weight;
        let mut leave = 0;
        while self.steps.len() - leave > self.max_steps || self.weight > self.max_weight {
            self.weight -= self.steps[leave].1;
            leave += 1;
        }
        self.steps.drain(..leave).collect()
    }

    /// Every step after number `cursor`, or `None` when some of them are gone
    /// (or `cursor` lies in the future, which no honest subscriber has seen).
    pub(crate) fn after(&self, cursor: u64) -> Option<impl Iterator<Item = &S>> {
        let missed = usize::try_from(self.newest.checked_sub(cursor)?).ok()?;
        let skip = self.steps.len().checked_sub(missed)?;
        Some(self.steps.iter().skip(skip).map(|(step, _)| step))
    }
}

#[cfg(test)]
mod tests {
    use super::Ring;

    fn after(ring: &Ring<u64>, cursor: u64) -> Option<Vec<u64>> {
        ring.after(cursor).map(|steps| steps.copied().collect())
    }

    #[test]
    fn it_forgets_the_oldest_steps_beyond_its_number() {
        let mut ring = Ring::new(3, 100);
        let left: Vec<_> = (1..=5).flat_map(|n| ring.push(n, 1)).collect();
        assert_eq!(left, [(1, 1), (2, 1)]);
        assert_eq!(after(&ring, 2), Some(vec![3, 4, 5]));
        assert_eq!(after(&ring, 5), Some(vec![]));
        assert_eq!(after(&ring, 1), None);
        assert_eq!(after(&ring, 6), None);
    }

    #[test]
    fn a_heavy_step_pushes_out_as_many_as_it_weighs() {
        let mut ring = Ring::new(10, 10);
        for n in 1..=4 {
            assert!(ring.push(n, 2).is_empty());
        }
        ring.push(5, 7);
        assert_eq!(after(&ring, 3), Some(vec![4, 5]));
        ring.push(6, 11);
        assert_eq!(after(&ring, 5), None, "a step over the limit is not kept");
        assert_eq!(after(&ring, 6), Some(vec![]));
    }
}
