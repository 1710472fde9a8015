//! POST /internal/send: what the backend sends to its clients.

use tokio::time::Instant;

use super::gate::Gate;
use super::routes::Told;
use crate::error::ApiError;
use crate::session::{BadOrder, Order, Orders, Sent};
use crate::wire::Head;

const OK: &str = r#"{"status":"ok"}"#;
const BUFFERED: &str = r#"{"status":"buffered"}"#;

/// The answer to a send or to a batch of them.
pub fn post(gate: &Gate, head: &Head, body: &[u8]) -> Result<Told, ApiError> {
    let arrived = Instant::now();
    if !gate.admits(head.authorization()) {
        return Err(ApiError::unauthorized());
    }
    let orders = gate.sessions.style.orders(body);
    let orders = orders.inspect_err(|_| gate.metrics.refused())?;
    match orders {
        Orders::One(order) => {
            let done = follow(gate, order, arrived)?;
            Ok(Told::ok(done.as_bytes()))
        }
        Orders::Batch(orders) => {
            let each = orders.into_iter().map(|order| follow(gate, order, arrived));
            Ok(Told::ok(results(each)))
        }
    }
}

fn follow(
    gate: &Gate,
    order: Result<Order, BadOrder>,
    arrived: Instant,
) -> Result<&'static str, ApiError> {
    let order = order.inspect_err(|_| gate.metrics.refused())?;
    match gate.sessions.send(order, arrived) {
        Sent::Done => Ok(OK),
        Sent::Held => Ok(BUFFERED),
        Sent::Gone => Err(ApiError::token_not_found()),
        Sent::Broken => Err(ApiError::write_failed()),
    }
}

/// `{"results":[{"status","body"}]}`, in order.
fn results(each: impl Iterator<Item = Result<&'static str, ApiError>>) -> Vec<u8> {
    let mut body = br#"{"results":["#.to_vec();
    for (index, result) in each.enumerate() {
        let (status, answer) = match result {
            Ok(done) => (200, done.as_bytes().to_vec()),
            Err(error) => (error.status, error.body()),
        };
        if index > 0 {
            body.push(b',');
        }
        body.extend_from_slice(format!(r#"{{"status":{status},"body":"#).as_bytes());
        body.extend_from_slice(&answer);
        body.push(b'}');
    }
    body.extend_from_slice(b"]}");
    body
}
