//! The same promises under real concurrency: publishers, readers of every pace
//! and comers and goers on several threads at once.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use live_hub::{Next, Resume, RingLimits, Topic};
use tokio::task::JoinSet;

use crate::board::{Board, Cells, Covering, Door, Reader};

const STEPS: u64 = 4_000;
const READERS: usize = 48;

/// Reads until the closing frame; leaves and resumes every `stay` frames.
async fn follow(topic: Topic<Board>, stay: usize) -> Reader {
    let mut reader = Reader::default();
    loop {
        let resume = reader.at.map_or(Resume::Fresh, Resume::After);
        let Ok(mut seat) = topic.join(resume) else {
            return reader;
        };
        for _ in 0..stay {
            match seat.next().await {
                Next::Closed(_) => return reader,
                next => reader.take(next),
            }
            if stay.is_multiple_of(3) {
                tokio::task::yield_now().await;
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn every_reader_converges_while_two_publishers_race() {
    let door = Door::default();
    let limits = RingLimits {
        steps: 64,
        weight: usize::MAX,
    };
    let topic = Topic::new(Board::default(), limits, door.clone());
    let mut readers = JoinSet::new();
    for stay in 1..=READERS {
        readers.spawn(follow(topic.clone(), stay * stay));
    }
    let mut keeper = topic.join(Resume::Fresh).unwrap();

    let mut publishers = JoinSet::new();
    for publisher in 0..2u8 {
        let topic = topic.clone();
        publishers.spawn(async move {
            for n in 0..STEPS / 2 {
                let key = publisher * 8 + u8::try_from(n % 8).unwrap();
                let value = u8::try_from(n % 251).unwrap();
                topic.update(|board, seq| Some(board.set(seq, key, value)));
                if n % 16 == 0 {
                    tokio::task::yield_now().await;
                }
            }
        });
    }
    while publishers.join_next().await.is_some() {}
    let mut kept = Reader::default();
    while kept.at != Some(STEPS) {
        kept.take(keeper.next().await);
    }
    let end = Covering {
        from: None,
        to: 0,
        cells: Arc::new(Cells::new()),
    };
    topic.close(end);
    drop(keeper);

    let truth = topic.with(|board| board.cells.clone());
    assert_eq!(kept.cells, truth);
    while let Some(reader) = readers.join_next().await {
        let reader = reader.unwrap();
        if reader.at == Some(STEPS) {
            assert_eq!(reader.cells, truth);
        }
    }
    assert_eq!(topic.subscribers(), 0);
    assert!(!door.watched.load(Ordering::SeqCst));
}
