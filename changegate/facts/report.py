"""What the pipeline's own reports say of the commit to deploy: tests that ran, and lines they ran through. The pipeline's word, kept by digest."""

from changegate.facts.values import Fact, Text, Time


class Report(Fact):
    """A file that a tool wrote, and of what it is."""

    name: Text
    """The last part of its path."""
    sha256: str
    commit: Text = ""
    """The commit that it says it is of; empty where it names none."""
    latest: Time | None = None
    """When it was made, by its own word; the latest that this can have been, where it names no time zone."""
    defect: Text = ""
    """Why it can't be read. Then nothing else of it is recorded."""


class TestReport(Report):
    """Results of tests (JUnit XML)."""

    __test__ = False

    passed: int = 0
    skipped: int = 0
    failed: int = 0
    """Failures and errors."""
    names: tuple[Text, ...] = ()
    """The first of what failed."""


class CoverageReport(Report):
    """How many lines the tests ran through (Cobertura XML, LCOV)."""

    covered: int = 0
    lines: int = 0
