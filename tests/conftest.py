"""What all tests share: in CI nothing is skipped."""

import os
from collections.abc import Generator

import pytest
from hypothesis import settings
from support.exhaustive import EXHAUSTIVE

# A machine under load is slow, which is no fault of what is tested.
settings.register_profile("changegate", deadline=None)
settings.load_profile("changegate")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """`make test` leaves the long ones to CI."""
    if EXHAUSTIVE:
        return
    config.hook.pytest_deselected(items=[item for item in items if "exhaustive" in item.keywords])
    items[:] = [item for item in items if "exhaustive" not in item.keywords]


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """A test that is skipped for want of something fails in CI, which must have it."""
    report = yield
    if report.skipped and os.environ.get("CI") and not hasattr(report, "wasxfail"):
        report.outcome = "failed"
        report.longrepr = f"{item.nodeid} is skipped, and CI skips nothing ({call.when}): {report.longrepr}"
    return report
