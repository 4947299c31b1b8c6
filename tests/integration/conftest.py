"""What integration tests share."""

import fcntl
import os
import secrets
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from actions_harness import ROOT, Ran, Runner, load
from support.postgres import Server
from support.s3server import CREDENTIALS, ministack

from changegate.stores.postgres.store import PostgresStore
from changegate.stores.s3 import S3Store
from changegate.stores.s3url import parse_url


def install(runner: Runner, **environment: str) -> Ran:
    """Run the first step of the gate's action alone."""
    (step,) = (each for each in load(ROOT / "action.yml")["runs"]["steps"] if each["id"] == "install")
    return runner.run_job({"steps": [step | {"env": environment, "run": step["run"].replace("$GITHUB_ACTION_PATH", str(ROOT))}]})


@pytest.fixture(scope="session")
def shared_temp(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Path:
    """One RUNNER_TEMP for all workers, with a space and a quote in its name, in which the actions have installed their environment."""
    base = tmp_path_factory.getbasetemp()
    directory = (base if worker_id == "master" else base.parent) / "runner's temp"
    directory.mkdir(exist_ok=True)
    with (directory / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not list(directory.glob("changegate-*/installed")):
            ran = install(Runner(directory, directory))
            assert ran.outcome == "success", ran.log
    return directory


@pytest.fixture
def own_temp(tmp_path: Path, shared_temp: Path) -> Path:
    """A RUNNER_TEMP of this test's own, in which the environment is there already, as for a second gate in one job."""
    directory = tmp_path / "runner's temp"
    directory.mkdir()
    for environment in shared_temp.glob("changegate-*"):
        (directory / environment.name).symlink_to(environment)
    return directory


@pytest.fixture(scope="session")
def postgres() -> Iterator[Server]:
    """A PostgreSQL server, one for each worker."""
    server = Server()
    yield server
    server.close()


@pytest.fixture(scope="session")
def initialised(postgres: Server) -> str:
    """The name of a database with an initialised, empty store, from which others are copied."""
    name = postgres.new_database()
    store = PostgresStore(postgres.url(name))
    store.prepare()
    store.close()
    return name


@pytest.fixture
def database(postgres: Server, initialised: str) -> str:
    """The URL of an evidence store, initialised and empty, in a database of the test's own."""
    return postgres.url(postgres.new_database(initialised))


@pytest.fixture(scope="session")
def s3_endpoint() -> Iterator[str]:
    """An S3 server on loopback, one for each worker; or that of S3_ENDPOINT, to test with another (`.ci/checks/s3`)."""
    if "S3_ENDPOINT" in os.environ:
        yield os.environ["S3_ENDPOINT"]
        return
    with ministack() as url:
        yield url


@pytest.fixture
def s3_url(s3_endpoint: str, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], str]:
    """Makes a store's URL from a form such as `s3://{0}?evidence={0}-locked`, its buckets new and prepared."""
    for name, value in CREDENTIALS.items():
        monkeypatch.setenv(name, value)

    def prepare(form: str) -> str:
        bucket = f"test-{secrets.token_hex(8)}"
        url = f"{form.format(bucket)}{'&' if '?' in form else '?'}endpoint={s3_endpoint}"
        S3Store(parse_url(url)).prepare()
        return url

    return prepare
