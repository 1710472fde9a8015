//! Telling people: what is wrong now, one notice per incident, and one when it is over.
