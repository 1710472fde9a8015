//! What a client is connected to, as a name: `task:<id>`, `version:<id>`.

use std::fmt;
use std::sync::Arc;

/// Longer ones come from no program of ours; the bound keeps the maps small whatever clients ask for.
const MOST_BYTES: usize = 256;

/// A kind and an id. Clones share the text.
///
/// ```
/// use gateway_client::Identifier;
///
/// let task = Identifier::parse("task:7f1c")?;
/// assert_eq!((task.kind(), task.id()), ("task", "7f1c"));
/// assert!(Identifier::new("task", "a:b").is_err());
/// # Ok::<(), gateway_client::InvalidIdentifier>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Identifier {
    text: Arc<str>,
    /// Where the colon stands.
    colon: usize,
}

/// A text that names nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidIdentifier {
    /// No kind, or no id.
    #[error("a kind and an id are needed")]
    Missing,
    /// A colon would make two readings of one text.
    #[error("the kind and the id hold no ':'")]
    Colon,
    /// More than 256 bytes.
    #[error("an identifier has at most {MOST_BYTES} bytes")]
    TooLong,
}

impl Identifier {
    /// `kind:id`.
    ///
    /// # Errors
    /// [`InvalidIdentifier`].
    pub fn new(kind: &str, id: &str) -> Result<Self, InvalidIdentifier> {
        if kind.is_empty() || id.is_empty() {
            return Err(InvalidIdentifier::Missing);
        }
        if kind.contains(':') || id.contains(':') {
            return Err(InvalidIdentifier::Colon);
        }
        let text = format!("{kind}:{id}");
        if text.len() > MOST_BYTES {
            return Err(InvalidIdentifier::TooLong);
        }
        Ok(Self {
            text: text.into(),
            colon: kind.len(),
        })
    }

    /// Reads what [`Identifier::as_str`] writes.
    ///
    /// # Errors
    /// [`InvalidIdentifier`].
    pub fn parse(text: &str) -> Result<Self, InvalidIdentifier> {
        let (kind, id) = text.split_once(':').ok_or(InvalidIdentifier::Missing)?;
        Self::new(kind, id)
    }

    /// What stands before the colon.
    pub fn kind(&self) -> &str {
        &self.text[..self.colon]
    }

    /// What stands behind the colon.
    pub fn id(&self) -> &str {
        &self.text[self.colon + 1..]
    }

    /// The whole text.
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

impl fmt::Display for Identifier {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.text)
    }
}
