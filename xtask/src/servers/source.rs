//! Where a server comes from, decided before anything is started: given, installed, installable,
//! or a container.

use crate::checkout::Checkout;
use crate::environment;
use crate::failure::{Failure, Outcome};
use crate::process::Crew;
use crate::say;
use crate::servers::container::Container;
use crate::servers::credentials::Credentials;
use crate::servers::install::{Privilege, apt_install};
use crate::servers::postgres::without_password;

/// The programs of one kind of server, and how people get them.
pub(crate) trait Programs: Sized {
    /// As people call it.
    const SERVER: &str;
    /// The variable that gives the address of one that somebody else runs.
    const VARIABLE: &str;
    /// The package of Debian and Ubuntu.
    const PACKAGE: &str;
    /// What to type where nothing can be done from here.
    const ADVICE: &str;

    /// The newest usable ones of this machine.
    fn find() -> Option<Self>;
}

/// What is known before the command begins its work.
pub(crate) enum Source<P> {
    At(Place<P>),
    /// Nothing is there, and this is how it may be installed.
    Apt(Privilege),
}

/// Where a server is, or will be started.
pub(crate) enum Place<P> {
    Given(String),
    Installed(P),
    Docker,
}

impl<P: Programs> Source<P> {
    /// May ask for a sudo password.
    pub(crate) fn find(checkout: &Checkout) -> Outcome<Self> {
        if let Some(url) = given(checkout, P::VARIABLE)? {
            let shown = without_password(&url).0;
            say::note(&format!("using the given {}: {shown}", P::VARIABLE));
            return Ok(Self::At(Place::Given(url)));
        }
        if let Some(installed) = P::find() {
            return Ok(Self::At(Place::Installed(installed)));
        }
        if let Some(privilege) = Privilege::find() {
            return Ok(Self::Apt(privilege));
        }
        if Container::engine_answers() {
            return Ok(Self::At(Place::Docker));
        }
        Err(Failure::new(format!(
            "there is no {}, and no way to get one from here",
            P::SERVER
        ))
        .why("none is installed, no apt-get with root or sudo rights, no Docker that answers")
        .advice(format!(
            "One of these, then the same command again:\n{}",
            P::ADVICE
        )))
    }

    /// Ours to start, so its ports must be free.
    pub(crate) fn is_private(&self) -> bool {
        !matches!(self, Self::At(Place::Given(_)))
    }

    /// Installs it, if need be.
    pub(crate) fn settled(self, crew: &Crew<'_>) -> Outcome<Place<P>> {
        install(crew, &[self.lacking()])?;
        self.place()
    }

    /// What `install` is to install for it.
    pub(super) fn lacking(&self) -> Option<(Privilege, &'static str)> {
        match self {
            Self::At(_) => None,
            Self::Apt(privilege) => Some((*privilege, P::PACKAGE)),
        }
    }

    /// Call it after the installation.
    pub(super) fn place(self) -> Outcome<Place<P>> {
        match self {
            Self::At(place) => Ok(place),
            Self::Apt(_) => P::find().map(Place::Installed).ok_or_else(|| {
                Failure::new(format!(
                    "apt-get installed {}, but no {} that can be used is there",
                    P::PACKAGE,
                    P::SERVER
                ))
                .advice(P::ADVICE)
            }),
        }
    }
}

/// One run of apt-get for everything that lacks: its update alone takes longer than a server's start.
pub(super) fn install(crew: &Crew<'_>, lacking: &[Option<(Privilege, &'static str)>]) -> Outcome {
    let lacking: Vec<_> = lacking.iter().flatten().collect();
    let packages: Vec<&str> = lacking.iter().map(|(_, package)| *package).collect();
    match lacking.first() {
        Some((privilege, _)) => apt_install(crew, *privilege, &packages),
        None => Ok(()),
    }
}

/// An address that a person chose, rather than one that this checkout made.
pub(crate) fn given(checkout: &Checkout, name: &str) -> Outcome<Option<String>> {
    let credentials = Credentials::of(&checkout.servers_home()?)?;
    Ok(environment::variable(name).filter(|url| !credentials.made(url)))
}
