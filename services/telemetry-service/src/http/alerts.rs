//! GET /api/v2/alerts, and one of them.

use actix_web::HttpRequest;
use actix_web::web::{Data, Json, Path};
use serde::Serialize;
use service_kit::openapi::{ComeBack, Refused, WhoAreYou};
use utoipa::ToSchema;

use super::State;
use super::access::Reader;
use super::query::Query;
use crate::error::ApiError;
use crate::infra::alert_repo::{AlertDetail, AlertFilter};
use crate::model::TenantId;

/// What an alert may be.
const STATUSES: [&str; 3] = ["OPEN", "ACKNOWLEDGED", "CLOSED"];
/// Characters of the longest type that is looked for.
const LONGEST_TYPE: usize = 200;

/// A page of a tenant's alerts, newest first.
#[derive(Serialize, ToSchema)]
pub struct AlertPage {
    tenant_id: TenantId,
    alerts: Vec<AlertDetail>,
    count: usize,
    status: String,
    #[schema(required)]
    alert_type: Option<String>,
    limit: u16,
    offset: u32,
}

/// One alert.
#[derive(Serialize, ToSchema)]
pub struct OneAlert {
    tenant_id: TenantId,
    alert: AlertDetail,
}

/// Alerts of the tenant, newest first.
#[utoipa::path(
    get, path = "/api/v2/alerts", tag = "alerts", operation_id = "alerts",
    params(
        ("status" = Option<String>, Query, description = "OPEN where it is not given.", pattern = "^(OPEN|ACKNOWLEDGED|CLOSED)?$"),
        ("alert_type" = Option<String>, Query, description = "Only those of this type.", max_length = 200),
        ("limit" = Option<u16>, Query, description = "At most so many; 100 where it is not given.", minimum = 1, maximum = 1000),
        ("offset" = Option<u32>, Query, description = "Behind so many.", maximum = 100_000),
    ),
    responses(
        (status = 200, description = "A page of them.", body = AlertPage),
        (status = 401, response = WhoAreYou), (status = 403, response = Refused),
        (status = 422, response = Refused), (status = 429, response = ComeBack),
        (status = 500, response = Refused), (status = 503, response = ComeBack),
    ),
    security(("bearer" = [])),
)]
pub async fn list(
    Reader(viewer): Reader,
    request: HttpRequest,
    state: Data<State>,
) -> Result<Json<AlertPage>, ApiError> {
    let mut query = Query::of(&request);
    let filter = filter(&mut query);
    let page = query.page();
    query.finish()?;
    let listed = state
        .alerts
        .list(&viewer.tenant, &filter, page.limit, page.offset);
    let alerts = listed.await?;
    Ok(Json(AlertPage {
        tenant_id: viewer.tenant,
        count: alerts.len(),
        alerts,
        status: filter.status,
        alert_type: filter.alert_type,
        limit: page.limit,
        offset: page.offset,
    }))
}

/// One alert.
#[utoipa::path(
    get, path = "/api/v2/alerts/{id}", tag = "alerts", operation_id = "alert",
    params(("id" = i64, Path, description = "The alert.", example = 1)),
    responses(
        (status = 200, description = "The alert.", body = OneAlert),
        (status = 401, response = WhoAreYou), (status = 403, response = Refused),
        (status = 404, response = Refused), (status = 429, response = ComeBack),
        (status = 500, response = Refused), (status = 503, response = ComeBack),
    ),
    security(("bearer" = [])),
)]
pub async fn one(
    Reader(viewer): Reader,
    id: Path<String>,
    state: Data<State>,
) -> Result<Json<OneAlert>, ApiError> {
    // What is no number is no alert's, and nobody is asked about it.
    let id = id.parse().map_err(|_| ApiError::AlertNotFound)?;
    let alert = state.alerts.one(&viewer.tenant, id).await?;
    Ok(Json(OneAlert {
        tenant_id: viewer.tenant,
        alert: alert.ok_or(ApiError::AlertNotFound)?,
    }))
}

fn filter(query: &mut Query) -> AlertFilter {
    let status = query.read("status", "must be OPEN, ACKNOWLEDGED or CLOSED", |word| {
        STATUSES.into_iter().find(|status| *status == word)
    });
    let rule = "must be at most 200 characters, none of them NUL";
    let alert_type = query.read("alert_type", rule, |text| {
        // Postgres has no NUL in texts.
        let usable = text.chars().count() <= LONGEST_TYPE && !text.contains('\0');
        usable.then(|| text.to_owned())
    });
    AlertFilter {
        status: status.unwrap_or("OPEN").to_owned(),
        alert_type,
    }
}
