//! One device: what it measures, when it reports, and how it looks to whoever waits for it.

use chrono::{DateTime, TimeDelta, Timelike, Utc};
use serde_json::{Value, json};
use service_kit::random::Random;

/// Silent for so long, it is stale.
const STALE_AFTER: TimeDelta = TimeDelta::seconds(10);
/// Silent for so long, it is offline.
const OFFLINE_AFTER: TimeDelta = TimeDelta::seconds(30);
/// Two readings of one device are at least so far apart, so that one of them is the newest.
const TICK: TimeDelta = TimeDelta::microseconds(1);
/// Degrees between the mean of a day and its warmest hour.
const DAY_SWING: f64 = 6.0;
/// The hour of the day at which the curve passes its mean upwards.
const MORNING: f64 = 9.0;
const WORDS: [&str; 3] = ["idle", "eco", "boost"];

/// As `device_state.status` has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Status {
    Online,
    Stale,
    Offline,
}

/// A reading with its counter and moment.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Reading {
    pub(crate) time: DateTime<Utc>,
    pub(crate) seq: i64,
    pub(crate) metrics: Value,
}

#[derive(Debug)]
pub(crate) struct Device {
    pub(super) id: String,
    pub(super) site: String,
    /// Seconds from report to report.
    period: i64,
    /// Silenced by hand.
    pub(super) paused: bool,
    pub(super) seq: i64,
    pub(super) reported: Option<DateTime<Utc>>,
    /// What the database has of it; none where that is not known.
    pub(super) told: Option<Status>,
    /// Where its random walks stand.
    warmth: f64,
    humidity: f64,
    battery: i64,
    began: Option<DateTime<Utc>>,
    random: Random,
}

impl Device {
    pub(super) fn new(number: usize, random: Random) -> Self {
        let place = i64::try_from(number).unwrap_or_default();
        Self {
            id: format!("dev-{number:04}"),
            site: format!("site-{}", number % 3 + 1),
            period: 2 + place % 4,
            paused: false,
            seq: 0,
            reported: None,
            told: None,
            warmth: 0.0,
            humidity: 55.0,
            battery: 100 - place,
            began: None,
            random,
        }
    }

    /// Whether it has something to say by now.
    pub(super) fn is_due(&self, now: DateTime<Utc>) -> bool {
        let since = self.reported.map(|at| now - at);
        !self.paused && since.is_none_or(|since| since.num_seconds() >= self.period)
    }

    pub(super) fn status(&self, now: DateTime<Utc>) -> Status {
        match self.reported.map(|at| now - at) {
            Some(silent) if silent < STALE_AFTER => Status::Online,
            Some(silent) if silent < OFFLINE_AFTER => Status::Stale,
            _ => Status::Offline,
        }
    }

    /// Measures once more.
    pub(super) fn report(&mut self, now: DateTime<Utc>) -> Reading {
        let time = self.reported.map_or(now, |last| now.max(last + TICK));
        self.began.get_or_insert(time);
        self.reported = Some(time);
        self.seq += 1;
        self.walk();
        Reading {
            time,
            seq: self.seq,
            metrics: self.metrics(time),
        }
    }

    /// Every walk is drawn back to its middle, so that none runs away.
    fn walk(&mut self) {
        self.warmth += self.draw() * 0.6 - self.warmth * 0.05;
        self.humidity += self.draw() * 2.0 - (self.humidity - 55.0) * 0.02;
        if self.random.u64_below(20) == 0 {
            self.battery = if self.battery > 15 {
                self.battery - 1
            } else {
                100
            };
        }
    }

    /// Every type that JSON has, a null now and then.
    fn metrics(&self, now: DateTime<Utc>) -> Value {
        let phases = [0; 3].map(|_| tenth(230.0 + self.draw() * 4.0));
        let fault = (self.random.u64_below(12) == 0).then_some("sensor timeout");
        let up = self.began.map_or(0, |began| (now - began).num_seconds());
        json!({
            "temperature_c": tenth(19.0 + day_curve(now) + self.warmth),
            "humidity_pct": tenth(self.humidity.clamp(0.0, 100.0)),
            "battery_pct": self.battery,
            "uptime_s": up,
            "mode": WORDS[usize::try_from(up / 30).unwrap_or_default() % WORDS.len()],
            "door_open": self.random.u64_below(10) == 0,
            "position": {"lat": 41.15, "lon": -8.61, "fix": {"satellites": 7 + self.random.u64_below(5)}},
            "phases_v": phases,
            "fault": fault,
        })
    }

    /// Uniform in -0.5..0.5.
    fn draw(&self) -> f64 {
        let drawn = u32::try_from(self.random.u64_below(1_000)).unwrap_or_default();
        f64::from(drawn) / 1_000.0 - 0.5
    }
}

impl Status {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Online => "ONLINE",
            Self::Stale => "STALE",
            Self::Offline => "OFFLINE",
        }
    }
}

/// Degrees above the mean of the day.
fn day_curve(now: DateTime<Utc>) -> f64 {
    let hour = f64::from(now.num_seconds_from_midnight()) / 3_600.0;
    DAY_SWING * ((hour - MORNING) / 24.0 * std::f64::consts::TAU).sin()
}

fn tenth(value: f64) -> f64 {
    (value * 10.0).round() / 10.0
}

#[cfg(test)]
mod tests {
    use super::Status::{Offline, Online, Stale};
    use super::*;

    fn at(second: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_800_000_000 + second, 0).unwrap()
    }

    #[test]
    fn a_reading_has_every_type_of_json_and_a_null_now_and_then() {
        let mut device = Device::new(1, Random::seeded(1));
        let readings: Vec<_> = (0..200)
            .map(|second| device.report(at(second)).metrics)
            .collect();
        let first = &readings[0];
        assert!(first["temperature_c"].is_f64() && first["battery_pct"].is_i64());
        assert!(first["mode"].is_string() && first["door_open"].is_boolean());
        assert!(first["position"]["fix"].is_object() && first["phases_v"].is_array());
        assert!(readings.iter().any(|metrics| metrics["fault"].is_null()));
        assert!(readings.iter().any(|metrics| metrics["fault"].is_string()));
    }

    #[test]
    fn walks_stay_within_what_people_believe() {
        let mut device = Device::new(3, Random::seeded(2));
        for second in 0..20_000 {
            let metrics = device.report(at(second * 7)).metrics;
            let warmth = metrics["temperature_c"].as_f64().unwrap();
            assert!((0.0..40.0).contains(&warmth), "{warmth}");
            assert!((10..=100).contains(&metrics["battery_pct"].as_i64().unwrap()));
        }
    }

    #[test]
    fn readings_of_one_moment_still_follow_each_other() {
        let mut device = Device::new(1, Random::seeded(1));
        let [one, other] = [device.report(at(0)), device.report(at(0))];
        assert!(one.time < other.time && one.seq + 1 == other.seq);
    }

    #[test]
    fn silence_makes_it_stale_and_then_offline() {
        let mut device = Device::new(1, Random::seeded(1));
        assert_eq!(device.status(at(0)), Offline);
        device.report(at(0));
        let seen = [0, 9, 10, 29, 30].map(|second| device.status(at(second)));
        assert_eq!(seen, [Online, Online, Stale, Stale, Offline]);
    }
}
