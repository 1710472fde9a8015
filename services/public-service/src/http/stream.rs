//! GET …/status/stream for every connection that is not served by `wire`:
//! HTTP/2, TLS, HTTP/1.0, and a second request on one connection.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use actix_web::body::{BodySize, MessageBody};
use actix_web::http::{ConnectionType, Version, header};
use actix_web::web::{Bytes, Data, Path};
use actix_web::{HttpRequest, HttpResponse};
use service_kit::openapi::{ComeBack, Refused};

use super::{BadQuery, State, StreamQuery};
use crate::error::ApiError;
use crate::public::Watch;
use crate::status::{ViewerStream, Write};

/// The present state of a project, then every change, as an event stream. The data of each event is a schema named by it:
/// `event.status_update` is that of `status_update`.
#[utoipa::path(
    get, path = "/api/public/{slug}/status/stream", tag = "status", operation_id = "stream",
    params(
        ("slug" = String, Path, description = "The project.", pattern = "^[a-z][a-z0-9-]{1,99}$", example = "garden-court"),
        ("mode" = Option<String>, Query, description = "`full`: the whole state wherever a `bulk_update` would come.", pattern = "^(full|changes)?$"),
        ("last_event_id" = Option<String>, Query, description = "As the header, for those who cannot send it."),
        ("Last-Event-ID" = Option<String>, Header, description = "A `version` or `id` that was seen: what changed since then comes first."),
    ),
    responses(
        (status = 200, description = "Server-sent events without an end.", body = String, content_type = "text/event-stream"),
        (status = 404, response = Refused), (status = 422, response = Refused), (status = 429, response = ComeBack),
        (status = 500, response = Refused), (status = 503, response = ComeBack),
    ),
)]
pub async fn get(
    request: HttpRequest,
    slug: Path<String>,
    state: Data<State>,
) -> Result<HttpResponse, ApiError> {
    let query = StreamQuery::parse(request.query_string())?;
    let header = request.headers().get("last-event-id");
    let header = header
        .and_then(|id| id.to_str().ok())
        .filter(|id| !id.is_empty());
    let watch = Watch {
        slug: &slug,
        last_event_id: header.or(query.last_event_id.as_deref()),
        mode: query.mode,
        client: state.client(&request),
    };
    let stream = state.public.watch(watch).await?;
    let mut response = event_stream().body(Frames {
        stream,
        ended: false,
    });
    // HTTP/1.0 knows no chunks: its stream ends with the connection.
    if request.version() < Version::HTTP_11 {
        response.head_mut().no_chunking(true);
        response
            .head_mut()
            .set_connection_type(ConnectionType::Close);
    }
    Ok(response)
}

/// What a GET would say first, without taking a seat.
#[utoipa::path(
    head, path = "/api/public/{slug}/status/stream", tag = "status", operation_id = "stream_head",
    params(("slug" = String, Path, description = "The project.", pattern = "^[a-z][a-z0-9-]{1,99}$", example = "garden-court")),
    responses(
        (status = 200, description = "There is such a project."), (status = 404, description = "There is none."),
        (status = 500, description = "Our fault."), (status = 503, description = "Nobody can say right now."),
    ),
)]
pub async fn head(slug: Path<String>, state: Data<State>) -> Result<HttpResponse, ApiError> {
    state.public.find(&slug).await?;
    Ok(event_stream().finish())
}

fn event_stream() -> actix_web::HttpResponseBuilder {
    let mut response = HttpResponse::Ok();
    response
        .insert_header((header::CONTENT_TYPE, "text/event-stream"))
        .insert_header(("x-accel-buffering", "no"));
    response
}

impl From<BadQuery> for ApiError {
    fn from(BadQuery(field, rule): BadQuery) -> Self {
        Self::Query(field, rule)
    }
}

/// A stream as a body: actix takes a frame whenever it has room for one, so a
/// viewer that lags is folded for here as it is in `wire`.
struct Frames {
    stream: ViewerStream,
    ended: bool,
}

impl MessageBody for Frames {
    type Error = std::convert::Infallible;

    fn size(&self) -> BodySize {
        BodySize::Stream
    }

    fn poll_next(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, Self::Error>>> {
        if self.ended {
            return Poll::Ready(None);
        }
        let frame = match ready!(self.stream.poll_write(cx)) {
            Write::Frame(frame, sent) => {
                if let Some(shared) = sent {
                    self.stream.sent(&shared);
                }
                frame
            }
            Write::Last(frame) => {
                self.ended = true;
                frame
            }
        };
        Poll::Ready(Some(Ok(frame.plain())))
    }
}
