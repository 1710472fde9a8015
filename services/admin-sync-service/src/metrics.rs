//! The metrics of this service; what each means is its help text.
