//! What makes a delta as good as the full map: diff, apply and merge agree, whatever the units.

use std::collections::BTreeMap;

use farol_core::status::{Delta, Snapshot, Status};
use proptest::prelude::*;

/// Few keys, so that two arbitrary snapshots have many in common.
fn snapshots() -> impl Strategy<Value = Snapshot> {
    let key = prop_oneof![4 => "[a-f]", 1 => "[A-Z]{0,2}[0-9]{1,3}", 1 => any::<String>()];
    let status = proptest::sample::select(&Status::ALL[..]);
    prop::collection::vec((key, status), 0..24).prop_map(Snapshot::from_iter)
}

fn merged(first: &Delta, later: &Delta) -> Delta {
    let mut merged = first.clone();
    merged.merge(later);
    merged
}

proptest! {
    #[test]
    fn applying_the_difference_leads_to_the_next_snapshot(a in snapshots(), b in snapshots()) {
        prop_assert_eq!(a.apply(&a.diff(&b)), b);
    }

    #[test]
    fn a_difference_is_empty_exactly_between_equals(a in snapshots(), b in snapshots()) {
        prop_assert!(a.diff(&a).is_empty());
        prop_assert_eq!(a.diff(&b).is_empty(), a == b);
    }

    #[test]
    fn a_difference_names_only_what_changed(a in snapshots(), b in snapshots()) {
        let delta = a.diff(&b);
        for (key, status) in delta.updates() {
            prop_assert_ne!(a.get(key), Some(*status));
            prop_assert_eq!(b.get(key), Some(*status));
        }
        for key in delta.removed() {
            prop_assert!(a.get(key).is_some() && b.get(key).is_none());
        }
        prop_assert_eq!(delta.len(), delta.updates().len() + delta.removed().len());
    }

    #[test]
    fn merging_two_deltas_equals_applying_both(
        start in snapshots(), a in snapshots(), b in snapshots(), c in snapshots(), d in snapshots(),
    ) {
        // Deltas that follow on each other, and two that have nothing to do with `start`.
        for (first, later) in [(start.diff(&a), a.diff(&b)), (a.diff(&b), c.diff(&d))] {
            let both = merged(&first, &later);
            prop_assert_eq!(start.apply(&first).apply(&later), start.apply(&both));
            prop_assert!(both.updates().keys().all(|key| !both.removed().contains(key)));
        }
    }

    #[test]
    fn merging_is_associative(
        a in snapshots(), b in snapshots(), c in snapshots(), d in snapshots(),
    ) {
        let (first, second, third) = (a.diff(&b), b.diff(&c), d.diff(&a));
        prop_assert_eq!(
            merged(&merged(&first, &second), &third),
            merged(&first, &merged(&second, &third))
        );
    }

    #[test]
    fn merging_nothing_changes_nothing(a in snapshots(), b in snapshots()) {
        let delta = a.diff(&b);
        prop_assert_eq!(&merged(&delta, &Delta::default()), &delta);
        prop_assert_eq!(&merged(&Delta::default(), &delta), &delta);
    }

    #[test]
    fn a_snapshot_is_a_sorted_map_and_serialises_as_one(
        entries in prop::collection::vec(("[a-c]{0,2}", proptest::sample::select(&Status::ALL[..])), 0..20),
    ) {
        let map: BTreeMap<&str, Status> =
            entries.iter().map(|(key, status)| (key.as_str(), *status)).collect();
        let snapshot: Snapshot = entries.iter().map(|(key, to)| (key.as_str(), *to)).collect();
        prop_assert_eq!(
            serde_json::to_string(&snapshot).unwrap(),
            serde_json::to_string(&map).unwrap()
        );
        prop_assert_eq!(snapshot.len(), map.len());
        prop_assert_eq!(snapshot.is_empty(), map.is_empty());
        prop_assert!(snapshot.iter().eq(map.iter().map(|(key, status)| (*key, *status))));
        prop_assert!(map.iter().all(|(key, status)| snapshot.get(key) == Some(*status)));
        prop_assert_eq!(snapshot.get("no such unit"), None);
    }
}

#[test]
fn a_delta_serialises_as_the_wire_has_it() {
    let before: Snapshot = [("A1", Status::Available), ("A7", Status::Sold)]
        .into_iter()
        .collect();
    let after: Snapshot = [("A1", Status::Sold)].into_iter().collect();
    let json = |delta: &Delta| serde_json::to_string(delta).unwrap();
    assert_eq!(
        json(&before.diff(&after)),
        r#"{"updates":{"A1":"sold"},"removed":["A7"]}"#
    );
    assert_eq!(json(&before.diff(&before)), r#"{"updates":{}}"#);
}
