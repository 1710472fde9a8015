//! Defaults, file, environment and flags, one over the other. Knows names and origins, not types.

use std::{
    collections::{BTreeMap, HashMap},
    fmt,
    path::PathBuf,
};

use config::{
    Config, ConfigBuilder, Environment, File, FileFormat, Source as _, Value, ValueKind,
    builder::DefaultState,
};

use super::{KNOWN_ELSEWHERE, Reader, ServiceSettings, reader::Found};

/// Where values come from, handed in so that a test needs no process environment. No Debug: it holds secrets.
#[derive(Clone, Default)]
pub struct Sources {
    /// `--config`; else `CONFIG_FILE` of `env`; else no file.
    pub file: Option<PathBuf>,
    /// Environment variables; an empty one counts as unset.
    pub env: HashMap<String, String>,
    /// `--set KEY=VALUE`, the key in either case.
    pub flags: Vec<(String, String)>,
}

/// Everything that is wrong with the settings, one line each. Holds no secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Complaints(Vec<String>);

impl Complaints {
    /// The lines.
    pub fn lines(&self) -> &[String] {
        &self.0
    }
}

impl fmt::Display for Complaints {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0.join("\n"))
    }
}

impl std::error::Error for Complaints {}

/// Reads the settings of a binary. Tests give [`Sources`] of their own; a process gets its through
/// [`cli::start`](crate::cli::start).
///
/// ```
/// use service_kit::settings::{LogSettings, Sources, load};
///
/// service_kit::service_settings! {
///     "example";
///     log: LogSettings,
/// }
///
/// let env = [("LOG_LEVEL".to_owned(), "loud".to_owned())].into();
/// let complaints = load::<Settings>(&Sources { env, ..Sources::default() }).unwrap_err();
/// assert_eq!(
///     complaints.to_string(),
///     "LOG_LEVEL must be a level or an env-filter, not \"loud\""
/// );
/// ```
///
/// # Errors
/// Every complaint at once.
pub fn load<S: ServiceSettings>(sources: &Sources) -> Result<S, Complaints> {
    let groups = S::groups();
    let fields = groups.iter().flat_map(|group| group.fields);
    let mut layers = Layers {
        keys: fields.map(|field| field.key).collect(),
        complaints: Vec::new(),
    };
    let found = layers.merge(sources);
    let mut reader = Reader::new(&found, S::OVERRIDES);
    let settings = S::read(&mut reader);
    let mut complaints = layers.complaints;
    complaints.extend(reader.into_complaints());
    match settings {
        Some(settings) if complaints.is_empty() => Ok(settings),
        _ => Err(Complaints(complaints)),
    }
}

/// The merge of what was given, for a binary that has the settings `keys`. Defaults are not here: the reader knows
/// them with their type.
struct Layers {
    keys: Vec<&'static str>,
    complaints: Vec<String>,
}

impl Layers {
    fn merge(&mut self, sources: &Sources) -> BTreeMap<String, Found> {
        let builder = self.file(Config::builder(), sources);
        let builder = builder.add_source(self.environment(sources));
        let merged = self
            .flags(builder, sources)
            .and_then(ConfigBuilder::<DefaultState>::build)
            .and_then(|config| config.collect());
        match merged {
            Ok(values) => values
                .into_iter()
                .filter_map(|(key, value)| Some((key.clone(), self.found(&key, value)?)))
                .collect(),
            Err(error) => {
                self.complaints.push(error.to_string());
                BTreeMap::new()
            }
        }
    }

    fn file(
        &mut self,
        builder: ConfigBuilder<DefaultState>,
        sources: &Sources,
    ) -> ConfigBuilder<DefaultState> {
        let named = sources.env.get("CONFIG_FILE");
        let named = named.filter(|name| !name.is_empty()).map(PathBuf::from);
        let Some(path) = sources.file.clone().or(named) else {
            return builder;
        };
        let file = File::from(path).format(FileFormat::Toml);
        match file.collect() {
            Ok(values) => {
                self.refuse_unknown(&values);
                builder.add_source(file)
            }
            Err(error) => {
                self.complaints.push(unusable(&error));
                builder
            }
        }
    }

    /// Only the names that this binary has: the rest of the environment is none of our business.
    fn environment(&self, sources: &Sources) -> Environment {
        let names = self.keys.iter().map(|key| key.to_ascii_uppercase());
        let ours = names.filter_map(|name| {
            let text = sources.env.get(&name)?.clone();
            Some((name, text))
        });
        Environment::default()
            .ignore_empty(true)
            .source(Some(ours.collect()))
    }

    /// A flag is meant for this binary, so the names of others are refused here.
    fn flags(
        &mut self,
        mut builder: ConfigBuilder<DefaultState>,
        sources: &Sources,
    ) -> Result<ConfigBuilder<DefaultState>, config::ConfigError> {
        for (name, text) in &sources.flags {
            let key = name.to_ascii_lowercase();
            if self.keys.contains(&key.as_str()) {
                builder = builder.set_override(key, text.as_str())?;
            } else {
                let place = format!("--set {}", name.to_ascii_uppercase());
                self.complaints.push(unknown(&place, &key, &self.keys));
            }
        }
        Ok(builder)
    }

    fn refuse_unknown(&mut self, values: &HashMap<String, Value>) {
        let known: Vec<&str> = self.keys.iter().chain(KNOWN_ELSEWHERE).copied().collect();
        let mut strangers: Vec<&String> = values.keys().collect();
        strangers.retain(|key| !known.contains(&key.as_str()));
        strangers.sort_unstable();
        for key in strangers {
            let place = format!("{key:?} in the configuration file");
            self.complaints.push(unknown(&place, key, &known));
        }
    }

    /// The text of a value, lists joined with commas. A table is no value, and is told if it stands at one of ours.
    fn found(&mut self, key: &str, value: Value) -> Option<Found> {
        let origin = value.origin().unwrap_or("a --set flag").to_owned();
        let text = match value.kind {
            ValueKind::Array(items) => items
                .into_iter()
                .map(Value::into_string)
                .collect::<Result<Vec<_>, _>>()
                .map(|items| items.join(",")),
            _ => value.into_string(),
        };
        if text.is_err() && self.keys.contains(&key) {
            let name = key.to_ascii_uppercase();
            let complaint = format!("{name} must be one value or a list of values (from {origin})");
            self.complaints.push(complaint);
        }
        Some(Found {
            text: text.ok()?,
            origin,
        })
    }
}

/// The parser's message goes on with the lines of the file, which may hold a secret: only its first line is told.
fn unusable(error: &config::ConfigError) -> String {
    let text = error.to_string();
    let place = match error {
        config::ConfigError::FileParse { uri, .. } => uri.as_deref().unwrap_or_default(),
        _ => "",
    };
    let first = text.lines().next().unwrap_or_default();
    let complaint = format!("the configuration file cannot be used: {first} {place}");
    complaint.trim_end().to_owned()
}

fn unknown(place: &str, key: &str, known: &[&str]) -> String {
    let key = key.to_ascii_lowercase();
    let distance = |candidate: &&&str| strsim::damerau_levenshtein(&key, candidate);
    let nearest = known.iter().min_by_key(distance);
    nearest.map_or_else(
        || format!("{place} is not a setting"),
        |nearest| format!("{place} is not a setting; the nearest one is {nearest:?}"),
    )
}
