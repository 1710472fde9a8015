"""What stands in front: nginx or Caddy as a process of this run, with the files of deploy/ and the addresses of this run."""

import contextlib
import datetime
import ipaddress
import os
import pathlib
import shutil
import socket
import ssl
import subprocess
import tempfile

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from proxies.world import quiet_port
from stage import PATIENCE_SECONDS, wait_until

DEPLOY = pathlib.Path(__file__).resolve().parents[2] / "deploy"
# How many requests of one address may be under way, instead of a thousand.
AT_ONCE = 40


def replaced(text, changes):
    """Each of these stands there exactly so often; else the file has changed and this no longer fits."""
    for there, here, count in changes:
        assert text.count(there) == count, f"{there!r} stands there {text.count(there)} times, not {count}"
        text = text.replace(there, here)
    return text


class Front:
    """`port` speaks TLS, with a certificate that `context` trusts and nobody else does."""

    def __init__(self, world):
        self.world, self.port, self.plain_port = world, world.front_port, quiet_port()
        self.address = f"https://127.0.0.1:{self.port}"
        self.folder = pathlib.Path(tempfile.mkdtemp())
        # Its workers may be another user.
        self.folder.chmod(0o755)
        self.context = self._certify()
        self._process = None

    def __enter__(self):
        try:
            self.write()
            self.open()
            wait_until(self._answers, "the proxy takes connections")
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        if self._process and self._process.poll() is None:
            self._process.terminate()
            try:
                self._process.wait(5)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        shutil.rmtree(self.folder)

    def start(self, *command, **environment):
        log = open(self.folder / "console.log", "ab")
        environment = {"PATH": os.environ["PATH"]} | environment
        self._process = subprocess.Popen(command, cwd=self.folder, env=environment, stdout=log, stderr=log)

    def _answers(self):
        assert self._process.poll() is None, self.logs()
        with contextlib.suppress(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", self.port)).close()
            return True

    def _certify(self):
        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "farol.example.org")])
        address = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
        now = datetime.datetime.now(datetime.timezone.utc)
        day = datetime.timedelta(days=1)
        builder = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number(), now - day, now + day)
        certificate = builder.add_extension(address, critical=False).sign(key, hashes.SHA256())
        (self.folder / "farol.pem").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
        kind = serialization.PrivateFormat.PKCS8
        secret = key.private_bytes(serialization.Encoding.PEM, kind, serialization.NoEncryption())
        (self.folder / "farol.key").write_bytes(secret)
        return ssl.create_default_context(cafile=self.folder / "farol.pem")

    def ports(self):
        """The addresses of the manual and those of this run."""
        manual = {"public": 8080, "admin": 8000, "gateway": 3000, "telemetry": 8090}
        return [(f"127.0.0.1:{port}", f"127.0.0.1:{self.world.ports[name]}") for name, port in manual.items()]


class Nginx(Front):
    def __init__(self, world):
        super().__init__(world)
        self._program = shutil.which("nginx", path=f"{os.environ['PATH']}:/usr/sbin")

    def write(self):
        shutil.copytree(DEPLOY / "nginx", self.folder, dirs_exist_ok=True)
        places = "".join(f"{it}_temp_path {it};" for it in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
        changes = {
            "nginx.conf": (
                ("pid /run/nginx.pid;", "daemon off;\npid nginx.pid;", 1),
                ("error_log /var/log/nginx/error.log error;", "error_log error.log error;", 1),
                ("http {", f"http {{\n{places}", 1),
            ),
            "farol/log.conf": (("access_log /var/log/nginx/access.log farol;", "access_log access.log farol;", 1),),
            "farol/limits.conf": (("limit_conn farol_clients 1000;", f"limit_conn farol_clients {AT_ONCE};", 1),),
            "farol/upstreams.conf": [(there, here, 1) for there, here in self.ports()],
            "farol/site.conf": (
                ("    listen [::]:80 default_server;\n", "", 1),
                ("    listen [::]:443 ssl http2 default_server;\n", "", 1),
                ("listen 80 ", f"listen 127.0.0.1:{self.plain_port} ", 1),
                ("listen 443 ", f"listen 127.0.0.1:{self.port} ", 1),
                ("/etc/nginx/tls/", f"{self.folder}/", 2),
            ),
        }
        for name, told in changes.items():
            file = self.folder / name
            file.write_text(replaced(file.read_text(), told))

    def open(self):
        check = [*self._command(), "-t", "-q"]
        told = subprocess.run(check, capture_output=True, text=True, timeout=PATIENCE_SECONDS, check=False)
        # Newer ones have another word for `listen … http2`, which 1.22 does not know.
        complaints = [line for line in told.stderr.splitlines() if "http2" not in line or "deprecated" not in line]
        assert told.returncode == 0 and not complaints, told.stderr
        self.start(*self._command())

    def _command(self):
        return self._program, "-p", str(self.folder), "-c", str(self.folder / "nginx.conf"), "-e", "error.log"

    def workers(self):
        """Process and title of each."""
        children = pathlib.Path(f"/proc/{self._process.pid}/task/{self._process.pid}/children").read_text().split()
        titles = {}
        for child in children:
            # One may have ended since.
            with contextlib.suppress(FileNotFoundError):
                titles[child] = pathlib.Path(f"/proc/{child}/cmdline").read_text()
        return titles

    def reload(self):
        """Returns when other workers have taken over."""
        before = set(self.workers())
        subprocess.run([*self._command(), "-s", "reload"], check=True, timeout=PATIENCE_SECONDS)

        def taken_over():
            now = self.workers()
            left = [told for pid, told in now.items() if pid in before]
            fresh = [pid for pid, told in now.items() if pid not in before and "worker process" in told]
            return fresh and all("shutting down" in told for told in left)

        wait_until(taken_over, "other workers have taken over")

    def accesses(self):
        return (self.folder / "access.log").read_text()

    def logs(self):
        return "".join(path.read_text() for path in self.folder.glob("*.log"))


class Caddy(Front):
    def write(self):
        text = (DEPLOY / "caddy" / "Caddyfile").read_text()
        told = [(there, here, 1) for there, here in self.ports()]
        own = f"{{\n\tadmin off\n\tauto_https disable_redirects\n\thttp_port {self.plain_port}\n\t# Of accesses"
        told += [
            ("farol.example.org {", f"https://127.0.0.1:{self.port} {{\n\ttls {self.folder}/farol.pem {self.folder}/farol.key", 1),
            ("{\n\t# Of accesses", own, 1),
        ]
        (self.folder / "Caddyfile").write_text(replaced(text, told))

    def open(self):
        program = shutil.which("caddy")
        home = {"HOME": str(self.folder), "XDG_DATA_HOME": str(self.folder), "XDG_CONFIG_HOME": str(self.folder)}
        self.start(program, "run", "--adapter", "caddyfile", "--config", "Caddyfile", **home)

    def logs(self):
        return (self.folder / "console.log").read_text()

    def accesses(self):
        return "".join(line for line in self.logs().splitlines(True) if '"http.log.access' in line)
