//! One field of the portal's JSON, read as what a column needs. The portal is loose: `""` and null are one, an id
//! comes as number or as text. What fits no reading is a flaw with the field's name, never a silent null.

use std::borrow::Cow;

use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use farol_core::sync::parse_instant;
use serde_json::value::RawValue;

/// Longer text is no key: Postgres indexes hold about 2,700 bytes, and a real key has 25 characters.
const LONGEST_KEY: usize = 100;

/// More characters, or a larger exponent, are no amount of money and no quantity.
const LONGEST_DECIMAL: usize = 60;
const LARGEST_EXPONENT: i32 = 60;

/// A field by its name in the portal's JSON; `None` where it is absent or null.
#[derive(Clone, Copy)]
pub(super) struct Field<'a>(pub(super) &'static str, pub(super) Option<&'a RawValue>);

/// What is wrong with a field.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{field} {problem}")]
pub(super) struct Flaw {
    field: &'static str,
    problem: &'static str,
}

/// A decimal number in the portal's own digits, so that none is lost on the way to `numeric`. Always a number that
/// `numeric` takes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decimal<'a>(Cow<'a, str>);

impl Decimal<'_> {
    /// The digits, with `-`, `.` and exponent where the portal wrote them.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl<'a> Field<'a> {
    /// The value by `read`, which must be there.
    pub(super) fn must<T>(self, read: fn(Self) -> Result<Option<T>, Flaw>) -> Result<T, Flaw> {
        read(self)?.ok_or(self.flaw("is missing"))
    }

    /// Text as it stands, blank text as none. Without NUL, which Postgres text cannot hold.
    pub(super) fn text(self) -> Result<Option<Cow<'a, str>>, Flaw> {
        let Some(token) = self.1.map(RawValue::get) else {
            return Ok(None);
        };
        let text = match token.as_bytes() {
            [b'"', inner @ .., b'"'] if !inner.contains(&b'\\') => {
                Cow::Borrowed(&token[1..token.len() - 1])
            }
            [b'"', ..] => Cow::Owned(self.unescaped(token)?),
            [b'-' | b'0'..=b'9', ..] => Cow::Borrowed(token),
            b"null" => return Ok(None),
            _ => return Err(self.flaw("is not text")),
        };
        Ok(Some(text).filter(|text| !text.trim_ascii().is_empty()))
    }

    /// Text that is part of a key: trimmed, and short enough for an index.
    pub(super) fn key(self) -> Result<Option<Cow<'a, str>>, Flaw> {
        let key = self.text()?.map(trimmed);
        if key.as_ref().is_some_and(|key| key.len() > LONGEST_KEY) {
            return Err(self.flaw("is too long for a key"));
        }
        Ok(key)
    }

    /// A whole number, written as a number or as text.
    pub(super) fn number<T: TryFrom<i64>>(self) -> Result<Option<T>, Flaw> {
        let Some(text) = self.text()? else {
            return Ok(None);
        };
        let number = text.trim_ascii().parse::<i64>().ok();
        let number = number.ok_or(self.flaw("is not a whole number"))?;
        let fits = T::try_from(number).ok();
        fits.map(Some).ok_or(self.flaw("is out of range"))
    }

    /// A decimal number, written as a number or as text with a decimal point.
    pub(super) fn decimal(self) -> Result<Option<Decimal<'a>>, Flaw> {
        let Some(text) = self.text()?.map(trimmed) else {
            return Ok(None);
        };
        if !is_decimal(&text) {
            return Err(self.flaw("is not a decimal number"));
        }
        Ok(Some(Decimal(text)))
    }

    /// `true` or `false`, as a literal or as text.
    pub(super) fn flag(self) -> Result<Option<bool>, Flaw> {
        match self.1.map(RawValue::get) {
            None | Some("null" | "\"\"") => Ok(None),
            Some("true" | "\"true\"") => Ok(Some(true)),
            Some("false" | "\"false\"") => Ok(Some(false)),
            Some(_) => Err(self.flaw("is neither true nor false")),
        }
    }

    /// A time; without an offset it is `zone`'s.
    pub(super) fn instant(self, zone: Tz) -> Result<Option<DateTime<Utc>>, Flaw> {
        let Some(text) = self.text()? else {
            return Ok(None);
        };
        let instant = parse_instant(text.trim_ascii(), zone);
        instant.map(Some).ok_or(self.flaw("is not a time"))
    }

    /// A flaw of this field.
    pub(super) fn flaw(self, problem: &'static str) -> Flaw {
        let Self(field, _) = self;
        Flaw { field, problem }
    }

    fn unescaped(self, token: &str) -> Result<String, Flaw> {
        let text: String =
            serde_json::from_str(token).map_err(|_| self.flaw("is not valid text"))?;
        Ok(if text.contains('\0') {
            text.replace('\0', "\u{fffd}")
        } else {
            text
        })
    }
}

fn trimmed(text: Cow<'_, str>) -> Cow<'_, str> {
    match text {
        Cow::Borrowed(text) => Cow::Borrowed(text.trim_ascii()),
        Cow::Owned(text) => Cow::Owned(text.trim_ascii().to_owned()),
    }
}

/// The grammar of a JSON number, in bounds. `f64` parsing would let `inf` and `.5` through.
fn is_decimal(text: &str) -> bool {
    let is_digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let unsigned = text.strip_prefix('-').unwrap_or(text);
    let (mantissa, exponent) = match unsigned.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, exponent.parse::<i32>().ok()),
        None => (unsigned, Some(0)),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, "0"));
    text.len() <= LONGEST_DECIMAL
        && is_digits(whole)
        && is_digits(fraction)
        && exponent.is_some_and(|it| (-LARGEST_EXPONENT..=LARGEST_EXPONENT).contains(&it))
}
