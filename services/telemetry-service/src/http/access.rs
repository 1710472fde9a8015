//! Who asks: the bearer token of a request, and whether its tenant may ask again already.

use std::pin::Pin;

use actix_web::dev::Payload;
use actix_web::http::header;
use actix_web::web::Data;
use actix_web::{FromRequest, HttpMessage as _, HttpRequest};

use super::State;
use crate::error::ApiError;
use crate::identity::{Denied, Viewer};

/// Somebody whose token holds.
pub struct Bearer(pub Viewer);

/// Somebody whose token holds, and whose request is counted and has its turn.
pub struct Reader(pub Viewer);

type Coming<T> = Pin<Box<dyn Future<Output = Result<T, ApiError>>>>;

impl FromRequest for Bearer {
    type Error = ApiError;
    type Future = Coming<Self>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let state = request.app_data::<Data<State>>().cloned();
        let request = request.clone();
        Box::pin(async move {
            // Without its state a request is nobody's; `app` sees to it that this does not happen.
            let state = state.ok_or(Denied::Away)?;
            let viewer = state.gate.admit(token(&request)).await?;
            Ok(Self(viewer))
        })
    }
}

impl FromRequest for Reader {
    type Error = ApiError;
    type Future = Coming<Self>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let state = request.app_data::<Data<State>>().cloned();
        let bearer = Bearer::from_request(request, payload);
        let request = request.clone();
        Box::pin(async move {
            let state = state.ok_or(Denied::Away)?;
            let Bearer(viewer) = bearer.await?;
            state
                .requests
                .take(&viewer.tenant)
                .map_err(ApiError::Limited)?;
            let running = state.reads.begin(&viewer.tenant).await;
            // Runs until the answer is made: the request goes then, and what it carries.
            let running = running.map_err(ApiError::Limited)?;
            request.extensions_mut().insert(running);
            Ok(Self(viewer))
        })
    }
}

/// What stands behind `Bearer`, in whatever case; anything else is no token.
fn token(request: &HttpRequest) -> Option<&str> {
    let sent = request
        .headers()
        .get(header::AUTHORIZATION)?
        .to_str()
        .ok()?;
    let (scheme, token) = sent.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    #[test]
    fn only_a_bearer_token_is_one() {
        let read = |sent: &str| {
            let request = TestRequest::default().insert_header((header::AUTHORIZATION, sent));
            token(&request.to_http_request()).map(str::to_owned)
        };
        assert_eq!(read("Bearer a.b.c").as_deref(), Some("a.b.c"));
        assert_eq!(read("bEARER  a.b.c ").as_deref(), Some("a.b.c"));
        for odd in ["", "Bearer", "a.b.c", "Basic a.b.c"] {
            assert_eq!(read(odd), None, "{odd}");
        }
        assert_eq!(token(&TestRequest::default().to_http_request()), None);
    }
}
