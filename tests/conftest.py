"""What all tests share: in CI nothing is skipped."""

import os
from collections.abc import Generator

import pytest
from hypothesis import settings

# A machine under load is slow, which is no fault of what is tested.
settings.register_profile("changegate", deadline=None)
settings.load_profile("changegate")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """A test that is skipped for want of something fails in CI, which must have it."""
    report = yield
    if report.skipped and os.environ.get("CI") and not hasattr(report, "wasxfail"):
        report.outcome = "failed"
        report.longrepr = f"{item.nodeid} is skipped, and CI skips nothing ({call.when}): {report.longrepr}"
    return report
