//! The log of the process as text.

use test_kit::LogCapture;

#[test]
fn everything_from_the_start_on_is_captured_at_trace_level() {
    LogCapture::start();
    tracing::info!("an earlier line");
    let capture = LogCapture::start();
    tracing::trace!(word = "tr4ce-w0rd", "a line");
    assert!(capture.text().contains("tr4ce-w0rd"));
    assert!(!capture.text().contains("an earlier line"));
    capture.assert_silent_about("never said");
}

#[test]
#[should_panic(expected = "the log tells")]
fn a_secret_in_the_log_is_a_failure() {
    let capture = LogCapture::start();
    tracing::debug!(password = "s3cret-of-this-test");
    capture.assert_silent_about("s3cret-of-this-test");
}
