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
