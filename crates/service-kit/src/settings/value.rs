//! The types that a setting can have: how each is read from text, and the rule that it states in words.

use std::{net::IpAddr, path::PathBuf, time::Duration};

use super::{Field, IpNet, Secret, Url};

/// A type that a setting can have. A service implements it for its own closed choices.
pub trait Setting: Sized {
    /// Values never print.
    const SECRET: bool = false;
    /// Written in quotes in TOML.
    const QUOTED: bool = true;

    /// Reads `text`, which is trimmed and empty only where the default is. `None` = breaks the rule.
    fn parse(field: &Field, text: &str) -> Option<Self>;

    /// What a value must be, to go on after "must be".
    fn rule(field: &Field) -> String;
}

fn within(field: &Field, number: u64) -> bool {
    field
        .range
        .is_none_or(|(low, high)| (low..=high).contains(&number))
}

fn span(field: &Field, most: u64) -> String {
    match field.range {
        Some((low, high)) => format!(" from {low} to {}", high.min(most)),
        None if most == u64::MAX => String::new(),
        None => format!(" from 0 to {most}"),
    }
}

macro_rules! whole_numbers {
    ($($type:ty),+) => {$(
        impl Setting for $type {
            const QUOTED: bool = false;

            fn parse(field: &Field, text: &str) -> Option<Self> {
                let number: u64 = text.parse().ok()?;
                within(field, number).then(|| Self::try_from(number).ok()).flatten()
            }

            fn rule(field: &Field) -> String {
                let most = u64::try_from(Self::MAX).unwrap_or(u64::MAX);
                format!("a whole number{}", span(field, most))
            }
        }
    )+};
}

whole_numbers!(u16, u32, u64, usize);

impl Setting for Duration {
    const QUOTED: bool = false;

    fn parse(field: &Field, text: &str) -> Option<Self> {
        let number: u64 = text.parse().ok().filter(|number| within(field, *number))?;
        Some(if in_milliseconds(field) {
            Self::from_millis(number)
        } else {
            Self::from_secs(number)
        })
    }

    fn rule(field: &Field) -> String {
        let unit = if in_milliseconds(field) {
            "milliseconds"
        } else {
            "seconds"
        };
        format!("a whole number of {unit}{}", span(field, u64::MAX))
    }
}

fn in_milliseconds(field: &Field) -> bool {
    field.key.ends_with("_ms")
}

impl Setting for bool {
    const QUOTED: bool = false;

    fn parse(_: &Field, text: &str) -> Option<Self> {
        match text.to_ascii_lowercase().as_str() {
            "true" | "1" | "yes" | "on" => Some(true),
            "false" | "0" | "no" | "off" => Some(false),
            _ => None,
        }
    }

    fn rule(_: &Field) -> String {
        "true or false".to_owned()
    }
}

impl Setting for String {
    fn parse(_: &Field, text: &str) -> Option<Self> {
        Some(text.to_owned())
    }

    fn rule(_: &Field) -> String {
        "text".to_owned()
    }
}

impl Setting for PathBuf {
    fn parse(_: &Field, text: &str) -> Option<Self> {
        Some(text.into())
    }

    fn rule(_: &Field) -> String {
        "a path".to_owned()
    }
}

impl Setting for IpAddr {
    fn parse(_: &Field, text: &str) -> Option<Self> {
        text.parse().ok()
    }

    fn rule(_: &Field) -> String {
        "an IP address, such as 127.0.0.1, 0.0.0.0 or ::".to_owned()
    }
}

impl Setting for Secret {
    const SECRET: bool = true;

    fn parse(_: &Field, text: &str) -> Option<Self> {
        Some(text.into())
    }

    fn rule(_: &Field) -> String {
        "text, which never prints".to_owned()
    }
}

impl Setting for Url {
    /// An address with user info is refused: it would print. Such a setting is a [`Secret`].
    fn parse(_: &Field, text: &str) -> Option<Self> {
        let url = Self::parse(text).ok()?;
        let web = matches!(url.scheme(), "http" | "https") && url.has_host();
        (web && url.username().is_empty() && url.password().is_none()).then_some(url)
    }

    fn rule(_: &Field) -> String {
        "an http:// or https:// address without user info".to_owned()
    }
}

impl Setting for Vec<IpNet> {
    fn parse(_: &Field, text: &str) -> Option<Self> {
        items(text)
            .map(|item| {
                item.parse()
                    .or_else(|_| item.parse().map(|ip: IpAddr| ip.into()))
            })
            .collect::<Result<_, _>>()
            .ok()
    }

    fn rule(_: &Field) -> String {
        "a comma list of networks, such as 10.0.0.0/8, ::1".to_owned()
    }
}

impl Setting for Vec<Url> {
    fn parse(field: &Field, text: &str) -> Option<Self> {
        items(text)
            .map(|item| Setting::parse(field, item))
            .collect()
    }

    fn rule(_: &Field) -> String {
        "a comma list of http:// or https:// addresses without user info".to_owned()
    }
}

impl Setting for Vec<String> {
    fn parse(_: &Field, text: &str) -> Option<Self> {
        Some(items(text).map(str::to_owned).collect())
    }

    fn rule(_: &Field) -> String {
        "a comma list".to_owned()
    }
}

fn items(text: &str) -> impl Iterator<Item = &str> {
    text.split(',')
        .map(str::trim)
        .filter(|item| !item.is_empty())
}

impl<T: Setting> Setting for Option<T> {
    const SECRET: bool = T::SECRET;
    const QUOTED: bool = T::QUOTED;

    fn parse(field: &Field, text: &str) -> Option<Self> {
        if text.is_empty() {
            return Some(None);
        }
        T::parse(field, text).map(Some)
    }

    fn rule(field: &Field) -> String {
        format!("{}, or unset", T::rule(field))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn field<T: Setting>(key: &'static str, range: Option<(u64, u64)>) -> Field {
        Field::of::<T>(key, None, range, &["A field."])
    }

    fn parse<T: Setting>(text: &str) -> Option<T> {
        T::parse(&field::<T>("some_field", None), text)
    }

    #[test]
    fn numbers_keep_to_their_type_and_their_range() {
        assert_eq!(parse::<u16>("65535"), Some(65_535));
        assert_eq!(parse::<u16>("65536"), None);
        for wrong in ["", "-1", "1.5", "1e3", "0x10", "ten"] {
            assert_eq!(parse::<u64>(wrong), None, "{wrong:?}");
        }
        let bounded = field::<u32>("most", Some((1, 9)));
        let read = |text| u32::parse(&bounded, text);
        assert_eq!(
            [read("0"), read("1"), read("9"), read("10")],
            [None, Some(1), Some(9), None]
        );
    }

    #[test]
    fn a_rule_never_promises_more_than_the_type_holds() {
        let wide = field::<u16>("port", Some((1, 1_000_000)));
        assert_eq!(u16::rule(&wide), "a whole number from 1 to 65535");
        assert_eq!(u64::rule(&field::<u64>("count", None)), "a whole number");
    }

    #[test]
    fn the_name_tells_the_unit_of_a_duration() {
        let read = |key, text| Duration::parse(&field::<Duration>(key, None), text);
        assert_eq!(read("settle_ms", "250"), Some(Duration::from_millis(250)));
        assert_eq!(read("drain_seconds", "250"), Some(Duration::from_secs(250)));
        assert_eq!(read("http_timeout", "7"), Some(Duration::from_secs(7)));
        assert_eq!(read("drain_seconds", "10s"), None);
    }

    #[test]
    fn switches_take_the_usual_words() {
        for (text, expected) in [("true", true), ("1", true), ("Yes", true), ("ON", true)] {
            assert_eq!(parse(text), Some(expected));
        }
        for (text, expected) in [
            ("false", false),
            ("0", false),
            ("no", false),
            ("off", false),
        ] {
            assert_eq!(parse(text), Some(expected));
        }
        assert_eq!(parse::<bool>("2"), None);
    }

    #[test]
    fn an_option_is_unset_by_empty_text_and_strict_about_the_rest() {
        assert_eq!(parse::<Option<u16>>(""), Some(None));
        assert_eq!(parse::<Option<u16>>("7"), Some(Some(7)));
        assert_eq!(parse::<Option<u16>>("seven"), None);
    }

    proptest! {
        #[test]
        fn every_number_in_range_reads_back(low in 0_u64..1_000, width in 0_u64..1_000, number: u64) {
            let bounded = field::<u64>("most", Some((low, low + width)));
            let read = u64::parse(&bounded, &number.to_string());
            prop_assert_eq!(read, Some(number).filter(|number| (low..=low + width).contains(number)));
        }

        #[test]
        fn no_text_breaks_a_list_of_networks(text in ".{0,60}") {
            let _ = parse::<Vec<IpNet>>(&text);
        }
    }
}
