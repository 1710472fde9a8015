//! How an address may appear in a log line or a message.

use reqwest::Url;

/// Query parameters whose values are credentials.
const SECRET: [&str; 3] = ["token", "ticket", "secret"];

/// `address` without user info and without the values of `token`, `ticket` and `secret`. Text that is no address
/// loses what stands before its last `@`: a mistyped address may hold a password all the same.
pub fn shown(address: &str) -> String {
    let Some(mut url) = Url::parse(address).ok().filter(Url::has_host) else {
        let host = address.rsplit_once('@');
        return host.map_or_else(|| address.to_owned(), |(_, host)| format!("***@{host}"));
    };
    // An address that cannot have user info refuses the change, and has nothing to hide there.
    let _ = url.set_username("");
    let _ = url.set_password(None);
    let is_secret = |name: &str| SECRET.contains(&name.to_ascii_lowercase().as_str());
    if url.query_pairs().any(|(name, _)| is_secret(&name)) {
        let pairs: Vec<(String, String)> = url.query_pairs().into_owned().collect();
        let mut query = url.query_pairs_mut();
        query.clear();
        for (name, value) in &pairs {
            query.append_pair(name, if is_secret(name) { "***" } else { value });
        }
        drop(query);
    }
    url.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_in_an_address_are_not_shown() {
        for address in [
            "https://me:hunter2@example.com/units",
            "https://hunter2@example.com/units",
            "https://example.com/units?a=1&token=hunter2",
            "https://example.com/units?Secret=hunter2&ticket=hunter2",
            "postgres://me:hunter2@localhost/farol",
            "amqp://me:hunter2@localhost:5672/%2f",
            "me:hunter2@localhost",
            "https//me:hunter2@localhost",
        ] {
            let shown = shown(address);
            assert!(!shown.contains("hunter2"), "{address}: {shown}");
        }
    }

    #[test]
    fn the_rest_of_an_address_is_shown() {
        assert_eq!(
            shown("https://me:x@example.com:8443/units?a=1&token=x"),
            "https://example.com:8443/units?a=1&token=***"
        );
        for same in ["http://example.com/units?a=b%20c", "eighty", ""] {
            assert_eq!(shown(same), same);
        }
    }
}
