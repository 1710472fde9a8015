//! The WebSocket: who may open one, what is said on it, how it ends.
