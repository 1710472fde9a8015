//! `target/farol/stack.env`: addresses and credentials of the running stack, for shells and tools.

use crate::checkout::write_private;
use crate::failure::Outcome;
use std::fmt::Write;
use std::path::Path;

/// Ordered names and values. `up` fills them in (`handout`).
#[derive(Default)]
pub(crate) struct StackEnv(Vec<(&'static str, String)>);

impl StackEnv {
    /// In the order in which they are to be read.
    pub(crate) fn set(&mut self, name: &'static str, value: impl Into<String>) {
        self.0.push((name, value.into()));
    }

    #[cfg(test)]
    pub(crate) fn names(&self) -> impl Iterator<Item = &'static str> {
        self.0.iter().map(|(name, _)| *name)
    }

    #[cfg(test)]
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        let pair = self.0.iter().find(|(known, _)| *known == name);
        pair.map(|(_, value)| value.as_str())
    }

    /// Owner-readable only: it holds passwords.
    pub(crate) fn write(&self, path: &Path) -> Outcome {
        write_private(path, &self.render())
    }

    /// Plain assignments: any POSIX shell and most tools read them.
    fn render(&self) -> String {
        let mut text = String::from(
            "# Written by `cargo xtask up`. Use it with: set -a; . target/farol/stack.env; set +a\n",
        );
        for (name, value) in &self.0 {
            let _ = writeln!(text, "{name}={}", quoted(value));
        }
        text
    }
}

/// One shell word, whatever is in it: inside single quotes only the quote itself is special.
fn quoted(value: &str) -> String {
    format!("'{}'", value.replace('\'', r"'\''"))
}

/// Reads a value back from a file that `StackEnv` wrote.
pub(crate) fn read(path: &Path, name: &str) -> Option<String> {
    let text = std::fs::read_to_string(path).ok()?;
    let line = text
        .lines()
        .find_map(|line| line.strip_prefix(name)?.strip_prefix("='"))?;
    Some(line.strip_suffix('\'')?.replace(r"'\''", "'"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::Command;

    #[test]
    fn a_real_shell_reads_every_value_back_as_it_was() {
        let path = std::env::temp_dir().join(format!("farol-stack-{}.env", std::process::id()));
        let hard = r#"postgres://a:b'c"d$HOME`id`\ #&;*~@host/x?y=z é"#;
        let mut env = StackEnv::default();
        env.set("PLAIN", "http://127.0.0.1:8080");
        env.set("HARD", hard);
        env.set("EMPTY", "");
        env.write(&path).unwrap();
        let script = format!(
            "set -a; . {}; sh -c 'printf %s\\\\n \"$PLAIN\" \"$HARD\" \"$EMPTY\"'",
            path.display()
        );
        let shell = Command::new("sh").args(["-euc", &script]).output().unwrap();
        assert_eq!(
            String::from_utf8_lossy(&shell.stdout),
            format!("http://127.0.0.1:8080\n{hard}\n\n")
        );
        assert_eq!(read(&path, "HARD").as_deref(), Some(hard));
        assert_eq!(read(&path, "HAR"), None);
        std::fs::remove_file(path).unwrap();
    }
}
