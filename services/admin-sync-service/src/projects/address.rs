//! Where a client API may be: an origin and a path before it, and an endpoint that cannot lead to another origin.

use service_kit::http_client::Url;

/// Characters that the columns have room for.
const LONGEST_BASE: usize = 500;
const LONGEST_ENDPOINT: usize = 255;

/// Scheme, host and port: what credentials are given for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin {
    scheme: String,
    host: String,
    port: Option<u16>,
}

impl Origin {
    /// Of the address that would really be asked; `None` where nothing would be.
    pub fn of(base: Option<&str>, endpoint: Option<&str>) -> Option<Self> {
        let base = base?.trim();
        // As `client-api` puts them together, so that whatever an odd row means is judged as it is asked.
        let endpoint = endpoint.map(str::trim).filter(|it| !it.is_empty());
        let address = format!("{}{}", base.trim_end_matches('/'), endpoint.unwrap_or("/"));
        let url = Url::parse(&address).ok()?;
        Some(Self {
            scheme: url.scheme().to_owned(),
            host: url.host_str()?.to_owned(),
            port: url.port_or_known_default(),
        })
    }

    /// As people write it, without its port where that is the usual one.
    pub fn shown(&self) -> String {
        let usual = matches!(
            (self.scheme.as_str(), self.port),
            ("http", Some(80)) | ("https", Some(443)) | (_, None)
        );
        let port = self.port.filter(|_| !usual);
        let port = port.map(|it| format!(":{it}")).unwrap_or_default();
        format!("{}://{}{port}", self.scheme, self.host)
    }
}

/// An `api_base_url`.
///
/// # Errors
/// The rule.
pub fn base_url(text: &str) -> Result<String, String> {
    let text = text.trim();
    if text.chars().count() > LONGEST_BASE {
        return Err(format!("must have at most {LONGEST_BASE} characters"));
    }
    // The parser forgives what it should not: these are looked for in the text itself.
    let odd = |it: char| it.is_whitespace() || it.is_control() || it == '\\';
    if text.chars().any(odd) {
        return Err("must not contain white space, control characters or \\".to_owned());
    }
    let lower = text.to_ascii_lowercase();
    let rest = lower
        .strip_prefix("https://")
        .or_else(|| lower.strip_prefix("http://"));
    let rest = rest.ok_or("must begin with http:// or https://")?;
    if text.contains(['?', '#']) {
        return Err(
            "must have neither a query nor a fragment: a query belongs into status_endpoint"
                .to_owned(),
        );
    }
    let authority = rest.split('/').next().unwrap_or_default();
    if authority.contains('@') {
        return Err(
            "must not contain a user or password: they belong into auth_credentials".to_owned(),
        );
    }
    let host = Url::parse(text).is_ok_and(|url| url.has_host());
    if authority.is_empty() || !host {
        return Err("must be an address with a host, such as https://api.example.com".to_owned());
    }
    Ok(text.to_owned())
}

/// An `api_base_url` as it may be told: what stands before an `@` in a row of another program may be a password.
pub fn told_base(text: &str) -> String {
    let start = text.find(':').map_or(0, |colon| colon + 1);
    let (scheme, rest) = text.split_at(start);
    let slashes = rest.len() - rest.trim_start_matches(['/', '\\']).len();
    let (slashes, rest) = rest.split_at(slashes);
    let end = rest.find(['/', '\\', '?', '#']).unwrap_or(rest.len());
    let at = rest.get(..end).and_then(|authority| authority.rfind('@'));
    at.map_or_else(
        || text.to_owned(),
        |at| format!("{scheme}{slashes}***{}", &rest[at..]),
    )
}

/// A `status_endpoint`.
///
/// # Errors
/// The rule.
pub fn endpoint(text: &str) -> Result<String, String> {
    let text = text.trim();
    if text.chars().count() > LONGEST_ENDPOINT {
        return Err(format!("must have at most {LONGEST_ENDPOINT} characters"));
    }
    let odd = |it: char| it.is_whitespace() || it.is_control() || it == '\\';
    if text.chars().any(odd) {
        return Err("must not contain white space, control characters or \\".to_owned());
    }
    if !text.starts_with('/') || text.starts_with("//") {
        return Err("must begin with one /".to_owned());
    }
    if text.contains('#') {
        return Err("must not contain a fragment (#)".to_owned());
    }
    Ok(text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_of_client_apis_are_taken() {
        for good in [
            "http://api.example.com",
            "https://api.example.com:8443/v1/",
            "HTTPS://API.example.com",
            "http://127.0.0.1:4000",
            "http://[::1]:8080/x",
            " https://api.example.com ",
            "https://api.example.com/@tenant",
        ] {
            assert_eq!(base_url(good), Ok(good.trim().to_owned()), "{good}");
        }
        for good in ["/", "/units", "/v1/units?token=a%20b&x=@y", "/a//b/../c"] {
            assert_eq!(endpoint(good), Ok(good.to_owned()));
        }
    }

    #[test]
    fn addresses_that_are_none_or_hide_something_are_not() {
        let long = format!("http://{}", "a".repeat(494));
        for bad in [
            "",
            "api.example.com",
            "ftp://api.example.com",
            "file:///etc/passwd",
            "http:api.example.com",
            "http:/api.example.com",
            "http:///path",
            "http://",
            "http://user@api.example.com",
            "http://user:pass@api.example.com",
            "http://@api.example.com",
            "http://api.example.com?x=1",
            "http://api.example.com/#x",
            "http://api.exa\tmple.com",
            "http://api.example.com\\@evil",
            "http://api.example.com:99999",
            "http://a b",
            "http://a\0b",
            &long,
        ] {
            assert!(base_url(bad).is_err(), "{bad:?}");
        }
        let long = format!("/{}", "a".repeat(255));
        for bad in [
            "", "units", "@evil/", "//evil/", "\\\\evil", "/\\evil", "/a b", "/a#b", "/a\nb",
            "/a\0", ":80/", "?x", &long,
        ] {
            assert!(endpoint(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn what_may_be_a_password_is_not_told() {
        for (stored, told) in [
            ("https://me:hunter2@api.example", "https://***@api.example"),
            (
                "http://hunter2@api.example:8/x@y",
                "http://***@api.example:8/x@y",
            ),
            ("http:/me:hunter2@api.example", "http:/***@api.example"),
            (
                "http:\\\\me:hunter2@api.example\\@x",
                "http:\\\\***@api.example\\@x",
            ),
            ("https://a:hunter2@b:hunter2@c?@d", "https://***@c?@d"),
            ("me:hunter2@api.example", "me:***@api.example"),
        ] {
            assert_eq!(told_base(stored), told);
        }
        for same in [
            "",
            ":",
            "@",
            "https://api.example/@x",
            "nothing",
            "http://é/",
        ] {
            let told = if same == "@" { "***@" } else { same };
            assert_eq!(told_base(same), told);
        }
    }

    #[test]
    fn an_origin_is_that_of_the_address_that_is_asked() {
        let of = |base, endpoint| Origin::of(Some(base), Some(endpoint));
        let here = of("https://api.example.com", "/units");
        for same in [
            of("https://API.example.com:443/", "/other"),
            of(" https://api.example.com/v2 ", " /x?y "),
            Origin::of(Some("https://api.example.com"), None),
        ] {
            assert_eq!(same, here);
        }
        for other in [
            of("http://api.example.com", "/units"),
            of("https://api.example.com:444", "/units"),
            of("https://api.example.com", "@evil/"),
            of("https://api.example.com", ".evil.com/"),
            of("https://api.example.com", ":1/"),
            of("nothing", "/units"),
            Origin::of(None, Some("/units")),
        ] {
            assert_ne!(other, here);
        }
        assert_eq!(
            here.map(|it| it.shown()).as_deref(),
            Some("https://api.example.com")
        );
    }
}
