//! Defaults, file, environment and flags, one over the other. Knows names and origins, not types.

use std::{
    collections::{BTreeMap, HashMap},
    fmt,
    path::PathBuf,
};

use config::{Config, Environment, File, FileFormat, Source as _, Value, ValueKind};

use super::{Field, KNOWN_ELSEWHERE, Reader, ServiceSettings, reader::Found};

/// Where values come from, handed in so that a test needs no process environment.
#[derive(Clone, Debug, Default)]
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

/// Reads the settings of a binary.
///
/// # Errors
/// Every complaint at once.
pub fn load<S: ServiceSettings>(sources: &Sources) -> Result<S, Complaints> {
    let mut complaints = Vec::new();
    let found = layer::<S>(sources, &mut complaints);
    let mut reader = Reader::new(&found, S::OVERRIDES);
    let settings = S::read(&mut reader);
    complaints.extend(reader.into_complaints());
    match settings {
        Some(settings) if complaints.is_empty() => Ok(settings),
        _ => Err(Complaints(complaints)),
    }
}

/// The text of each setting of `S` that some layer gives, and where it stood.
fn layer<S: ServiceSettings>(
    sources: &Sources,
    complaints: &mut Vec<String>,
) -> BTreeMap<String, Found> {
    let keys: Vec<&str> = S::groups()
        .iter()
        .flat_map(|group| group.fields)
        .map(|field: &Field| field.key)
        .collect();
    let mut builder = Config::builder();
    if let Some(file) = file(sources) {
        match file.collect() {
            Ok(values) => complaints.extend(unknown_keys(&values, &keys)),
            Err(error) => {
                complaints.push(format!("the configuration file cannot be read: {error}"))
            }
        }
        builder = builder.add_source(file.required(false));
    }
    builder = builder.add_source(environment(sources, &keys));
    for (key, text) in &sources.flags {
        let key = key.to_ascii_lowercase();
        if !keys.contains(&key.as_str()) {
            complaints.push(unknown(
                &format!("--set {}", key.to_ascii_uppercase()),
                &key,
                &keys,
            ));
            continue;
        }
        builder = match builder.set_override(key, text.as_str()) {
            Ok(builder) => builder,
            Err(error) => {
                complaints.push(error.to_string());
                return BTreeMap::new();
            }
        };
    }
    // A broken file was told above; saying it twice helps nobody.
    let values = builder.build().and_then(|config| config.collect());
    let values = values.unwrap_or_default().into_iter();
    values
        .filter_map(|(key, value)| Some((key, found(value)?)))
        .collect()
}

fn file(sources: &Sources) -> Option<File<config::FileSourceFile, FileFormat>> {
    let named = sources
        .env
        .get("CONFIG_FILE")
        .filter(|name| !name.is_empty());
    let path = sources.file.clone().or(named.map(PathBuf::from))?;
    Some(File::from(path).format(FileFormat::Toml))
}

/// Only the names that this binary has: the rest of the environment is none of our business.
fn environment(sources: &Sources, keys: &[&str]) -> Environment {
    let ours = sources.env.iter().filter(|(name, _)| {
        keys.iter()
            .any(|key| key.to_ascii_uppercase() == name.as_str())
    });
    let ours = ours.map(|(name, text)| (name.clone(), text.clone()));
    Environment::default()
        .ignore_empty(true)
        .source(Some(ours.collect()))
}

fn unknown_keys(values: &HashMap<String, Value>, keys: &[&str]) -> Vec<String> {
    let mut strangers: Vec<&str> = values.keys().map(String::as_str).collect();
    strangers.retain(|key| !keys.contains(key) && !KNOWN_ELSEWHERE.contains(key));
    strangers.sort_unstable();
    let all: Vec<&str> = keys.iter().chain(KNOWN_ELSEWHERE).copied().collect();
    strangers
        .into_iter()
        .map(|key| unknown(&format!("{key:?} in the configuration file"), key, &all))
        .collect()
}

fn unknown(place: &str, key: &str, known: &[&str]) -> String {
    let distance =
        |candidate: &&&str| strsim::damerau_levenshtein(&key.to_ascii_lowercase(), candidate);
    match known.iter().min_by_key(distance) {
        Some(nearest) => format!("{place} is not a setting; the nearest one is {nearest:?}"),
        None => format!("{place} is not a setting"),
    }
}

/// The text of a value; lists are joined with commas, tables are no settings.
fn found(value: Value) -> Option<Found> {
    let origin = value.origin().unwrap_or("a --set flag").to_owned();
    let text = match value.kind {
        ValueKind::Array(items) => {
            let texts = items.into_iter().map(Value::into_string);
            texts.collect::<Result<Vec<_>, _>>().ok()?.join(",")
        }
        _ => value.into_string().ok()?,
    };
    Some(Found { text, origin })
}
