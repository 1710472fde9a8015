//! The table that ends a successful start: what to open, where to connect, how to stop.

use super::stack::{Stack, local};
use crate::checkout::Checkout;
use std::fmt::Write;

/// To standard output: it is what the person asked for.
pub(crate) fn print(stack: &Stack, checkout: &Checkout, elapsed: &str, background: bool) {
    print!("{}", render(stack, checkout, elapsed, background));
}

/// Passwords are shown: they open servers of this machine only, and are there to be used.
fn render(stack: &Stack, checkout: &Checkout, elapsed: &str, background: bool) -> String {
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
    rows.push((
        "Operations",
        format!(
            "{}/status  /metrics  /health/ready",
            local(stack.ports.public_ops)
        ),
    ));
    if stack.with_demo {
        rows.push(("Demo world", local(stack.ports.demo_upstream)));
    }
    rows.push(("Postgres (owner)", stack.urls.owner.clone()));
    rows.push(("Postgres (public)", stack.urls.public.clone()));
    rows.push(("Postgres (admin)", stack.urls.admin.clone()));
    rows.push((
        "Settings",
        format!(
            "{}  (set -a; . that file)",
            checkout.shown(&checkout.state.join("stack.env"))
        ),
    ));
    rows.push(("Logs", checkout.shown(&checkout.state.join("logs"))));

    let mut text = format!("\nFarol is up after {elapsed}.\n\n");
    for (name, value) in rows {
        let _ = writeln!(text, "  {name:<18} {value}");
    }
    text.push_str(if background {
        "\n`cargo xtask down` stops it.\n"
    } else {
        "\nCtrl-C stops it.\n"
    });
    text
}

#[cfg(test)]
mod tests {
    use super::super::stack::Urls;
    use super::*;
    use crate::ports::Ports;

    #[test]
    fn the_table_names_every_viewer_and_how_to_stop() {
        let urls = Urls {
            owner: "postgres://o".into(),
            public: "postgres://p".into(),
            admin: "postgres://a".into(),
        };
        let ports = Ports::shifted(10).unwrap();
        let stack = Stack {
            ports,
            urls,
            projects: vec!["tower".into()],
            with_demo: false,
        };
        let text = render(&stack, &Checkout::here().unwrap(), "1.0 s", true);
        assert!(
            text.contains("http://127.0.0.1:8090/viewer/tower\n"),
            "{text}"
        );
        assert!(
            text.contains("cargo xtask down") && !text.contains("Demo world"),
            "{text}"
        );
    }
}
