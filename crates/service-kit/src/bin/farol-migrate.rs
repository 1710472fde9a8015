//! Applies the migrations that the database lacks and prints their names, and on stderr what the server warns of.
//! Settings: `DATABASE_URL`.

use std::process::ExitCode;

use service_kit::{cli, pg, service_settings, settings::DatabaseSettings};

service_settings! {
    "farol-migrate";
    database: DatabaseSettings,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let settings = match cli::start::<Settings>("farol-migrate") {
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
            eprintln!("farol-migrate: {error}");
            return ExitCode::FAILURE;
        }
    }
    ExitCode::SUCCESS
}
