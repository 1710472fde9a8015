//! One stream after the other, until there is nothing more to follow.

use crate::board::{Board, Data};
use crate::sse::{Event, Parser};
use reqwest::header::{ACCEPT, CONTENT_TYPE, HeaderName, RETRY_AFTER};
use reqwest::{Client, Response, StatusCode, Url};
use std::error::Error;
use std::io;
use std::time::Duration;

/// The server speaks every 30 s (`PING_SECONDS`); three times that without a word is a dead connection.
const SILENCE: Duration = Duration::from_secs(95);
const CONNECT: Duration = Duration::from_secs(10);
const SHORTEST_PAUSE: f64 = 2.0;
const FIRST_PAUSE: f64 = 4.0;
const LONGEST_PAUSE: f64 = 30.0;
const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");

/// How a connection ends.
#[derive(Debug, thiserror::Error)]
pub enum End {
    /// May pass.
    #[error("{0}")]
    Lost(String),
    /// A frame that cannot be read may have been a change.
    #[error("a frame cannot be read, the whole again: {0}")]
    Unreadable(#[from] serde_json::Error),
    /// Nothing will follow.
    #[error("{0}")]
    Final(String),
    /// As many changes as were asked for.
    #[error("enough")]
    Reached,
    /// Nobody reads what is printed.
    #[error("cannot print: {0}")]
    Output(#[from] io::Error),
}

/// reqwest says what it did, its sources say what went wrong.
impl From<reqwest::Error> for End {
    fn from(error: reqwest::Error) -> Self {
        let mut cause: &dyn Error = &error;
        while let Some(source) = cause.source() {
            cause = source;
        }
        Self::Lost(cause.to_string())
    }
}

/// What outlives connections.
pub struct Follower {
    client: Client,
    address: Url,
    until: Option<u64>,
    board: Board,
    /// Of the last event that was taken; empty asks for the whole.
    last_id: String,
    /// Pauses since the last stream that began.
    failures: i32,
    /// How long the server asks to wait.
    retry: Duration,
}

impl Follower {
    /// Connects to nothing yet.
    pub fn new(address: Url, until: Option<u64>) -> reqwest::Result<Self> {
        let client = Client::builder()
            .connect_timeout(CONNECT)
            .read_timeout(SILENCE);
        Ok(Self {
            client: client.build()?,
            address,
            until,
            board: Board::default(),
            last_id: String::new(),
            failures: 0,
            retry: Duration::ZERO,
        })
    }

    /// Returns what no further connection would mend.
    pub async fn run(mut self) -> End {
        loop {
            self.retry = Duration::ZERO;
            let end = self.connection().await;
            match &end {
                End::Lost(_) => {}
                End::Unreadable(_) => self.last_id.clear(),
                _ => return end,
            }
            let pause = self.pause();
            eprintln!("{end}; again in {:.1} s", pause.as_secs_f64());
            tokio::time::sleep(pause).await;
        }
    }

    /// Whatever many clients do at once is spread: a server that comes back must not be trampled.
    fn pause(&mut self) -> Duration {
        let ceiling = LONGEST_PAUSE.min(FIRST_PAUSE * 2_f64.powi(self.failures));
        self.failures = (self.failures + 1).min(10);
        Duration::from_secs_f64(rand::random_range(SHORTEST_PAUSE..ceiling)).max(self.retry)
    }

    async fn connection(&mut self) -> End {
        match self.read().await {
            Ok(()) => End::Lost("the stream ended".into()),
            Err(end) => end,
        }
    }

    async fn read(&mut self) -> Result<(), End> {
        let mut answer = self.open().await?;
        let mut parser = Parser::after(&self.last_id);
        while let Some(chunk) = answer.chunk().await? {
            for event in parser.push(&chunk) {
                self.take(event)?;
            }
        }
        Ok(())
    }

    async fn open(&mut self) -> Result<Response, End> {
        let mut request = self
            .client
            .get(self.address.clone())
            .header(ACCEPT, "text/event-stream");
        if !self.last_id.is_empty() {
            request = request.header(LAST_EVENT_ID, &self.last_id);
        }
        let answer = request.send().await?;
        let header = |name| answer.headers().get(name)?.to_str().ok();
        match answer.status() {
            StatusCode::OK => match header(CONTENT_TYPE).unwrap_or("without a type") {
                kind if kind.starts_with("text/event-stream") => Ok(answer),
                kind => Err(End::Lost(format!("no event stream but {kind}"))),
            },
            StatusCode::NOT_FOUND => Err(End::Final(format!(
                "no such project: {} answers 404",
                self.address
            ))),
            refusal => {
                let seconds = header(RETRY_AFTER).and_then(|it| it.parse().ok());
                self.retry = Duration::from_secs(seconds.unwrap_or(0));
                Err(End::Lost(format!("HTTP {refusal}")))
            }
        }
    }

    fn take(&mut self, event: Event) -> Result<(), End> {
        let data: Data = serde_json::from_str(&event.data)?;
        self.retry = event.retry;
        match event.name.as_str() {
            "connected" => {
                self.failures = 0;
                eprintln!("connected");
            }
            "closed" if data.reason != "draining" => {
                return Err(End::Final(format!(
                    "the server ended the stream for good: {}",
                    data.reason
                )));
            }
            name => self.board.take(name, data)?,
        }
        // Only now: what was not taken has to come again.
        self.last_id = event.id;
        if self.until.is_some_and(|until| self.board.changes >= until) {
            self.board.tell()?;
            return Err(End::Reached);
        }
        Ok(())
    }
}
