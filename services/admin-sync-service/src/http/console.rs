//! The console: its shell and its files, which are the same for everybody, and who is signed in to it.

use actix_web::HttpMessage as _;
use actix_web::http::header::{self, EntityTag, HeaderValue, IfNoneMatch};
use actix_web::web::{Data, Path};
use actix_web::{HttpRequest, HttpResponse};
use serde::Serialize;
use service_kit::pages;
use service_kit::settings::Url;
use sha2::{Digest as _, Sha256};
use utoipa::ToSchema;
use utoipa::openapi::Object;
use utoipa::openapi::schema::{ObjectBuilder, Type};

use super::State;
use super::access::Shown;
use super::console_assets::ASSETS;
use crate::error::ApiError;

/// What the console is shown with.
pub struct Console {
    facts: Facts,
    policy: String,
}

/// What the console has to know of this service.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Facts {
    /// Of this service.
    #[schema(example = "0.1.0")]
    pub version: &'static str,
    /// `SYNC_TIMEZONE`: of dates without an offset, and of the portal's days.
    #[schema(example = "America/Sao_Paulo")]
    pub time_zone: String,
    /// Those that should be here.
    pub modalidades: Vec<i16>,
    /// The gateway as browsers reach it, without a slash at its end.
    #[schema(example = "http://127.0.0.1:3000")]
    pub stream_url: String,
    /// public-service as browsers reach it; null where nobody said.
    pub viewer_url: Option<String>,
    /// What a word becomes that no mapping knows, unless the integration says.
    #[schema(example = "available")]
    pub unmapped_status: String,
}

/// Whether credentials are asked for.
#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Auth {
    /// They are.
    On,
    /// Everybody may come in.
    Off,
}

/// Who is signed in, and what the console has to know.
#[derive(Debug, Serialize, ToSchema)]
#[serde(untagged)]
pub enum Session {
    /// Somebody is.
    SignedIn(SignedIn),
    /// Nobody is.
    SignedOut(SignedOut),
}

/// Of somebody who may come in.
#[derive(Debug, Serialize, ToSchema)]
pub struct SignedIn {
    /// The name; `anonymous` where everybody may come in.
    user: String,
    auth: Auth,
    /// Whether name and password are a way in.
    basic: bool,
    #[serde(flatten)]
    facts: Facts,
}

/// What tells the two apart.
fn nobody() -> Object {
    let null = ObjectBuilder::new().schema_type(Type::Null);
    null.description(Some("Always null.")).build()
}

/// Of anybody else.
#[derive(Debug, Serialize, ToSchema)]
pub struct SignedOut {
    #[schema(required, schema_with = nobody)]
    user: Option<String>,
    auth: Auth,
    /// Whether name and password are a way in.
    basic: bool,
}

impl Console {
    /// The console of a service of which `facts` hold. Its pages may ask the gateway beside us.
    pub fn new(facts: Facts) -> Self {
        let gateway = Url::parse(&facts.stream_url).map(|url| url.origin().ascii_serialization());
        // An address without a host has no origin that could be told.
        let gateway = gateway.ok().filter(|origin| origin != "null");
        let ours = "connect-src 'self'";
        let policy = gateway.map_or_else(
            || pages::POLICY.to_owned(),
            |it| pages::POLICY.replace(ours, &format!("{ours} {it}")),
        );
        Self { facts, policy }
    }
}

/// Who is signed in to the console, and what it has to know.
#[utoipa::path(
    get, path = "/console/session", operation_id = "session", tag = "console",
    security((), ("session" = []), ("basic" = []), ("bearer" = [])),
    responses((status = 200, description = "Who it is; `user` is null for whoever shows nothing, or a session that is over.", body = Session)),
)]
pub async fn session(request: HttpRequest, state: Data<State>) -> Result<HttpResponse, ApiError> {
    let shown = Shown::of(&request, &state);
    let known = state.access.known(&shown).await?;
    let cookie = state.access.forgets(&shown);
    Ok(told(&state, known.map(|it| it.name), cookie))
}

/// Signs in: what name and password open, the cookie that comes with the answer opens from now on.
#[utoipa::path(
    post, path = "/console/session", operation_id = "sign_in", tag = "console",
    security(("basic" = [])),
    params(("X-Requested-With" = String, Header, description = "`farol-console`: pages of other sites cannot send it.", pattern = "^farol-console$")),
    responses((status = 200, description = "Signed in, for `SESSION_HOURS`.", body = Session,
        headers(("Set-Cookie" = String, description = "`farol_session`, for this host alone.")))),
)]
pub async fn sign_in(request: HttpRequest, state: Data<State>) -> Result<HttpResponse, ApiError> {
    let (user, cookie) = state.access.sign_in(&Shown::of(&request, &state)).await?;
    Ok(told(&state, Some(user), cookie))
}

/// Signs out: this browser forgets the cookie. Sessions of others, and copies of it, go on until they end.
#[utoipa::path(
    delete, path = "/console/session", operation_id = "sign_out", tag = "console",
    security(()),
    params(("X-Requested-With" = String, Header, description = "`farol-console`.", pattern = "^farol-console$")),
    responses((status = 204, description = "Forgotten, whether there was one or not.",
        headers(("Set-Cookie" = String, description = "`farol_session`, empty and over.")))),
)]
pub async fn sign_out(request: HttpRequest, state: Data<State>) -> Result<HttpResponse, ApiError> {
    let shown = Shown::of(&request, &state);
    shown.is_from_the_console()?;
    let forget = (header::SET_COOKIE, shown.forget());
    Ok(HttpResponse::NoContent().insert_header(forget).finish())
}

/// The console.
#[utoipa::path(
    get, path = "/console", operation_id = "console", tag = "console",
    security(()),
    responses((status = 200, description = "The page.", body = String, content_type = "text/html")),
)]
pub async fn shell(state: Data<State>) -> HttpResponse {
    let shell = include_str!("../../assets/console/index.html");
    pages::page_under(shell, &state.console.policy)
}

/// The same page: its script reads the address.
#[utoipa::path(
    get, path = "/console/{page}", operation_id = "console_page", tag = "console",
    security(()),
    params(("page" = String, Path, description = "Which page, with slashes.")),
    responses((status = 200, description = "The page.", body = String, content_type = "text/html")),
)]
pub async fn page(state: Data<State>) -> HttpResponse {
    shell(state).await
}

/// What the console consists of. A browser may keep it, and asks each time whether it is still so.
#[utoipa::path(
    get, path = "/console-assets/{name}", operation_id = "console_asset", tag = "console",
    security(()),
    params(
        ("name" = String, Path, description = "The name of a file, with its folder if it is in one.", example = "main.js"),
        ("If-None-Match" = Option<String>, Header, description = "The `ETag` of what the browser has."),
    ),
    responses(
        (status = 200, description = "The file.", content((String = "text/javascript"), (String = "text/css")),
            headers(("ETag" = String, description = "Another one for any other content."))),
        (status = 304, description = "It is still so."),
        (status = 404, response = super::openapi::Refused),
    ),
)]
pub async fn asset(request: HttpRequest, name: Path<String>) -> HttpResponse {
    let Some(found) = ASSETS.iter().find(|asset| asset.name == *name) else {
        return pages::asset(ASSETS, &name);
    };
    let tag = EntityTag::new_strong(format!("{:x}", Sha256::digest(found.content)));
    let known = match request.get_header::<IfNoneMatch>() {
        Some(IfNoneMatch::Items(tags)) => tags.iter().any(|it| it.weak_eq(&tag)),
        _ => false,
    };
    let mut response = if known {
        HttpResponse::NotModified().finish()
    } else {
        pages::asset(ASSETS, &name)
    };
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    if let Ok(tag) = HeaderValue::try_from(tag.to_string()) {
        headers.insert(header::ETAG, tag);
    }
    response
}

/// Whoever types the address of this service into a browser wants the console.
pub async fn home() -> HttpResponse {
    let console = (header::LOCATION, "/console");
    HttpResponse::SeeOther().insert_header(console).finish()
}

fn told(state: &State, user: Option<String>, cookie: Option<String>) -> HttpResponse {
    let auth = if state.access.is_guarded() {
        Auth::On
    } else {
        Auth::Off
    };
    let basic = state.access.takes_passwords();
    let mut response = HttpResponse::Ok();
    if let Some(cookie) = cookie {
        response.insert_header((header::SET_COOKIE, cookie));
    }
    response.json(match user {
        Some(user) => Session::SignedIn(SignedIn {
            user,
            auth,
            basic,
            facts: state.console.facts.clone(),
        }),
        None => Session::SignedOut(SignedOut { user, auth, basic }),
    })
}
