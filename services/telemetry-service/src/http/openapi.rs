//! The contract of the public listener, made from the handlers and the types of their answers. It is served on the ops
//! listener, printed by `--print-openapi`, and committed as docs/openapi/telemetry-service.json.

use service_kit::openapi::{self, Problems};
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::{Modify, OpenApi};

use super::{alerts, devices, health, pages, readings, ticket, upgrade};
use crate::feed::Message;
use crate::ws::Answer;

/// What is described beside the operations.
const ABOUT: &str = "Devices, readings and alerts of one tenant. Fields may be added: ignore what you do not know.\n\n\
    Every path below `/api/` but the WebSocket also answers OPTIONS (204); any other method is 405 with `Allow`. Requests that \
    cannot be read are answered without a body (400, 408, 431).\n\n\
    `SocketAnswer` and `SocketPush` are the messages of the WebSocket. What it is told, when each message comes and what the \
    close codes ask for is in docs/API.md.";

#[derive(OpenApi)]
#[openapi(
    info(title = "Farol: telemetry", description = ABOUT, license(name = "none", identifier = "LicenseRef-none")),
    servers((url = "http://{host}:{port}", description = "The public listener.", variables(
        ("host" = (default = "127.0.0.1", description = "HOST")), ("port" = (default = "8090", description = "PORT")),
    ))),
    paths(
        upgrade::upgrade, ticket::get, health::get,
        devices::list, devices::one, readings::range, readings::latest, alerts::list, alerts::one,
        pages::live, pages::asset,
    ),
    components(schemas(Answer, Message)),
    modifiers(&Problems, &Everywhere),
)]
struct Document;

/// The document, as it is served.
pub fn document() -> String {
    openapi::text(&Document::openapi())
}

/// The token, and HEAD wherever a GET is that is no page and no socket.
struct Everywhere;

impl Modify for Everywhere {
    fn modify(&self, document: &mut utoipa::openapi::OpenApi) {
        let bearer = HttpBuilder::new()
            .scheme(HttpAuthScheme::Bearer)
            .bearer_format("JWT")
            .description(Some("Of a tenant, with a role of ours."))
            .build();
        let components = document.components.get_or_insert_default();
        components.add_security_scheme("bearer", SecurityScheme::Http(bearer));
        for (path, item) in &mut document.paths.paths {
            if path.starts_with("/api/") && path != "/api/v2/ws" {
                openapi::add_head(item);
            }
        }
    }
}
