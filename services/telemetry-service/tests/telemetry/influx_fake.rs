//! Stand-ins for an `InfluxDB`: one that says what it is told to, and one of version 3 that is strict about every byte
//! that it is sent.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use serde_json::{Map, Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

use crate::suite::Row;

/// The token that it wants.
pub const TOKEN: &str = "s3cret-of-influx";

/// A request.
#[derive(Clone, Debug)]
pub struct Heard {
    /// The head, as it was sent.
    pub head: String,
    /// The body.
    pub body: String,
}

impl Heard {
    /// Whether the head has this line.
    pub fn has(&self, line: &str) -> bool {
        self.head.lines().any(|it| it.eq_ignore_ascii_case(line))
    }
}

type Answer = Arc<dyn Fn(&Heard) -> (u16, String) + Send + Sync>;

/// A server whose answers are made by a function. Ends with its value.
pub struct Server {
    address: SocketAddr,
    heard: Arc<Mutex<Vec<Heard>>>,
    _serving: JoinSet<()>,
}

impl Server {
    /// Status and body for each request.
    pub async fn start(answer: impl Fn(&Heard) -> (u16, String) + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let (address, answer): (_, Answer) = (listener.local_addr().unwrap(), Arc::new(answer));
        let heard = Arc::<Mutex<Vec<Heard>>>::default();
        let (mut serving, all) = (JoinSet::new(), Arc::clone(&heard));
        serving.spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                connections.spawn(serve(stream, Arc::clone(&answer), Arc::clone(&all)));
            }
        });
        Self {
            address,
            heard,
            _serving: serving,
        }
    }

    /// Where it is.
    pub fn url(&self) -> String {
        format!("http://{}/", self.address)
    }

    /// What it was asked, oldest first.
    pub fn heard(&self) -> Vec<Heard> {
        self.heard
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}

/// One request per connection.
async fn serve(mut stream: TcpStream, answer: Answer, all: Arc<Mutex<Vec<Heard>>>) {
    let Some(request) = request(&mut stream).await else {
        return;
    };
    let (status, body) = answer(&request);
    all.lock()
        .unwrap_or_else(PoisonError::into_inner)
        .push(request);
    let head = format!(
        "HTTP/1.1 {status} X\r\ncontent-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
        body.len()
    );
    // Whoever asked may be gone.
    let _ = stream.write_all((head + &body).as_bytes()).await;
}

async fn request(stream: &mut TcpStream) -> Option<Heard> {
    let mut read = Vec::new();
    loop {
        if let Some(end) = read.windows(4).position(|it| it == b"\r\n\r\n") {
            let head = String::from_utf8(read[..end].to_vec()).ok()?;
            let length = head.lines().find_map(|line| {
                line.to_ascii_lowercase()
                    .strip_prefix("content-length: ")?
                    .parse()
                    .ok()
            });
            let whole = end + 4 + length.unwrap_or(0_usize);
            while read.len() < whole {
                if stream.read_buf(&mut read).await.ok()? == 0 {
                    return None;
                }
            }
            let body = String::from_utf8(read[end + 4..].to_vec()).ok()?;
            return Some(Heard { head, body });
        }
        if stream.read_buf(&mut read).await.ok()? == 0 {
            return None;
        }
    }
}

/// Version 3, as far as two queries go.
#[derive(Clone, Default)]
pub struct Fake3(Arc<Mutex<Vec<Row>>>);

impl Fake3 {
    /// Readings arrive; what has the place of another takes it.
    pub fn write(&self, rows: Vec<Row>) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for row in rows {
            let place = |it: &Row| (it.tenant.clone(), it.device.clone(), it.time);
            all.retain(|it| place(it) != place(&row));
            all.push(row);
        }
    }

    /// The answer to a request; 400 with the reason for whatever is not exactly right.
    pub fn answer(&self, heard: &Heard) -> (u16, String) {
        self.judge(heard)
            .unwrap_or_else(|why| (400, json!({"error": why}).to_string()))
    }

    fn judge(&self, heard: &Heard) -> Result<(u16, String), String> {
        for line in [
            "POST /api/v3/query_sql HTTP/1.1",
            "content-type: application/json",
            &format!("authorization: Bearer {TOKEN}"),
        ] {
            if !heard.has(line) {
                return Err(format!("no line {line}"));
            }
        }
        let asked: Map<String, Value> =
            serde_json::from_str(&heard.body).map_err(|it| it.to_string())?;
        let names: Vec<&str> = asked.keys().map(String::as_str).collect();
        if names != ["db", "format", "params", "q"] || asked["format"] != "json" {
            return Err(format!("members {names:?}"));
        }
        let (Some(database), Some(text), Some(params)) = (
            asked["db"].as_str(),
            asked["q"].as_str(),
            asked["params"].as_object(),
        ) else {
            return Err("a member has another type".to_owned());
        };
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let of_tenant = all
            .iter()
            .filter(|it| database.strip_prefix("telemetry_") == Some(it.tenant.as_str()));
        let mut rows: Vec<&Row> = of_tenant.collect();
        if rows.is_empty() {
            let error = format!("query error: database not found: {database}");
            return Ok((404, json!({"error": error, "data": null}).to_string()));
        }
        rows.sort_by_key(|row| std::cmp::Reverse(row.time));
        let found = if params.contains_key("d0") {
            latest(&rows, text, params)?
        } else {
            range(&rows, text, params)?
        };
        Ok((200, Value::Array(found).to_string()))
    }
}

fn latest(rows: &[&Row], text: &str, params: &Map<String, Value>) -> Result<Vec<Value>, String> {
    let names: Vec<String> = (0..params.len())
        .map(|number| format!("$d{number}"))
        .collect();
    let expected = format!(
        "SELECT * FROM (SELECT *, row_number() OVER (PARTITION BY device_id ORDER BY time DESC) AS \"iox::rank\" FROM \
         telemetry WHERE device_id IN ({})) AS ranked WHERE \"iox::rank\" = 1",
        names.join(", ")
    );
    if text != expected {
        return Err(format!("the query {text}"));
    }
    let devices =
        (0..params.len()).map(|number| params.get(&format!("d{number}")).and_then(Value::as_str));
    let newest =
        devices.filter_map(|device| rows.iter().find(|row| Some(row.device.as_str()) == device));
    Ok(newest.map(|row| as_told(row, true)).collect())
}

fn range(rows: &[&Row], text: &str, params: &Map<String, Value>) -> Result<Vec<Value>, String> {
    let mut expected = "SELECT * FROM telemetry WHERE device_id = $device".to_owned();
    for (name, compares) in [("start", ">="), ("end", "<")] {
        if params.contains_key(name) {
            expected = format!("{expected} AND time {compares} CAST(${name} AS TIMESTAMP)");
        }
    }
    let limit = text.strip_prefix(&format!("{expected} ORDER BY time DESC LIMIT "));
    let limit: usize = limit
        .and_then(|it| it.parse().ok())
        .ok_or_else(|| format!("the query {text}"))?;
    let bound = |name: &str| {
        params
            .get(name)
            .map(|it| it.as_str().unwrap_or_default().parse().unwrap())
    };
    let (start, end): (Option<chrono::DateTime<chrono::Utc>>, Option<_>) =
        (bound("start"), bound("end"));
    let wanted = rows.iter().filter(|row| {
        Some(row.device.as_str()) == params["device"].as_str()
            && start.is_none_or(|start| row.time >= start)
            && end.is_none_or(|end| row.time < end)
    });
    Ok(wanted.take(limit).map(|row| as_told(row, false)).collect())
}

/// Times without an offset, nulls left out, columns of its own.
fn as_told(row: &Row, ranked: bool) -> Value {
    let mut told = row.metrics.clone();
    let members = told.as_object_mut().unwrap();
    members.retain(|_, value| !value.is_null());
    members.insert(
        "time".to_owned(),
        row.time.format("%Y-%m-%dT%H:%M:%S%.f").to_string().into(),
    );
    members.insert("device_id".to_owned(), row.device.as_str().into());
    members.insert("site_id".to_owned(), "site".into());
    members.insert("seq".to_owned(), row.seq.into());
    if ranked {
        members.insert("iox::rank".to_owned(), 1.into());
    }
    told
}
