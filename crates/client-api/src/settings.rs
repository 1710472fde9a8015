//! The settings that whoever reads integrations needs: the same words with the same meaning in every service.

use farol_core::status::Status;
use service_kit::secrets::Vault;
use service_kit::settings::Secret;

use crate::integration::Reading;

service_kit::settings! {
    /// How stored integrations are read.
    pub struct IntegrationSettings {
        /// Opens and seals integration_configs.auth_credentials; without it only projects whose API needs no credentials work. The same in every service.
        secret_key: Option<Secret> = "";
        /// What a client's status becomes that no mapping knows, where the integration does not say: available, reserved, sold, hidden or unreleased. The same in every service.
        unmapped_status: String = "available";
    }
    check = IntegrationSettings::unmapped_status_is_one_of_five;
}

impl IntegrationSettings {
    fn unmapped_status_is_one_of_five(&self) -> Result<(), String> {
        let known = self.unmapped_status.parse::<Status>();
        known
            .map(drop)
            .map_err(|error| format!("UNMAPPED_STATUS is {:?}: {error}", self.unmapped_status))
    }

    /// How rows are read under these settings.
    pub fn reading(&self) -> Reading {
        let secret_key = self.secret_key.clone().unwrap_or_default();
        Reading {
            // Checked when settings are read; a contract's default is better than a panic.
            unmapped: self.unmapped_status.parse().unwrap_or(Status::Available),
            vault: Vault::new(&secret_key),
        }
    }
}
