//! Waiting for a condition.

use std::time::Duration;

use test_kit::{PATIENCE, raise_fd_limit, wait_until};

#[tokio::test]
async fn a_condition_that_comes_true_is_waited_for() {
    let mut asked = 0;
    wait_until("three questions", PATIENCE, async || {
        asked += 1;
        asked == 3
    })
    .await;
    assert_eq!(asked, 3);
}

#[tokio::test]
#[should_panic(expected = "not within 5ms: the impossible")]
async fn a_condition_that_stays_false_fails_with_its_name() {
    wait_until("the impossible", Duration::from_millis(5), async || false).await;
}

#[test]
fn the_limit_of_descriptors_is_raised_once_and_stays() {
    let raised = raise_fd_limit();
    assert!(raised >= 256);
    assert_eq!(raise_fd_limit(), raised);
}
