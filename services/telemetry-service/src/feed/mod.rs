//! Live state shared by all who watch it: one poller per tenant, one topic per device and one for the alerts.
