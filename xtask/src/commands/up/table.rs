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
    let public = local(stack.ports.public);
    let ops = local(stack.ports.public_ops);
    let in_state = |name: &str| checkout.shown(&checkout.state.join(name));
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
    rows.push((
        "Operations",
        format!("{ops}/status  /metrics  /health/ready"),
    ));
    rows.extend(
        stack
            .with_demo
            .then(|| ("Demo world", local(stack.ports.demo_upstream))),
    );
    rows.push(("Postgres (owner)", address(stack, &stack.urls.owner)));
    rows.push(("Postgres (public)", address(stack, &stack.urls.public)));
    rows.push(("Postgres (admin)", address(stack, &stack.urls.admin)));
    rows.push((
        "Settings",
        format!("{}  (set -a; . that file)", in_state("stack.env")),
    ));
    rows.push(("Logs", in_state("logs")));
    rows
}

/// Passwords that we made are shown: they open servers of this machine only, to be used.
/// A given database keeps its password to itself.
fn address(stack: &Stack, url: &str) -> String {
    if stack.with_postgres {
        url.to_owned()
    } else {
        without_password(url).0
    }
}

#[cfg(test)]
mod tests {
    use super::super::stack::Urls;
    use super::*;
    use crate::ports::Ports;

    #[test]
    fn the_table_names_every_viewer_and_how_to_stop() {
        let urls = Urls {
            owner: "postgres://o:hush@h/d".into(),
            public: "postgres://p".into(),
            admin: "postgres://a".into(),
        };
        let ports = Ports::shifted(10).unwrap();
        let stack = Stack {
            ports,
            urls,
            projects: vec!["tower".into()],
            with_demo: false,
            with_postgres: false,
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
            text.contains("cargo xtask down") && !text.contains("Demo world"),
            "{text}"
        );
    }
}
