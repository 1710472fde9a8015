//! The one task of a tenant: lives its life second by second, obeys orders in between, and writes what
//! comes of both in one order, so that a later reading is never there before an earlier one.

use std::time::Duration;

use chrono::{DateTime, Utc};
use serde_json::{Value, json};
use service_kit::clock::Clock;
use tokio::sync::{mpsc, oneshot};
use tokio::time::MissedTickBehavior;

use super::AGAIN;
use super::tenant::{Tenant, Tick};
use crate::fleet_repo::FleetRepo;

/// From step to step of a life.
const BEAT: Duration = Duration::from_secs(1);

/// What a person or a bench wants.
#[derive(Debug)]
pub(super) enum Wish {
    Describe,
    Pause {
        device: String,
        paused: bool,
    },
    /// So many readings of each device, in one statement.
    Burst(usize),
    Raise {
        kind: String,
        device: String,
        severity: i32,
    },
    Close {
        fingerprint: String,
    },
}

/// A wish and where its answer goes.
#[derive(Debug)]
pub(super) struct Order {
    pub(super) wish: Wish,
    pub(super) reply: oneshot::Sender<Result<Value, Refusal>>,
}

/// Why a wish is not granted.
#[derive(Debug, thiserror::Error)]
pub(super) enum Refusal {
    #[error("there is no such thing here")]
    Unknown,
    #[error("{0}")]
    Invalid(String),
    #[error("the database has not taken it: {0}")]
    Away(String),
}

#[derive(Debug)]
pub(super) struct Writer {
    pub(super) tenant: Tenant,
    pub(super) repo: FleetRepo,
    pub(super) clock: Clock,
    pub(super) orders: mpsc::Receiver<Order>,
    /// Whether anything happens without an order.
    pub(super) living: bool,
}

impl Writer {
    /// Returns when nobody is left who could give an order.
    pub(super) async fn run(mut self) {
        self.resume().await;
        let mut beat = tokio::time::interval(BEAT);
        beat.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut well = true;
        loop {
            tokio::select! {
                order = self.orders.recv() => {
                    let Some(Order { wish, reply }) = order else { return };
                    // Whoever asked may have left; it is done all the same.
                    let _ = reply.send(self.obey(wish).await);
                }
                _ = beat.tick(), if self.living => {
                    let tick = self.tenant.step(self.now());
                    let written = self.write(&tick).await;
                    if let Err(refusal) = &written && well {
                        tracing::warn!(tenant = self.tenant.name(), %refusal, "readings are lost");
                    }
                    well = written.is_ok();
                }
            }
        }
    }

    /// Goes on behind what an earlier run has left, and closes the alerts that it left open.
    async fn resume(&mut self) {
        loop {
            match self.repo.resume(self.tenant.name()).await {
                Ok(seq) => return self.tenant.resume(seq),
                Err(error) => {
                    tracing::warn!(%error, tenant = self.tenant.name(), "cannot begin yet");
                    tokio::time::sleep(AGAIN).await;
                }
            }
        }
    }

    async fn obey(&mut self, wish: Wish) -> Result<Value, Refusal> {
        match wish {
            Wish::Describe => Ok(self.tenant.described(self.now())),
            Wish::Pause { device, paused } => {
                if !self.tenant.pause(&device, paused) {
                    return Err(Refusal::Unknown);
                }
                Ok(self.tenant.described(self.now()))
            }
            Wish::Burst(readings) => {
                let tick = self.tenant.burst(readings, self.now());
                self.write(&tick).await?;
                let newest = tick.rows.iter().map(|row| row.reading.seq).max();
                Ok(json!({"rows": tick.rows.len(), "seq": newest}))
            }
            Wish::Raise {
                kind,
                device,
                severity,
            } => {
                if !self.tenant.raise(&kind, &device, severity) {
                    let why = "no such device, or this alert of it is open already";
                    return Err(Refusal::Invalid(why.to_owned()));
                }
                self.write_changes().await
            }
            Wish::Close { fingerprint } => {
                if !self.tenant.close(&fingerprint) {
                    return Err(Refusal::Unknown);
                }
                self.write_changes().await
            }
        }
    }

    async fn write_changes(&mut self) -> Result<Value, Refusal> {
        let tick = self.tenant.changes(self.now());
        self.write(&tick).await?;
        Ok(self.tenant.described(self.now()))
    }

    async fn write(&mut self, tick: &Tick) -> Result<(), Refusal> {
        match self.repo.write(self.tenant.name(), tick).await {
            Ok(()) => {
                self.tenant.written();
                Ok(())
            }
            Err(error) => {
                self.tenant.lost();
                Err(Refusal::Away(error.to_string()))
            }
        }
    }

    fn now(&self) -> DateTime<Utc> {
        self.clock.now()
    }
}
