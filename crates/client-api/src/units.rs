//! Which bodies are taken for units: one rule for whoever polls and whoever tries.

use farol_core::status::{Mapping, RawUnits, parse_units};

use crate::source::FetchError;

/// The units of `body`. One bad unit fails nothing; nothing but bad units is not a list of units.
///
/// # Errors
/// [`FetchError::Body`], without a byte of the body.
pub fn usable_units(body: &[u8], mapping: &Mapping) -> Result<RawUnits, FetchError> {
    let raw = parse_units(body, mapping).map_err(|error| FetchError::Body(error.to_string()))?;
    if raw.units.is_empty() && raw.skipped > 0 {
        let reason = format!("none of {} entries is a unit", raw.skipped);
        return Err(FetchError::Body(reason));
    }
    Ok(raw)
}

#[cfg(test)]
mod tests {
    use farol_core::status::Status;

    use super::*;

    #[test]
    fn a_list_of_nothing_but_bad_units_is_no_list_of_units() {
        let mapping = Mapping::builtin(Status::Available);
        let read = |body: &str| usable_units(body.as_bytes(), &mapping);
        assert!(read("[]").is_ok_and(|raw| raw.units.is_empty()));
        assert!(read(r#"[1, {"ref": "A"}]"#).is_ok_and(|raw| raw.units.len() == 1));
        assert_eq!(
            read("[1, null]"),
            Err(FetchError::Body("none of 2 entries is a unit".into()))
        );
    }
}
