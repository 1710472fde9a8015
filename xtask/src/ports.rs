//! Which port each program of the developer stack gets, and whether it is free.

use crate::failure::{Failure, Outcome, While};
use std::net::{Ipv4Addr, TcpListener};

/// All ports of one stack: the documented defaults, moved together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Ports {
    pub(crate) public: u16,
    pub(crate) public_ops: u16,
    pub(crate) admin: u16,
    pub(crate) admin_ops: u16,
    pub(crate) ingestor_ops: u16,
    pub(crate) gateway: u16,
    pub(crate) gateway_ops: u16,
    pub(crate) telemetry: u16,
    pub(crate) telemetry_ops: u16,
    pub(crate) demo_upstream: u16,
    pub(crate) demo_pncp: u16,
    pub(crate) servers: ServerPorts,
}

/// The ports of the private servers. Far from the usual ones, where servers of the system may run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ServerPorts {
    pub(crate) postgres: u16,
    pub(crate) amqp: u16,
    /// Erlang's own: between nodes, and the mapper that knows them by name.
    pub(crate) dist: u16,
    pub(crate) epmd: u16,
}

impl Ports {
    /// The defaults are those of docs/API.md, each plus `offset`.
    pub(crate) fn shifted(offset: u16) -> Outcome<Self> {
        let at = |base: u16| {
            base.checked_add(offset).ok_or_else(|| {
                Failure::new(format!("--port-offset {offset} is too large"))
                    .why(format!("port {base} would move beyond 65535"))
                    .advice("Use at most 8800.")
            })
        };
        Ok(Self {
            public: at(8080)?,
            public_ops: at(9080)?,
            admin: at(8000)?,
            admin_ops: at(9000)?,
            ingestor_ops: at(9100)?,
            gateway: at(3000)?,
            gateway_ops: at(9300)?,
            telemetry: at(8090)?,
            telemetry_ops: at(9190)?,
            demo_upstream: at(8300)?,
            demo_pncp: at(8310)?,
            servers: ServerPorts {
                postgres: at(54329)?,
                amqp: at(56729)?,
                dist: at(56730)?,
                epmd: at(56731)?,
            },
        })
    }

    /// Fails with every port that somebody else listens on. `servers` are those that will be started.
    pub(crate) fn expect_free(self, servers: &[(&'static str, u16)], with_demo: bool) -> Outcome {
        let mut wanted = vec![
            ("public-service", self.public),
            ("public-service (ops)", self.public_ops),
            ("admin-sync-service", self.admin),
            ("admin-sync-service (ops)", self.admin_ops),
            ("ingestor (ops)", self.ingestor_ops),
            ("sse-gateway", self.gateway),
            ("sse-gateway (ops)", self.gateway_ops),
            ("telemetry-service", self.telemetry),
            ("telemetry-service (ops)", self.telemetry_ops),
        ];
        wanted.extend(servers);
        if with_demo {
            wanted.extend([
                ("demo-world", self.demo_upstream),
                ("demo-world (PNCP)", self.demo_pncp),
            ]);
        }
        let busy: Vec<String> = wanted
            .into_iter()
            .filter(|(_, port)| listen(*port).is_err())
            .map(|(name, port)| format!("{port} (for {name})"))
            .collect();
        if busy.is_empty() {
            return Ok(());
        }
        Err(Failure::new(format!(
            "in use by another program: port {}",
            busy.join(", port ")
        ))
        .advice("Stop that program, or move this stack: cargo xtask up --port-offset 100"))
    }
}

impl ServerPorts {
    /// For servers that are only known to this process.
    pub(crate) fn any_free() -> Outcome<Self> {
        let [postgres, amqp, dist, epmd] = free()?;
        Ok(Self {
            postgres,
            amqp,
            dist,
            epmd,
        })
    }
}

/// A port that nobody listens on now.
pub(crate) fn any_free() -> Outcome<u16> {
    free().map(|[port]| port)
}

/// Held together until all are known, so that they are distinct.
fn free<const COUNT: usize>() -> Outcome<[u16; COUNT]> {
    let mut ports = [0; COUNT];
    let mut held = Vec::new();
    for port in &mut ports {
        let bound = listen(0).and_then(|listener| {
            *port = listener.local_addr()?.port();
            held.push(listener);
            Ok(())
        });
        bound.while_doing(|| "looking for a free port".into())?;
    }
    Ok(ports)
}

fn listen(port: u16) -> std::io::Result<TcpListener> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, port))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_offset_moves_every_port_and_none_meets_another() {
        let (base, moved) = (Ports::shifted(0).unwrap(), Ports::shifted(7).unwrap());
        assert_eq!((moved.public, moved.servers.postgres), (8087, 54336));
        let mut all = [
            base.public,
            base.public_ops,
            base.admin,
            base.admin_ops,
            base.ingestor_ops,
            base.gateway,
            base.gateway_ops,
            base.telemetry,
            base.telemetry_ops,
            base.demo_upstream,
            base.demo_pncp,
            base.servers.postgres,
            base.servers.amqp,
            base.servers.dist,
            base.servers.epmd,
        ];
        all.sort_unstable();
        assert!(all.windows(2).all(|pair| pair[0] != pair[1]));
    }

    #[test]
    fn an_offset_beyond_the_last_port_is_refused_with_what_fits() {
        assert!(Ports::shifted(8_800).is_ok());
        assert!(
            Ports::shifted(8_900)
                .unwrap_err()
                .to_string()
                .contains("8800")
        );
    }

    #[test]
    fn a_busy_port_is_named_together_with_who_wanted_it() {
        let holder = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = holder.local_addr().unwrap().port();
        let ports = Ports {
            public: port,
            demo_upstream: port,
            ..Ports::shifted(5).unwrap()
        };
        let text = ports
            .expect_free(&[("Postgres", port)], false)
            .unwrap_err()
            .to_string();
        assert!(
            text.contains(&format!("{port} (for public-service)")),
            "{text}"
        );
        assert!(
            text.contains(&format!("{port} (for Postgres)")) && !text.contains("demo-world"),
            "{text}"
        );
    }
}
