//! Where this checkout keeps what the developer commands make (`target/farol`), and its locks.

use crate::environment;
use crate::failure::{Failure, Outcome, While};
use crate::say;
use rustix::fs::{FlockOperation, flock};
use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};

/// One clone of the repository. Two of them on one machine share nothing.
pub(crate) struct Checkout {
    pub(crate) root: PathBuf,
    /// `target/farol`: logs, process records, stack.env, the servers' data.
    pub(crate) state: PathBuf,
}

/// Held until dropped or until the process ends, however it ends.
pub(crate) struct Lock {
    _file: File,
}

impl Checkout {
    /// The checkout that this program was compiled in, whatever the current folder.
    pub(crate) fn here() -> Outcome<Self> {
        let manifest = Path::new(env!("CARGO_MANIFEST_DIR"));
        let root = manifest.parent().unwrap_or(manifest).to_path_buf();
        let checkout = Self {
            state: root.join("target/farol"),
            root,
        };
        checkout.make_folders().map_err(|error| {
            Failure::new(format!("cannot write to {}", checkout.state.display())).why(error).advice(
                "An earlier run as another user (root?) may own it: give it back with\nsudo chown -R \"$(id -un)\" target",
            )
        })?;
        Ok(checkout)
    }

    /// Each start of a program begins its log anew.
    pub(crate) fn log(&self, name: &str) -> PathBuf {
        self.state.join("logs").join(format!("{name}.log"))
    }

    /// A path as a person in this checkout would type it.
    pub(crate) fn shown(&self, path: &Path) -> String {
        path.strip_prefix(&self.root)
            .unwrap_or(path)
            .display()
            .to_string()
    }

    /// Where servers keep their data. As root they run as their own users, which cannot enter a
    /// checkout under a 0700 home: then it is a folder in /var/tmp, linked from `target/farol`.
    pub(crate) fn servers_home(&self) -> Outcome<PathBuf> {
        let inside = self.state.join("servers");
        if !environment::is_root() {
            fs::create_dir_all(&inside).while_doing(|| format!("making {}", inside.display()))?;
            return Ok(inside);
        }
        let outside = Path::new("/var/tmp").join(self.tag());
        own_folder(&outside)?;
        if fs::read_link(&inside).ok().as_deref() != Some(outside.as_path()) {
            if inside.exists() {
                return Err(
                    Failure::new(format!("{} belongs to a normal user", inside.display()))
                        .why("this checkout was started without root before")
                        .advice(
                            "Go on without root, or remove that folder (it holds demo data only).",
                        ),
                );
            }
            let _ = fs::remove_file(&inside);
            symlink(&outside, &inside).while_doing(|| format!("linking {}", inside.display()))?;
        }
        Ok(outside)
    }

    /// A name for what lies outside of the checkout: no other checkout has it.
    pub(crate) fn tag(&self) -> String {
        format!("farol-{:016x}", fingerprint(&self.root))
    }

    /// Takes the named lock when its holder has ended, telling the person what they wait for.
    pub(crate) fn wait_lock(&self, name: &str) -> Outcome<Lock> {
        if let Some(lock) = self.try_lock(name)? {
            return Ok(lock);
        }
        let holder = self
            .lock_holder(name)
            .map_or_else(String::new, |pid| format!(" (process {pid})"));
        say::note(&format!(
            "waiting for another `cargo xtask {name}` in this checkout{holder} to end"
        ));
        let mut file = self.lock_file(name)?;
        flock(&file, FlockOperation::LockExclusive)
            .while_doing(|| format!("waiting for the lock {name}"))?;
        sign(&mut file, name)?;
        Ok(Lock { _file: file })
    }

    /// Takes the named lock, or says `None` when another process has it.
    pub(crate) fn try_lock(&self, name: &str) -> Outcome<Option<Lock>> {
        let mut file = self.lock_file(name)?;
        if flock(&file, FlockOperation::NonBlockingLockExclusive).is_err() {
            return Ok(None);
        }
        sign(&mut file, name)?;
        Ok(Some(Lock { _file: file }))
    }

    /// Who holds the lock: only meaningful right after `try_lock` said `None`.
    pub(crate) fn lock_holder(&self, name: &str) -> Option<u32> {
        fs::read_to_string(self.state.join(format!("{name}.lock")))
            .ok()?
            .trim()
            .parse()
            .ok()
    }

    /// Never deleted: removing a file that somebody waits to lock would let two in.
    fn lock_file(&self, name: &str) -> Outcome<File> {
        let path = self.state.join(format!("{name}.lock"));
        let opened = OpenOptions::new()
            .create(true)
            .truncate(false)
            .read(true)
            .write(true)
            .open(&path);
        opened.while_doing(|| format!("opening {}", path.display()))
    }

    /// A folder that exists may still be another user's, so a file is written too.
    fn make_folders(&self) -> std::io::Result<()> {
        fs::create_dir_all(self.state.join("logs"))?;
        fs::create_dir_all(self.state.join("pids"))?;
        let probe = self.state.join(".writable");
        File::create(&probe)?;
        fs::remove_file(probe)
    }
}

/// Leaves our process id in a lock that we hold.
fn sign(file: &mut File, name: &str) -> Outcome {
    let pid = std::process::id();
    file.set_len(0)
        .and_then(|()| write!(file, "{pid}"))
        .while_doing(|| format!("writing the lock {name}"))
}

/// Writes a file that only its owner may read, and never half of it.
pub(crate) fn write_private(path: &Path, text: &str) -> Outcome {
    let fresh = path.with_extension("new");
    let write = || {
        let mut file = File::create(&fresh)?;
        file.set_permissions(fs::Permissions::from_mode(0o600))?;
        file.write_all(text.as_bytes())?;
        fs::rename(&fresh, path)
    };
    write().while_doing(|| format!("writing {}", path.display()))
}

/// In /var/tmp anybody may have made the folder before us: then it is not trusted.
fn own_folder(path: &Path) -> Outcome {
    match fs::create_dir(path) {
        Ok(()) => {}
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {}
        Err(error) => {
            return Err(Failure::new(format!("cannot make {}", path.display())).why(error));
        }
    }
    let found =
        fs::symlink_metadata(path).while_doing(|| format!("looking at {}", path.display()))?;
    if !found.is_dir() || found.uid() != 0 {
        return Err(
            Failure::new(format!("{} is not a folder of root", path.display()))
                .why("it exists and belongs to somebody else")
                .advice("Remove it."),
        );
    }
    // Others may pass through to their own data folders but list nothing.
    fs::set_permissions(path, fs::Permissions::from_mode(0o711))
        .while_doing(|| format!("opening {}", path.display()))
}

/// FNV-1a: the same for one path in every build of this program, unlike the standard hasher.
fn fingerprint(path: &Path) -> u64 {
    path.as_os_str()
        .as_encoded_bytes()
        .iter()
        .fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
            (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
        })
}
