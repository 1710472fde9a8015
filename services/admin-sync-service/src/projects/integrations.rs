//! What operators do with integrations: look, change, try.

use client_api::{Integration, Reading, StoredIntegration};
use farol_core::status::{Slug, Status};
use serde::Serialize;
use serde_json::{Map, Value, json};
use utoipa::ToSchema;

use super::address::Origin;
use super::audit::{Event, Who};
use super::desk::Revised;
use super::draft::{Fate, IntegrationDraft, Laid};
use super::error::{ProjectError, WrongField};
use super::etag::matches;
use super::integration::{IntegrationRow, Shown, has_credentials};
use super::members::wrong;
use super::outcome::TrialView;
use super::scrub::Scrub;
use super::trials::Trials;
use crate::infra::integration_repo::IntegrationRepo;

/// Integrations.
pub struct Integrations {
    /// Where they are.
    pub repo: IntegrationRepo,
    /// What they mean.
    pub rules: Rules,
    /// How client APIs are tried.
    pub trials: Trials,
}

/// What rows mean, and whether credentials may be written.
#[derive(Clone)]
pub struct Rules {
    /// `SECRET_KEY` and `UNMAPPED_STATUS`.
    pub reading: Reading,
    /// There is a `SECRET_KEY`.
    pub can_seal: bool,
}

/// What a client's word means.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = MappedStatus)]
pub struct Match {
    /// The word as it was asked.
    #[schema(example = "livre")]
    original_status: String,
    /// What viewers are shown.
    #[schema(
        example = "available",
        pattern = "^(available|reserved|sold|hidden|unreleased)$"
    )]
    canonical_status: String,
    /// False: nobody mapped it, and it is what unmapped words become.
    matched: bool,
}

impl Integrations {
    /// The integration of a project; defaults where there is none.
    ///
    /// # Errors
    /// [`ProjectError::NotFound`], or of the database.
    pub async fn find(&self, slug: &Slug) -> Result<Shown, ProjectError> {
        let row = self.row(slug).await?;
        Ok(self.shown(row.as_ref()))
    }

    /// Writes what `draft` says over what is stored; with `if_match` only over what the client has seen.
    ///
    /// # Errors
    /// [`ProjectError`], with everything that is wrong.
    pub async fn change(
        &self,
        slug: &Slug,
        draft: IntegrationDraft,
        if_match: Option<&str>,
        who: &Who,
    ) -> Result<Shown, ProjectError> {
        let revise = |row: Option<&IntegrationRow>| {
            if if_match.is_some_and(|tags| !matches(tags, row)) {
                return Err(ProjectError::ChangedMeanwhile);
            }
            let laid = draft.onto(row.map(|row| &row.stored), &self.rules.reading);
            let laid = self.rules.may_be_stored(laid)?;
            let is_new = row.is_none();
            Ok((is_new || !laid.changed.is_empty()).then(|| revised(laid, slug, who)))
        };
        let row = self.repo.revise(slug, revise).await?;
        Ok(self.shown(row.as_ref()))
    }

    /// Takes the credentials away.
    ///
    /// # Errors
    /// [`ProjectError::NotFound`], or of the database.
    pub async fn forget_credentials(&self, slug: &Slug, who: &Who) -> Result<(), ProjectError> {
        let revise = |row: Option<&IntegrationRow>| {
            let stored = row.map(|row| &row.stored);
            let stored = stored.filter(|it| it.auth_credentials.is_some());
            Ok(stored.map(|stored| Revised {
                row: StoredIntegration {
                    auth_credentials: None,
                    ..stored.clone()
                },
                event: who.did("credentials_cleared", slug.as_str(), json!({})),
            }))
        };
        self.repo.revise(slug, revise).await.map(drop)
    }

    /// Asks the client API once, with what `draft` says laid over what is stored. Nothing of it is stored.
    ///
    /// # Errors
    /// [`ProjectError`]; a client API that fails is none.
    pub async fn test(
        &self,
        slug: &Slug,
        draft: IntegrationDraft,
        who: &Who,
    ) -> Result<TrialView, ProjectError> {
        let row = self.row(slug).await?;
        let before = row.as_ref().map(|row| &row.stored);
        let laid = draft.onto(before, &self.rules.reading);
        if !laid.wrong.is_empty() {
            return Err(ProjectError::Fields(laid.wrong));
        }
        let scrub = Scrub::of(&self.secrets(before, &laid));
        let withheld = laid.takes_credentials_along();
        let place = self.trials.place()?;
        // Before anything is sent: nobody makes us ask without a trace.
        self.repo.note(&tried(&laid, withheld, slug, who)).await?;
        let stored = if withheld {
            StoredIntegration {
                auth_type: None,
                auth_credentials: None,
                ..laid.stored
            }
        } else {
            laid.stored
        };
        let integration = Integration::read(Some(&stored), &self.rules.reading);
        let tried = self.trials.ask(&place, &integration).await?;
        let view = TrialView::of(tried, integration, scrub, withheld).await;
        drop(place);
        view
    }

    /// What `word` means.
    ///
    /// # Errors
    /// [`ProjectError::NotFound`], or of the database.
    pub async fn map_status(&self, slug: &Slug, word: &str) -> Result<Match, ProjectError> {
        let row = self.row(slug).await?;
        let stored = row.as_ref().map(|row| &row.stored);
        let mapping = Integration::read(stored, &self.rules.reading).mapping;
        let known: Option<Status> = mapping.resolve(word);
        Ok(Match {
            original_status: word.to_owned(),
            canonical_status: known.unwrap_or(mapping.unmapped()).as_str().to_owned(),
            matched: known.is_some(),
        })
    }

    async fn row(&self, slug: &Slug) -> Result<Option<IntegrationRow>, ProjectError> {
        self.repo.find(slug).await?.ok_or(ProjectError::NotFound)
    }

    fn shown(&self, row: Option<&IntegrationRow>) -> Shown {
        Shown::of(row, &self.rules.reading)
    }

    /// Those that are stored and those that are given: neither may come back.
    fn secrets(&self, stored: Option<&StoredIntegration>, laid: &Laid) -> Vec<Map<String, Value>> {
        let sealed = stored.and_then(|it| it.auth_credentials.as_deref());
        let opened = sealed.and_then(|it| self.rules.reading.vault.open(it).ok());
        let given = match &laid.credentials {
            Fate::Given(given) => Some(given.clone()),
            Fate::Kept | Fate::Cleared => None,
        };
        opened
            .map(|it| it.map().clone())
            .into_iter()
            .chain(given)
            .collect()
    }
}

impl Rules {
    fn may_be_stored(&self, mut laid: Laid) -> Result<Laid, ProjectError> {
        let field = "auth_credentials";
        let refuse = |rule: &str, wrongs: &mut Vec<WrongField>| wrongs.push(wrong(field, rule));
        if matches!(laid.credentials, Fate::Given(_)) && !self.can_seal {
            let rule = "cannot be stored: this service has no SECRET_KEY. Set the same one here and in public-service";
            refuse(rule, &mut laid.wrong);
        }
        if laid.takes_credentials_along() {
            let rule = "must be given anew, or null: the address changes to another origin, and stored credentials \
                        are only sent to the one they were given for";
            refuse(rule, &mut laid.wrong);
        }
        if laid.wrong.is_empty() {
            Ok(laid)
        } else {
            Err(ProjectError::Fields(laid.wrong))
        }
    }
}

fn revised(laid: Laid, slug: &Slug, who: &Who) -> Revised<StoredIntegration> {
    let mut detail = json!({"fields": laid.changed});
    if laid.is_moved {
        detail["origin"] = origin(&laid.stored);
    }
    match laid.credentials {
        Fate::Given(_) => detail["credentials"] = "replaced".into(),
        Fate::Cleared if laid.changed.contains(&"auth_credentials") => {
            detail["credentials"] = "cleared".into();
        }
        Fate::Cleared | Fate::Kept => {}
    }
    Revised {
        event: who.did("integration_changed", slug.as_str(), detail),
        row: laid.stored,
    }
}

fn tried(laid: &Laid, withheld: bool, slug: &Slug, who: &Who) -> Event {
    let stored = has_credentials(laid.stored.auth_credentials.as_deref());
    let credentials = match &laid.credentials {
        Fate::Given(_) => "given",
        Fate::Kept if stored && withheld => "withheld",
        Fate::Kept if stored => "stored",
        Fate::Kept | Fate::Cleared => "none",
    };
    let detail = json!({
        "fields": laid.changed, "origin": origin(&laid.stored), "credentials": credentials
    });
    who.did("integration_tested", slug.as_str(), detail)
}

/// Where it leads, without path and query.
fn origin(stored: &StoredIntegration) -> Value {
    let endpoint = stored.status_endpoint.as_deref();
    let origin = Origin::of(stored.api_base_url.as_deref(), endpoint);
    origin.map(|it| it.shown()).into()
}
