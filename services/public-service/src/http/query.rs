//! The query of a stream's URL, for both ways in.

use std::borrow::Cow;

use crate::status::Mode;

/// `?mode=` and `?last_event_id=`; other parameters (cache busters) are let be.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct StreamQuery<'a> {
    /// Which events the viewer understands.
    pub mode: Mode,
    /// Where to go on, for those who cannot send the header.
    pub last_event_id: Option<Cow<'a, str>>,
}

/// A parameter that cannot be understood: its name and the rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BadQuery(pub &'static str, pub &'static str);

impl<'a> StreamQuery<'a> {
    /// Reads the part behind the `?`.
    ///
    /// # Errors
    /// [`BadQuery`] for a mode that is none.
    pub fn parse(query: &'a str) -> Result<Self, BadQuery> {
        let mut read = Self::default();
        for (name, value) in form_urlencoded::parse(query.as_bytes()) {
            match name.as_ref() {
                "mode" => read.mode = mode(&value)?,
                "last_event_id" => read.last_event_id = Some(value),
                _ => {}
            }
        }
        Ok(read)
    }
}

fn mode(value: &str) -> Result<Mode, BadQuery> {
    match value {
        "full" => Ok(Mode::Full),
        "" | "changes" => Ok(Mode::Changes),
        _ => Err(BadQuery("mode", "must be full or changes")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_reads_mode_and_position_and_lets_the_rest_be() {
        let read = StreamQuery::parse("t=1&mode=full&last_event_id=6f%2D41").unwrap();
        assert_eq!(read.mode, Mode::Full);
        assert_eq!(read.last_event_id.as_deref(), Some("6f-41"));
        assert_eq!(StreamQuery::parse("").unwrap(), StreamQuery::default());
    }

    #[test]
    fn a_mode_that_is_none_is_refused_by_name() {
        assert_eq!(StreamQuery::parse("mode=ful").unwrap_err().0, "mode");
    }
}
