//! What a backend orders: an event, a close, or both; and how an event becomes a frame.

use std::borrow::Cow;

use farol_core::sse::{Event, EventId, EventName, Frame};
use serde::de::IgnoredAny;

use super::loose::{Fields, Loose};
use super::surrogates::mended;
use super::token::Token;
use crate::settings::EventFormat;

/// The most orders of one batch.
const MOST_IN_A_BATCH: usize = 1_000;

/// An order for one connection, read and found sound.
#[derive(Debug, Default)]
pub struct Order {
    /// For whom; `None` for text that is no token, so for nobody.
    pub token: Option<Token>,
    /// The event to send first.
    pub frame: Option<Frame>,
    /// Whether to close then.
    pub close: bool,
}

/// The body of a send.
#[derive(Debug)]
pub enum Orders {
    /// One order.
    One(Result<Order, BadOrder>),
    /// A batch; each is judged on its own.
    Batch(Vec<Result<Order, BadOrder>>),
}

/// What is wrong with an order, in the order of looking.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BadOrder {
    NotJson,
    TooMany,
    Token,
    EventType,
    Data,
    NameType,
    Name,
    Id,
    CloseType,
}

/// How events are written.
#[derive(Clone, Copy, Debug)]
pub struct Style(pub EventFormat);

impl Style {
    /// Reads the body of a send.
    ///
    /// # Errors
    /// Where it has no order at all.
    pub fn orders(self, body: &[u8]) -> Result<Orders, BadOrder> {
        read(body, |fields| self.all(fields))
    }

    /// Reads the answer to a connect, which is an order without a token.
    ///
    /// # Errors
    /// Where it cannot be followed.
    pub fn answer(self, body: &[u8]) -> Result<Order, BadOrder> {
        read(body, |fields| self.told(None, fields))
    }

    /// What opens a stream, before any event.
    pub fn opening(self) -> Option<Frame> {
        const READY: EventName = EventName::from_static("ready");
        (self.0 == EventFormat::Envelope).then(|| Frame::bare(&READY))
    }

    fn all(self, mut fields: Fields<'_>) -> Result<Orders, BadOrder> {
        let Loose::List(sends) = std::mem::take(&mut fields.sends) else {
            return Ok(Orders::One(self.order(fields)));
        };
        if sends.len() > MOST_IN_A_BATCH {
            return Err(BadOrder::TooMany);
        }
        let each = sends.into_iter().map(|send| self.order(send.fields()));
        Ok(Orders::Batch(each.collect()))
    }

    fn order(self, fields: Fields<'_>) -> Result<Order, BadOrder> {
        let token = match &fields.token {
            Loose::Text(text) if !text.is_empty() => Token::parse(text),
            _ => return Err(BadOrder::Token),
        };
        self.told(token, fields)
    }

    fn told(self, token: Option<Token>, fields: Fields<'_>) -> Result<Order, BadOrder> {
        let frame = match fields.event {
            Loose::Absent => None,
            Loose::Object(event) => Some(self.frame(*event)?),
            _ => return Err(BadOrder::EventType),
        };
        let close = match fields.close {
            Loose::Absent => false,
            Loose::Flag(close) => close,
            _ => return Err(BadOrder::CloseType),
        };
        Ok(Order {
            token,
            frame,
            close,
        })
    }

    fn frame(self, event: Fields<'_>) -> Result<Frame, BadOrder> {
        let Loose::Text(data) = event.data else {
            return Err(BadOrder::Data);
        };
        let name = match event.name {
            Loose::Absent => None,
            Loose::Text(name) => Some(name),
            _ => return Err(BadOrder::NameType),
        };
        // As its predecessor: a name without a letter is none.
        let name = name.filter(|name| !name.is_empty());
        let name = name.map(|name| EventName::try_from(name.into_owned()));
        let name = name.transpose().map_err(|_| BadOrder::Name)?;
        let id = match event.id {
            Loose::Absent => None,
            Loose::Text(id) => Some(EventId::try_from(id.into_owned())),
            _ => return Err(BadOrder::Id),
        };
        let id = id.transpose().map_err(|_| BadOrder::Id)?;
        Ok(self.encode(name.as_ref(), id.as_ref(), &data))
    }

    fn encode(self, name: Option<&EventName>, id: Option<&EventId>, data: &str) -> Frame {
        let identified = |event: Event<'_>| match id {
            Some(id) => event.id(id).encode(),
            None => event.encode(),
        };
        match (name, self.0) {
            (None, _) => identified(Event::unnamed().data(data)),
            (Some(name), EventFormat::Named) => identified(Event::named(name).data(data)),
            (Some(name), EventFormat::Envelope) => {
                identified(Event::unnamed().data(&envelope(name, data)))
            }
        }
    }
}

fn read<T>(body: &[u8], judge: impl Fn(Fields<'_>) -> Result<T, BadOrder>) -> Result<T, BadOrder> {
    if let Ok(loose) = Loose::read(body) {
        return judge(loose.fields());
    }
    let mended = mended(body).ok_or(BadOrder::NotJson)?;
    let loose = Loose::read(&mended).map_err(|_| BadOrder::NotJson)?;
    judge(loose.fields())
}

/// `{"type":…,"payload":…}`: `data` as it is where it is JSON, else as a JSON string.
fn envelope(name: &EventName, data: &str) -> String {
    let is_json = serde_json::from_str::<IgnoredAny>(data).is_ok();
    let payload = if is_json {
        one_line(data)
    } else {
        Cow::Owned(json_text(data))
    };
    format!(
        r#"{{"type":{},"payload":{payload}}}"#,
        json_text(name.as_str())
    )
}

/// JSON has line ends between its words only, where they mean nothing.
fn one_line(json: &str) -> Cow<'_, str> {
    if json.contains(['\r', '\n']) {
        Cow::Owned(json.replace(['\r', '\n'], ""))
    } else {
        Cow::Borrowed(json)
    }
}

fn json_text(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}
