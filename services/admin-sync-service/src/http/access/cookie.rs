//! The cookie of a session on the wire: how it is set, forgotten and found again. What is in it is sealed elsewhere.

use std::time::Duration;

/// Its name.
const NAME: &str = "farol_session";
/// Cookies of the name that are looked at: pages of neighbouring hosts can set more, each of which costs a decryption.
const MOST: usize = 4;
/// Bytes of the longest one that is looked at; browsers keep none that is longer.
const LONGEST: usize = 4096;

/// The value of `Set-Cookie` that keeps `sealed` for `lasts`. Scripts cannot read it, and pages of other sites cannot
/// have it sent.
pub(super) fn set(sealed: &str, lasts: Duration, over_tls: bool) -> String {
    let secure = if over_tls { "; Secure" } else { "" };
    let seconds = lasts.as_secs();
    format!("{NAME}={sealed}; Path=/; Max-Age={seconds}; HttpOnly; SameSite=Strict{secure}")
}

/// The value of `Set-Cookie` that makes a browser forget it.
pub(super) fn forget(over_tls: bool) -> String {
    set("", Duration::ZERO, over_tls)
}

/// What is in the cookies of the name, as far as they are looked at. `headers` are the lines of `Cookie`.
pub(super) fn sent<'a>(headers: impl Iterator<Item = &'a [u8]>) -> Vec<&'a str> {
    headers
        .filter_map(|header| std::str::from_utf8(header).ok())
        .flat_map(|header| header.split(';'))
        .filter_map(|pair| pair.trim().strip_prefix(NAME)?.strip_prefix('='))
        .filter(|value| value.len() <= LONGEST)
        .take(MOST)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of<'a>(headers: &[&'a str]) -> Vec<&'a str> {
        sent(headers.iter().map(|it| it.as_bytes()))
    }

    #[test]
    fn it_is_found_among_others() {
        assert_eq!(of(&["farol_session=a=="]), ["a=="]);
        assert_eq!(
            of(&["x=1; farol_session=a;y=2", "farol_session=b"]),
            ["a", "b"]
        );
        for other in [
            "",
            "farol_session",
            "farol_sessions=a",
            "xfarol_session=a",
            "Farol_session=a",
            "farol_session =a",
        ] {
            assert_eq!(of(&[other]), [""; 0], "{other}");
        }
        assert_eq!(sent([&b"farol_session=\xff"[..]].into_iter()), [""; 0]);
    }

    #[test]
    fn a_flood_of_them_is_not_looked_at() {
        let many = "farol_session=a; ".repeat(500);
        assert_eq!(of(&[&many]).len(), MOST);
        let long = format!("farol_session={}", "a".repeat(LONGEST + 1));
        assert_eq!(of(&[&long, "farol_session=b"]), ["b"]);
    }

    #[test]
    fn it_is_for_this_host_alone_and_no_script() {
        let lasts = Duration::from_hours(1);
        assert_eq!(
            set("abc", lasts, false),
            "farol_session=abc; Path=/; Max-Age=3600; HttpOnly; SameSite=Strict"
        );
        assert!(set("abc", lasts, true).ends_with("; Secure"));
        assert_eq!(
            forget(true),
            "farol_session=; Path=/; Max-Age=0; HttpOnly; SameSite=Strict; Secure"
        );
    }
}
