//! Bytes as hex text: how a failing input is printed and given back.

use std::fmt;
use std::str::FromStr;

/// Bytes that print and parse as two hex digits each.
#[derive(Clone)]
pub(crate) struct Bytes(pub(crate) Vec<u8>);

impl fmt::Display for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl FromStr for Bytes {
    type Err = String;

    fn from_str(hex: &str) -> Result<Self, String> {
        let digit = |byte: &u8| {
            let digit = char::from(*byte).to_digit(16);
            digit.and_then(|digit| u8::try_from(digit).ok())
        };
        hex.as_bytes()
            .chunks(2)
            .map(|pair| match pair {
                [high, low] => Some(digit(high)? * 16 + digit(low)?),
                _ => None,
            })
            .collect::<Option<Vec<u8>>>()
            .map(Self)
            .ok_or_else(|| "two hex digits per byte are needed".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_come_back_as_they_were_printed() {
        let bytes = Bytes((0..=255).collect());
        assert_eq!(bytes.to_string().parse::<Bytes>().unwrap().0, bytes.0);
        assert!("abc".parse::<Bytes>().is_err() && "zz".parse::<Bytes>().is_err());
    }
}
