//! Claims runs and brings the procurement portal's records into Postgres, page by page.
