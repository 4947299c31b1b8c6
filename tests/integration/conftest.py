"""What integration tests share."""

import fcntl
from collections.abc import Iterator
from pathlib import Path

import pytest
from actions_harness import ROOT, Ran, Runner, load
from support.postgres import Server

from changegate.stores.postgres.store import PostgresStore


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
