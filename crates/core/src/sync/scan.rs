//! Reading one day of one modalidade from a paged list that moves while it is read: which page comes next, and
//! whether everything has been got. Pure: pages go in, decisions come out; who fetches and who saves is elsewhere.
//!
//! The portal sorts by the time that it filters on, so a change moves a record to the end and everything behind its
//! old place one to the left. Read forward, that skips a record; read backward, it only shows one twice. So:
//!
//! 1. page 1 tells how many there are (pass 0). If it is the only one, it is the whole reading;
//! 2. pass 1 goes from the last page down to page 1. Where the times seen so far were in order, it may stop at the
//!    first page that reaches behind the window;
//! 3. if the totals stood still and as many distinct keys came as they promised, that was all. If not, and the order
//!    held, pass 2 reads the tail again until a page has no news; without order it reads everything again;
//! 4. pass 3 reads everything again. After it, what does not add up is incomplete.
//!
//! What this cannot see: two records that change places with the total, one entering in the middle and one leaving
//! (or, in a list in order, a second late one entering while the tail is read), can hide a third that changed its
//! page meanwhile. The next update reads at least `ROLLING_WINDOW_MINUTES` of it again.

use std::collections::HashMap;

use chrono::{DateTime, Utc};

use super::Window;

/// More passes than these do not make a list stand still. Source: docs/API.md, "Ingesting a window".
const MOST_PASSES: i16 = 3;
/// More pages than a list of one day can have (0.5 M records of 50 each): an envelope that claims more is garbage.
const MOST_PAGES: u32 = 10_000;

/// What is to be read.
#[derive(Clone, Copy, Debug)]
pub struct ScanFrame {
    /// The part of the run's window in this day.
    pub cut: Window,
    /// When the day is over: before that, the list grows.
    pub day_end: DateTime<Utc>,
    /// Whether the run has only seen lists in order so far, so that a pass may stop at the window's start.
    pub order_trusted: bool,
    /// Records per full page, as asked for.
    pub page_size: u32,
}

/// One answer, as it is kept in the ledger. An empty answer has no keys and a total of 0; a page beyond the end has
/// no keys and the last known totals.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answered {
    /// As [`Next::Fetch`] said.
    pub pass: i16,
    /// From 1.
    pub page: u32,
    /// `totalRegistros` of the envelope.
    pub total: u32,
    /// `totalPaginas` of the envelope.
    pub pages: u32,
    /// The natural keys in the order of the page.
    pub keys: Vec<String>,
    /// For each key the time that the endpoint filters on; `None` where it cannot be read.
    pub times: Vec<Option<DateTime<Utc>>>,
    /// When the request was sent: whatever happened before, the answer knows.
    pub read_at: DateTime<Utc>,
}

/// An answer that a run before us has committed.
pub type CommittedPage = Answered;

/// What one record of an answer is to the run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sighting {
    /// In the window, so it is saved. A record without a readable time is.
    pub in_cut: bool,
    /// In the window for the first time in this scan, so it is counted.
    pub first: bool,
}

/// What to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Next {
    /// Fetch this page and [`Scan::take`] the answer.
    Fetch {
        /// Which reading of the list this is.
        pass: i16,
        /// From 1.
        page: u32,
    },
    /// Nothing more to fetch.
    Ended(ScanEnd),
}

/// How it ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ScanEnd {
    /// Everything in the window up to `proven_until` has been read.
    Complete {
        /// The window's end, or the start of the scan where the day is not over.
        proven_until: DateTime<Utc>,
    },
    /// The list is empty. Whether to believe that is another question (`suspicion`).
    Zero {
        /// As for a complete one.
        proven_until: DateTime<Utc>,
    },
    /// What came does not add up.
    Incomplete {
        /// For people.
        detail: String,
    },
}

/// The reading of one day of one modalidade.
#[derive(Clone, Debug)]
pub struct Scan {
    frame: ScanFrame,
    started_at: Option<DateTime<Utc>>,
    known: HashMap<String, Known>,
    order_held: bool,
    /// Of the last answer that had records.
    pages: u32,
    /// The lowest page that the last full pass read: below it lies only what is older than the window.
    floor: u32,
    answers: u32,
    pass: Pass,
    stage: Stage,
}

#[derive(Clone, Debug)]
struct Known {
    time: Option<DateTime<Utc>>,
    pass: i16,
    counted: bool,
}

#[derive(Clone, Debug)]
struct Pass {
    number: i16,
    /// Ends at the first page without news.
    tail: bool,
    first_total: Option<u32>,
    /// Every envelope said the same total.
    still: bool,
    /// Distinct keys.
    got: u32,
    /// The earliest time on the pages above.
    oldest: Option<DateTime<Utc>>,
}

#[derive(Clone, Debug)]
enum Stage {
    Fetching(u32),
    Ended(ScanEnd),
}

impl Scan {
    /// A scan that goes on behind the pages that are committed already, in the order of their commits.
    pub fn new(frame: ScanFrame, committed: impl IntoIterator<Item = CommittedPage>) -> Self {
        let mut scan = Self {
            frame,
            started_at: None,
            known: HashMap::new(),
            order_held: true,
            pages: 1,
            floor: 1,
            answers: 0,
            pass: Pass::begin(0, false),
            stage: Stage::Fetching(1),
        };
        for page in committed {
            scan.take(&page);
        }
        scan
    }

    /// What to do now.
    pub fn next(&self) -> Next {
        match &self.stage {
            Stage::Fetching(page) => Next::Fetch {
                pass: self.pass.number,
                page: *page,
            },
            Stage::Ended(end) => Next::Ended(end.clone()),
        }
    }

    /// Takes the answer to the page that [`Scan::next`] asked for; one sighting per key. Another page's answer changes
    /// nothing.
    pub fn take(&mut self, read: &Answered) -> Vec<Sighting> {
        let asked = Next::Fetch {
            pass: read.pass,
            page: read.page,
        };
        if self.next() != asked {
            return read.keys.iter().map(|_| Sighting::none()).collect();
        }
        self.started_at.get_or_insert(read.read_at);
        self.answers += 1;
        if !read.keys.is_empty() {
            self.pages = read.pages.max(1);
        }
        let first_total = *self.pass.first_total.get_or_insert(read.total);
        self.pass.still &= first_total == read.total;
        self.order_held &= self.in_order(read);
        let news = self.has_news(read);
        let sightings = self.look(read);
        self.stage = self.turn(read, news);
        sightings
    }

    /// Distinct keys that the pages read should have given, once that is known.
    pub fn expected(&self) -> Option<u32> {
        let total = self.pass.first_total?;
        Some(total.saturating_sub((self.floor - 1).saturating_mul(self.frame.page_size)))
    }

    /// Distinct keys read.
    pub fn got(&self) -> u32 {
        u32::try_from(self.known.len()).unwrap_or(u32::MAX)
    }

    /// Answers taken.
    pub fn pages_done(&self) -> u32 {
        self.answers
    }

    /// Answers that there will be if nothing moves; `None` before the first.
    pub fn pages_total(&self) -> Option<u32> {
        let left = match self.stage {
            Stage::Ended(_) => 0,
            Stage::Fetching(_) if self.pass.tail => 1,
            Stage::Fetching(page) => page,
        };
        (self.answers > 0).then_some(self.answers + left)
    }

    /// Whether all times came in ascending order.
    pub fn order_held(&self) -> bool {
        self.order_held
    }

    /// When the first request was sent.
    pub fn started_at(&self) -> Option<DateTime<Utc>> {
        self.started_at
    }

    /// Ascending in the page, and nothing new that is later than what stood on the pages above. Records that were
    /// there already have only been shifted.
    fn in_order(&self, read: &Answered) -> bool {
        let ascending = read.times.is_sorted() && read.times.iter().all(Option::is_some);
        let fresh = |key: &&String| {
            let known = self.known.get(key.as_str());
            known.is_none_or(|known| known.pass != self.pass.number)
        };
        let latest = read.keys.iter().zip(&read.times);
        let latest = latest.filter(|(key, _)| fresh(key)).map(|(_, time)| *time);
        let below = self.pass.oldest.is_none_or(|oldest| {
            let latest = latest.flatten().max();
            latest.is_none_or(|latest| latest <= oldest)
        });
        ascending && below
    }

    /// A key that is unknown, or known with another time.
    fn has_news(&self, read: &Answered) -> bool {
        read.keys.iter().zip(&read.times).any(|(key, time)| {
            let known = self.known.get(key.as_str());
            known.is_none_or(|known| known.time != *time)
        })
    }

    fn look(&mut self, read: &Answered) -> Vec<Sighting> {
        let (pass, cut) = (self.pass.number, self.frame.cut);
        let times = read.times.iter().copied().chain(std::iter::repeat(None));
        let mut sightings = Vec::with_capacity(read.keys.len());
        for (key, time) in read.keys.iter().zip(times) {
            let in_cut = time.is_none_or(|time| cut.contains(time));
            let known = self.known.entry(key.clone()).or_insert(Known {
                time,
                pass: -1,
                counted: false,
            });
            sightings.push(Sighting {
                in_cut,
                first: in_cut && !known.counted,
            });
            known.counted |= in_cut;
            known.time = time;
            if known.pass != pass {
                known.pass = pass;
                self.pass.got += 1;
            }
            self.pass.oldest = self.pass.oldest.into_iter().chain(time).min();
        }
        sightings
    }

    fn turn(&mut self, read: &Answered, news: bool) -> Stage {
        if read.pages > MOST_PAGES {
            return incomplete(format!("the portal claims {} pages of one day", read.pages));
        }
        if self.pass.number == 0 {
            return match (read.keys.is_empty(), read.pages) {
                (true, _) if read.total == 0 => Stage::Ended(ScanEnd::Zero {
                    proven_until: self.proven_until(),
                }),
                (_, 0 | 1) => self.judge(1),
                (_, pages) => self.begin(1, false, pages),
            };
        }
        let arrived = if self.pass.tail {
            !read.keys.is_empty() && !news
        } else {
            self.reaches_behind_the_window(read)
        };
        if arrived || read.page == 1 {
            return self.judge(read.page);
        }
        // A list that has shrunk has no pages to look at in between.
        Stage::Fetching((read.page - 1).min(self.pages).max(1))
    }

    fn reaches_behind_the_window(&self, read: &Answered) -> bool {
        let oldest = read.times.iter().flatten().min();
        self.frame.order_trusted
            && self.order_held
            && oldest.is_some_and(|oldest| *oldest < self.frame.cut.start())
    }

    /// At the end of a pass whose lowest page was `lowest`.
    fn judge(&mut self, lowest: u32) -> Stage {
        if !self.pass.tail {
            self.floor = lowest;
        }
        let expected = self.expected().unwrap_or(0);
        let adds_up = if self.pass.tail {
            // Backward over a list in order nothing is skipped: what is missing can only have moved to the tail.
            // Records that left meanwhile are among those got, so more than expected is no surprise.
            self.order_held && self.got() >= expected
        } else {
            self.pass.still && self.pass.got == expected
        };
        if adds_up {
            return Stage::Ended(ScanEnd::Complete {
                proven_until: self.proven_until(),
            });
        }
        if self.pass.number >= MOST_PASSES {
            let (got, passes) = (self.got(), self.pass.number);
            return incomplete(format!(
                "{got} distinct records of {expected} after {passes} passes, the list kept moving"
            ));
        }
        let tail = self.order_held && self.pass.number == 1;
        self.begin(self.pass.number + 1, tail, self.pages)
    }

    fn begin(&mut self, number: i16, tail: bool, from: u32) -> Stage {
        self.pass = Pass::begin(number, tail);
        Stage::Fetching(from.max(1))
    }

    /// Nothing is known of what came after the first request of a day that was not over.
    fn proven_until(&self) -> DateTime<Utc> {
        let (cut, started) = (self.frame.cut, self.started_at);
        match started {
            Some(started) if started < self.frame.day_end => {
                cut.end().min(started).max(cut.start())
            }
            _ => cut.end(),
        }
    }
}

impl Pass {
    fn begin(number: i16, tail: bool) -> Self {
        Self {
            number,
            tail,
            first_total: None,
            still: true,
            got: 0,
            oldest: None,
        }
    }
}

impl Sighting {
    fn none() -> Self {
        Self {
            in_cut: false,
            first: false,
        }
    }
}

fn incomplete(detail: String) -> Stage {
    Stage::Ended(ScanEnd::Incomplete { detail })
}
