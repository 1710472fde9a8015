//! The backend side of the gateway: its maps, and the tasks that work on them. Built here.

use gateway_client::{ConnectionManager, GatewayApi, Sharing};
use service_kit::VERSION;
use service_kit::clock::Clock;
use service_kit::http_client::{Outbound, OutboundSettings};

use super::StartError;
use super::machinery::Machinery;
use crate::infra::doorbell_repo::DoorbellRepo;
use crate::infra::readyz_api::ReadyzApi;
use crate::infra::task_repo::TaskRepo;
use crate::infra::version_api::VersionApi;
use crate::live::{self, Announced, Lobby, Neighbour, Ringing, Versions, Viewers, Wakes};

/// Viewers of one run.
const MOST_VIEWERS: usize = 100;

impl Machinery<'_> {
    /// Starts all of it. Gives what the callback and the announcements work with.
    ///
    /// # Errors
    /// Settings that cannot be used.
    pub fn start_live(&self) -> Result<(Lobby, Versions), StartError> {
        let settings = &self.settings.stream;
        let (tasks, stopping) = (self.lifecycle.tasks(), self.lifecycle.stopping());
        // The operator's own addresses: they may well be private ones.
        let outbound = Outbound::new(&OutboundSettings {
            upstream_allow_private: true,
            ..OutboundSettings::default()
        })?;
        let manager = self.manager()?;
        let wakes = Wakes::default();
        let lobby = Lobby::new(manager.clone(), wakes.clone());
        let versions = Versions::new(manager.clone(), lobby.clone(), wakes.clone());
        let neighbour = Neighbour {
            readyz: ReadyzApi::new(outbound.clone(), &settings.sse_gateway_url),
            manager: manager.clone(),
            lobby: lobby.clone(),
            wakes: wakes.clone(),
            check: self.gateway_check(),
            every: settings.sse_check_ms,
        };
        let ringing = Ringing {
            doorbell: DoorbellRepo::new(self.pool.clone()),
            wakes: wakes.clone(),
            random: self.random.clone(),
            listening: self.metrics.gauge(
                "admin_live_listening",
                "1 while the doorbell of runs is heard; else they are looked at every LIVE_POLL_MS.",
            )?,
        };
        let viewers = Viewers {
            manager,
            tasks: TaskRepo::new(self.pool.clone()),
            wakes,
            clock: Clock::system(),
            poll: settings.live_poll_ms,
        };
        let file = settings.frontend_version_url.clone();
        let following = versions.clone().follow(
            file.map(|url| VersionApi::new(outbound, url)),
            Announced {
                version: VERSION.to_owned(),
                changelog: None,
            },
            settings.frontend_version_ms,
            stopping.clone(),
        );
        tasks.spawn_critical("live.gateway", neighbour.run(stopping.clone()));
        tasks.spawn_critical("live.doorbell", ringing.run(stopping.clone()));
        tasks.spawn_critical("live.viewers", viewers.run(stopping.clone()));
        tasks.spawn_critical("live.version", following);
        tasks.spawn_critical("live.pages", versions.clone().run(stopping));
        Ok((lobby, versions))
    }

    fn manager(&self) -> Result<ConnectionManager, StartError> {
        let settings = &self.settings.stream;
        let gateway =
            GatewayApi::new(&settings.sse_gateway_url, settings.internal_secret.as_ref())?;
        let kinds = [
            (live::TASK, Sharing::Shared { most: MOST_VIEWERS }),
            (live::VERSION, Sharing::Single),
        ];
        Ok(ConnectionManager::new(
            gateway,
            &kinds,
            self.metrics,
            "admin-sync-service",
        )?)
    }

    /// Runs go on without a gateway, so it never makes this service not ready.
    fn gateway_check(&self) -> service_kit::lifecycle::Latch {
        let check = self.lifecycle.readiness().latch("sse_gateway");
        check.degraded("starting");
        check
    }
}
