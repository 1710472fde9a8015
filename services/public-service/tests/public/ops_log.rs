//! What the log tells operators of a source, and how often: by the real binary,
//! as they run it.

use demo_world::{ClientApi, Fault, ProjectHandle};
use test_kit::{Database, LogLine, PATIENCE, ProjectRow, ServiceProcess, http_post, wait_until};

/// A service at its usual level, with one project that is refreshed by hand.
struct Watched {
    service: ServiceProcess,
    client_api: ProjectHandle,
    refresh_url: String,
    _world: (Database, ClientApi),
}

impl Watched {
    async fn start() -> Self {
        let database = Database::fresh().await;
        let world = ClientApi::start().unwrap();
        let client_api = world.project("tower");
        client_api.set_units([("A101", "sold")]);
        let row = ProjectRow::named("tower").interval(300);
        let row = row.upstream(world.base_url(), client_api.endpoint());
        database.insert_project(row).await;
        let service = ServiceProcess::spawn(
            "public-service",
            &[
                ("DATABASE_URL", &database.public_url()),
                ("PORT", "0"),
                ("OPS_PORT", "0"),
                ("UPSTREAM_ALLOW_PRIVATE", "true"),
                ("REFRESH_MIN_SECONDS", "1"),
                ("REFRESH_PER_MINUTE", "10000"),
                ("DRAIN_SECONDS", "0"),
            ],
        );
        let address = service.address("public").await;
        Self {
            service,
            client_api,
            refresh_url: format!("http://{address}/api/status/tower/refresh"),
            _world: (database, world),
        }
    }

    /// Refreshes as soon as the limit lets it.
    async fn refresh(&self) -> bool {
        let mut refreshed = false;
        wait_until("a refresh is allowed", PATIENCE, async || {
            let answer = http_post(&self.refresh_url, &[], b"").await;
            refreshed = answer.status() == 200 && answer.json()["refreshed"] == true;
            answer.status() == 200
        })
        .await;
        refreshed
    }

    /// Ends the service; its lines of this level or message.
    async fn lines(mut self, like: impl Fn(&LogLine) -> bool) -> Vec<LogLine> {
        self.service.sigterm();
        assert_eq!(self.service.wait_exit().await, Some(0));
        let lines = self.service.lines();
        for line in &lines {
            assert!(line.json.is_object(), "no JSON: {}", line.text);
        }
        lines.into_iter().filter(|line| like(line)).collect()
    }
}

#[tokio::test]
async fn an_unmapped_value_is_logged_once_whatever_comes_after() {
    let watched = Watched::start().await;
    for (one, other) in [("Em obras", "sold"), ("EM OBRAS", "?!")] {
        watched.client_api.set("A101", one).set("A102", other);
        assert!(watched.refresh().await);
    }

    let told = watched.lines(|line| line.field("value").is_some()).await;

    let values: Vec<_> = told.iter().filter_map(|line| line.field("value")).collect();
    assert_eq!(values, ["Em obras", "?!"]);
    for line in &told {
        assert_eq!(line.field("project"), Some("tower"), "{line:?}");
    }
}

#[tokio::test]
async fn a_run_of_failures_is_one_line_and_its_end_another() {
    let watched = Watched::start().await;
    watched.client_api.set_fault_for(2, Fault::status(502));
    for refreshed in [false, false, true] {
        assert_eq!(watched.refresh().await, refreshed);
    }

    let told = watched.lines(|line| line.field("project").is_some()).await;

    let texts: Vec<&str> = told
        .iter()
        .filter_map(|line| line.field("message"))
        .collect();
    let about = |words: &str| texts.iter().filter(|text| text.contains(words)).count();
    assert_eq!(about("client API failed"), 1, "{texts:?}");
    assert_eq!(about("client API works again"), 1, "{texts:?}");
    let failure = told
        .iter()
        .find(|line| line.field("error").is_some())
        .unwrap();
    assert!(
        failure.text.contains("\"upstream_status\":502"),
        "{failure:?}"
    );
}

#[tokio::test]
async fn a_source_that_flaps_is_not_a_line_for_each_turn() {
    let watched = Watched::start().await;
    let many = || (0..12).map(|n| (format!("A{n}"), "sold"));
    watched.client_api.set_units(many());
    assert!(watched.refresh().await);
    for _ in 0..2 {
        watched.client_api.set_fault_for(1, Fault::status(404));
        assert!(!watched.refresh().await);
        assert!(watched.refresh().await);
        watched.client_api.set_units(many().take(2));
        assert!(!watched.refresh().await, "most units are gone");
        watched.client_api.set_units(many());
        assert!(watched.refresh().await);
    }

    let told = watched.lines(|line| line.field("project").is_some()).await;

    for words in ["client API failed", "works again", "vanished"] {
        let lines: Vec<_> = told.iter().filter(|l| l.text.contains(words)).collect();
        let [line] = &lines[..] else {
            panic!("{words}: {lines:?}");
        };
        assert!(line.text.contains("\"suppressed\":0"), "{line:?}");
    }
}
