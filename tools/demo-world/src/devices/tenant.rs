//! The devices and alerts of one tenant: what happens next, decided by a seed. Time is handed in and
//! rows are handed out.

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};
use service_kit::random::Random;

use super::alarm::{Alarm, Alarms, Change};
use super::device::{Device, Reading, Status};

/// Devices of a tenant.
const DEVICES: usize = 10;
/// The one that comes and goes, by its place.
const FLAPPER: usize = 6;
/// What its silence raises.
const NO_TELEMETRY: &str = "NO_TELEMETRY";
/// How long the flapper speaks or is silent, in seconds: at least, and up to so much more.
const FLAPS: (i64, u64) = (15, 35);

/// What is to be written at once.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Tick {
    pub(crate) rows: Vec<Row>,
    pub(crate) states: Vec<State>,
    pub(crate) alerts: Vec<Change>,
}

#[derive(Debug, PartialEq)]
pub(crate) struct Row {
    pub(crate) device: String,
    pub(crate) site: String,
    pub(crate) reading: Reading,
}

#[derive(Debug, PartialEq)]
pub(crate) struct State {
    pub(crate) device: String,
    pub(crate) site: String,
    pub(crate) status: Status,
    /// The last sign of life.
    pub(crate) seen: Option<DateTime<Utc>>,
    pub(crate) details: Value,
}

#[derive(Debug)]
pub(crate) struct Tenant {
    name: String,
    devices: Vec<Device>,
    alarms: Alarms,
    /// Until when the flapper goes on as it does, and whether that is silence.
    flap: Option<(DateTime<Utc>, bool)>,
    random: Random,
}

impl Tenant {
    pub(crate) fn new(name: &str, random: Random) -> Self {
        Self {
            name: name.to_owned(),
            devices: (1..=DEVICES)
                .map(|number| Device::new(number, random.clone()))
                .collect(),
            alarms: Alarms::default(),
            flap: None,
            random,
        }
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// Goes on behind the counters of an earlier run.
    pub(super) fn resume(&mut self, seq: i64) {
        for device in &mut self.devices {
            device.seq = device.seq.max(seq);
        }
    }

    /// A moment of life.
    pub(super) fn step(&mut self, now: DateTime<Utc>) -> Tick {
        let silent = self.flaps(now);
        let mut rows = Vec::new();
        for (place, device) in self.devices.iter_mut().enumerate() {
            if device.is_due(now) && !(place == FLAPPER && silent) {
                rows.push(row(device, now));
            }
        }
        self.watch_silence(now);
        let names: Vec<_> = self
            .devices
            .iter()
            .map(|device| (device.id.as_str(), device.site.as_str()))
            .collect();
        self.alarms.step(&self.random, &names);
        self.tick(rows, now)
    }

    /// So many readings of each device, whatever else it does; an order by hand wins over silence.
    pub(super) fn burst(&mut self, readings: usize, now: DateTime<Utc>) -> Tick {
        let mut rows = Vec::new();
        for _ in 0..readings {
            rows.extend(self.devices.iter_mut().map(|device| row(device, now)));
        }
        self.tick(rows, now)
    }

    /// What only the alerts have to say.
    pub(super) fn changes(&mut self, now: DateTime<Utc>) -> Tick {
        self.tick(Vec::new(), now)
    }

    /// The database has it.
    pub(super) fn written(&mut self) {
        self.alarms.unwritten.clear();
    }

    /// The database has nothing of it, and perhaps nothing of what came before: readings are lost, as
    /// those of real devices would be, states and alerts are told again.
    pub(super) fn lost(&mut self) {
        for device in &mut self.devices {
            device.told = None;
        }
    }

    /// Silences a device, or lets it speak again; says whether there is one of that name.
    pub(super) fn pause(&mut self, id: &str, paused: bool) -> bool {
        let device = self.devices.iter_mut().find(|device| device.id == id);
        device.map(|device| device.paused = paused).is_some()
    }

    /// Says whether it is new and its device exists.
    pub(super) fn raise(&mut self, kind: &str, device: &str, severity: i32) -> bool {
        let known = self.devices.iter().find(|known| known.id == device);
        let Some(site) = known.map(|device| device.site.clone()) else {
            return false;
        };
        self.alarms.raise(Alarm {
            kind: kind.to_owned(),
            device: device.to_owned(),
            site,
            severity,
            confidence: 1.0,
            summary: format!("{device}: {kind}"),
            acknowledged: false,
        })
    }

    /// Says whether it was open.
    pub(super) fn close(&mut self, fingerprint: &str) -> bool {
        self.alarms.close(fingerprint)
    }

    pub(super) fn described(&self, now: DateTime<Utc>) -> Value {
        let devices = self.devices.iter().map(|device| {
            json!({
                "device_id": device.id,
                "status": device.status(now).as_str(),
                "seq": device.seq,
                "paused": device.paused,
            })
        });
        let alerts = self.alarms.open().iter().map(|alarm| {
            json!({
                "fingerprint": alarm.fingerprint(),
                "severity": alarm.severity,
                "acknowledged": alarm.acknowledged,
            })
        });
        json!({
            "tenant": self.name,
            "devices": devices.collect::<Vec<_>>(),
            "alerts": alerts.collect::<Vec<_>>(),
        })
    }

    /// Whether the flapper is silent now.
    fn flaps(&mut self, now: DateTime<Utc>) -> bool {
        let (until, silent) = self.flap.unwrap_or((now, true));
        if now < until {
            return silent;
        }
        let more = i64::try_from(self.random.u64_below(FLAPS.1)).unwrap_or_default();
        let until = now + TimeDelta::seconds(FLAPS.0 + more);
        self.flap = Some((until, !silent));
        !silent
    }

    /// Raises an alert for every device that has gone, takes it back for every one that came back.
    fn watch_silence(&mut self, now: DateTime<Utc>) {
        for device in &self.devices {
            let alarm = Alarm {
                kind: NO_TELEMETRY.to_owned(),
                device: device.id.clone(),
                site: device.site.clone(),
                severity: 4,
                confidence: 1.0,
                summary: format!("{} has fallen silent", device.id),
                acknowledged: false,
            };
            match device.status(now) {
                Status::Online => {
                    self.alarms.close(&alarm.fingerprint());
                }
                Status::Offline if device.reported.is_some() => {
                    self.alarms.raise(alarm);
                }
                Status::Stale | Status::Offline => {}
            }
        }
    }

    /// The rows with the states that they, or time, have changed.
    fn tick(&mut self, rows: Vec<Row>, now: DateTime<Utc>) -> Tick {
        let mut changed = Vec::new();
        for device in &mut self.devices {
            let status = device.status(now);
            let spoke = rows.iter().any(|row| row.device == device.id);
            if spoke || device.told != Some(status) {
                device.told = Some(status);
                changed.push(State {
                    device: device.id.clone(),
                    site: device.site.clone(),
                    status,
                    seen: device.reported,
                    details: json!({"seq": device.seq, "paused": device.paused}),
                });
            }
        }
        Tick {
            rows,
            states: changed,
            alerts: self.alarms.unwritten.clone(),
        }
    }
}

fn row(device: &mut Device, now: DateTime<Utc>) -> Row {
    Row {
        device: device.id.clone(),
        site: device.site.clone(),
        reading: device.report(now),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    fn at(second: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_800_000_000 + second, 0).unwrap()
    }

    fn lived(seed: u64, seconds: i64) -> Vec<Tick> {
        let mut tenant = Tenant::new("demo-a", Random::seeded(seed));
        let live = |second| {
            let tick = tenant.step(at(second));
            tenant.written();
            tick
        };
        (0..seconds).map(live).collect()
    }

    #[test]
    fn equal_seeds_give_equal_lives_and_others_others() {
        assert_eq!(lived(1, 50), lived(1, 50));
        assert_ne!(lived(1, 50), lived(2, 50));
    }

    #[test]
    fn every_device_counts_its_readings_without_a_gap() {
        let ticks = lived(1, 300);
        for number in 1..=DEVICES {
            let id = format!("dev-{number:04}");
            let rows = ticks.iter().flat_map(|tick| &tick.rows);
            let seqs = rows
                .filter(|row| row.device == id)
                .map(|row| row.reading.seq);
            let seqs: Vec<_> = seqs.collect();
            assert!(seqs.len() > 20, "{id}: {}", seqs.len());
            assert!((1..).zip(&seqs).all(|(due, seq)| due == *seq), "{id}");
        }
    }

    #[test]
    fn one_device_comes_and_goes_and_is_missed() {
        let ticks = lived(1, 3_600);
        let states = ticks.iter().flat_map(|tick| &tick.states);
        let flapping: BTreeSet<_> = states
            .filter(|state| state.status == Status::Offline)
            .map(|state| state.device.as_str())
            .collect();
        assert_eq!(flapping, BTreeSet::from(["dev-0007"]));
        let alerts: Vec<_> = ticks.iter().flat_map(|tick| &tick.alerts).collect();
        let missed = "NO_TELEMETRY:dev-0007";
        let opened =
            |change: &&Change| matches!(change, Change::Opened(it) if it.fingerprint() == missed);
        let closed = |change: &&Change| matches!(change, Change::Closed { fingerprint } if fingerprint == missed);
        assert!(alerts.iter().copied().filter(opened).count() > 3);
        assert!(alerts.iter().copied().filter(closed).count() > 3);
    }

    #[test]
    fn what_was_lost_is_told_again_but_for_the_readings() {
        let mut tenant = Tenant::new("demo-a", Random::seeded(1));
        tenant.step(at(0));
        assert!(tenant.raise("FIRE", "dev-0002", 5) && !tenant.raise("FIRE", "dev-0002", 5));
        tenant.lost();
        let again = tenant.changes(at(1));
        assert_eq!((again.rows.len(), again.states.len()), (0, DEVICES));
        assert!(matches!(again.alerts.last(), Some(Change::Opened(alarm)) if alarm.kind == "FIRE"));
        tenant.written();
        assert_eq!(tenant.changes(at(1)), Tick::default());
    }

    #[test]
    fn a_paused_device_is_silent_until_it_may_speak_again() {
        let mut tenant = Tenant::new("demo-a", Random::seeded(1));
        assert!(tenant.pause("dev-0001", true) && !tenant.pause("dev-9999", true));
        let speaks = |tick: &Tick| tick.rows.iter().any(|row| row.device == "dev-0001");
        assert!((0..60).all(|second| !speaks(&tenant.step(at(second)))));
        tenant.pause("dev-0001", false);
        assert!((60..70).any(|second| speaks(&tenant.step(at(second)))));
    }
}
