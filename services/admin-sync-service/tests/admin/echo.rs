//! A client API that says whatever it was told: every header of a request comes back, in bodies good and bad, in
//! redirects, as unit, as status, as number, whole and in pieces.

use std::fmt::Write as _;

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

/// What it can be asked for.
pub const WAYS: [&str; 9] = [
    "/list",
    "/map",
    "/nested",
    "/text",
    "/wrong",
    "/refused",
    "/failed",
    "/redirect",
    "/escaped",
];

/// A running one; it ends with its value.
pub struct Echo {
    /// `http://127.0.0.1:PORT`
    pub base: String,
    _tasks: JoinSet<()>,
}

impl Echo {
    /// On a free port.
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        let mut tasks = JoinSet::new();
        tasks.spawn(async move {
            let mut open = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                open.spawn(answer(stream));
            }
        });
        Self {
            base,
            _tasks: tasks,
        }
    }
}

async fn answer(mut stream: TcpStream) {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        match stream.read_u8().await {
            Ok(byte) => head.push(byte),
            Err(_) => return,
        }
    }
    let head = String::from_utf8_lossy(&head).into_owned();
    let mut lines = head.lines();
    let path = lines.next().unwrap().split(' ').nth(1).unwrap().to_owned();
    let headers: Vec<(String, String)> = lines
        .filter_map(|line| line.split_once(": "))
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect();
    let _ = stream.write_all(&told(&path, &headers)).await;
}

fn told(path: &str, headers: &[(String, String)]) -> Vec<u8> {
    let all = headers
        .iter()
        .fold(String::new(), |mut all, (name, value)| {
            let _ = write!(all, "{name}: {value}; ");
            all
        });
    let pieces: Vec<&str> = headers
        .iter()
        .flat_map(|(_, value)| value.split(' ').chain([value.as_str()]))
        .collect();
    let units: Vec<Value> = pieces
        .iter()
        .flat_map(|piece| {
            [
                json!({"ref": piece, "status": "sold"}),
                json!({"ref": format!("u-{piece}"), "status": piece}),
            ]
        })
        .collect();
    let (status, body, more) = match path {
        "/list" => ("200 OK", json!(units).to_string(), String::new()),
        "/map" => {
            let mut map = serde_json::Map::new();
            for piece in &pieces {
                map.insert((*piece).to_owned(), "sold".into());
                map.insert(format!("x{piece}"), (*piece).into());
            }
            ("200 OK", Value::from(map).to_string(), String::new())
        }
        "/nested" => {
            let unit = json!({"ref": "A", "status": "sold", "echo": {"headers": pieces, "all": all},
                              "long": format!("{}{all}", "x".repeat(150))});
            (
                "200 OK",
                json!({"units": [unit]}).to_string(),
                String::new(),
            )
        }
        "/escaped" => {
            let escaped = all.chars().fold(String::new(), |mut escaped, it| {
                let _ = write!(escaped, "\\u{:04x}", u32::from(it));
                escaped
            });
            (
                "200 OK",
                format!(r#"[{{"ref": "{escaped}", "status": "{escaped}"}}]"#),
                String::new(),
            )
        }
        "/text" => ("200 OK", all, String::new()),
        "/wrong" => {
            let wrong: serde_json::Map<String, Value> = pieces
                .iter()
                .map(|it| ((*it).to_owned(), json!([it])))
                .collect();
            ("200 OK", Value::from(wrong).to_string(), String::new())
        }
        "/refused" => ("401 Unauthorized", all, String::new()),
        "/failed" => ("500 Internal Server Error", all, String::new()),
        _ => {
            let host: String = all
                .chars()
                .filter(char::is_ascii_alphanumeric)
                .take(60)
                .collect();
            let last = pieces.last().copied().unwrap_or_default();
            (
                "302 Found",
                all,
                format!("location: http://{last}.{host}.example/\r\n"),
            )
        }
    };
    let size = body.len();
    format!("HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: {size}\r\nconnection: close\r\n{more}\r\n{body}")
        .into_bytes()
}
