//! One module per developer command; `ci` and `bench` are rooms of their own.

pub(crate) mod down;
pub(crate) mod migrate;
pub(crate) mod sweep;
pub(crate) mod test;
pub(crate) mod up;
