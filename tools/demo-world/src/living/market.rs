//! Units and how they sell: a small, believable market that never runs dry. Decides from its seed
//! only; knows no time, no server and, apart from the words handed in, no vocabulary.

use service_kit::random::Random;

use crate::cast::Words;

/// A word that no mapping knows, which one listing clerk uses now and then.
const CLERKS_WORD: &str = "under offer";
/// Below so many percent of units for sale the next phase opens.
const SCARCE: usize = 12;

/// Where a unit stands in its sale.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    Available,
    /// Available, said in the clerk's word.
    UnderOffer,
    Reserved,
    Sold,
    Hidden,
    /// Belongs to the phase of that number, which is not open yet.
    Unreleased(u8),
    /// Not listed at all for a while.
    Gone,
}

#[derive(Debug, Clone)]
struct Unit {
    name: String,
    stage: Stage,
}

/// All units of one project.
#[derive(Debug)]
pub(crate) struct Market {
    units: Vec<Unit>,
    random: Random,
    /// Whether units leave the list and come back.
    restless: bool,
}

/// What became of a unit: its new word, or `None` when it left the list.
pub(crate) type Change = (String, Option<&'static str>);

impl Market {
    /// 25 floors of 8: low floors are mostly sold, the top six open in three phases.
    pub(crate) fn tower(random: Random) -> Self {
        let mut units = Vec::with_capacity(200);
        for floor in 1..=25_u8 {
            for door in 1..=8 {
                let stage = match floor {
                    20.. => Stage::Unreleased((floor - 20) / 2),
                    _ => drawn_stage(&random, if floor <= 6 { 75 } else { 25 }),
                };
                units.push(Unit {
                    name: format!("A{floor:02}{door:02}"),
                    stage,
                });
            }
        }
        Self {
            units,
            random,
            restless: false,
        }
    }

    /// 12 houses, the last three of which open later.
    pub(crate) fn garden(random: Random) -> Self {
        let stage = |number| match number {
            10.. => Stage::Unreleased(0),
            _ => drawn_stage(&random, 20),
        };
        let units = (1..=12).map(|number| Unit {
            name: format!("G{number}"),
            stage: stage(number),
        });
        Self {
            units: units.collect(),
            random,
            restless: false,
        }
    }

    /// 24 houses on the water; the first is reserved from the first day on.
    pub(crate) fn quay(random: Random) -> Self {
        let stage = |number| match number {
            1 => Stage::Reserved,
            21.. => Stage::Unreleased(0),
            _ => drawn_stage(&random, 25),
        };
        let units = (1..=24).map(|number| Unit {
            name: format!("Q{number:02}"),
            stage: stage(number),
        });
        Self {
            units: units.collect(),
            random,
            restless: false,
        }
    }

    /// 48 lofts in four rows, some of which leave the list at times.
    pub(crate) fn lofts(random: Random) -> Self {
        let mut units = Vec::with_capacity(48);
        for row in ["N", "E", "S", "W"] {
            for number in 1..=12 {
                let stage = drawn_stage(&random, 30);
                units.push(Unit {
                    name: format!("{row}{number:02}"),
                    stage,
                });
            }
        }
        Self {
            units,
            random,
            restless: true,
        }
    }

    /// Every listed unit with its word.
    pub(crate) fn units(&self, words: Words) -> Vec<(String, &'static str)> {
        let listed = self.units.iter();
        listed
            .filter_map(|unit| Some((unit.name.clone(), unit.stage.word(words)?)))
            .collect()
    }

    /// Something happens: one unit moves on, or a phase opens when little is left for sale.
    pub(crate) fn step(&mut self, words: Words) -> Vec<Change> {
        let before: Vec<Stage> = self.units.iter().map(|unit| unit.stage).collect();
        let for_sale = before
            .iter()
            .filter(|stage| **stage == Stage::Available)
            .count();
        if for_sale * 100 < SCARCE * before.len() {
            self.refill();
        } else {
            self.trade();
        }
        let changed = self
            .units
            .iter()
            .zip(before)
            .filter(|(unit, before)| unit.stage != *before);
        changed
            .map(|(unit, _)| (unit.name.clone(), unit.stage.word(words)))
            .collect()
    }

    /// Opens the next phase. When all are open, one sale falls through, and a quarter of the others.
    fn refill(&mut self) {
        let phases = self.units.iter().filter_map(|unit| match unit.stage {
            Stage::Unreleased(phase) => Some(phase),
            _ => None,
        });
        if let Some(next) = phases.min() {
            self.free(|stage| stage == Stage::Unreleased(next));
            return;
        }
        let stuck = [
            Stage::Sold,
            Stage::Reserved,
            Stage::UnderOffer,
            Stage::Hidden,
            Stage::Gone,
        ];
        let _one = stuck
            .into_iter()
            .any(|from| self.move_one(from, Stage::Available));
        let random = self.random.clone();
        self.free(|stage| stage == Stage::Sold && random.u64_below(4) == 0);
    }

    fn free(&mut self, which: impl Fn(Stage) -> bool) {
        for unit in self.units.iter_mut().filter(|unit| which(unit.stage)) {
            unit.stage = Stage::Available;
        }
    }

    fn trade(&mut self) {
        let (from, to) = match self.random.u64_below(100) {
            0..42 => (Stage::Available, Stage::Reserved),
            42..70 => (Stage::Reserved, Stage::Sold),
            70..82 => (Stage::Reserved, Stage::Available),
            82..85 => (Stage::Available, Stage::Hidden),
            85..89 => (Stage::Hidden, Stage::Available),
            89..91 => (Stage::Available, Stage::UnderOffer),
            91..94 => (Stage::UnderOffer, Stage::Reserved),
            94..97 if self.restless => (Stage::Available, Stage::Gone),
            97.. if self.restless => (Stage::Gone, Stage::Available),
            _ => (Stage::Sold, Stage::Available),
        };
        // Where no unit stands at `from`, someone makes a reservation instead: a step is a change.
        if !self.move_one(from, to) {
            self.move_one(Stage::Available, Stage::Reserved);
        }
    }

    fn move_one(&mut self, from: Stage, to: Stage) -> bool {
        let candidates = self.units.iter().filter(|unit| unit.stage == from).count();
        let drawn = self.random.u64_below(candidates as u64);
        let nth = usize::try_from(drawn).unwrap_or_default();
        let unit = self
            .units
            .iter_mut()
            .filter(|unit| unit.stage == from)
            .nth(nth);
        unit.map(|unit| unit.stage = to).is_some()
    }
}

impl Stage {
    fn word(self, words: Words) -> Option<&'static str> {
        Some(match self {
            Self::Available => words.available,
            Self::UnderOffer => CLERKS_WORD,
            Self::Reserved => words.reserved,
            Self::Sold => words.sold,
            Self::Hidden => words.hidden,
            Self::Unreleased(_) => words.unreleased,
            Self::Gone => return None,
        })
    }
}

/// A stage for the first day: so many percent sold, the rest mostly available.
fn drawn_stage(random: &Random, sold_percent: u64) -> Stage {
    let drawn = random.u64_below(100);
    match drawn {
        _ if drawn < sold_percent => Stage::Sold,
        92.. => Stage::Hidden,
        80..92 => Stage::Reserved,
        _ => Stage::Available,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cast::TOWER;

    #[test]
    fn a_tower_has_200_units_and_equal_seeds_give_equal_histories() {
        let (mut one, mut other) = (
            Market::tower(Random::seeded(7)),
            Market::tower(Random::seeded(7)),
        );
        assert_eq!(one.units(TOWER.words).len(), 200);
        assert_eq!(one.units(TOWER.words)[0].0, "A0101");
        for _ in 0..500 {
            assert_eq!(one.step(TOWER.words), other.step(TOWER.words));
        }
    }

    #[test]
    fn a_market_never_runs_dry_and_every_step_changes_something() {
        for market in [Market::tower, Market::garden, Market::lofts, Market::quay] {
            let mut market = market(Random::seeded(3));
            for step in 0..5_000 {
                assert!(
                    !market.step(TOWER.words).is_empty(),
                    "nothing happened in step {step}"
                );
            }
        }
    }

    #[test]
    fn a_long_history_shows_every_word_and_units_that_vanish() {
        let mut market = Market::lofts(Random::seeded(5));
        let changes: Vec<Change> = (0..2_000).flat_map(|_| market.step(TOWER.words)).collect();
        for word in ["available", "reserved", "sold", "hidden", CLERKS_WORD] {
            assert!(
                changes.iter().any(|(_, shown)| *shown == Some(word)),
                "never {word}"
            );
        }
        assert!(
            changes.iter().any(|(_, shown)| shown.is_none()),
            "no unit vanished"
        );
    }
}
