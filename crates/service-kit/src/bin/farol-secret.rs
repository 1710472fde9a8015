//! Seals or opens credentials as the database holds them: `farol-secret seal|open`, from stdin to stdout.
//! Settings: `SECRET_KEY`. For operators, and to compare with other programs of this format.

use std::{
    io::{self, Read as _},
    process::ExitCode,
};

use service_kit::{cli, secrets::Vault, service_settings, settings, settings::Secret};

const ABOUT: &str = "Seals or opens a client's credentials as the database holds them, from stdin to stdout:

  SECRET_KEY=… farol-secret seal < credentials.json    one JSON object in, the sealed text out
  SECRET_KEY=… farol-secret open < sealed.txt          the other way

Exit codes: 0 done, 1 the input cannot be sealed or opened, 2 unusable settings. Setting: SECRET_KEY, the services' own.";

settings! {
    /// The key of the credentials at rest.
    pub struct KeySettings {
        /// The text that the Fernet key is derived from; the same for every program that reads the rows.
        secret_key: Secret;
    }
}

service_settings! {
    "farol-secret";
    key: KeySettings,
}

fn main() -> ExitCode {
    let mut arguments: Vec<_> = std::env::args_os().collect();
    let verb = arguments
        .iter()
        .position(|word| word == "seal" || word == "open");
    let verb = verb.map(|at| arguments.remove(at));
    let settings = match cli::start_tool::<Settings>("farol-secret", ABOUT, arguments) {
        Ok(settings) => settings,
        Err(code) => return code,
    };
    let vault = Vault::new(&settings.key.secret_key);
    let done = match verb.as_ref().and_then(|verb| verb.to_str()) {
        Some("seal") => read().and_then(|text| seal(&vault, &text)),
        Some("open") => read().and_then(|text| open(&vault, &text)),
        _ => Err("usage: farol-secret seal|open < input".to_owned()),
    };
    match done {
        Ok(text) => {
            println!("{text}");
            ExitCode::SUCCESS
        }
        Err(text) => {
            eprintln!("farol-secret: {text}");
            ExitCode::FAILURE
        }
    }
}

fn read() -> Result<String, String> {
    let mut text = String::new();
    let read = io::stdin().read_to_string(&mut text);
    read.map(|_| text).map_err(|error| error.to_string())
}

fn seal(vault: &Vault, text: &str) -> Result<String, String> {
    let object = serde_json::from_str(text);
    object
        .map(|object| vault.seal(&object))
        .map_err(|_| "stdin must hold one JSON object".to_owned())
}

fn open(vault: &Vault, text: &str) -> Result<String, String> {
    let opened = vault.open(text).map_err(|error| error.to_string())?;
    serde_json::to_string(opened.map()).map_err(|error| error.to_string())
}
