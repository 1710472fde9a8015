//! Which port each program of the developer stack gets, and whether it is free.

use crate::failure::{Failure, Outcome};
use std::net::{Ipv4Addr, TcpListener};

/// All ports of one stack: the documented defaults, moved together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Ports {
    pub(crate) public: u16,
    pub(crate) public_ops: u16,
    pub(crate) demo_upstream: u16,
    /// Far from 5432: a Postgres of the system may run there.
    pub(crate) postgres: u16,
}

impl Ports {
    /// The defaults are those of docs/API.md, each plus `offset`.
    pub(crate) fn shifted(offset: u16) -> Outcome<Self> {
        let at = |base: u16| {
            base.checked_add(offset).ok_or_else(|| {
                Failure::new(format!("--port-offset {offset} is too large"))
                    .why(format!("port {base} would move beyond 65535"))
                    .advice("Use at most 11000.")
            })
        };
        Ok(Self {
            public: at(8080)?,
            public_ops: at(9080)?,
            demo_upstream: at(8300)?,
            postgres: at(54329)?,
        })
    }

    /// Fails with every port that somebody else listens on. `with_*` say what will be started.
    pub(crate) fn expect_free(self, with_postgres: bool, with_demo: bool) -> Outcome {
        let mut wanted = vec![
            ("public-service", self.public),
            ("public-service (ops)", self.public_ops),
        ];
        wanted.extend(with_postgres.then_some(("Postgres", self.postgres)));
        wanted.extend(with_demo.then_some(("demo-world", self.demo_upstream)));
        let busy: Vec<String> = wanted
            .into_iter()
            .filter(|(_, port)| TcpListener::bind((Ipv4Addr::LOCALHOST, *port)).is_err())
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

/// A port that nobody listens on now, for a server that is only known to this process.
pub(crate) fn any_free() -> Outcome<u16> {
    let bound =
        TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).and_then(|listener| listener.local_addr());
    bound
        .map(|address| address.port())
        .map_err(|error| Failure::new("no free port").why(error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_offset_moves_every_port_and_none_meets_another() {
        let (base, moved) = (Ports::shifted(0).unwrap(), Ports::shifted(7).unwrap());
        assert_eq!((moved.public, moved.postgres), (8087, 54336));
        let mut all = [
            base.public,
            base.public_ops,
            base.demo_upstream,
            base.postgres,
        ];
        all.sort_unstable();
        assert!(all.windows(2).all(|pair| pair[0] != pair[1]));
    }

    #[test]
    fn an_offset_beyond_the_last_port_is_refused_with_what_fits() {
        assert!(Ports::shifted(11_000).is_ok());
        assert!(
            Ports::shifted(11_300)
                .unwrap_err()
                .to_string()
                .contains("11000")
        );
    }

    #[test]
    fn a_busy_port_is_named_together_with_who_wanted_it() {
        let holder = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = holder.local_addr().unwrap().port();
        let free = any_free().unwrap();
        let ports = Ports {
            public: port,
            public_ops: free,
            demo_upstream: port,
            postgres: port,
        };
        let text = ports.expect_free(false, false).unwrap_err().to_string();
        assert!(
            text.contains(&format!("{port} (for public-service)")),
            "{text}"
        );
        assert!(
            text.contains("--port-offset") && !text.contains("Postgres"),
            "{text}"
        );
    }
}
