//! The contract of the public listener, made from the handlers and the types of what is answered. It is served on the ops
//! listener, printed by `--print-openapi`, and committed as docs/openapi/public-service.json.

use service_kit::openapi::{self, Problems};
use utoipa::openapi::schema::{AllOf, AllOfBuilder, Schema};
use utoipa::openapi::{Ref, RefOr};
use utoipa::{Modify, OpenApi, PartialSchema, ToSchema};

use super::{pages, status, stream};
use crate::status::body::{Refresh, StatusBody};
use crate::status::{BulkUpdate, Closed, Connected, Ping, StateChange, StatusUpdate};

/// What is described beside the operations.
const ABOUT: &str = "The unit statuses of projects, as they are and as they change. Fields may be added: ignore what you do \
    not know. Any page may read the answers; no cache keeps them.\n\n\
    Every path below `/api/` also answers OPTIONS (204); any other method is 405 with `Allow`. Requests that cannot be read \
    are answered without a body (400, 408, 431).\n\n\
    The schemas `event.…` are the data of the events of the stream. When each comes is in docs/API.md.";
/// The paths of a status, and their alias, which shipped viewers use.
const PREFIXES: [&str; 2] = ["/api/public/{slug}/status", "/api/status/{slug}"];

#[derive(OpenApi)]
#[openapi(
    info(title = "Farol: public status", description = ABOUT, license(name = "none", identifier = "LicenseRef-none")),
    servers((url = "http://{host}:{port}", description = "The public listener.", variables(
        ("host" = (default = "127.0.0.1", description = "HOST")), ("port" = (default = "8080", description = "PORT")),
    ))),
    paths(
        status::get, status::refresh, stream::get, stream::head,
        pages::viewer, pages::asset, pages::index, pages::list,
    ),
    components(schemas(Refresh, Connected, StatusUpdate, BulkUpdate, StateChange, Ping, Closed)),
    modifiers(&Problems, &HeadsAndAliases),
)]
struct Document;

/// The document, as it is served.
pub fn document() -> String {
    openapi::text(&Document::openapi())
}

/// What a refresh is answered: [`StatusBody`] and [`Refresh`] in one.
pub struct Refreshed;

impl PartialSchema for Refreshed {
    fn schema() -> RefOr<Schema> {
        let parts = [StatusBody::name(), Refresh::name()].map(Ref::from_schema_name);
        let all = parts.into_iter().fold(AllOf::builder(), AllOfBuilder::item);
        all.description(Some("The state after a fetch that was forced."))
            .into()
    }
}

impl ToSchema for Refreshed {
    fn name() -> std::borrow::Cow<'static, str> {
        "RefreshedStatus".into()
    }
}

struct HeadsAndAliases;

impl Modify for HeadsAndAliases {
    fn modify(&self, document: &mut utoipa::openapi::OpenApi) {
        let [prefix, alias] = PREFIXES;
        let items = &mut document.paths.paths;
        if let Some(status) = items.get_mut(prefix) {
            openapi::add_head(status);
        }
        let named = items.iter().filter_map(|(path, item)| {
            let rest = path.strip_prefix(prefix)?;
            Some((format!("{alias}{rest}"), openapi::alias(item, "alias")))
        });
        let named: Vec<_> = named.collect();
        items.extend(named);
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::status::EventKind;

    #[test]
    fn each_event_that_can_be_sent_is_described_and_no_other() {
        let document = Document::openapi();
        let schemas = &document.components.as_ref().unwrap().schemas;
        let described: BTreeSet<&str> = schemas
            .keys()
            .filter_map(|name| name.strip_prefix("event."))
            .collect();
        assert_eq!(described, EventKind::ALL.map(EventKind::as_str).into());
    }
}
