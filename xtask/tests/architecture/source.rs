//! Reading Rust source as far as the rules need it: code without comments, paths, text literals.
//! Not a parser: it knows tokens, `use` groups and where a file's inline test module begins.

use std::fs;
use std::path::Path;

/// The production part of one file.
pub(crate) struct SourceFile {
    /// Relative to the workspace, with `/`.
    pub(crate) path: String,
    /// Comments and the insides of literals are blanked; lines and columns stay.
    code: String,
    /// Text and byte-text literals with the line they begin on.
    pub(crate) literals: Vec<(usize, String)>,
}

/// A path like `crate::infra::ProjectRepo`, where it stands.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct NamedPath {
    pub(crate) line: usize,
    pub(crate) path: String,
    /// From a `use` declaration rather than from an expression or type.
    pub(crate) imported: bool,
}

impl SourceFile {
    /// Every `.rs` file under the `src` folders of the workspace's packages.
    pub(crate) fn all_in(workspace: &Path) -> Vec<Self> {
        let mut found = Vec::new();
        for room in ["crates", "services", "tools", "xtask", "fuzz"] {
            collect(&workspace.join(room), workspace, &mut found);
        }
        found
    }

    pub(crate) fn new(path: &str, text: &str) -> Self {
        let (code, literals) = blanked(text);
        let cut = inline_tests(&code).unwrap_or(code.len());
        let last_line = code[..cut].matches('\n').count() + 1;
        let literals = literals
            .into_iter()
            .filter(|(line, _)| *line <= last_line)
            .collect();
        Self {
            path: path.to_owned(),
            code: code[..cut].to_owned(),
            literals,
        }
    }

    /// Code by line, numbered from 1.
    pub(crate) fn lines(&self) -> impl Iterator<Item = (usize, &str)> {
        self.code
            .lines()
            .enumerate()
            .map(|(index, line)| (index + 1, line))
    }

    /// Every path, `use` groups spelt out.
    pub(crate) fn paths(&self) -> Vec<NamedPath> {
        let mut found = Vec::new();
        let mut rest = 0;
        while let Some(start) = next_word(&self.code, rest) {
            let word = path_at(&self.code, start);
            let line = self.code[..start].matches('\n').count() + 1;
            rest = start + word.len();
            if word == "use" {
                let end = self.code[rest..]
                    .find(';')
                    .map_or(self.code.len(), |at| rest + at);
                expand("", &self.code[rest..end], &mut |path| {
                    found.push(NamedPath {
                        line,
                        path: path.to_owned(),
                        imported: true,
                    });
                });
                rest = end;
            } else if word.contains("::") {
                found.push(NamedPath {
                    line,
                    path: word.to_owned(),
                    imported: false,
                });
            }
        }
        found
    }
}

fn collect(folder: &Path, workspace: &Path, found: &mut Vec<SourceFile>) {
    let Ok(entries) = fs::read_dir(folder) else {
        return;
    };
    let mut paths: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    for path in paths {
        let shown = path
            .strip_prefix(workspace)
            .unwrap()
            .to_string_lossy()
            .into_owned();
        if path.is_dir() && !shown.ends_with("/tests") && !shown.ends_with("/target") {
            collect(&path, workspace, found);
        } else if path.extension().is_some_and(|it| it == "rs") && shown.contains("/src/") {
            found.push(SourceFile::new(&shown, &fs::read_to_string(&path).unwrap()));
        }
    }
}

/// Where `#[cfg(test)] mod name {` begins: what follows is not production.
fn inline_tests(code: &str) -> Option<usize> {
    code.match_indices("#[cfg(test)]")
        .map(|(at, _)| at)
        .find(|at| {
            let after = code[at + "#[cfg(test)]".len()..].trim_start();
            let upto = after.find(['{', ';']).unwrap_or(0);
            after.starts_with("mod ") && after[upto..].starts_with('{')
        })
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

fn next_word(code: &str, from: usize) -> Option<usize> {
    code[from..]
        .find(|c: char| c.is_alphabetic() || c == '_')
        .map(|at| from + at)
}

/// `a::b::c` from `start`, with nothing but word characters and `::`.
fn path_at(code: &str, start: usize) -> &str {
    let mut end = start;
    loop {
        end += code[end..]
            .find(|c| !is_word(c))
            .unwrap_or(code.len() - end);
        let next = code[end..]
            .strip_prefix("::")
            .and_then(|rest| rest.chars().next());
        if !next.is_some_and(is_word) {
            return &code[start..end];
        }
        end += 2;
    }
}

/// Spells out `a::{b, c::{d, self}}` as `a::b`, `a::c::d`, `a::c`.
fn expand(prefix: &str, tree: &str, found: &mut impl FnMut(&str)) {
    let tree = tree.trim().trim_start_matches("::");
    let Some(open) = tree.find('{') else {
        let name = tree.split(" as ").next().unwrap_or(tree).trim();
        let path = format!("{prefix}{name}");
        found(path.strip_suffix("::self").unwrap_or(&path));
        return;
    };
    let prefix = format!("{prefix}{}", tree[..open].trim());
    let inner = tree[open + 1..]
        .trim_end()
        .strip_suffix('}')
        .unwrap_or(&tree[open + 1..]);
    let (mut depth, mut start) = (0, 0);
    for (at, c) in inner.char_indices() {
        match c {
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' if depth == 0 => {
                expand(&prefix, &inner[start..at], found);
                start = at + 1;
            }
            _ => {}
        }
    }
    if !inner[start..].trim().is_empty() {
        expand(&prefix, &inner[start..], found);
    }
}

/// The text with comments and literals blanked, and the literals.
fn blanked(text: &str) -> (String, Vec<(usize, String)>) {
    let mut code = String::with_capacity(text.len());
    let mut literals = Vec::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let in_word = code.chars().next_back().is_some_and(is_word);
        let (length, literal) = match first {
            '/' if rest.starts_with("//") => (rest.find('\n').unwrap_or(rest.len()), false),
            '/' if rest.starts_with("/*") => (block_comment(rest), false),
            '"' => (quoted(rest), true),
            'r' | 'b' if !in_word => (raw_or_bytes(rest), true),
            '\'' => (character(rest), false),
            _ => (0, false),
        };
        if length == 0 {
            code.push(first);
            rest = &rest[first.len_utf8()..];
            continue;
        }
        let token = &rest[..length];
        if literal {
            literals.push((code.matches('\n').count() + 1, token.to_owned()));
        }
        code.extend(token.chars().map(|c| if c == '\n' { '\n' } else { ' ' }));
        rest = &rest[length..];
    }
    (code, literals)
}

fn block_comment(text: &str) -> usize {
    let mut depth = 0_usize;
    let mut at = 0;
    while at < text.len() {
        if text[at..].starts_with("/*") {
            depth += 1;
            at += 2;
        } else if text[at..].starts_with("*/") {
            depth -= 1;
            at += 2;
            if depth == 0 {
                return at;
            }
        } else {
            at += text[at..].chars().next().map_or(1, char::len_utf8);
        }
    }
    text.len()
}

/// The length of `"…"` with escapes.
fn quoted(text: &str) -> usize {
    let mut escaped = false;
    for (at, c) in text.char_indices().skip(1) {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => return at + 1,
            _ => {}
        }
    }
    text.len()
}

/// The length of `r"…"`, `r#"…"#`, `b"…"`, `br"…"`; 0 when it is just a word.
fn raw_or_bytes(text: &str) -> usize {
    let prefix = if text.starts_with("br") { 2 } else { 1 };
    let after = &text[prefix..];
    if text.starts_with('b') && prefix == 1 {
        return if after.starts_with('"') {
            1 + quoted(after)
        } else {
            0
        };
    }
    let hashes = after.len() - after.trim_start_matches('#').len();
    if !after[hashes..].starts_with('"') {
        return 0;
    }
    let close = format!("\"{}", "#".repeat(hashes));
    let body = &after[hashes + 1..];
    prefix + hashes + 1 + body.find(&close).map_or(body.len(), |at| at + close.len())
}

/// The length of a character literal; 0 for a lifetime.
fn character(text: &str) -> usize {
    let mut chars = text.char_indices().skip(1);
    match chars.next() {
        Some((_, '\\')) => text[2..]
            .char_indices()
            .skip(1)
            .find(|(_, c)| *c == '\'')
            .map_or(0, |(at, _)| at + 3),
        Some(_) => chars
            .next()
            .filter(|(_, c)| *c == '\'')
            .map_or(0, |(at, _)| at + 1),
        None => 0,
    }
}

#[test]
fn comments_and_literals_are_no_code_and_lifetimes_are_no_characters() {
    let text = "// sqlx::a\n/* sqlx::b /* nested */ */ let c = '\"'; fn f<'a>(x: &'a str) {}\nlet s = r#\"sqlx::\"c\"#; let b = b\"data: x\"; let q = '\\''; sqlx::real();";
    let file = SourceFile::new("x.rs", text);
    let paths: Vec<_> = file
        .paths()
        .into_iter()
        .map(|it| (it.line, it.path))
        .collect();
    assert_eq!(paths, [(3, "sqlx::real".to_owned())]);
    assert_eq!(file.literals.len(), 2);
    assert_eq!(file.literals[1], (3, "b\"data: x\"".to_owned()));
}

#[test]
fn use_groups_are_spelt_out() {
    let file = SourceFile::new("x.rs", "use a::{b, c::{d as e, self},\n f::*};\nuse ::g;");
    let paths: Vec<_> = file.paths().into_iter().map(|it| it.path).collect();
    assert_eq!(paths, ["a::b", "a::c::d", "a::c", "a::f::*", "g"]);
}

#[test]
fn what_follows_an_inline_test_module_is_not_production() {
    let file = SourceFile::new(
        "x.rs",
        "use a::b;\n#[cfg(test)]\nmod tests {\n use sqlx::x; const D: &str = \"data: 1\";\n}",
    );
    assert_eq!(file.paths().len(), 1);
    assert!(file.literals.is_empty());
}
