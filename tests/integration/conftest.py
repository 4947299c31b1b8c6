"""What integration tests share."""

from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def shared_temp(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Path:
    """One RUNNER_TEMP for all workers, with a space and a quote in its name, so that the actions install their environment once."""
    base = tmp_path_factory.getbasetemp()
    directory = (base if worker_id == "master" else base.parent) / "runner's temp"
    directory.mkdir(exist_ok=True)
    return directory
