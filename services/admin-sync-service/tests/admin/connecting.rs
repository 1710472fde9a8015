//! A service beside a scriptable client API, and what operators do to connect one.

use admin_sync_service::settings::Settings;
use demo_world::{ClientApi, ProjectHandle};
use serde_json::{Map, Value, json};
use service_kit::secrets::Vault;
use service_kit::settings::Secret;
use test_kit::{Answer, Database, http_request};

use crate::bodies::{ok, problem};
use crate::world::{AUTHORIZATION, World};

/// The key of these tests.
pub const KEY: &str = "the SECRET_KEY of these tests";

/// The service and a client API beside it.
pub struct Connecting {
    /// The service.
    pub world: World,
    /// The client API.
    pub api: ClientApi,
}

impl Connecting {
    /// With a key, and leave to ask this machine.
    pub async fn start() -> Self {
        Self::with(|_| {}).await
    }

    /// The same with other settings.
    pub async fn with(change: impl FnOnce(&mut Settings)) -> Self {
        Self::over(Database::fresh().await, change).await
    }

    /// The same over a database that tests have written to.
    pub async fn over(database: Database, change: impl FnOnce(&mut Settings)) -> Self {
        let api = ClientApi::start().unwrap();
        let world = World::over(database, |settings| {
            settings.integration.secret_key = Some(KEY.to_owned().into());
            settings.outbound.upstream_allow_private = true;
            change(settings);
        })
        .await;
        Self { world, api }
    }

    /// A project of the service and of the client API, not connected yet.
    pub async fn project(&self, slug: &str, units: &[(&str, &str)]) -> ProjectHandle {
        let new = json!({"slug": slug, "name": slug});
        let made = self.world.post("/api/projects", &new).await;
        assert_eq!(made.status(), 201, "{}", made.text());
        let project = self.api.project(slug);
        project.set_units(units.iter().copied());
        project
    }

    /// The same, connected; `more` is laid over its integration.
    pub async fn connected(
        &self,
        slug: &str,
        units: &[(&str, &str)],
        more: Value,
    ) -> ProjectHandle {
        let project = self.project(slug, units).await;
        let mut body = json!({
            "api_base_url": self.api.base_url(), "status_endpoint": project.endpoint(), "timeout_seconds": 5
        });
        let all = body.as_object_mut().unwrap();
        all.extend(more.as_object().unwrap().clone());
        ok(&self.put(slug, &body).await);
        project
    }

    /// GET of an integration.
    pub async fn integration(&self, slug: &str) -> Value {
        ok(&self.world.get(&path(slug, "")).await)
    }

    /// PUT of an integration.
    pub async fn put(&self, slug: &str, body: &Value) -> Answer {
        self.put_with(slug, &[], body).await
    }

    /// The same with more headers.
    pub async fn put_with(&self, slug: &str, headers: &[(&str, &str)], body: &Value) -> Answer {
        self.send("PUT", &path(slug, ""), headers, &body.to_string())
            .await
    }

    /// POST of a trial that is answered; its result.
    pub async fn test(&self, slug: &str, overrides: &Value) -> Value {
        ok(&self.world.post(&path(slug, "/test"), overrides).await)
    }

    /// What a word becomes.
    pub async fn map_status(&self, slug: &str, word: &str) -> Value {
        let word: String = form_urlencoded::byte_serialize(word.as_bytes()).collect();
        let path = path(slug, &format!("/map-status?client_status={word}"));
        ok(&self.world.post(&path, &json!({})).await)
    }

    /// Any request of the operator.
    pub async fn send(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &str,
    ) -> Answer {
        send(&self.world, method, path, headers, body).await
    }

    /// The stored credentials, as they are.
    pub async fn sealed(&self, slug: &str) -> Option<String> {
        self.world
            .value(&format!(
                "SELECT i.auth_credentials FROM integration_configs i JOIN projects p ON p.id = i.project_id
                  WHERE p.slug = '{slug}'"
            ))
            .await
    }

    /// The stored credentials, opened.
    pub async fn credentials(&self, slug: &str) -> Value {
        let sealed = self.sealed(slug).await.expect("credentials");
        let opened = vault(KEY).open(&sealed).expect("of this key");
        assert!(!opened.is_plain(), "they are sealed");
        opened.map().clone().into()
    }

    /// The end of it.
    pub async fn shutdown(self) {
        self.world.shutdown().await;
    }
}

/// Any request of the operator.
pub async fn send(
    world: &World,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: &str,
) -> Answer {
    let mut all = vec![AUTHORIZATION, ("content-type", "application/json")];
    all.extend(headers);
    // The client of tests sends a length only where there is a body, and PUT wants one.
    http_request(method, &world.url(path), &all, body.as_bytes()).await
}

/// The integration of a project; `rest` begins with `/` or is empty.
pub fn path(slug: &str, rest: &str) -> String {
    format!("/api/projects/{slug}/integration{rest}")
}

/// Field and rule of everything that is wrong.
pub fn wrong(answer: &Answer) -> Vec<(String, String)> {
    let body = problem(answer, 422, "invalid_fields");
    let told = |it: &Value, name: &str| it[name].as_str().unwrap().to_owned();
    let errors = body["errors"].as_array().unwrap();
    let errors = errors
        .iter()
        .map(|it| (told(it, "field"), told(it, "detail")));
    errors.collect()
}

/// The names of all fields that are wrong, sorted.
pub fn wrong_fields(answer: &Answer) -> Vec<String> {
    let mut fields: Vec<String> = wrong(answer).into_iter().map(|it| it.0).collect();
    fields.sort();
    fields
}

/// The vault of a key.
pub fn vault(key: &str) -> Vault {
    let key: Secret = key.to_owned().into();
    Vault::new(&key)
}

/// Credentials as a row has them.
pub fn sealed_with(key: &str, credentials: &Value) -> String {
    let map: Map<String, Value> = credentials.as_object().cloned().unwrap();
    vault(key).seal(&map)
}
