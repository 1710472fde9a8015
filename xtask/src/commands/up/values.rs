//! Settings that several programs and the reader of the table must agree on, and which of them the
//! person has chosen.

use super::stack::local;
use crate::cli::Up;
use crate::environment;
use crate::ports::Ports;
use crate::servers::Credentials;
use std::fmt::Write;

/// One value for all who need it.
pub(crate) struct Values {
    pub(crate) secret_key: String,
    pub(crate) admin_username: String,
    pub(crate) admin_password: String,
    pub(crate) queue_name: String,
    /// What the gateway's callbacks carry.
    pub(crate) callback_secret: String,
    /// What signs the tokens of tenants. Empty, which is unset, where another issuer is believed:
    /// services refuse two.
    pub(crate) jwt_secret: String,
    /// The procurement portal of the demo world.
    pub(crate) pncp_url: String,
}

impl Values {
    /// `--set` wins over the environment, which wins over what was generated.
    pub(super) fn of(options: &Up, credentials: &Credentials, ports: Ports) -> Self {
        let chosen = |name: &str, otherwise: &str| {
            let set = options.set.iter().rfind(|(key, _)| key == name);
            set.map(|(_, value)| value.clone())
                .or_else(|| environment::variable(name))
                .unwrap_or_else(|| otherwise.to_owned())
        };
        let issuers = ["KEYCLOAK_PUBLIC_URL", "JWT_JWKS_URL"];
        let other_issuer = issuers.iter().any(|name| !chosen(name, "").is_empty());
        Self {
            secret_key: chosen("SECRET_KEY", credentials.get(Credentials::SECRET_KEY)),
            admin_username: chosen("ADMIN_USERNAME", "admin"),
            admin_password: chosen(
                "ADMIN_PASSWORD",
                credentials.get(Credentials::ADMIN_PASSWORD),
            ),
            queue_name: chosen("QUEUE_NAME", "ingest.pncp"),
            callback_secret: chosen(
                "SSE_CALLBACK_SECRET",
                credentials.get(Credentials::CALLBACK),
            ),
            jwt_secret: if other_issuer {
                String::new()
            } else {
                chosen("JWT_HS256_SECRET", credentials.get(Credentials::JWT))
            },
            pncp_url: format!("{}/api/consulta", local(ports.demo_pncp)),
        }
    }

    /// Where the gateway tells the administration on this port of its clients. A chosen secret may
    /// have any characters.
    pub(super) fn callback_url(&self, admin: u16) -> String {
        let mut url = format!("{}/api/sse/callback?secret=", local(admin));
        for byte in self.callback_secret.bytes() {
            if byte.is_ascii_alphanumeric() {
                url.push(byte.into());
            } else {
                let _ = write!(url, "%{byte:02X}");
            }
        }
        url
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_setting_of_the_command_line_wins() {
        let set = [
            ("QUEUE_NAME", "one"),
            ("QUEUE_NAME", "two"),
            ("SSE_CALLBACK_SECRET", "a&b é"),
        ];
        let options = Up {
            set: set.map(|(key, value)| (key.into(), value.into())).to_vec(),
            ..Up::default()
        };
        let credentials = Credentials::default();
        let values = Values::of(&options, &credentials, Ports::shifted(1).unwrap());
        assert_eq!(values.queue_name, "two");
        assert_eq!(
            values.callback_url(8001),
            "http://127.0.0.1:8001/api/sse/callback?secret=a%26b%20%C3%A9"
        );
        assert_eq!(values.pncp_url, "http://127.0.0.1:8311/api/consulta");
    }

    #[test]
    fn tokens_are_ours_to_sign_unless_the_person_names_an_issuer() {
        let signed_with = |name: &str, value: &str| {
            let options = Up {
                set: vec![(name.into(), value.into())],
                ..Up::default()
            };
            let ports = Ports::shifted(1).unwrap();
            Values::of(&options, &Credentials::default(), ports).jwt_secret
        };
        assert_eq!(signed_with("JWT_HS256_SECRET", "mine"), "mine");
        let keycloak = [
            ("KEYCLOAK_PUBLIC_URL", "http://id"),
            ("JWT_HS256_SECRET", "mine"),
        ];
        let options = Up {
            set: keycloak
                .map(|(key, value)| (key.into(), value.into()))
                .to_vec(),
            ..Up::default()
        };
        let ports = Ports::shifted(1).unwrap();
        let values = Values::of(&options, &Credentials::default(), ports);
        assert_eq!(values.jwt_secret, "");
    }
}
