//! The tarball: files in the order of their names, all of one time and owner, with a checksum of each inside and one of
//! the whole beside it.

use super::release::{self, Release};
use super::sbom::sha256;
use crate::failure::{Failure, Outcome, While};
use crate::process::Crew;
use flate2::{Compression, GzBuilder};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

/// What will be in it, in memory: some hundred megabytes at most.
pub(crate) struct Contents {
    name: String,
    epoch: u64,
    files: BTreeMap<String, File>,
}

struct File {
    mode: u32,
    bytes: Vec<u8>,
}

impl Contents {
    pub(crate) fn new(release: &Release) -> Self {
        Self {
            name: release.name(),
            epoch: release.epoch,
            files: BTreeMap::new(),
        }
    }

    pub(crate) fn program(&mut self, name: &str, bytes: Vec<u8>) {
        let file = File { mode: 0o755, bytes };
        self.files.insert(format!("bin/{name}"), file);
    }

    pub(crate) fn text(&mut self, path: &str, text: String) {
        let (mode, bytes) = (0o644, text.into_bytes());
        self.files.insert(path.to_owned(), File { mode, bytes });
    }

    /// What git knows of these files and folders, under the same paths; without git, whatever lies there.
    pub(crate) fn repository(&mut self, crew: &Crew<'_>, paths: &[&str]) -> Outcome {
        let root = &crew.checkout.root;
        if root.join(".git").exists() {
            let words = ["ls-files", "-z", "--"];
            let known = release::answer(crew, "git", &[&words, paths].concat())?;
            for path in known.split_terminator('\0') {
                self.take(root, Path::new(path))?;
            }
            return Ok(());
        }
        paths
            .iter()
            .try_for_each(|path| self.take(root, Path::new(path)))
    }

    fn take(&mut self, root: &Path, path: &Path) -> Outcome {
        let full = root.join(path);
        let doing = || format!("reading {}", full.display());
        let about = fs::symlink_metadata(&full).while_doing(doing)?;
        let kind = about.file_type();
        if kind.is_dir() {
            for entry in fs::read_dir(&full).while_doing(doing)? {
                self.take(root, &path.join(entry.while_doing(doing)?.file_name()))?;
            }
            return Ok(());
        }
        let Some(name) = path.to_str().filter(|_| kind.is_file()) else {
            return Err(Failure::new(doing()).why("it is no plain file with a plain name"));
        };
        let bytes = fs::read(&full).while_doing(doing)?;
        // The examples are programs; who else may do what is not the tarball's to say.
        let is_program = about.permissions().mode() & 0o100 != 0;
        let mode = if is_program { 0o755 } else { 0o644 };
        self.files.insert(name.to_owned(), File { mode, bytes });
        Ok(())
    }

    /// Returns the tarball, its checksum and the bill of materials, which those who only look at that want by itself.
    pub(crate) fn write(mut self, folder: &Path) -> Outcome<[PathBuf; 3]> {
        self.text("SHA256SUMS", self.checksums());
        fs::create_dir_all(folder).while_doing(|| format!("making {}", folder.display()))?;
        let place = |ending: &str| folder.join(format!("{}{ending}", self.name));
        let packed = self.packed().while_doing(|| "packing the tarball".into())?;
        let sum = format!("{}  {}.tar.gz\n", sha256(&packed), self.name);
        let bill = self
            .files
            .get("sbom.cdx.json")
            .map_or(&[][..], |file| &file.bytes);
        let written = [
            place(".tar.gz"),
            place(".tar.gz.sha256"),
            place(".cdx.json"),
        ];
        for (path, bytes) in written.iter().zip([&packed[..], sum.as_bytes(), bill]) {
            fs::write(path, bytes).while_doing(|| format!("writing {}", path.display()))?;
        }
        Ok(written)
    }

    /// As `sha256sum --check` reads it.
    fn checksums(&self) -> String {
        let mut text = String::new();
        for (path, file) in &self.files {
            // Writing into a String cannot fail.
            let _ = writeln!(text, "{}  {path}", sha256(&file.bytes));
        }
        text
    }

    fn packed(&self) -> std::io::Result<Vec<u8>> {
        // Its head has no time and no name of a file, which would differ from build to build.
        let gzip = GzBuilder::new().write(Vec::new(), Compression::best());
        let mut tar = tar::Builder::new(gzip);
        for (path, file) in &self.files {
            let mut head = tar::Header::new_ustar();
            head.set_size(file.bytes.len() as u64);
            head.set_mode(file.mode);
            head.set_mtime(self.epoch);
            head.set_uid(0);
            head.set_gid(0);
            head.set_username("root")?;
            head.set_groupname("root")?;
            tar.append_data(&mut head, format!("{}/{path}", self.name), &file.bytes[..])?;
        }
        tar.into_inner()?.finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read as _;

    fn contents() -> Contents {
        let mut contents = Contents {
            name: "farol-1-here".into(),
            epoch: 1_000_000_000,
            files: BTreeMap::new(),
        };
        contents.text("README.txt", "read me\n".into());
        contents.program("one", vec![1, 2, 3]);
        contents.text("SHA256SUMS", contents.checksums());
        contents
    }

    #[test]
    fn equal_contents_are_packed_into_equal_bytes_in_the_order_of_names() {
        let packed = contents().packed().unwrap();
        assert_eq!(packed, contents().packed().unwrap());
        let mut tar = tar::Archive::new(flate2::read::GzDecoder::new(&packed[..]));
        let mut seen = Vec::new();
        for entry in tar.entries().unwrap() {
            let mut entry = entry.unwrap();
            let head = entry.header();
            let (mode, time) = (head.mode().unwrap(), head.mtime().unwrap());
            let path = entry.path().unwrap().display().to_string();
            let mut bytes = Vec::new();
            entry.read_to_end(&mut bytes).unwrap();
            assert_eq!(time, 1_000_000_000);
            seen.push((path, mode, bytes.len()));
        }
        let name = |path: &str| format!("farol-1-here/{path}");
        let sums = 2 * (64 + 2 + 1) + "README.txt".len() + "bin/one".len();
        assert_eq!(
            seen,
            [
                (name("README.txt"), 0o644, 8),
                (name("SHA256SUMS"), 0o644, sums),
                (name("bin/one"), 0o755, 3),
            ]
        );
    }

    #[test]
    fn every_file_has_its_checksum_inside() {
        let contents = contents();
        let sums = String::from_utf8(contents.files["SHA256SUMS"].bytes.clone()).unwrap();
        // `printf '\1\2\3' | sha256sum`
        let one = "039058c6f2c0cb492c533b0a4d14ef77cc0f78abccced5287d84a1a2011cfb81  bin/one\n";
        assert!(sums.ends_with(one), "{sums}");
        assert_eq!(sums.lines().count(), 2);
    }
}
