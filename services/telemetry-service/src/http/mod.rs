//! The REST side: routes, handlers, and the live page.
