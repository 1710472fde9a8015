//! The table that ends a successful start: what to open, where to connect, how to stop.

use super::stack::{Stack, local};
use crate::checkout::Checkout;
use crate::servers::without_password;
use std::fmt::Write;

/// To standard output: it is what the person asked for.
pub(crate) fn print(stack: &Stack, checkout: &Checkout, elapsed: &str, background: bool) {
    print!("{}", render(stack, checkout, elapsed, background));
}

fn render(stack: &Stack, checkout: &Checkout, elapsed: &str, background: bool) -> String {
    let mut text = format!("\nFarol is up after {elapsed}.\n\n");
    for (name, value) in rows(stack, checkout) {
        let _ = writeln!(text, "  {name:<18} {value}");
    }
    let how = if background {
        "`cargo xtask down`"
    } else {
        "Ctrl-C"
    };
    let _ = writeln!(text, "\n{how} stops it.");
    text
}

/// What a person opens comes first, what a program needs later.
fn rows(stack: &Stack, checkout: &Checkout) -> Vec<(&'static str, String)> {
    let mut rows = viewer(stack);
    rows.extend(administration(stack));
    if stack.with_demo {
        rows.push(("Demo world", local(stack.ports.demo_upstream)));
        rows.push(("Demo portal", stack.values.pncp_url.clone()));
    }
    let database = |url: &str| address(stack.with_postgres, url);
    rows.push(("Postgres (owner)", database(&stack.urls.owner)));
    rows.push(("Postgres (public)", database(&stack.urls.public)));
    rows.push(("Postgres (admin)", database(&stack.urls.admin)));
    rows.push(("Postgres (ingest)", database(&stack.urls.ingest)));
    rows.push((
        "RabbitMQ",
        format!(
            "{}  (queue {})",
            address(stack.with_rabbitmq, &stack.urls.broker),
            stack.values.queue_name
        ),
    ));
    let in_state = |name: &str| checkout.shown(&checkout.state.join(name));
    rows.push((
        "Settings",
        format!("{}  (set -a; . that file)", in_state("stack.env")),
    ));
    rows.push(("Logs", in_state("logs")));
    rows
}

fn viewer(stack: &Stack) -> Vec<(&'static str, String)> {
    let public = local(stack.ports.public);
    let mut rows = vec![("Viewer", format!("{public}/"))];
    rows.extend(
        stack
            .projects
            .iter()
            .map(|slug| ("", format!("{public}/viewer/{slug}"))),
    );
    rows.push((
        "Status API",
        format!("{public}/api/public/{{slug}}/status  (…/stream, …/refresh)"),
    ));
    rows.push(("", operations(stack.ports.public_ops)));
    rows
}

/// With a line to type, since there is a password to it.
fn administration(stack: &Stack) -> Vec<(&'static str, String)> {
    let admin = local(stack.ports.admin);
    let login = format!(
        "{}:{}",
        stack.values.admin_username, stack.values.admin_password
    );
    vec![
        ("Sync API", format!("{admin}/docs  (log in as {login})")),
        ("", format!("curl -u {login} {admin}/sync/status")),
        ("", format!("curl -u {login} -X POST {admin}/sync/force")),
        ("", operations(stack.ports.admin_ops)),
        (
            "Live runs",
            format!(
                "curl -N '{}/api/sse/tasks?task_id=…'  (task_id of /sync/force)",
                local(stack.ports.gateway)
            ),
        ),
        ("", operations(stack.ports.gateway_ops)),
        ("Ingestor", operations(stack.ports.ingestor_ops)),
    ]
}

fn operations(port: u16) -> String {
    format!("{}/status  /metrics  /health/ready", local(port))
}

/// Passwords that we made are shown: they open servers of this machine only, to be used.
/// A given server keeps its password to itself.
fn address(is_ours: bool, url: &str) -> String {
    if is_ours {
        url.to_owned()
    } else {
        without_password(url).0
    }
}

#[cfg(test)]
mod tests {
    use super::super::logins::Urls;
    use super::super::values::Values;
    use super::*;
    use crate::ports::Ports;

    #[test]
    fn the_table_names_every_viewer_and_how_to_stop() {
        let urls = Urls {
            owner: "postgres://o:hush@h/d".into(),
            public: "postgres://p".into(),
            admin: "postgres://a".into(),
            ingest: "postgres://i".into(),
            broker: "amqp://b:ours@h/".into(),
        };
        let values = Values {
            secret_key: "key".into(),
            admin_username: "boss".into(),
            admin_password: "word".into(),
            queue_name: "bells".into(),
            callback_secret: "ring".into(),
            pncp_url: "http://portal".into(),
        };
        let ports = Ports::shifted(10).unwrap();
        let stack = Stack {
            ports,
            urls,
            values,
            projects: vec!["tower".into()],
            with_demo: false,
            with_postgres: false,
            with_rabbitmq: true,
        };
        let text = render(&stack, &Checkout::here().unwrap(), "1.0 s", true);
        assert!(
            text.contains("http://127.0.0.1:8090/viewer/tower\n"),
            "{text}"
        );
        assert!(
            text.contains("postgres://o@h/d") && !text.contains("hush"),
            "{text}"
        );
        assert!(
            text.contains("cargo xtask down") && !text.contains("portal"),
            "{text}"
        );
        assert!(
            text.contains("curl -u boss:word http://127.0.0.1:8010/sync/status\n")
                && text.contains("amqp://b:ours@h/  (queue bells)"),
            "{text}"
        );
    }
}
