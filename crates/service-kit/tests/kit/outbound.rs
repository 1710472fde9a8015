//! Outbound HTTP against servers that misbehave.

use std::time::Duration;

use service_kit::http_client::{
    HeaderMap, HeaderValue, Outbound, OutboundError, OutboundSettings, Request, Response,
};

use crate::upstream::{Then, Upstream};

fn outbound(private: bool, hosts: &[&str]) -> Outbound {
    let hosts = hosts.iter().map(|&host| host.to_owned());
    Outbound::new(&OutboundSettings {
        upstream_allow_private: private,
        upstream_allow_hosts: hosts.collect(),
    })
    .unwrap()
}

fn request(url: String) -> Request {
    Request {
        url,
        headers: HeaderMap::new(),
        timeout: test_kit::PATIENCE,
        cap: 1_000,
    }
}

async fn get(url: String) -> Result<Response, OutboundError> {
    outbound(true, &[]).get(&request(url)).await
}

fn ok(body: &str) -> String {
    format!(
        "HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    )
}

#[tokio::test]
async fn an_answer_comes_back_whole_with_its_status_and_headers() {
    let upstream = Upstream::start(Then::Close, |_| {
        "HTTP/1.1 404 Not Found\r\netag: \"1\"\r\ncontent-length: 4\r\n\r\ngone".to_owned()
    })
    .await;
    let answer = get(upstream.url("/units")).await.unwrap();
    assert_eq!(answer.status, 404);
    assert_eq!(answer.headers["etag"], "\"1\"");
    assert_eq!(answer.body, "gone");
}

#[tokio::test]
async fn the_request_carries_our_name_and_the_callers_headers_only() {
    let upstream = Upstream::start(Then::Close, |_| ok("")).await;
    let mut asked = request(upstream.url("/units?a=1"));
    let token = HeaderValue::from_static("Bearer hunter2");
    asked.headers.insert("authorization", token);
    outbound(true, &[]).get(&asked).await.unwrap();
    let head = upstream.heads().remove(0);
    assert!(head.starts_with("GET /units?a=1 HTTP/1.1\r\n"), "{head}");
    assert!(head.contains(&format!("user-agent: farol/{}\r\n", service_kit::VERSION)));
    assert!(head.contains("authorization: Bearer hunter2\r\n"));
    assert!(!head.to_lowercase().contains("referer"));
    assert!(!format!("{asked:?}").contains("hunter2"));
}

#[tokio::test]
async fn an_announced_length_over_the_cap_is_refused_before_the_body_comes() {
    let upstream = Upstream::start(Then::Hold, |_| {
        "HTTP/1.1 200 OK\r\ncontent-length: 1001\r\n\r\n".to_owned()
    })
    .await;
    let error = get(upstream.url("/")).await.unwrap_err();
    assert_eq!(error, OutboundError::TooLarge(1_000));
}

#[tokio::test]
async fn a_body_that_outgrows_the_cap_is_cut_off_whatever_was_announced() {
    let chunk = format!("3e9\r\n{}\r\n", "x".repeat(0x3e9));
    let upstream = Upstream::start(Then::Hold, move |_| {
        format!("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n{chunk}")
    })
    .await;
    let error = get(upstream.url("/")).await.unwrap_err();
    assert_eq!(error, OutboundError::TooLarge(1_000));
}

#[tokio::test]
async fn a_body_of_exactly_the_cap_is_taken() {
    let upstream = Upstream::start(Then::Close, |_| ok(&"x".repeat(1_000))).await;
    assert_eq!(get(upstream.url("/")).await.unwrap().body.len(), 1_000);
}

#[tokio::test]
async fn a_slow_drip_ends_at_the_deadline() {
    let upstream = Upstream::start(Then::Drip, |_| {
        "HTTP/1.1 200 OK\r\ncontent-length: 999\r\n\r\nx".to_owned()
    })
    .await;
    let mut asked = request(upstream.url("/"));
    asked.timeout = Duration::from_millis(100);
    let error = outbound(true, &[]).get(&asked).await.unwrap_err();
    assert_eq!(error, OutboundError::Timeout);
}

#[tokio::test]
async fn silence_ends_at_the_deadline() {
    let upstream = Upstream::start(Then::Hold, |_| String::new()).await;
    let mut asked = request(upstream.url("/"));
    asked.timeout = Duration::from_millis(50);
    let error = outbound(true, &[]).get(&asked).await.unwrap_err();
    assert_eq!(error, OutboundError::Timeout);
}

#[tokio::test]
async fn a_truncated_body_is_no_answer() {
    for head in ["content-length: 100", "transfer-encoding: chunked"] {
        let upstream = Upstream::start(Then::Close, move |_| {
            format!("HTTP/1.1 200 OK\r\n{head}\r\n\r\n5\r\n[1,2]")
        })
        .await;
        let error = get(upstream.url("/")).await.unwrap_err();
        assert!(matches!(error, OutboundError::Body(_)), "{head}: {error:?}");
    }
}

#[tokio::test]
async fn a_connection_that_breaks_before_the_answer_is_told_as_such() {
    for bytes in ["", "HTTP/1.1 2", "SSH-2.0-OpenSSH_9.2\r\n\r\n"] {
        let upstream = Upstream::start(Then::Close, move |_| bytes.to_owned()).await;
        let error = get(upstream.url("/")).await.unwrap_err();
        assert!(
            matches!(error, OutboundError::Connect(_)),
            "{bytes:?}: {error:?}"
        );
    }
}

#[tokio::test]
async fn a_refused_connection_is_told_without_the_address() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let error = get(format!("http://{address}/?token=hunter2"))
        .await
        .unwrap_err();
    assert!(matches!(error, OutboundError::Connect(_)), "{error:?}");
    assert!(!error.to_string().contains("hunter2"), "{error}");
}

#[tokio::test]
async fn a_name_that_does_not_resolve_is_told() {
    let error = get("http://no-such-host.invalid/".to_owned())
        .await
        .unwrap_err();
    assert!(matches!(error, OutboundError::Connect(_)), "{error:?}");
}

#[tokio::test]
async fn plain_text_on_a_tls_port_is_a_failed_connection() {
    let upstream = Upstream::start(Then::Close, |_| ok("")).await;
    let error = get(format!("https://{}/", upstream.address))
        .await
        .unwrap_err();
    assert!(matches!(error, OutboundError::Connect(_)), "{error:?}");
}

#[tokio::test]
async fn a_redirect_on_the_same_host_is_followed_with_the_credentials() {
    let upstream = Upstream::start(Then::Close, |head| {
        if head.starts_with("GET /old ") {
            "HTTP/1.1 307 Temporary Redirect\r\nlocation: /new\r\ncontent-length: 0\r\n\r\n"
                .to_owned()
        } else {
            ok("here")
        }
    })
    .await;
    let mut asked = request(upstream.url("/old"));
    let key = HeaderValue::from_static("hunter2");
    asked.headers.insert("x-api-key", key);
    let answer = outbound(true, &[]).get(&asked).await.unwrap();
    assert_eq!(answer.body, "here");
    assert!(upstream.heads()[1].contains("x-api-key: hunter2\r\n"));
}

#[tokio::test]
async fn a_redirect_to_another_port_or_host_is_refused_and_never_asked() {
    let other = Upstream::start(Then::Close, |_| ok("")).await;
    for target in [
        other.url("/?token=hunter2"),
        "https://example.com/".to_owned(),
    ] {
        let upstream = Upstream::start(Then::Close, move |_| {
            format!("HTTP/1.1 302 Found\r\nlocation: {target}\r\ncontent-length: 0\r\n\r\n")
        })
        .await;
        let error = get(upstream.url("/")).await.unwrap_err();
        assert!(matches!(error, OutboundError::Redirect(_)), "{error:?}");
        assert!(!error.to_string().contains("hunter2"), "{error}");
    }
    assert!(other.heads().is_empty());
}

#[tokio::test]
async fn a_circle_of_redirects_ends_after_three() {
    let upstream = Upstream::start(Then::Close, |_| {
        "HTTP/1.1 302 Found\r\nlocation: /again\r\ncontent-length: 0\r\n\r\n".to_owned()
    })
    .await;
    let error = get(upstream.url("/")).await.unwrap_err();
    assert!(matches!(error, OutboundError::Redirect(_)), "{error:?}");
    assert_eq!(
        upstream.heads().len(),
        4,
        "the first request and three more"
    );
}

#[tokio::test]
async fn a_name_that_leads_to_this_machine_is_blocked_and_never_dialled() {
    let upstream = Upstream::start(Then::Close, |_| ok("")).await;
    let url = format!("http://localhost:{}/", upstream.address.port());
    let error = outbound(false, &[]).get(&request(url)).await.unwrap_err();
    assert_eq!(error, OutboundError::Blocked("localhost".to_owned()));
    let error = outbound(false, &["other.test"])
        .get(&request(upstream.url("/")))
        .await;
    assert_eq!(
        error.unwrap_err(),
        OutboundError::Blocked("127.0.0.1".to_owned())
    );
    assert!(upstream.heads().is_empty());
}

#[tokio::test]
async fn a_listed_host_may_have_a_private_address() {
    let upstream = Upstream::start(Then::Close, |_| ok("here")).await;
    let url = format!("http://localhost:{}/", upstream.address.port());
    let answer = outbound(false, &["LOCALHOST"]).get(&request(url)).await;
    assert_eq!(answer.unwrap().body, "here");
}
