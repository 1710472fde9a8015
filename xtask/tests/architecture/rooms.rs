//! R1, R3, R4, R6 over source text: which file may name which path or write which text.

use crate::Violation;
use crate::source::SourceFile;

/// In files under `within`, except those that match `homes`, no path may begin with `paths`.
struct Rule {
    says: &'static str,
    within: &'static [&'static str],
    homes: &'static [&'static str],
    paths: &'static [&'static str],
    advice: &'static str,
}

const EVERYWHERE: &[&str] = &["crates/", "services/", "tools/"];
/// What is not a use case of a service: its entry, its wiring (app, and listen, which
/// binds its listener) and its technical rooms. `wire/` is an HTTP/1.1 writer of its own for streams,
/// `connection/` the socket and the bodies of those that actix serves.
const TECHNICAL: &[&str] = &[
    "src/main.rs",
    "src/app.rs",
    "src/listen.rs",
    "/app/",
    "/http/",
    "/http.rs",
    "/infra/",
    "/wire/",
    "/wire.rs",
    "/connection/",
    "/error.rs",
];

/// Patterns: a leading `/` or a folder is found anywhere in the path, `*x` at its end.
const RULES: &[Rule] = &[
    Rule {
        says: "R1: core does no IO, reads no clock and cannot block",
        within: &["crates/core/src/"],
        homes: &[],
        paths: &[
            "std::fs",
            "std::net",
            "std::io",
            "std::env",
            "std::thread",
            "std::process",
            "std::time::Instant",
            "std::time::SystemTime",
            "std::sync::mpsc",
            "tokio",
            "chrono::Utc::now",
        ],
        advice: "take the value as an argument",
    },
    Rule {
        says: "R1: sse knows nothing of what travels in its frames",
        within: &["crates/core/src/sse/"],
        homes: &[],
        paths: &["crate::status", "crate::sync", "super::super::status"],
        advice: "encode text that the caller made",
    },
    Rule {
        says: "R3: use cases never name a technology",
        within: &["services/"],
        homes: TECHNICAL,
        paths: &[
            "actix_web",
            "actix_http",
            "actix_web_lab",
            "sqlx",
            "reqwest",
            "lapin",
        ],
        advice: "put it behind a verb of infra, or into http",
    },
    Rule {
        says: "R3: main -> app -> http -> use case: a lower layer does not know a higher one",
        within: &["services/"],
        homes: &[
            "src/main.rs",
            "src/app.rs",
            "src/listen.rs",
            "/app/",
            "/http/",
            "/http.rs",
            "/wire/",
            "/wire.rs",
        ],
        paths: &["crate::http", "crate::app"],
        advice: "hand in what is needed when app builds the parts",
    },
    Rule {
        says: "R3: http does not know who composes it",
        within: &["services/"],
        homes: &["src/main.rs", "src/app.rs", "src/listen.rs", "/app/"],
        paths: &["crate::app"],
        advice: "take it as app data or an argument",
    },
    Rule {
        says: "R4: SQL lives in *_repo.rs (R6: with its own row structs)",
        within: EVERYWHERE,
        homes: &["*_repo.rs", "crates/service-kit/src/pg/"],
        paths: &[
            "sqlx::query",
            "sqlx::QueryBuilder",
            "sqlx::raw_sql",
            "sqlx::FromRow",
        ],
        advice: "make it one verb of one repo",
    },
    Rule {
        says: "R4: the database driver is named by repos, service-kit::pg and the wiring that opens the pool",
        within: EVERYWHERE,
        homes: &[
            "*_repo.rs",
            "crates/service-kit/src/pg/",
            "src/app.rs",
            "src/listen.rs",
            "/app/",
            "src/main.rs",
            "crates/test-kit/",
            // Checks DATABASE_URL with the driver's own parser, so that a typo is told before start.
            "crates/service-kit/src/settings/concerns.rs",
            // The `seed` command is the demo world's wiring.
            "tools/demo-world/src/seed.rs",
        ],
        paths: &["sqlx"],
        advice: "return a type of your own from the repo",
    },
    Rule {
        says: "R4: outbound HTTP lives in *_api.rs, its client in service-kit::http_client",
        within: EVERYWHERE,
        homes: &[
            "*_api.rs",
            "crates/service-kit/src/http_client/",
            "src/app.rs",
            "src/listen.rs",
            "/app/",
        ],
        paths: &[
            "reqwest::Client",
            "reqwest::RequestBuilder",
            "reqwest::Request",
            "reqwest::Response",
            "reqwest::get",
            "service_kit::http_client::Outbound",
        ],
        advice: "call a verb of the api, which has the deadline, the cap and the address guard",
    },
    Rule {
        says: "R4: error.rs maps errors to HTTP, in one place",
        within: &["services/"],
        homes: &["/error.rs", "/infra/", "/wire/", "/wire.rs"],
        paths: &[
            "actix_web::http::StatusCode",
            "HttpResponse::BadRequest",
            "HttpResponse::Unauthorized",
            "HttpResponse::Forbidden",
            "HttpResponse::NotFound",
            "HttpResponse::MethodNotAllowed",
            "HttpResponse::Conflict",
            "HttpResponse::PayloadTooLarge",
            "HttpResponse::UnprocessableEntity",
            "HttpResponse::TooManyRequests",
            "HttpResponse::InternalServerError",
            "HttpResponse::BadGateway",
            "HttpResponse::ServiceUnavailable",
        ],
        advice: "return a variant of the error enum",
    },
    Rule {
        says: "R4: AMQP lives in publisher.rs, consumer.rs and service-kit::broker",
        within: EVERYWHERE,
        homes: &[
            "/publisher.rs",
            "/consumer.rs",
            "crates/service-kit/src/broker",
            "crates/test-kit/",
        ],
        paths: &["lapin"],
        advice: "publish and consume through those",
    },
    Rule {
        says: "R4: the environment is read once, by settings",
        within: EVERYWHERE,
        homes: &[
            "crates/service-kit/src/settings/",
            "crates/service-kit/src/cli.rs",
            "crates/test-kit/",
        ],
        paths: &[
            "std::env::var",
            "std::env::vars",
            "std::env::var_os",
            "std::env::vars_os",
            "env::var",
            "env::vars",
            "env::var_os",
            "env::vars_os",
            "std::env::set_var",
            "env::set_var",
        ],
        advice: "add a field to a settings struct",
    },
    Rule {
        says: "R4: the time comes from clock",
        within: &["crates/", "services/"],
        homes: &["crates/service-kit/src/clock.rs"],
        paths: &[
            "chrono::Utc::now",
            "Utc::now",
            "std::time::SystemTime::now",
            "SystemTime::now",
            "chrono::Local",
            "Local::now",
        ],
        advice: "take a service_kit::clock::Clock",
    },
    Rule {
        says: "R4: frames come from core::sse; the sse of actix-web-lab checks no id and splits only at LF",
        within: EVERYWHERE,
        homes: &[],
        paths: &["actix_web_lab::sse"],
        advice: "use farol_core::sse::Event",
    },
];

const DATA_LINES: &str = "R4: `data:` lines are written by core::sse alone";
const BUILDS_INFRA: &str = "R3: app alone builds infra and hands it in";

pub(crate) fn violations(files: &[SourceFile]) -> Vec<Violation> {
    let of_file = |file: &SourceFile| {
        let mut found = named_paths(file);
        found.extend(data_lines(file));
        found.extend(built_infra(file));
        found
    };
    files.iter().flat_map(of_file).collect()
}

fn named_paths(file: &SourceFile) -> Vec<Violation> {
    let rules: Vec<&Rule> = RULES
        .iter()
        .filter(|rule| {
            rule.within.iter().any(|it| file.path.starts_with(it))
                && !at_home(&file.path, rule.homes)
        })
        .collect();
    let mut found = Vec::new();
    for named in file.paths() {
        for rule in rules
            .iter()
            .filter(|rule| rule.paths.iter().any(|path| begins(&named.path, path)))
        {
            let place = format!("{}:{}", file.path, named.line);
            found.push(Violation {
                place,
                rule: rule.says,
                found: named.path.clone(),
                advice: rule.advice,
            });
        }
    }
    found
}

/// `sqlx::query` begins `sqlx::query_as` too: families of one verb share their beginning.
fn begins(path: &str, prefix: &str) -> bool {
    path.strip_prefix(prefix).is_some_and(|rest| {
        rest.is_empty()
            || rest.starts_with("::")
            || (prefix.contains("::query") && rest.starts_with('_'))
    })
}

fn at_home(path: &str, homes: &[&str]) -> bool {
    homes.iter().any(|home| match home.strip_prefix('*') {
        Some(end) => path.ends_with(end),
        None => path.contains(home),
    })
}

fn data_lines(file: &SourceFile) -> Vec<Violation> {
    let in_scope = ["crates/", "services/"]
        .iter()
        .any(|it| file.path.starts_with(it));
    if !in_scope || at_home(&file.path, &["crates/core/src/sse/", "crates/test-kit/"]) {
        return Vec::new();
    }
    let writes_frame = |text: &str| {
        let body = text
            .trim_start_matches(['b', 'r', '#'])
            .trim_start_matches('"');
        body.starts_with("data:") || body.contains("\\ndata:") || body.contains("\ndata:")
    };
    let found = file.literals.iter().filter(|(_, text)| writes_frame(text));
    found
        .map(|(line, text)| Violation {
            place: format!("{}:{line}", file.path),
            rule: DATA_LINES,
            found: text.clone(),
            advice: "build a farol_core::sse::Event and encode it",
        })
        .collect()
}

/// `ProjectRepo::new(…)` for a type that was imported from infra.
fn built_infra(file: &SourceFile) -> Vec<Violation> {
    if !file.path.starts_with("services/")
        || at_home(
            &file.path,
            &[
                "src/main.rs",
                "src/app.rs",
                "src/listen.rs",
                "/app/",
                "/infra/",
            ],
        )
    {
        return Vec::new();
    }
    let paths = file.paths();
    let infra: Vec<&str> = paths
        .iter()
        .filter(|it| it.imported && begins(&it.path, "crate::infra"))
        .filter_map(|it| it.path.rsplit("::").next())
        .collect();
    let builds = |path: &str| {
        let mut parts = path.rsplit("::");
        let is_constructor = parts
            .next()
            .is_some_and(|verb| verb == "new" || verb == "build" || verb == "connect");
        is_constructor
            && (begins(path, "crate::infra")
                || parts.next().is_some_and(|name| infra.contains(&name)))
    };
    let found = paths.iter().filter(|it| !it.imported && builds(&it.path));
    found
        .map(|named| Violation {
            place: format!("{}:{}", file.path, named.line),
            rule: BUILDS_INFRA,
            found: named.path.clone(),
            advice: "build it in app and take it as an argument",
        })
        .collect()
}

#[cfg(test)]
fn broken(path: &str, text: &str) -> Vec<String> {
    violations(&[SourceFile::new(path, text)])
        .iter()
        .map(|it| format!("{} {}", it.place, it.found))
        .collect()
}

#[test]
fn a_technology_outside_of_its_home_is_found_with_its_line() {
    let case = "services/a/src/status/feed.rs";
    assert_eq!(
        broken(case, "\nuse sqlx::{PgPool, query_as};").len(),
        5,
        "R3 twice, R4 driver twice, R4 SQL"
    );
    assert_eq!(
        broken(case, "// x\nfn f() { actix_web::rt::spawn(x); }"),
        [format!("{case}:2 actix_web::rt::spawn")]
    );
    assert_eq!(
        broken(case, "use crate::http::routes;"),
        [format!("{case}:1 crate::http::routes")]
    );
    assert_eq!(
        broken("services/a/src/http/x.rs", "use crate::app::App;").len(),
        1
    );
    assert_eq!(
        broken(
            "crates/core/src/sse/a.rs",
            "use crate::status::Status; use std::fs::File;"
        )
        .len(),
        2
    );
    assert_eq!(
        broken(
            "services/a/src/http/x.rs",
            "HttpResponse::NotFound().finish()"
        )
        .len(),
        1
    );
    assert_eq!(
        broken(
            "services/a/src/http/x.rs",
            "let t = Utc::now(); std::env::var(A);"
        )
        .len(),
        2
    );
}

#[test]
fn the_same_names_at_home_or_in_other_words_are_fine() {
    assert!(
        broken(
            "services/a/src/infra/project_repo.rs",
            "use sqlx::{PgPool, query_as};"
        )
        .is_empty()
    );
    assert!(
        broken(
            "services/a/src/app.rs",
            "use sqlx::PgPool; use crate::http::routes;"
        )
        .is_empty()
    );
    assert!(
        broken(
            "services/a/src/status/feed.rs",
            "use sqlxish::A; use crate::httpish; let x = self.reqwest;"
        )
        .is_empty()
    );
    assert!(
        broken(
            "services/a/src/http/x.rs",
            "const CSP: &str = \"img-src data:\";"
        )
        .is_empty()
    );
}

#[test]
fn a_handwritten_frame_and_infra_built_in_passing_are_found() {
    let case = "services/a/src/http/stream.rs";
    assert_eq!(broken(case, "x(\"event: a\\ndata: b\");").len(), 1);
    assert_eq!(broken(case, "x(b\"data: \");").len(), 1);
    let text = "use crate::infra::project_repo::ProjectRepo;\nlet repo = ProjectRepo::new(pool);";
    assert_eq!(broken(case, text), [format!("{case}:2 ProjectRepo::new")]);
    assert!(broken("services/a/src/app.rs", text).is_empty());
}
