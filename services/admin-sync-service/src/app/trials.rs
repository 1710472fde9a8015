//! How client APIs are tried: by the same way out as they are polled, guard and cap included. Built here.

use client_api::ClientApi;
use service_kit::http_client::Outbound;

use super::StartError;
use super::machinery::Machinery;
use crate::projects::Trials;

impl Machinery<'_> {
    /// # Errors
    /// Where TLS cannot be set up.
    pub fn trials(&self) -> Result<Trials, StartError> {
        let outbound = Outbound::new(&self.settings.outbound)?;
        let api = ClientApi::new(outbound, self.lifecycle.clock());
        Ok(Trials::new(api, self.lifecycle.stopping()))
    }
}
