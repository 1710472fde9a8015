//! The client API as a server: any number of projects on one listener, alive as long as its value.

use std::collections::BTreeMap;
use std::io;
use std::net::{SocketAddr, TcpListener as StdListener};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use tokio::net::TcpListener;
use tokio::task::JoinSet;

use crate::answer::answer;
use crate::control;
use crate::devices::{self, Desk, Devices};
use crate::listen::{Site, accept};
use crate::message::{Reply, Request};
use crate::project::{Project, ProjectHandle};
use crate::wire::Connection;

/// A running client API. Dropping it ends the listener and every connection.
#[derive(Debug)]
pub struct ClientApi {
    world: World,
    tasks: JoinSet<()>,
}

/// The projects by name, and where they are reached.
#[derive(Debug, Clone)]
pub(crate) struct World {
    projects: Arc<Mutex<BTreeMap<String, Arc<Project>>>>,
    address: SocketAddr,
    /// Whose control endpoints are reached here too; set at most once.
    devices: Arc<OnceLock<Arc<Desk>>>,
}

impl ClientApi {
    /// Starts on a free port of the loopback.
    ///
    /// # Errors
    /// When no port can be had. Must be called within a Tokio runtime.
    pub fn start() -> io::Result<Self> {
        Self::on(StdListener::bind(("127.0.0.1", 0))?)
    }

    /// Starts on a listener of the caller's.
    ///
    /// # Errors
    /// When the listener is unusable. Must be called within a Tokio runtime.
    pub fn on(listener: StdListener) -> io::Result<Self> {
        listener.set_nonblocking(true)?;
        let listener = TcpListener::from_std(listener)?;
        let world = World {
            projects: Arc::default(),
            address: listener.local_addr()?,
            devices: Arc::default(),
        };
        let mut tasks = JoinSet::new();
        tasks.spawn(accept(listener, world.clone()));
        Ok(Self { world, tasks })
    }

    /// `http://127.0.0.1:PORT`
    pub fn base_url(&self) -> String {
        self.world.base_url()
    }

    /// The address that is listened on.
    pub fn address(&self) -> SocketAddr {
        self.world.address
    }

    /// The project of that name, made when there is none: no units, a list, no credentials.
    pub fn project(&self, name: &str) -> ProjectHandle {
        self.world.project(name)
    }

    /// The devices are controlled here from now on, under `/_control/devices`; the first ones that are
    /// given stay.
    pub fn control(&self, devices: &Devices) {
        let _ = self.world.devices.set(Arc::clone(&devices.desk));
    }

    /// Ends, and returns once the port is free and every connection is closed.
    pub async fn stop(mut self) {
        self.tasks.shutdown().await;
    }
}

impl World {
    pub(crate) fn base_url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub(crate) fn project(&self, name: &str) -> ProjectHandle {
        let mut projects = self.projects.lock().unwrap_or_else(PoisonError::into_inner);
        let project = projects
            .entry(name.to_owned())
            .or_insert_with(|| Arc::new(Project::new(name)));
        ProjectHandle {
            project: Arc::clone(project),
            base_url: self.base_url(),
        }
    }

    pub(crate) fn find(&self, name: &str) -> Option<ProjectHandle> {
        let projects = self.projects.lock().unwrap_or_else(PoisonError::into_inner);
        let project = Arc::clone(projects.get(name)?);
        Some(ProjectHandle {
            project,
            base_url: self.base_url(),
        })
    }

    pub(crate) fn all(&self) -> Vec<ProjectHandle> {
        let projects = self.projects.lock().unwrap_or_else(PoisonError::into_inner);
        let handle = |project: &Arc<Project>| ProjectHandle {
            project: Arc::clone(project),
            base_url: self.base_url(),
        };
        projects.values().map(handle).collect()
    }
}

impl World {
    async fn controlled(&self, request: &Request, path: &str) -> Reply {
        let parts: Vec<&str> = path.trim_matches('/').split('/').collect();
        match (self.devices.get(), parts.as_slice()) {
            (Some(desk), ["_control", "devices", rest @ ..]) => {
                devices::answer(desk, request, rest).await
            }
            _ => control::answer(self, request, path),
        }
    }
}

impl Site for World {
    async fn turn(
        &self,
        connection: Connection,
        request: &Request,
    ) -> io::Result<Option<Connection>> {
        let path = request.path.split('?').next().unwrap_or_default();
        let asked = path
            .strip_prefix('/')
            .and_then(|rest| rest.strip_suffix("/units"));
        let Some(handle) = asked.and_then(|name| self.find(name)) else {
            let reply = self.controlled(request, path).await;
            return connection.write(request, reply).await;
        };
        let project = handle.project;
        let (in_flight, before) = project.ledger.admit(request);
        let mut held = project.held.subscribe();
        tokio::select! {
            _ = held.wait_for(|held| !held) => {}
            () = connection.gone() => return Ok(None),
        }
        let verdict = answer(&project, request, before);
        verdict.carry_out(connection, request, &in_flight).await
    }
}
