"""A stage of deploy/Dockerfile without an engine: its instructions as commands, its paths as folders below one of its own.

What stands for what: this machine's Rust, C compiler and libc for the base image; CARGO_HOME for /usr/local/cargo; `<root>/src` for /src,
and so on for MAPPED. Not as in a container: commands run as whoever runs the check, and could read the rest of the machine.
"""

import os
import pathlib
import posixpath
import re
import shlex
import shutil
import subprocess

# The only places outside the base image that the stages may name.
MAPPED = ("src", "skeleton", "out")
CARGO_HOME = pathlib.Path(os.environ.get("CARGO_HOME", pathlib.Path.home() / ".cargo"))
# What a command needs of its caller: its tools, and the way to the registry. Never how to build.
INHERITED = {"PATH", "HOME", "RUSTUP_HOME", "RUSTUP_TOOLCHAIN", "SSL_CERT_FILE", "SSL_CERT_DIR", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY"}
# No optimiser: what is proven here is that the commands build, layer upon layer. `cargo xtask dist` optimises the same sources, and
# twice would be a quarter of an hour.
QUICK = {"CARGO_PROFILE_DIST_OPT_LEVEL": "0", "CARGO_PROFILE_DIST_LTO": "off"}
# A path that starts at the root: not the middle of `a/b`, `./b` or `*/b`.
ABSOLUTE = re.compile(r"(?<![\w.*/-])/[\w./-]*")
# Compiling everything takes some minutes of two cores that nobody else uses.
COMMAND_SECONDS = 5400


class Unknown(Exception):
    """The Dockerfile says what this reader does not understand. Skipping it would prove another build than an engine's."""


class StageFolder:
    """`base` is the stage that it begins as, if any; `others` are those that it may copy from, by name, and the context under None;
    `given` is what `--build-arg` would give."""

    def __init__(self, root, base, others, given):
        if re.search(r"\s", str(root)):
            raise ValueError(f"{root}: RUSTFLAGS cannot name a folder with white space in it")
        self.root, self._others, self._given = root, others, given
        self._environment, self._arguments, self._workdir, self._commands = {}, {}, "/", 0
        root.mkdir()
        if base:
            shutil.copytree(base.root, root, symlinks=True, dirs_exist_ok=True)
            self._environment, self._workdir = dict(base._environment), base._workdir

    def carry_out(self, word, rest):
        """Returns what a RUN has said."""
        known = {"ENV": self._env, "ARG": self._arg, "WORKDIR": self._enter, "COPY": self._copy, "RUN": self._run}
        # Elsewhere an engine puts values in place of names. A RUN does that itself.
        if word not in known or ("$" in rest and word != "RUN"):
            raise Unknown(f"Dockerfile: {word} {rest}")
        return known[word](rest)

    def place(self, text):
        """`text`, with each of the container's paths as it is here."""

        def here(found):
            path = found.group()
            if path.startswith("/usr/local/cargo"):
                return f"{CARGO_HOME}{path.removeprefix('/usr/local/cargo')}"
            if path.split("/")[1] not in MAPPED:
                raise Unknown(f"Dockerfile: no folder stands for {path} (MAPPED in ci/release/stage_folder.py)")
            return f"{self.root}{path}"

        return ABSOLUTE.sub(here, text)

    def folder(self, path="."):
        """Where the container's `path` is here, seen from the current WORKDIR."""
        return pathlib.Path(self.place(posixpath.normpath(posixpath.join(self._workdir, path))))

    def _env(self, rest):
        for word in shlex.split(rest):
            name, is_set, value = word.partition("=")
            if not is_set:
                raise Unknown(f"Dockerfile: ENV {rest}")
            self._environment[name] = value

    def _arg(self, rest):
        name, has_default, default = rest.partition("=")
        if name in self._given or has_default:
            self._arguments[name] = self._given.get(name, default)

    def _enter(self, rest):
        self._workdir = posixpath.join(self._workdir, rest)
        self.folder().mkdir(parents=True, exist_ok=True)

    def _copy(self, rest):
        """Folders alone: what is in the one comes into the other, with its times."""
        words, stage = rest.split(), None
        if words[0].startswith("--from="):
            stage = self._others[words.pop(0).removeprefix("--from=")]
        if len(words) != 2 or any(word.startswith("-") for word in words):
            raise Unknown(f"Dockerfile: COPY {rest}")
        source = stage.folder(words[0]) if stage else self._others[None] / words[0]
        shutil.copytree(source, self.folder(words[1]), symlinks=True, dirs_exist_ok=True)

    def _run(self, rest):
        if rest.startswith(("-", "[", "<")):
            raise Unknown(f"Dockerfile: RUN {rest}")
        self._commands += 1
        log = self.root.with_name(f"{self.root.name}-{self._commands}.log")
        with open(log, "wb") as said:
            ended = subprocess.run(
                ["sh", "-c", self.place(rest)], cwd=self.folder(), env=self._variables(),
                stdin=subprocess.DEVNULL, stdout=said, stderr=said, timeout=COMMAND_SECONDS, check=False,
            )  # fmt: skip
        text = log.read_text(errors="replace")
        if ended.returncode != 0:
            raise RuntimeError(f"Dockerfile: RUN {rest}\nends with {ended.returncode} and:\n{text[-4000:]}")
        return text

    def _variables(self):
        """ENV goes before ARG, as with an engine."""
        inherited = {name: value for name, value in os.environ.items() if name.upper() in INHERITED}
        own = {name: self.place(value) for name, value in (self._arguments | self._environment).items()}
        return inherited | QUICK | {"CARGO_HOME": str(CARGO_HOME)} | own
