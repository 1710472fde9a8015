//! The live page as files: what is served, and what it may do. What it does is tested in a browser (ci/telemetry).

use std::collections::BTreeSet;
use std::path::Path;

use test_kit::{WsClient, http_get};

use crate::rest_answers::judge;
use crate::world::{World, token_of};

const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; \
                      img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// What a text names under `/live-assets/` or `./`, in quotes.
fn named(text: &str) -> BTreeSet<String> {
    let quoted = text.split('"').skip(1).step_by(2);
    let names = quoted.filter_map(|it| {
        it.strip_prefix("/live-assets/")
            .or_else(|| it.strip_prefix("./"))
    });
    names.map(str::to_owned).collect()
}

fn is_script(name: &str) -> bool {
    name.rsplit_once('.').is_some_and(|(_, kind)| kind == "js")
}

#[tokio::test]
async fn the_page_and_all_that_it_names_is_served_and_nothing_else_lies_about() {
    let world = World::start().await;
    let page = http_get(&world.url("/live"), &[]).await;
    judge(&page, "/live");
    assert_eq!(
        page.header("content-type"),
        Some("text/html; charset=utf-8")
    );
    assert_eq!(page.header("content-security-policy"), Some(POLICY));
    let (mut wanted, mut served) = (named(page.text()), BTreeSet::new());
    while let Some(name) = wanted.pop_first() {
        let answer = http_get(&world.url(&format!("/live-assets/{name}")), &[]).await;
        judge(&answer, &name);
        assert_eq!(answer.status(), 200, "{name}");
        let media_type = if is_script(&name) {
            "text/javascript"
        } else {
            "text/css"
        };
        let expected = format!("{media_type}; charset=utf-8");
        assert_eq!(
            answer.header("content-type"),
            Some(expected.as_str()),
            "{name}"
        );
        assert_eq!(
            answer.header("content-security-policy"),
            Some(POLICY),
            "{name}"
        );
        if is_script(&name) {
            wanted.extend(named(answer.text()).difference(&served).cloned());
        }
        served.insert(name);
    }
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("assets");
    let files = folder
        .read_dir()
        .unwrap()
        .map(|file| file.unwrap().file_name().into_string().unwrap());
    let files = files.filter(|name| name != "live.html");
    // The sheet that all pages begin with is in service-kit.
    let files: BTreeSet<String> = files.chain(["farol.css".to_owned()]).collect();
    assert_eq!(served, files);
    world.shutdown().await;
}

#[tokio::test]
async fn the_page_opens_its_sockets_whatever_other_origins_are_allowed() {
    let world = World::with(|settings| {
        settings.socket.allowed_origins = vec!["https://app.example.org".to_owned()];
    })
    .await;
    let url = world.ws_url(&format!("?token={}", token_of("a")));
    let host = world.address.to_string();
    for ours in [format!("http://{host}"), format!("https://{host}")] {
        let socket = WsClient::connect(&url, &[("origin", &ours)]).await;
        socket.leave().await;
    }
    for theirs in [
        format!("http://{host}.example.org"),
        "http://localhost:1".to_owned(),
        host,
        "null".to_owned(),
    ] {
        let refused = WsClient::knock(&url, &[("origin", &theirs)]).await;
        assert_eq!(refused.status, 403, "{theirs}");
    }
    world.shutdown().await;
}

#[test]
fn the_page_has_nothing_that_its_policy_forbids() {
    let page = include_str!("../../assets/live.html");
    for odd in [
        "<style",
        " style=",
        " onclick=",
        "javascript:",
        "https://",
        "<script>",
    ] {
        assert!(!page.contains(odd), "{odd}");
    }
    assert_eq!(
        page.matches("<script").count(),
        1,
        "one module, with a source"
    );
}
