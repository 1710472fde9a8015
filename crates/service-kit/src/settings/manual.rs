//! The commented default file: the manual that `--print-default-config` prints.

use std::fmt::Write as _;

use super::{Field, ServiceSettings};

const WIDTH: usize = 78;

/// A TOML file that says what each setting means and parses back to the defaults. What has no default stands in a
/// comment.
pub fn manual<S: ServiceSettings>() -> String {
    let mut text = format!(
        "# Settings of {}. Later layers win: defaults, this file (--config or CONFIG_FILE),\n\
         # the environment (the key in upper case), --set KEY=VALUE. Empty means unset.\n",
        S::SERVICE
    );
    for group in S::groups() {
        text.push('\n');
        let _ = writeln!(text, "{}", "#".repeat(WIDTH));
        comment(&mut text, "## ", group.doc);
        for field in group.fields {
            text.push('\n');
            comment(&mut text, "# ", field.doc);
            entry(&mut text, field, field.default_under(S::OVERRIDES));
        }
    }
    text
}

fn comment(text: &mut String, prefix: &str, lines: &[&str]) {
    for line in lines {
        let _ = writeln!(text, "{prefix}{}", line.trim());
    }
}

/// The rule and the assignment. Writing to a String cannot fail.
fn entry(text: &mut String, field: &Field, default: Option<&str>) {
    let required = if default.is_none() { " Required." } else { "" };
    let _ = writeln!(text, "# Must be {}.{required}", (field.rule)(field));
    let _ = match default.filter(|default| !default.is_empty()) {
        Some(default) if field.quoted => writeln!(text, "{} = {default:?}", field.key),
        Some(default) => writeln!(text, "{} = {default}", field.key),
        None if field.quoted => writeln!(text, "# {} = \"\"", field.key),
        None => writeln!(text, "# {} =", field.key),
    };
}
