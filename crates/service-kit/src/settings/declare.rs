//! The two macros that declare settings, and what they expand to. How values are found is in `layers`.

use super::{Reader, Setting};

/// Defaults of a binary that differ from what its concerns declare: environment name and text.
pub type Overrides = &'static [(&'static str, &'static str)];

/// One setting, as declared.
#[derive(Clone, Debug)]
pub struct Field {
    /// The TOML key: the field's name.
    pub key: &'static str,
    /// The declared default as text; `None` where the setting is required.
    pub default: Option<&'static str>,
    /// Inclusive bounds of a number or of a duration (in the unit of the name).
    pub range: Option<(u64, u64)>,
    /// The doc lines.
    pub doc: &'static [&'static str],
    /// Its value never prints.
    pub secret: bool,
    /// It is written in quotes in TOML.
    pub quoted: bool,
    /// What a value must be, in words.
    pub rule: fn(&Field) -> String,
}

impl Field {
    /// The name in the environment and in flags.
    pub fn env(&self) -> String {
        self.key.to_ascii_uppercase()
    }

    /// The default of a binary with these overrides.
    pub fn default_under(&self, overrides: Overrides) -> Option<&'static str> {
        let overridden = overrides
            .iter()
            .find(|(name, _)| name.eq_ignore_ascii_case(self.key));
        overridden.map(|(_, text)| *text).or(self.default)
    }

    /// Everything that the type of a field fixes, for the macro.
    #[doc(hidden)]
    pub const fn of<T: Setting>(
        key: &'static str,
        default: Option<&'static str>,
        range: Option<(u64, u64)>,
        doc: &'static [&'static str],
    ) -> Self {
        Self {
            key,
            default,
            range,
            doc,
            secret: T::SECRET,
            quoted: T::QUOTED,
            rule: T::rule,
        }
    }
}

/// The settings of one concern; made by `settings!`.
pub trait Concern: Sized {
    /// The doc lines of the struct: the heading in the manual.
    const DOC: &'static [&'static str];
    /// Its fields in order.
    const FIELDS: &'static [Field];

    /// Reads every field; `None` where the reader has a complaint about one of them.
    fn read(reader: &mut Reader<'_>) -> Option<Self>;
}

/// One concern as the manual prints it.
#[derive(Debug)]
pub struct Group {
    /// The heading.
    pub doc: &'static [&'static str],
    /// What belongs under it.
    pub fields: &'static [Field],
}

impl Group {
    /// The group of a concern.
    pub fn of<C: Concern>() -> Self {
        Self {
            doc: C::DOC,
            fields: C::FIELDS,
        }
    }
}

/// All settings of one binary; made by `service_settings!`.
pub trait ServiceSettings: Sized {
    /// The name of the binary.
    const SERVICE: &'static str;
    /// Its own defaults.
    const OVERRIDES: Overrides;

    /// The concerns in order.
    fn groups() -> Vec<Group>;

    /// Reads every concern; `None` where the reader has a complaint.
    fn read(reader: &mut Reader<'_>) -> Option<Self>;
}

/// The ends of a range, for the macro: a `RangeInclusive` cannot be copied out of a constant.
#[doc(hidden)]
pub const fn bounds(range: &std::ops::RangeInclusive<u64>) -> (u64, u64) {
    (*range.start(), *range.end())
}

/// Declares the settings of a concern.
///
/// ```
/// service_kit::settings! {
///     /// How streams behave.
///     pub struct StreamSettings {
///         /// Seconds of silence after which a ping is sent.
///         ping_seconds: std::time::Duration = "30" in 1..=3600;
///         /// The page of the reference viewer; without one there is no viewer.
///         viewer_index: Option<std::path::PathBuf> = "";
///     }
/// }
/// assert_eq!(StreamSettings::default().ping_seconds.as_secs(), 30);
/// ```
///
/// A field without `= "…"` is required. A duration counts milliseconds where the name ends in `_ms`, seconds
/// elsewhere. `check = path;` after the struct names a `fn(&Self) -> Result<(), String>` for rules between fields.
/// `Default` gives the declared defaults, and empty text for what is required.
#[macro_export]
macro_rules! settings {
    ($(
        $(#[doc = $doc:literal])+
        $vis:vis struct $name:ident {
            $(
                $(#[doc = $field_doc:literal])+
                $field_vis:vis $field:ident : $type:ty $(= $default:literal $(in $range:expr)?)? ;
            )*
        }
        $(check = $check:expr;)?
    )+) => {$(
        $(#[doc = $doc])+
        #[derive(Clone, Debug)]
        $vis struct $name {
            $($(#[doc = $field_doc])+ pub $field: $type,)*
        }

        impl $crate::settings::Concern for $name {
            const DOC: &'static [&'static str] = &[$($doc),+];
            const FIELDS: &'static [$crate::settings::Field] = &[$(
                $crate::settings::Field::of::<$type>(
                    stringify!($field),
                    [$(Some($default),)? None][0],
                    [$($(Some($crate::settings::bounds(&$range)),)?)? None][0],
                    &[$($field_doc),+],
                ),
            )*];

            fn read(reader: &mut $crate::settings::Reader<'_>) -> Option<Self> {
                $(let $field = reader.read::<$type>(Self::FIELDS, stringify!($field));)*
                let read = Self { $($field: $field?,)* };
                $(reader.check($check(&read))?;)?
                Some(read)
            }
        }

        impl Default for $name {
            fn default() -> Self {
                $crate::settings::Reader::declared(|reader| {
                    <Self as $crate::settings::Concern>::read(reader)
                })
            }
        }
    )+};
}

/// Declares the settings of a binary: its name, defaults that differ, and its concerns, as `pub struct Settings`.
///
/// ```
/// use service_kit::settings::{ListenSettings, LogSettings};
/// service_kit::service_settings! {
///     "public-service";
///     PORT = "8080";
///     listen: ListenSettings,
///     log: LogSettings,
/// }
/// assert_eq!(Settings::default().listen.port, 8080);
/// ```
///
/// `; check = path;` after the last concern names a `fn(&Settings) -> Result<(), String>` for rules between concerns.
#[macro_export]
macro_rules! service_settings {
    ($service:literal; $($concern:ident : $type:ty),+ $(,)? $(; check = $check:expr;)?) => {
        $crate::service_settings! { $service; @ []; $($concern: $type),+ $(; $check)? }
    };
    (
        $service:literal; $($name:ident = $default:literal),+ $(,)?;
        $($concern:ident : $type:ty),+ $(,)? $(; check = $check:expr;)?
    ) => {
        $crate::service_settings! {
            $service; @ [$((stringify!($name), $default)),+]; $($concern: $type),+ $(; $check)?
        }
    };
    ($service:literal; @ [$($override:expr),*]; $($concern:ident : $type:ty),+ $(; $check:expr)?) => {
        #[doc = concat!("All settings of `", $service, "`, one member per concern.")]
        #[derive(Clone, Debug)]
        pub struct Settings {
            $(#[doc = concat!("See [`", stringify!($type), "`].")] pub $concern: $type,)+
        }

        impl $crate::settings::ServiceSettings for Settings {
            const SERVICE: &'static str = $service;
            const OVERRIDES: $crate::settings::Overrides = &[$($override),*];

            fn groups() -> Vec<$crate::settings::Group> {
                vec![$($crate::settings::Group::of::<$type>()),+]
            }

            fn read(reader: &mut $crate::settings::Reader<'_>) -> Option<Self> {
                $(let $concern = <$type as $crate::settings::Concern>::read(reader);)+
                let read = Self { $($concern: $concern?,)+ };
                $(reader.check($check(&read))?;)?
                Some(read)
            }
        }

        impl Default for Settings {
            fn default() -> Self {
                $crate::settings::Reader::declared_for::<Self>()
            }
        }
    };
}
