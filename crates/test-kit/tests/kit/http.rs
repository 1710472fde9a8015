//! The plain client.

use test_kit::{http_get, http_request};

use crate::script::{Script, Then};

#[tokio::test]
async fn bodies_are_read_in_every_delimiting() {
    for (framing, body) in [
        ("content-length: 7\r\n", "{\"a\":1}"),
        (
            "transfer-encoding: chunked\r\n",
            "3\r\n{\"a\r\n4\r\n\":1}\r\n0\r\n\r\n",
        ),
        ("", "{\"a\":1}"),
    ] {
        let answer = format!("HTTP/1.1 200 OK\r\n{framing}X-Own: 1\r\n\r\n{body}");
        let script = Script::say(&[&answer], Then::End).await;
        let answer = http_get(&script.url, &[("x-request-id", "a")]).await;
        assert_eq!((answer.status(), answer.header("x-own")), (200, Some("1")));
        assert_eq!(answer.json()["a"], 1, "{framing}");
    }
}

#[tokio::test]
async fn answers_without_a_body_need_no_end_of_connection() {
    let no_content = Script::say(&["HTTP/1.1 204 No Content\r\n\r\n"], Then::Stay).await;
    assert_eq!(http_get(&no_content.url, &[]).await.status(), 204);
    let head = Script::say(
        &["HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n"],
        Then::Stay,
    )
    .await;
    assert!(
        http_request("HEAD", &head.url, &[], b"")
            .await
            .body
            .is_empty()
    );
}

#[tokio::test]
#[should_panic(expected = "cut short")]
async fn a_body_cut_short_is_a_failure() {
    let script = Script::say(
        &["HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nabc"],
        Then::End,
    )
    .await;
    http_get(&script.url, &[]).await;
}

#[tokio::test]
#[should_panic(expected = "came 2 times")]
async fn a_header_that_came_twice_is_a_failure() {
    let twice = "HTTP/1.1 204 No Content\r\nvary: a\r\nvary: b\r\n\r\n";
    let script = Script::say(&[twice], Then::Stay).await;
    http_get(&script.url, &[]).await.header("vary");
}
