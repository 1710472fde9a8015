//! Who may come in: the one user of HTTP Basic, or whoever has a token that says `admin`; and a limit on wrong guesses.

mod basic;
mod bearer;
mod failures;

use std::net::IpAddr;

use actix_web::body::{EitherBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::{Method, header};
use actix_web::middleware::Next;
use actix_web::web::Data;
use actix_web::{Error, HttpMessage as _, ResponseError as _};
use service_kit::jwt::Verifier;

pub use self::basic::{Credentials, PasswordCheck};

use self::basic::Basic;
use self::failures::Failures;
use super::State;
use crate::error::{ApiError, Challenges};

/// Who asks, among the extensions of a request that came in.
#[derive(Debug, Clone)]
pub struct Actor(pub String);

/// The door's keeper.
pub struct Access {
    /// `None`: everybody may come in.
    ways: Option<Ways>,
    failures: Failures,
}

/// The ways in; a door without any stays shut.
struct Ways {
    basic: Option<Basic>,
    bearer: Option<Verifier>,
}

impl Access {
    /// A door that opens to `credentials`, and to tokens of an admin that `verifier` believes; after
    /// `failures_per_minute` wrong guesses an address has to wait.
    pub fn guarded(
        credentials: Option<Credentials>,
        verifier: Option<Verifier>,
        failures_per_minute: u32,
    ) -> Self {
        Self {
            ways: Some(Ways {
                basic: credentials.map(Basic::new),
                bearer: verifier,
            }),
            failures: Failures::new(failures_per_minute),
        }
    }

    /// A door that opens to everybody.
    pub fn open() -> Self {
        Self {
            ways: None,
            failures: Failures::new(0),
        }
    }

    /// The name of who asks, given the `Authorization` header.
    async fn admit(
        &self,
        client: IpAddr,
        authorization: Option<&[u8]>,
    ) -> Result<String, ApiError> {
        let Some(ways) = &self.ways else {
            return Ok("anonymous".to_owned());
        };
        // Asking without any is how a browser learns that some are wanted: no guess.
        let authorization = authorization.ok_or_else(|| ways.unauthorized())?;
        self.failures.may_try(client).map_err(ApiError::LockedOut)?;
        if let Some(name) = ways.admit(client, authorization, &self.failures).await? {
            return Ok(name);
        }
        self.failures.count(client);
        tracing::warn!(%client, "a login failed");
        Err(ways.unauthorized())
    }
}

impl Ways {
    async fn admit(
        &self,
        client: IpAddr,
        authorization: &[u8],
        failures: &Failures,
    ) -> Result<Option<String>, ApiError> {
        match (bearer::token(authorization), &self.bearer, &self.basic) {
            (Some(token), Some(verifier), _) => bearer::admit(verifier, token).await,
            (None, _, Some(basic)) => basic.admit(client, authorization, failures).await,
            _ => Ok(None),
        }
    }

    fn unauthorized(&self) -> ApiError {
        ApiError::Unauthorized(Challenges {
            basic: self.basic.is_some(),
            bearer: self.bearer.is_some(),
        })
    }
}

/// The door, in front of all routes.
pub async fn door<B: MessageBody + 'static>(
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<EitherBody<B>>, Error> {
    match admitted(&request).await {
        Ok(actor) => {
            request.extensions_mut().insert(actor);
            next.call(request)
                .await
                .map(ServiceResponse::map_into_left_body)
        }
        Err(error) => {
            let response = error.error_response().map_into_right_body();
            Ok(request.into_response(response))
        }
    }
}

async fn admitted(request: &ServiceRequest) -> Result<Actor, ApiError> {
    let Some(state) = request.app_data::<Data<State>>().cloned() else {
        return Err(ApiError::Unauthorized(Challenges::default()));
    };
    let client = state.client(request.request());
    let authorization = request
        .headers()
        .get(header::AUTHORIZATION)
        .map(|it| it.as_bytes().to_vec());
    let actor = state.access.admit(client, authorization.as_deref()).await?;
    if crosses_sites(request) {
        return Err(ApiError::CrossSite);
    }
    Ok(Actor(actor))
}

/// A browser adds the credentials that it has for us to whatever another site's page sends here, and says so.
fn crosses_sites(request: &ServiceRequest) -> bool {
    let safe = matches!(
        *request.method(),
        Method::GET | Method::HEAD | Method::OPTIONS
    );
    let site = request
        .headers()
        .get("sec-fetch-site")
        .map(header::HeaderValue::as_bytes);
    !safe && matches!(site, Some(b"cross-site" | b"same-site"))
}
