//! GET /openapi.json: the contract, made from the handlers and the types of their answers.

use actix_web::{HttpResponse, Responder};
use serde::Serialize;
use service_kit::openapi;
use utoipa::openapi::path::Operation;
use utoipa::openapi::security::{
    ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme,
};
use utoipa::openapi::{Ref, RefOr};
use utoipa::{Modify, OpenApi, ToResponse, ToSchema};

use super::{
    audit, callback, console, dead_letters, deployments, docs, estimate, executions, force,
    integrations, projects, read, system, tasks,
};

/// An error: RFC 9457.
#[derive(Serialize, ToSchema)]
pub struct Problem {
    /// Always `about:blank`: `code` says which.
    #[serde(rename = "type")]
    kind: String,
    /// The words of the status.
    title: String,
    /// The status.
    #[schema(minimum = 400, maximum = 599)]
    status: u16,
    /// What happened, for people.
    detail: String,
    /// What happened, for programs.
    code: String,
    /// Which fields are wrong.
    errors: Option<Vec<WrongField>>,
    /// The request, as in the log.
    request_id: Option<String>,
    /// 409 of a new run: the live run that is in its way.
    blocking_id: Option<i32>,
    /// 409 of a run: the state that forbids it.
    state: Option<String>,
    /// 409 and 503 of requeueing all: so many are in their queue again.
    requeued: Option<u32>,
}

/// One wrong field.
#[derive(Serialize, ToSchema)]
pub struct WrongField {
    /// Its name.
    field: String,
    /// What is wrong with it.
    detail: String,
}

/// An error of the callback and of tasks.
#[derive(Serialize, ToSchema)]
pub struct PlainProblem {
    /// What happened.
    error: String,
    /// What is wrong with a payload, member by member.
    details: Option<Vec<String>>,
}

/// The answer to a request that is refused, or cannot be served now; `code` says why.
#[derive(Serialize, ToResponse)]
#[response(content_type = "application/problem+json")]
pub struct Refused(Problem);

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Farol: sync administration",
        description = "Watch and drive the ingestion of the PNCP. Fields may be added to answers: ignore what you do not know.",
        license(name = "none", identifier = "LicenseRef-none")
    ),
    paths(
        read::status, force::force, estimate::estimate, read::history, read::dashboard, read::coverage,
        executions::find, executions::cancel, executions::retry,
        tasks::status, tasks::cancel, tasks::hide,
        callback::callback, deployments::announce,
        console::session, console::sign_in, console::sign_out, console::shell, console::page, console::asset,
        projects::list, projects::create, projects::find, projects::change, projects::deactivate,
        integrations::find, integrations::change, integrations::forget_credentials, integrations::test,
        integrations::map_status, audit::list,
        system::system, dead_letters::list, dead_letters::requeue, dead_letters::requeue_all,
        dead_letters::discard, dead_letters::discard_all,
        document, docs::page, docs::asset,
    ),
    components(responses(Refused), schemas(Problem, WrongField, PlainProblem)),
    modifiers(&Everywhere),
)]
struct Document;

/// This document.
#[utoipa::path(
    get, path = "/openapi.json", tag = "documents",
    responses((status = 200, description = "OpenAPI 3.1.", body = serde_json::Value)),
)]
pub async fn document() -> impl Responder {
    HttpResponse::Ok()
        .content_type("application/json")
        .body(text())
}

/// The document as it is served, printed by `--print-openapi`, and committed as docs/openapi/admin-sync-service.json.
pub fn text() -> String {
    openapi::text(&Document::openapi())
}

/// What every operation has: the door, and what may happen to any request.
struct Everywhere;

impl Modify for Everywhere {
    fn modify(&self, document: &mut utoipa::openapi::OpenApi) {
        let basic = HttpBuilder::new().scheme(HttpAuthScheme::Basic).build();
        let bearer = HttpBuilder::new()
            .scheme(HttpAuthScheme::Bearer)
            .bearer_format("JWT")
            .description(Some(
                "With the role `admin`, where the service knows an issuer.",
            ))
            .build();
        let components = document.components.get_or_insert_default();
        components.add_security_scheme("basic", SecurityScheme::Http(basic));
        components.add_security_scheme("bearer", SecurityScheme::Http(bearer));
        let session = ApiKey::Cookie(ApiKeyValue::with_description(
            "farol_session",
            "What signing in to the console gave; whatever changes something needs X-Requested-With: farol-console beside it.",
        ));
        components.add_security_scheme("session", SecurityScheme::ApiKey(session));
        // Any will do.
        let schemes = ["basic", "bearer", "session"];
        let either = schemes.map(|name| SecurityRequirement::new(name, Vec::<String>::new()));
        document.security = Some(either.to_vec());
        for item in document.paths.paths.values_mut() {
            for operation in openapi::operations(item) {
                add(operation, &["401", "403", "429", "500", "503"]);
            }
        }
    }
}

fn add(operation: &mut Operation, statuses: &[&str]) {
    for status in statuses {
        let refused = RefOr::Ref(Ref::from_response_name("Refused"));
        operation
            .responses
            .responses
            .entry((*status).to_owned())
            .or_insert(refused);
    }
}
