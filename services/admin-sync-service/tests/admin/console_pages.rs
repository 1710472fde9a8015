//! The console as files: open to everybody, all ours, and all there.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha256};
use test_kit::{Answer, http_get, http_request};

use crate::bodies::problem;
use crate::world::{AUTHORIZATION, World};

/// Where they are kept.
fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("assets/console")
}

/// All that has to be served, by name.
fn files() -> BTreeSet<String> {
    let (root, mut found, mut folders) = (folder(), BTreeSet::new(), vec![folder()]);
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path
                .strip_prefix(&root)
                .unwrap()
                .to_str()
                .unwrap()
                .to_owned();
            if path.is_dir() {
                folders.push(path);
            } else if is_file(&name) {
                found.insert(name);
            }
        }
    }
    found
}

fn page(answer: &Answer) {
    assert_eq!(answer.status(), 200);
    let media_type = answer.header("content-type");
    assert_eq!(media_type, Some("text/html; charset=utf-8"));
    assert_eq!(answer.header("referrer-policy"), Some("no-referrer"));
    assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
    assert!(answer.text().contains("/console-assets/main.js"));
}

#[tokio::test]
async fn the_shell_is_open_and_the_same_at_every_address_of_the_console() {
    let world = World::start().await;
    for path in [
        "/console",
        "/console/",
        "/console/projects/garden-court",
        "/console/runs/17?tab=events",
        "/console/session/more",
        "/console/../../etc/passwd",
        "/console/%2e%2e/x",
    ] {
        page(&http_get(&world.url(path), &[]).await);
    }
    for (method, path) in [
        ("POST", "/console"),
        ("PUT", "/console/x"),
        ("DELETE", "/console-assets/main.js"),
    ] {
        let answer = http_request(method, &world.url(path), &[], b"").await;
        problem(&answer, 405, "method_not_allowed");
        assert_eq!(answer.header("allow"), Some("GET"), "{path}");
    }
    world.shutdown().await;
}

#[tokio::test]
async fn its_policy_lets_it_ask_us_and_the_gateway_and_nobody_else() {
    let world = World::with(|settings| {
        settings.stream.sse_public_url = Some("https://live.example.org/sse/".parse().unwrap());
    })
    .await;
    let answer = http_get(&world.url("/console"), &[]).await;
    let policy = answer.header("content-security-policy").unwrap();
    let directives: BTreeSet<&str> = policy.split(';').map(str::trim).collect();
    assert_eq!(
        directives,
        [
            "default-src 'none'",
            "script-src 'self'",
            "style-src 'self'",
            "connect-src 'self' https://live.example.org",
            "img-src 'self' data:",
            "base-uri 'none'",
            "form-action 'none'",
            "frame-ancestors 'none'",
        ]
        .into()
    );
    world.shutdown().await;
}

#[tokio::test]
async fn every_file_of_the_console_is_served_and_nothing_else() {
    let world = World::start().await;
    for name in files().iter().map(String::as_str).chain(["farol.css"]) {
        let answer = http_get(&world.url(&format!("/console-assets/{name}")), &[]).await;
        assert_eq!(
            answer.status(),
            200,
            "{name} is not in http/console_assets.rs"
        );
        let media_type = match name.rsplit('.').next() {
            Some("js") => "text/javascript; charset=utf-8",
            Some("css") => "text/css; charset=utf-8",
            _ => panic!("what is {name}?"),
        };
        assert_eq!(answer.header("content-type"), Some(media_type), "{name}");
        assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
        if name != "farol.css" {
            let kept = std::fs::read_to_string(folder().join(name)).unwrap();
            assert_eq!(answer.text(), kept, "{name}");
        }
    }
    for other in [
        "index.html",
        "other.js",
        "..%2f..%2fdocs.js",
        "MAIN.js",
        "main.js/",
    ] {
        let answer = http_get(
            &world.url(&format!("/console-assets/{other}")),
            &[AUTHORIZATION],
        )
        .await;
        problem(&answer, 404, "not_found");
    }
    world.shutdown().await;
}

#[tokio::test]
async fn a_browser_that_has_a_file_gets_it_again_only_where_it_changed() {
    let world = World::start().await;
    let url = world.url("/console-assets/main.js");
    let first = http_get(&url, &[]).await;
    assert_eq!(first.header("cache-control"), Some("no-cache"));
    let tag = first.header("etag").unwrap();
    for known in [tag, &format!("\"other\", W/{tag}")] {
        let again = http_get(&url, &[("if-none-match", known)]).await;
        assert_eq!((again.status(), again.text()), (304, ""), "{known}");
        assert_eq!(again.header("etag"), Some(tag));
        assert_eq!(again.header("cache-control"), Some("no-cache"));
    }
    let changed = http_get(&url, &[("if-none-match", "\"other\"")]).await;
    assert_eq!((changed.status(), changed.text()), (200, first.text()));
    let other = http_get(
        &world.url("/console-assets/dom.js"),
        &[("if-none-match", tag)],
    )
    .await;
    assert_eq!(other.status(), 200);
    // The shell says which files there are, and is never kept.
    let shell = http_get(&world.url("/console"), &[]).await;
    assert_eq!(shell.header("cache-control"), Some("no-store"));
    world.shutdown().await;
}

#[test]
fn every_file_that_a_file_of_the_console_names_is_there() {
    let there = files();
    let mut named = BTreeSet::new();
    for name in there.iter().map(String::as_str).chain(["index.html"]) {
        let text = std::fs::read_to_string(folder().join(name)).unwrap();
        for before in ["\"./", "\"/console-assets/"] {
            let after = text.split(before).skip(1);
            let literals = after.map(|it| it.split('"').next().unwrap());
            named.extend(literals.filter(|it| is_file(it)).map(str::to_owned));
        }
    }
    assert!(named.remove("farol.css"), "the sheet of all pages");
    let missing: Vec<_> = named.difference(&there).collect();
    assert!(missing.is_empty(), "{missing:?}");
    let idle: Vec<_> = there.difference(&named).collect();
    assert!(idle.is_empty(), "nobody asks for {idle:?}");
}

fn is_file(name: &str) -> bool {
    let extension = Path::new(name).extension();
    extension.is_some_and(|it| it == "js" || it == "css")
}

#[test]
fn the_shell_has_nothing_that_its_policy_forbids() {
    let shell = std::fs::read_to_string(folder().join("index.html")).unwrap();
    for forbidden in ["<style", "<script>", " style=", " onclick=", "javascript:"] {
        assert!(!shell.contains(forbidden), "{forbidden}");
    }
    for address in ["src=\"http", "href=\"http", "src=\"//", "href=\"//"] {
        assert!(!shell.contains(address), "{address}");
    }
}

#[test]
fn code_of_others_is_what_its_readme_names_and_nothing_else() {
    let vendor = folder().join("vendor");
    let readme = std::fs::read_to_string(vendor.join("README.md")).unwrap();
    let rows = readme.lines().filter(|line| line.starts_with("| `"));
    let named: BTreeMap<_, _> = rows
        .map(|row| {
            let mut quoted = row.split('`').skip(1).step_by(2);
            (quoted.next().unwrap(), quoted.last().unwrap())
        })
        .collect();
    let kept = files();
    let kept: Vec<_> = kept
        .iter()
        .filter_map(|it| it.strip_prefix("vendor/"))
        .collect();
    assert_eq!(named.keys().copied().collect::<Vec<_>>(), kept);
    for (name, sum) in named {
        let bytes = std::fs::read(vendor.join(name)).unwrap();
        let digest = Sha256::digest(&bytes);
        let found = digest.iter().map(|byte| format!("{byte:02x}"));
        assert_eq!(found.collect::<String>(), sum, "{name}");
    }
}

#[tokio::test]
async fn a_browser_that_asks_for_the_root_is_led_to_the_console() {
    let world = World::start().await;
    let browser = ("accept", "text/html,application/xhtml+xml,*/*;q=0.8");
    for headers in [&[browser][..], &[browser, AUTHORIZATION]] {
        let answer = http_get(&world.url("/"), headers).await;
        assert_eq!(answer.status(), 303);
        assert_eq!(answer.header("location"), Some("/console"));
    }
    for accept in ["*/*", "application/json"] {
        let accept = ("accept", accept);
        problem(
            &http_get(&world.url("/"), &[accept]).await,
            401,
            "unauthorized",
        );
        let inside = http_get(&world.url("/"), &[accept, AUTHORIZATION]).await;
        problem(&inside, 404, "not_found");
    }
    let posted = http_request("POST", &world.url("/"), &[browser], b"").await;
    problem(&posted, 401, "unauthorized");
    world.shutdown().await;
}
