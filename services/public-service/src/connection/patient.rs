//! A socket that ends its connection when the client has kept us waiting too long.

use std::future::Future as _;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep, sleep};
use tokio_util::sync::CancellationToken;

use super::traffic::Traffic;

/// A stop is noticed within this time.
const LONGEST_BETWEEN_LOOKS: Duration = Duration::from_secs(2);
/// How often a stopping connection looks whether its last answer is out.
const LOOK_WHILE_STOPPING: Duration = Duration::from_millis(100);
/// Quiet that means that it is out: actix may still hold the end of an answer
/// whose body is gone.
const OUT_AFTER: Duration = Duration::from_millis(500);

/// How long a client may keep us waiting.
#[derive(Debug, Clone)]
pub struct Rules {
    /// For taking what an answer has handed out.
    pub take_within: Duration,
    /// For completing a head; not on HTTP/2, whose clients also talk about flow.
    pub head_within: Option<Duration>,
    /// For asking anything.
    pub idle: Duration,
}

/// A socket that keeps [`Rules`].
pub struct Patient<T> {
    io: T,
    traffic: Traffic,
    rules: Rules,
    /// The next look at the rules: a timer per connection, not per request.
    look: Pin<Box<Sleep>>,
    /// Asked at each look, not waited for: that would cost every read and write.
    stopping: CancellationToken,
}

impl<T> Patient<T> {
    /// `io` under `rules`; without an answer under way it ends with `stopping`.
    pub fn new(io: T, rules: Rules, stopping: CancellationToken) -> Self {
        Self {
            io,
            traffic: Traffic::begin(),
            look: Box::pin(sleep(rules.between_looks())),
            rules,
            stopping,
        }
    }

    /// What the middleware notes answers in.
    pub fn traffic(&self) -> &Traffic {
        &self.traffic
    }

    /// Fails once a rule is broken; else wakes the caller for the next look.
    fn mind(&mut self, cx: &mut Context<'_>) -> io::Result<()> {
        while self.look.as_mut().poll(cx).is_ready() {
            if let Some(broken) = self.broken() {
                return Err(io::Error::new(io::ErrorKind::TimedOut, broken));
            }
            let pause = if self.stopping.is_cancelled() {
                LOOK_WHILE_STOPPING
            } else {
                self.rules.between_looks()
            };
            self.look.as_mut().reset(Instant::now() + pause);
        }
        Ok(())
    }

    fn broken(&self) -> Option<&'static str> {
        let (traffic, rules) = (&self.traffic, &self.rules);
        if traffic.answers() > 0 {
            let stalled = traffic.stalled_for(rules.take_within);
            return stalled.then_some("the client takes nothing");
        }
        let babbling = |limit| traffic.unanswered_for(limit);
        if self.stopping.is_cancelled() && traffic.idle_for(OUT_AFTER) {
            Some("the service is stopping")
        } else if rules.head_within.is_some_and(babbling) {
            Some("the client does not complete a request")
        } else if traffic.idle_for(rules.idle) {
            Some("the client asks nothing")
        } else {
            None
        }
    }
}

impl Rules {
    /// A quarter of the shortest limit, so that none is overdrawn by much more;
    /// and soon enough for a stop.
    fn between_looks(&self) -> Duration {
        let limits = [self.take_within, self.idle]
            .into_iter()
            .chain(self.head_within);
        let quarter = limits.min().unwrap_or_default() / 4;
        quarter.min(LONGEST_BETWEEN_LOOKS)
    }
}

impl<T: AsyncRead + Unpin> AsyncRead for Patient<T> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.mind(cx)?;
        let before = buffer.filled().len();
        ready!(Pin::new(&mut self.io).poll_read(cx, buffer))?;
        if buffer.filled().len() > before {
            self.traffic.came_in();
        }
        Poll::Ready(Ok(()))
    }
}

impl<T: AsyncWrite + Unpin> AsyncWrite for Patient<T> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.mind(cx)?;
        let written = ready!(Pin::new(&mut self.io).poll_write(cx, bytes))?;
        self.traffic.went_out();
        Poll::Ready(Ok(written))
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.mind(cx)?;
        let written = ready!(Pin::new(&mut self.io).poll_write_vectored(cx, bytes))?;
        self.traffic.went_out();
        Poll::Ready(Ok(written))
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream, duplex};
    use tokio::time::advance;

    use super::*;

    const RULES: Rules = Rules {
        take_within: Duration::from_mins(1),
        head_within: Some(Duration::from_secs(10)),
        idle: Duration::from_secs(75),
    };

    struct Pair {
        ours: Patient<DuplexStream>,
        client: DuplexStream,
        stopping: CancellationToken,
        began: Instant,
    }

    impl Pair {
        fn new() -> Self {
            let (ours, client) = duplex(1024);
            let stopping = CancellationToken::new();
            Self {
                ours: Patient::new(ours, RULES, stopping.clone()),
                client,
                stopping,
                began: Instant::now(),
            }
        }

        /// The client asks, and is answered.
        async fn exchange(&mut self) {
            self.client.write_all(b"ask").await.unwrap();
            self.ours.read_exact(&mut [0; 3]).await.unwrap();
            self.ours.write_all(b"say").await.unwrap();
            self.client.read_exact(&mut [0; 3]).await.unwrap();
        }

        /// Reads on until the connection ends by itself: after how many seconds.
        async fn ends_after(&mut self) -> u64 {
            let end = self.ours.read(&mut [0; 8]).await.unwrap_err();
            assert_eq!(end.kind(), io::ErrorKind::TimedOut);
            self.began.elapsed().as_secs()
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_head_that_is_not_completed_ends_the_connection_also_behind_another() {
        let mut pair = Pair::new();
        pair.exchange().await;
        pair.client.write_all(b"GET /api/pub").await.unwrap();
        pair.ours.read_exact(&mut [0; 12]).await.unwrap();
        assert!((10..15).contains(&pair.ends_after().await));
    }

    #[tokio::test(start_paused = true)]
    async fn an_answer_that_nobody_takes_ends_the_connection_in_spite_of_all_talk() {
        let mut pair = Pair::new();
        let answer = pair.ours.traffic().request();
        answer.handed_out();
        let talk = async {
            loop {
                pair.client.write_all(b"ping").await.unwrap();
                advance(Duration::from_secs(5)).await;
            }
        };
        let listen = async {
            while pair.ours.read(&mut [0; 8]).await.is_ok() {}
            pair.began.elapsed().as_secs()
        };
        let after = tokio::select! {
            after = listen => after,
            never = talk => never,
        };
        assert!((60..75).contains(&after), "{after} s");
    }

    #[tokio::test(start_paused = true)]
    async fn nothing_asked_ends_the_connection_and_an_open_stream_does_not() {
        let mut pair = Pair::new();
        pair.exchange().await;
        let stream = pair.ours.traffic().request();
        let quiet = tokio::time::timeout(Duration::from_hours(1), pair.ends_after()).await;
        assert!(quiet.is_err(), "a stream that is silent is not idle");
        drop(stream);
        assert!(pair.ends_after().await >= 3600);
    }

    #[tokio::test(start_paused = true)]
    async fn a_stop_ends_the_connection_when_its_last_answer_is_out() {
        let mut pair = Pair::new();
        pair.exchange().await;
        let answer = pair.ours.traffic().request();
        pair.stopping.cancel();
        let under_way = tokio::time::timeout(Duration::from_secs(30), pair.ends_after()).await;
        assert!(under_way.is_err());
        drop(answer);
        assert!((30..32).contains(&pair.ends_after().await));
    }
}
