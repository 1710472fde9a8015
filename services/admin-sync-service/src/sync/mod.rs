//! What operators do with runs, and what is done for runs that nobody looks after.
