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
        let _ = writeln!(text, "  {name:<20} {value}");
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
    rows.extend(devices(stack));
    if stack.with_demo {
        rows.push(("Demo world", local(stack.ports.demo_upstream)));
        rows.push(("Demo portal", stack.values.pncp_url.clone()));
    }
    let database = |url: &str| address(stack.with_postgres, url);
    rows.push(("Postgres (owner)", database(&stack.urls.owner)));
    rows.push(("Postgres (public)", database(&stack.urls.public)));
    rows.push(("Postgres (admin)", database(&stack.urls.admin)));
    rows.push(("Postgres (ingest)", database(&stack.urls.ingest)));
    rows.push(("Postgres (telemetry)", database(&stack.urls.telemetry)));
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
        ("Console", format!("{admin}/console")),
        (
            "",
            format!(
                "(user {}, password {})",
                stack.values.admin_username, stack.values.admin_password
            ),
        ),
        ("Sync API", format!("{admin}/docs")),
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

/// The page takes the token from behind the `#`, which no server and no log gets to see.
fn devices(stack: &Stack) -> Vec<(&'static str, String)> {
    let telemetry = local(stack.ports.telemetry);
    let page = match &stack.tokens {
        Some([token, _]) => format!("{telemetry}/live#token={token}"),
        None => format!("{telemetry}/live  (paste a token of your issuer)"),
    };
    let mut rows = vec![("Devices", page)];
    if stack.tokens.is_some() {
        rows.push((
            "",
            format!("curl -H \"Authorization: Bearer $DEMO_JWT\" {telemetry}/api/v2/devices"),
        ));
    }
    rows.push(("", operations(stack.ports.telemetry_ops)));
    rows
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
    use super::*;

    #[test]
    fn the_page_of_devices_is_one_click_away_with_a_token_that_no_server_sees() {
        let mut stack = Stack::example();
        let text = render(&stack, &Checkout::here().unwrap(), "1.0 s", true);
        assert!(
            text.contains("http://127.0.0.1:8100/live#token=aa.bb.cc\n"),
            "{text}"
        );
        assert!(
            !text.contains("dd.ee.ff") && !text.contains("seal"),
            "{text}"
        );
        stack.tokens = None;
        let text = render(&stack, &Checkout::here().unwrap(), "1.0 s", true);
        assert!(
            !text.contains("token=") && text.contains("/live  (paste"),
            "{text}"
        );
    }

    #[test]
    fn the_table_names_every_viewer_and_how_to_stop() {
        let stack = Stack::example();
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
                && text.contains("http://127.0.0.1:8010/console\n")
                && text.contains("(user boss, password word)\n")
                && text.contains("amqp://b:ours@h/  (queue bells)"),
            "{text}"
        );
    }
}
