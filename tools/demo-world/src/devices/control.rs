//! The endpoints by which a person plays the devices with curl, all under `/_control/devices`; listed
//! in docs/OPERATIONS.md.

use std::time::Duration;

use serde::Deserialize;
use serde_json::{Value, json};
use tokio::sync::oneshot;

use super::Desk;
use super::writer::{Order, Refusal, Wish};
use crate::message::{Reply, Request};

/// How long an order may wait: for a database that is not there yet, above all.
const PATIENCE: Duration = Duration::from_secs(10);
/// Readings of each device in one burst.
const MOST_READINGS: usize = 1_000;

/// `{"device_id": "dev-0001", "alert_type": "FIRE", "severity": 5}`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Raise {
    device_id: String,
    alert_type: String,
    #[serde(default = "usual_severity")]
    severity: i32,
}

fn usual_severity() -> i32 {
    3
}

/// `parts` is the path behind `/_control/devices`.
pub(crate) async fn answer(desk: &Desk, request: &Request, parts: &[&str]) -> Reply {
    let told = match (request.method.as_str(), parts) {
        ("GET", []) => all(desk).await,
        ("GET", ["database"]) => database(desk).await,
        (_, [tenant, rest @ ..]) => match wish(request, rest) {
            Ok(wish) => desk.ask(tenant, wish).await,
            Err(refusal) => Err(refusal),
        },
        _ => Err(Refusal::Unknown),
    };
    match told {
        // Indented, with a newline at the end: a person reads it in a terminal.
        Ok(value) => Reply::json(200, format!("{value:#}\n")),
        Err(refusal) => {
            let status = match refusal {
                Refusal::Unknown => 404,
                Refusal::Invalid(_) => 400,
                Refusal::Away(_) => 503,
            };
            Reply::json(status, json!({"error": refusal.to_string()}).to_string())
        }
    }
}

/// `rest` is the path behind the tenant.
fn wish(request: &Request, rest: &[&str]) -> Result<Wish, Refusal> {
    let paused = request.method == "POST";
    match (request.method.as_str(), rest) {
        ("GET", []) => Ok(Wish::Describe),
        ("POST", ["write"]) => readings(request).map(Wish::Burst),
        ("POST" | "DELETE", [device, "pause"]) => Ok(Wish::Pause {
            device: (*device).to_owned(),
            paused,
        }),
        ("POST", ["alerts"]) => raise(&request.body),
        ("DELETE", ["alerts"]) => {
            let fingerprint = query(request, "fingerprint");
            let missing = || Refusal::Invalid("fingerprint is missing".to_owned());
            Ok(Wish::Close {
                fingerprint: fingerprint.ok_or_else(missing)?,
            })
        }
        _ => Err(Refusal::Unknown),
    }
}

/// `?n=25` readings of each device; one unless said.
fn readings(request: &Request) -> Result<usize, Refusal> {
    let Some(text) = query(request, "n") else {
        return Ok(1);
    };
    let number = text.parse().ok();
    number
        .filter(|number| (1..=MOST_READINGS).contains(number))
        .ok_or_else(|| Refusal::Invalid(format!("n: a number from 1 to {MOST_READINGS}")))
}

fn raise(body: &[u8]) -> Result<Wish, Refusal> {
    let Raise {
        device_id,
        alert_type,
        severity,
    } = serde_json::from_slice(body).map_err(|error| Refusal::Invalid(error.to_string()))?;
    Ok(Wish::Raise {
        kind: alert_type,
        device: device_id,
        severity,
    })
}

async fn all(desk: &Desk) -> Result<Value, Refusal> {
    let mut told = Vec::new();
    for tenant in desk.tenants.keys() {
        told.push(desk.ask(tenant, Wish::Describe).await?);
    }
    Ok(json!({"tenants": told}))
}

/// What Postgres has counted in this database, by whomever: for measuring.
async fn database(desk: &Desk) -> Result<Value, Refusal> {
    let counted = desk.repo.transactions().await;
    let transactions = counted.map_err(|error| Refusal::Away(error.to_string()))?;
    Ok(json!({"transactions": transactions}))
}

impl Desk {
    async fn ask(&self, tenant: &str, wish: Wish) -> Result<Value, Refusal> {
        let tenant = self.tenants.get(tenant).ok_or(Refusal::Unknown)?;
        let (reply, answer) = oneshot::channel();
        let asked = async {
            tenant.send(Order { wish, reply }).await.ok()?;
            answer.await.ok()
        };
        let away = || Refusal::Away("it does not answer".to_owned());
        match tokio::time::timeout(PATIENCE, asked).await {
            Ok(Some(answer)) => answer,
            Ok(None) | Err(_) => Err(away()),
        }
    }
}

/// A parameter of the query, decoded.
fn query(request: &Request, name: &str) -> Option<String> {
    let (_, query) = request.path.split_once('?')?;
    form_urlencoded::parse(query.as_bytes())
        .find(|(key, _)| key == name)
        .map(|(_, value)| value.into_owned())
}
