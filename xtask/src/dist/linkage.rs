//! What the programs need of the machine that runs them, read from the programs themselves.

use std::collections::BTreeMap;
use std::fmt;

/// Of the most demanding program.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Linkage {
    /// No loader, no library.
    Static,
    /// The newest symbol version that any of them asks for: `2.34`.
    Glibc(u32, u32),
    /// Another loader (Alpine's), or no ELF at all.
    Other,
}

const ELF: &[u8] = b"\x7fELF";
/// How the path of every loader begins, glibc's and musl's; static programs have none.
const LOADER: &[u8] = b"/ld-";
/// How versions of symbols are spelled in the table of dynamic strings, which stripping leaves.
const VERSION: &[u8] = b"GLIBC_";

impl Linkage {
    pub(crate) fn of(programs: &BTreeMap<String, Vec<u8>>) -> Self {
        if programs.values().any(|bytes| !bytes.starts_with(ELF)) {
            return Self::Other;
        }
        let newest = programs.values().filter_map(|bytes| glibc(bytes)).max();
        match newest {
            Some((major, minor)) => Self::Glibc(major, minor),
            None if programs.values().any(|bytes| has_loader(bytes)) => Self::Other,
            None => Self::Static,
        }
    }
}

impl fmt::Display for Linkage {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Static => out.write_str("static: any Linux of this architecture"),
            Self::Glibc(major, minor) => write!(out, "needs glibc {major}.{minor} or newer"),
            Self::Other => out.write_str("needs the libraries of its system"),
        }
    }
}

/// The one program header that names it is at the beginning.
fn has_loader(bytes: &[u8]) -> bool {
    let head = bytes.get(..4096).unwrap_or(bytes);
    head.windows(LOADER.len()).any(|window| window == LOADER)
}

/// Numbers, not words: 2.4 is older than 2.34.
fn glibc(bytes: &[u8]) -> Option<(u32, u32)> {
    let starts = bytes.windows(VERSION.len()).enumerate();
    let starts = starts.filter(|(_, window)| *window == VERSION);
    let version = |(at, _): (usize, &[u8])| {
        let rest = bytes.get(at + VERSION.len()..)?;
        let end = rest
            .iter()
            .position(|b| !b.is_ascii_digit() && *b != b'.')?;
        let text = std::str::from_utf8(rest.get(..end)?).ok()?;
        let (major, minor) = text.split_once('.')?;
        let minor = minor.split('.').next()?;
        Some((major.parse().ok()?, minor.parse().ok()?))
    };
    starts.filter_map(version).max()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn linkage(programs: &[&[u8]]) -> Linkage {
        let name = |(at, bytes): (usize, &&[u8])| (at.to_string(), bytes.to_vec());
        Linkage::of(&programs.iter().enumerate().map(name).collect())
    }

    #[test]
    fn the_most_demanding_program_says_which_glibc_is_needed() {
        let one = b"\x7fELF..\0GLIBC_2.4\0GLIBC_2.2.5\0GLIBC_PRIVATE\0";
        let other = b"\x7fELF..\0GLIBC_2.34\0";
        assert_eq!(linkage(&[one, other]), Linkage::Glibc(2, 34));
        assert_eq!(linkage(&[one]), Linkage::Glibc(2, 4));
        assert_eq!(linkage(&[b"\x7fELF nothing"]), Linkage::Static);
        let musl = b"\x7fELF../lib/ld-musl-x86_64.so.1\0";
        assert_eq!(linkage(&[b"\x7fELF nothing", musl]), Linkage::Other);
        assert_eq!(linkage(&[b"\xcf\xfa\xed\xfe", one]), Linkage::Other);
    }
}
