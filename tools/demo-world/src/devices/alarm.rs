//! Alerts of one tenant: opened, made better or worse, acknowledged, closed. One of a kind and device
//! is open at a time, which its fingerprint says.

use service_kit::random::Random;

/// Open ones that happen by themselves; a person may open more.
const MOST: usize = 6;
/// One step in so many brings something.
const RARE: u64 = 8;
/// The higher, the worse.
const WORST: i32 = 5;
const KINDS: [(&str, &str); 4] = [
    ("HIGH_TEMPERATURE", "the temperature is above its limit"),
    ("LOW_BATTERY", "the battery needs to be changed"),
    ("DOOR_OPEN", "the door has been open for a while"),
    ("VOLTAGE_DIP", "a phase is below its limit"),
];

/// One alert as it stands.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Alarm {
    pub(crate) kind: String,
    pub(crate) device: String,
    pub(crate) site: String,
    pub(crate) severity: i32,
    pub(crate) confidence: f32,
    pub(crate) summary: String,
    pub(crate) acknowledged: bool,
}

/// What becomes of an alert; the fingerprint says of which.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Change {
    Opened(Alarm),
    Severity { fingerprint: String, severity: i32 },
    Acknowledged { fingerprint: String },
    Closed { fingerprint: String },
}

/// The alerts that are not closed, and what the database does not have yet.
#[derive(Debug, Default)]
pub(crate) struct Alarms {
    open: Vec<Alarm>,
    pub(super) unwritten: Vec<Change>,
}

impl Alarm {
    /// Equal for the same trouble of the same device.
    pub(crate) fn fingerprint(&self) -> String {
        format!("{}:{}", self.kind, self.device)
    }
}

impl Alarms {
    pub(super) fn open(&self) -> &[Alarm] {
        &self.open
    }

    /// Opens it, unless the same is open.
    pub(super) fn raise(&mut self, alarm: Alarm) -> bool {
        let fingerprint = alarm.fingerprint();
        if self.place(&fingerprint).is_some() {
            return false;
        }
        self.unwritten.push(Change::Opened(alarm.clone()));
        self.open.push(alarm);
        true
    }

    /// Closes it, if it is open.
    pub(super) fn close(&mut self, fingerprint: &str) -> bool {
        let Some(place) = self.place(fingerprint) else {
            return false;
        };
        self.open.remove(place);
        let fingerprint = fingerprint.to_owned();
        self.unwritten.push(Change::Closed { fingerprint });
        true
    }

    /// Lets something happen, or nothing. Nothing does while the database lacks what happened before.
    pub(super) fn step(&mut self, random: &Random, devices: &[(&str, &str)]) {
        if !self.unwritten.is_empty() || random.u64_below(RARE) > 0 {
            return;
        }
        let few = self.open.len() < 2;
        if few || (self.open.len() < MOST && random.u64_below(2) == 0) {
            if let Some(alarm) = drawn(random, devices) {
                self.raise(alarm);
            }
            return;
        }
        let place = below(random, self.open.len());
        if let Some(alarm) = self.open.get(place) {
            let fingerprint = alarm.fingerprint();
            match random.u64_below(3) {
                0 => self.worsen(place, random),
                1 if !alarm.acknowledged => self.acknowledge(place),
                _ => {
                    self.close(&fingerprint);
                }
            }
        }
    }

    fn worsen(&mut self, place: usize, random: &Random) {
        let Some(alarm) = self.open.get_mut(place) else {
            return;
        };
        let up = alarm.severity < WORST && (alarm.severity == 1 || random.u64_below(3) > 0);
        alarm.severity += if up { 1 } else { -1 };
        self.unwritten.push(Change::Severity {
            fingerprint: alarm.fingerprint(),
            severity: alarm.severity,
        });
    }

    fn acknowledge(&mut self, place: usize) {
        if let Some(alarm) = self.open.get_mut(place) {
            alarm.acknowledged = true;
            let fingerprint = alarm.fingerprint();
            self.unwritten.push(Change::Acknowledged { fingerprint });
        }
    }

    fn place(&self, fingerprint: &str) -> Option<usize> {
        self.open
            .iter()
            .position(|alarm| alarm.fingerprint() == fingerprint)
    }
}

fn drawn(random: &Random, devices: &[(&str, &str)]) -> Option<Alarm> {
    let (kind, summary) = KINDS.get(below(random, KINDS.len()))?;
    let (device, site) = devices.get(below(random, devices.len()))?;
    let percent = u8::try_from(60 + random.u64_below(40)).unwrap_or(100);
    Some(Alarm {
        kind: (*kind).to_owned(),
        device: (*device).to_owned(),
        site: (*site).to_owned(),
        severity: i32::try_from(1 + random.u64_below(4)).unwrap_or(1),
        confidence: f32::from(percent) / 100.0,
        summary: format!("{device}: {summary}"),
        acknowledged: false,
    })
}

fn below(random: &Random, bound: usize) -> usize {
    usize::try_from(random.u64_below(bound as u64)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    const DEVICES: &[(&str, &str)] = &[("dev-0001", "site-1"), ("dev-0002", "site-2")];

    #[test]
    fn alerts_open_change_are_acknowledged_and_close_and_never_twice_the_same() {
        let (mut alarms, random) = (Alarms::default(), Random::seeded(5));
        let (mut open, mut seen) = (BTreeSet::new(), [0; 4]);
        for _ in 0..20_000 {
            alarms.step(&random, DEVICES);
            for change in std::mem::take(&mut alarms.unwritten) {
                let kind = match change {
                    Change::Opened(alarm) => {
                        assert!(open.insert(alarm.fingerprint()));
                        0
                    }
                    Change::Severity {
                        fingerprint,
                        severity,
                    } => {
                        assert!(open.contains(&fingerprint) && (1..=WORST).contains(&severity));
                        1
                    }
                    Change::Acknowledged { fingerprint } => {
                        assert!(open.contains(&fingerprint));
                        2
                    }
                    Change::Closed { fingerprint } => {
                        assert!(open.remove(&fingerprint));
                        3
                    }
                };
                seen[kind] += 1;
            }
            assert!(alarms.open().len() <= MOST);
        }
        assert!(seen.iter().all(|count| *count > 100), "{seen:?}");
    }

    #[test]
    fn nothing_happens_while_the_database_lacks_what_happened() {
        let (mut alarms, random) = (Alarms::default(), Random::seeded(5));
        (0..10_000).for_each(|_| alarms.step(&random, DEVICES));
        assert_eq!(alarms.unwritten.len(), 1);
    }
}
