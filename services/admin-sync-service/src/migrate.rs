//! `admin-sync-service migrate`: brings the schema up to this build. It needs nothing but `DATABASE_URL`, so it
//! has settings of its own.

use std::ffi::OsString;
use std::process::ExitCode;

use service_kit::settings::DatabaseSettings;
use service_kit::{cli, pg};

/// The word on the command line.
const WORD: &str = "migrate";

service_kit::service_settings! {
    "admin-sync-service";
    database: DatabaseSettings,
}

/// Whether the first argument is `migrate`.
pub fn is_asked_for(arguments: impl IntoIterator<Item = OsString>) -> bool {
    arguments
        .into_iter()
        .nth(1)
        .is_some_and(|word| word == WORD)
}

/// Applies what is missing and prints it. Safe to run twice and by several at once. Exit 1 where the database
/// cannot be reached or a migration fails, 2 for unusable settings.
pub async fn run(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let rest = arguments.into_iter().enumerate();
    let rest = rest.filter_map(|(place, word)| (place != 1).then_some(word));
    let settings = match cli::start_with::<Settings>("admin-sync-service migrate", rest) {
        Ok(settings) => settings,
        Err(code) => return code,
    };
    pg::warnings_to_stderr();
    match pg::migrate(&settings.database.database_url).await {
        Ok(applied) if applied.is_empty() => println!("nothing to apply"),
        Ok(applied) => applied.iter().for_each(|migration| {
            println!("applied {:04} {}", migration.version, migration.description);
        }),
        Err(error) => {
            eprintln!("admin-sync-service migrate: {error}");
            return ExitCode::FAILURE;
        }
    }
    ExitCode::SUCCESS
}
