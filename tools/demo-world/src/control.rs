//! The endpoints by which a person switches faults with curl: `GET /_control` lists, `POST
//! /_control/{project}/fault` sets or clears, `GET /health` answers.

use serde_json::{Value, json};

use crate::fault::FaultPlan;
use crate::message::{Reply, Request};
use crate::project::ProjectHandle;
use crate::server::World;

/// Everything that is not a project's own address.
pub(crate) fn answer(world: &World, request: &Request, path: &str) -> Reply {
    let parts: Vec<&str> = path.trim_matches('/').split('/').collect();
    match (request.method.as_str(), parts.as_slice()) {
        ("GET", ["health"]) => pretty(&json!({"status": "ok"})),
        ("GET", ["_control"]) => {
            pretty(&json!({"projects": world.all().iter().map(described).collect::<Vec<_>>()}))
        }
        ("GET", ["_control", name]) => on(world, name, |_| Ok(())),
        ("POST", ["_control", name, "fault"]) => {
            on(world, name, |handle| set_fault(handle, request))
        }
        ("DELETE", ["_control", name, "fault"]) => on(world, name, |handle| {
            handle.clear_fault();
            Ok(())
        }),
        ("POST", ["_control", name, "units"]) => {
            on(world, name, |handle| set_units(handle, request))
        }
        _ => Reply::problem(404),
    }
}

fn on(
    world: &World,
    name: &str,
    change: impl FnOnce(&ProjectHandle) -> Result<(), serde_json::Error>,
) -> Reply {
    let Some(handle) = world.find(name) else {
        return Reply::problem(404);
    };
    match change(&handle) {
        Ok(()) => pretty(&described(&handle)),
        Err(error) => Reply::json(400, json!({"error": error.to_string()}).to_string()),
    }
}

/// `{"fault": {"kind": "status", "code": 503}, "requests": 5}`; without `requests` until cleared.
fn set_fault(handle: &ProjectHandle, request: &Request) -> Result<(), serde_json::Error> {
    let plan: FaultPlan = serde_json::from_slice(&request.body)?;
    handle.set_plan((plan.requests != Some(0)).then_some(plan));
    Ok(())
}

/// `{"A0101": "sold"}`: the named units get these words, the others keep theirs.
fn set_units(handle: &ProjectHandle, request: &Request) -> Result<(), serde_json::Error> {
    let words: crate::units::Units = serde_json::from_slice(&request.body)?;
    for (unit, word) in words {
        handle.set(unit, word);
    }
    Ok(())
}

fn described(handle: &ProjectHandle) -> Value {
    json!({
        "project": handle.name(),
        "url": handle.url(),
        "units": handle.units().len(),
        "fault": handle.fault(),
        "requests": handle.request_count(),
        "auth_failures": handle.auth_failures(),
        "concurrent_max": handle.concurrent_max(),
    })
}

/// Indented, with a newline at the end: a person reads it in a terminal.
fn pretty(value: &Value) -> Reply {
    Reply::json(200, format!("{value:#}\n"))
}
