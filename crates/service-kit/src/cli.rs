//! The command line that every binary shares. Exit codes: 0 done, 1 not healthy, 2 unusable settings.

mod health;

use std::{collections::HashMap, ffi::OsString, path::PathBuf, process::ExitCode};

use clap::{Arg, ArgAction, Args as _, Command, FromArgMatches as _};

use crate::{
    COMMIT, VERSION,
    settings::{ServiceSettings, Sources, load, manual},
};

/// Exit code of a process that cannot use its settings or arguments.
const UNUSABLE: u8 = 2;
/// The flag of services that have an `OpenAPI` document.
const PRINT_OPENAPI: &str = "print-openapi";

/// Makes the `OpenAPI` document of a service.
pub type Describe = fn() -> String;

// No Debug: `--set` may hold a secret.
#[derive(clap::Args)]
struct Flags {
    /// Read settings from this TOML file (else from `CONFIG_FILE`, else from none).
    #[arg(long, value_name = "PATH")]
    config: Option<PathBuf>,
    /// Print version and commit, and end.
    #[arg(long)]
    version: bool,
    /// Say whether the settings are usable, and end.
    #[arg(long)]
    check_config: bool,
    /// Print the commented default file, which is the manual of all settings, and end.
    #[arg(long)]
    print_default_config: bool,
    /// What `--print-openapi` prints, where it was given.
    #[arg(skip)]
    print_openapi: Option<Describe>,
    /// Set one setting; wins over file and environment. May be repeated.
    #[arg(long, value_name = "KEY=VALUE", value_parser = assignment)]
    set: Vec<(String, String)>,
}

/// Reads arguments and environment of the process: the first line of every `main`.
///
/// ```no_run
/// # use std::process::ExitCode;
/// # service_kit::service_settings! { "example"; log: service_kit::settings::LogSettings, }
/// fn main() -> ExitCode {
///     let settings = match service_kit::cli::start::<Settings>("example") {
///         Ok(settings) => settings,
///         Err(code) => return code,
///     };
///     service_kit::telemetry::init(&settings.log);
///     ExitCode::SUCCESS
/// }
/// ```
///
/// `Err` tells the exit code: nothing is left to do, or the
/// complaints are on stderr.
///
/// # Errors
/// 0 after `--version`, `--help`, `--print-default-config` and a good `--check-config`; 0 or 1 after `health`, which
/// services with an ops listener have; 2 for unusable settings.
pub fn start<S: ServiceSettings>(service: &'static str) -> Result<S, ExitCode> {
    begin(&Program::named(service), std::env::args_os())
}

/// The same for a service that has an `OpenAPI` document: `--print-openapi` prints it, and ends.
///
/// # Errors
/// As [`start`].
pub fn start_described<S: ServiceSettings>(
    service: &'static str,
    openapi: Describe,
) -> Result<S, ExitCode> {
    let program = Program {
        openapi: Some(openapi),
        ..Program::named(service)
    };
    begin(&program, std::env::args_os())
}

/// The same with other arguments, for a binary that takes a word of its own out of them first.
///
/// # Errors
/// As [`start`].
pub fn start_with<S: ServiceSettings>(
    service: &'static str,
    arguments: impl IntoIterator<Item = OsString>,
) -> Result<S, ExitCode> {
    begin(&Program::named(service), arguments)
}

/// The same for a tool whose words nobody knows by heart: `about` tells them in `--help`.
///
/// # Errors
/// As [`start`].
pub fn start_tool<S: ServiceSettings>(
    tool: &'static str,
    about: &'static str,
    arguments: impl IntoIterator<Item = OsString>,
) -> Result<S, ExitCode> {
    let program = Program {
        about: Some(about),
        ..Program::named(tool)
    };
    begin(&program, arguments)
}

fn begin<S: ServiceSettings>(
    program: &Program,
    arguments: impl IntoIterator<Item = OsString>,
) -> Result<S, ExitCode> {
    let env = std::env::vars_os()
        .filter_map(|(name, text)| Some((name.into_string().ok()?, text.into_string().ok()?)))
        .collect();
    match decide::<S>(program, arguments, env) {
        Outcome::Run(settings) => Ok(settings),
        Outcome::Say(text) => {
            println!("{text}");
            Err(ExitCode::SUCCESS)
        }
        Outcome::Deny(text) => {
            eprintln!("{text}");
            Err(ExitCode::FAILURE)
        }
        Outcome::Refuse(text) => {
            eprintln!("{text}");
            Err(ExitCode::from(UNUSABLE))
        }
    }
}

struct Program {
    service: &'static str,
    about: Option<&'static str>,
    openapi: Option<Describe>,
}

impl Program {
    fn named(service: &'static str) -> Self {
        Self {
            service,
            about: None,
            openapi: None,
        }
    }
}

enum Outcome<S> {
    Run(S),
    Say(String),
    Deny(String),
    Refuse(String),
}

enum Asked {
    Start(Flags),
    Health(health::Question),
}

fn decide<S: ServiceSettings>(
    program: &Program,
    arguments: impl IntoIterator<Item = OsString>,
    env: HashMap<String, String>,
) -> Outcome<S> {
    let service = program.service;
    let flags = match parse::<S>(program, arguments) {
        Ok(Asked::Start(flags)) => flags,
        Ok(Asked::Health(question)) => return answer(service, &question, env),
        Err(error) if error.use_stderr() => return Outcome::Refuse(error.to_string()),
        Err(told) => return Outcome::Say(told.to_string().trim_end().to_owned()),
    };
    if flags.version {
        return Outcome::Say(format!("{service} {VERSION} ({COMMIT})"));
    }
    if flags.print_default_config {
        return Outcome::Say(manual::<S>().trim_end().to_owned());
    }
    if let Some(describe) = flags.print_openapi {
        return Outcome::Say(describe().trim_end().to_owned());
    }
    let sources = Sources {
        file: flags.config,
        env,
        flags: flags.set,
    };
    match load::<S>(&sources) {
        Ok(_) if flags.check_config => Outcome::Say("OK".to_owned()),
        Ok(settings) => Outcome::Run(settings),
        Err(complaints) => Outcome::Refuse(format!("{service} cannot start:\n{complaints}")),
    }
}

fn answer<S: ServiceSettings>(
    service: &str,
    question: &health::Question,
    env: HashMap<String, String>,
) -> Outcome<S> {
    let address = match question.address::<S>(env) {
        Ok(address) => address,
        Err(complaints) => {
            return Outcome::Refuse(format!("{service} cannot be asked:\n{complaints}"));
        }
    };
    match question.ask(address) {
        Ok(()) => Outcome::Say("OK".to_owned()),
        Err(unwell) => Outcome::Deny(format!("{service}: {unwell}")),
    }
}

fn parse<S: ServiceSettings>(
    program: &Program,
    arguments: impl IntoIterator<Item = OsString>,
) -> Result<Asked, clap::Error> {
    let mut command = Flags::augment_args(Command::new(program.service));
    if let Some(about) = program.about {
        command = command.about(about);
    }
    if program.openapi.is_some() {
        let flag = Arg::new(PRINT_OPENAPI).long(PRINT_OPENAPI);
        let flag = flag.action(ArgAction::SetTrue);
        command = command.arg(flag.help("Print the OpenAPI document, and end"));
    }
    if health::is_offered::<S>() {
        // Flags of the service before the word would be taken for flags of the question, and are refused.
        command = command.args_conflicts_with_subcommands(true);
        command = command.disable_help_subcommand(true);
        command = command.subcommand(health::command());
    }
    let matches = command.try_get_matches_from(arguments)?;
    // There is no other word.
    if let Some((_, question)) = matches.subcommand() {
        return health::Question::from_arg_matches(question).map(Asked::Health);
    }
    let mut flags = Flags::from_arg_matches(&matches)?;
    flags.print_openapi = program.openapi.filter(|_| matches.get_flag(PRINT_OPENAPI));
    Ok(Asked::Start(flags))
}

fn assignment(text: &str) -> Result<(String, String), String> {
    text.split_once('=')
        .map(|(key, value)| (key.trim().to_owned(), value.to_owned()))
        .ok_or_else(|| "expected KEY=VALUE".to_owned())
}
