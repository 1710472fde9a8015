//! Generated worlds: alike for equal seeds, with the rhythm of the country.

use std::collections::BTreeSet;

use demo_world::Portal;
use demo_world::portal::{Endpoint, Weights, World};

use crate::portal_reader::{day, utc};

fn loaded(seed: u64, days: u64) -> Portal {
    let portal = Portal::start().unwrap();
    // 2026-03-09 is a Monday.
    portal.load(World::generated(
        seed,
        day("2026-03-09"),
        days,
        &Weights::national(),
    ));
    portal
}

fn of_day(portal: &Portal, modalidade: Option<i16>, day: u32) -> usize {
    let window = utc(&format!("2026-03-{day:02}T00:00:00"))
        ..utc(&format!("2026-03-{:02}T00:00:00", day + 1));
    portal.count(Endpoint::Publicacao, modalidade, window)
}

#[tokio::test]
async fn equal_seeds_give_equal_worlds() {
    let all = utc("2026-01-01T00:00:00")..utc("2027-01-01T00:00:00");
    let keys = |portal: &Portal| portal.keys(Endpoint::Publicacao, None, all.clone());
    assert_eq!(keys(&loaded(1, 1)), keys(&loaded(1, 1)));
    assert_ne!(keys(&loaded(1, 1)).len(), keys(&loaded(2, 1)).len());
}

#[tokio::test]
async fn two_business_days_have_ten_thousand_records_over_all_modalidades() {
    let portal = loaded(1, 2);
    assert!(portal.len() >= 10_000, "{}", portal.len());
    for modalidade in 1..=15 {
        assert!(
            of_day(&portal, Some(modalidade), 9) > 0 || of_day(&portal, Some(modalidade), 10) > 0,
            "{modalidade}"
        );
    }
    let (dispensas, pregoes) = (of_day(&portal, Some(8), 9), of_day(&portal, Some(6), 9));
    assert!(dispensas > pregoes && pregoes > 1_000);
}

#[tokio::test]
async fn weekends_are_quiet() {
    let portal = loaded(1, 7);
    let (friday, saturday) = (of_day(&portal, None, 13), of_day(&portal, None, 14));
    assert!(saturday * 10 < friday, "{friday} {saturday}");
    assert!(saturday > 0);
}

#[tokio::test]
async fn many_are_updated_on_later_days() {
    let portal = loaded(1, 1);
    let later = utc("2026-03-10T00:00:00")..utc("2026-04-01T00:00:00");
    let updated = portal.count(Endpoint::Atualizacao, None, later);
    let share = updated * 100 / portal.len();
    assert!((10..40).contains(&share), "{share} %");
}

#[tokio::test]
async fn a_world_can_be_shown_as_it_stood() {
    let world = World::generated(1, day("2026-03-09"), 1, &Weights::national());
    let noon = utc("2026-03-09T12:00:00");
    let portal = Portal::start().unwrap();
    portal.load(world.clone().until(noon));
    let after = noon + chrono::TimeDelta::seconds(1)..utc("2027-01-01T00:00:00");
    assert_eq!(portal.count(Endpoint::Publicacao, None, after.clone()), 0);
    assert_eq!(portal.count(Endpoint::Atualizacao, None, after), 0);
    assert!((world.len() / 4..world.len() * 3 / 4).contains(&portal.len()));
}

#[tokio::test]
async fn organs_are_shared_and_some_have_letters() {
    let portal = loaded(1, 1);
    let keys = portal.keys(
        Endpoint::Publicacao,
        None,
        utc("2026-01-01T00:00:00")..utc("2027-01-01T00:00:00"),
    );
    let organs: BTreeSet<&str> = keys
        .iter()
        .filter_map(|key| key.split('-').next())
        .collect();
    assert!((100..=400).contains(&organs.len()), "{}", organs.len());
    assert!(organs.iter().any(|cnpj| cnpj.contains(char::is_alphabetic)));
    assert!(organs.iter().all(|cnpj| cnpj.len() == 14));
}
