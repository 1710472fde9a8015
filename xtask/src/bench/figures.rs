//! Medians of what the rounds gave. Ratios are made within a round, where both had the same weather.

/// The median; `None` of nothing.
pub(super) fn median(values: impl IntoIterator<Item = f64>) -> Option<f64> {
    let mut values: Vec<f64> = values.into_iter().collect();
    values.sort_unstable_by(f64::total_cmp);
    let above = values.get(values.len() / 2)?;
    let below = values.get(values.len().saturating_sub(1) / 2)?;
    Some(f64::midpoint(*above, *below))
}

/// The median of `one / other`, round by round; rounds in which either is missing do not count.
pub(super) fn ratio(
    one: impl IntoIterator<Item = Option<f64>>,
    other: impl IntoIterator<Item = Option<f64>>,
) -> Option<f64> {
    let pairs = one
        .into_iter()
        .zip(other)
        .filter_map(|(one, other)| one.zip(other));
    median(
        pairs
            .filter(|(_, other)| *other > 0.0)
            .map(|(one, other)| one / other),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_the_middle_or_between_the_two_middles() {
        assert_eq!(median([3.0, 1.0, 2.0]), Some(2.0));
        assert_eq!(median([4.0, 1.0, 2.0, 3.0]), Some(2.5));
        assert_eq!(median([]), None);
    }

    #[test]
    fn a_ratio_is_made_round_by_round() {
        let (ours, raw) = (
            [Some(2.0), Some(30.0), Some(3.0)],
            [Some(1.0), Some(10.0), Some(2.0)],
        );
        assert_eq!(ratio(ours, raw), Some(2.0));
        assert_eq!(ratio([None, Some(1.0)], [Some(1.0), Some(0.0)]), None);
    }
}
