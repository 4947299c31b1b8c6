"""Reports of tests and coverage, as tools write them, and what isn't one."""

from datetime import UTC, datetime

import pytest

from changegate.reports import MAX_BYTES, read_coverage, read_tests

COMMIT = "ab" * 20
PYTEST = """<?xml version="1.0" encoding="utf-8"?>
<testsuites name="pytest tests"><testsuite name="pytest" errors="0" failures="1" skipped="1" tests="4" time="0.041"
 timestamp="2026-03-02T10:15:03.123456+01:00" hostname="runner"><testcase classname="tests.test_a" name="test_good" time="0.001" />
<testcase classname="tests.test_a" name="test_bad[1-x]" time="0.001"><failure message="assert 1 == 2">def test_bad(): ...</failure></testcase>
<testcase classname="tests.test_a" name="test_later" time="0.000"><skipped type="pytest.skip" message="later">a.py:9: later</skipped></testcase>
<testcase classname="tests.test_b" name="test_fine"><system-out>words</system-out></testcase></testsuite></testsuites>
"""
SUREFIRE = f"""<testsuite xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" name="com.acme.ShopTest"
  tests="2" errors="1" skipped="0" failures="0">
  <properties><property name="java.version" value="21"/><property name="git.commit.id" value="{COMMIT}"/></properties>
  <testcase name="rounds" classname="com.acme.ShopTest" time="0.01"><rerunFailure type="x">flaky</rerunFailure></testcase>
  <testcase name="adds" classname="com.acme.ShopTest"><error message="boom"/></testcase>
</testsuite>"""
COVERAGE_PY = """<?xml version="1.0" ?>
<coverage version="7.6.1" timestamp="1772442903123" lines-valid="200" lines-covered="167" line-rate="0.835" branches-covered="0" complexity="0">
<sources><source>/src</source></sources><packages><package name="." line-rate="0.5"><classes><class name="a.py" filename="a.py"><methods/><lines>
<line number="1" hits="1"/></lines></class></classes></package></packages></coverage>"""
GCOVR = """<?xml version='1.0' encoding='UTF-8'?>
<!DOCTYPE coverage SYSTEM 'http://cobertura.sourceforge.net/xml/coverage-04.dtd'>
<coverage line-rate="0.5" branch-rate="0.1" timestamp="1772442903" version="gcovr 8.2"><sources/><packages/></coverage>"""
LCOV = f"TN:{COMMIT}\nSF:/src/a.c\nDA:1,1\nDA:2,0\nLF:2\nLH:1\nend_of_record\nTN:{COMMIT}\nSF:/src/b.c\nLF:8\nLH:8\nend_of_record\n"


def test_results_as_pytest_writes_them() -> None:
    found = read_tests(PYTEST.encode(), "junit.xml")
    assert (found.passed, found.skipped, found.failed, found.names) == (2, 1, 1, ("tests.test_a test_bad[1-x]",))
    assert (found.commit, found.latest, found.defect) == ("", datetime(2026, 3, 2, 9, 15, 3, 123456, tzinfo=UTC), "")


def test_results_as_surefire_writes_them() -> None:
    found = read_tests(SUREFIRE.encode(), "TEST-shop.xml")
    assert (found.passed, found.failed, found.names, found.commit, found.latest) == (1, 1, ("com.acme.ShopTest adds",), COMMIT, None)


def test_a_suite_that_could_not_start_failed() -> None:
    assert read_tests(b'<testsuites failures="0" errors="2"><testsuite tests="1"><testcase name="a"/></testsuite></testsuites>', "x").failed == 2


@pytest.mark.parametrize(
    ("stamps", "latest"),
    [
        (["2026-03-02T10:00:00"], datetime(2026, 3, 3, 0, 0, tzinfo=UTC)),
        (["2026-03-02T10:00:00Z"], datetime(2026, 3, 2, 10, 0, tzinfo=UTC)),
        (["2026-03-02T10:00:00Z", "2026-03-02T09:00:00Z"], datetime(2026, 3, 2, 9, 0, tzinfo=UTC)),
        (["2026-03-02T10:00:00Z", "yesterday"], None),
        (["9999-12-31T23:00:00"], None),
        ([], None),
    ],
    ids=["any zone", "UTC", "the first suite's", "no time", "past all times", "none"],
)
def test_when_it_was_made(stamps: list[str], latest: datetime | None) -> None:
    suites = "".join(f'<testsuite timestamp="{each}"/>' for each in stamps)
    assert read_tests(f"<testsuites>{suites}</testsuites>".encode(), "x").latest == latest


def test_coverage_as_tools_write_it() -> None:
    found = read_coverage(COVERAGE_PY.encode(), "coverage.xml")
    assert (found.covered, found.lines, found.latest) == (167, 200, datetime(2026, 3, 2, 9, 15, 3, 123000, tzinfo=UTC))
    found = read_coverage(GCOVR.encode(), "coverage.xml")
    assert (found.covered, found.lines, found.latest) == (5_000, 10_000, datetime(2026, 3, 2, 9, 15, 3, tzinfo=UTC))
    found = read_coverage(LCOV.encode(), "lcov.info")
    assert (found.covered, found.lines, found.commit) == (9, 10, COMMIT)


def test_lines_are_counted_where_a_tracefile_has_no_totals() -> None:
    found = read_coverage(b"TN:\nSF:a.c\nDA:1,3\nDA:2,0\nDA:3,12,checksum==\nDA:4,00\nend_of_record\nSF:b.c\nDA:1,1\nend_of_record\n", "lcov.info")
    assert (found.covered, found.lines, found.defect) == (3, 5, "")


BOMB = '<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;">]><testsuite><testcase name="&b;"/></testsuite>'


@pytest.mark.parametrize(
    ("data", "why"),
    [
        ("", "the file is empty"),
        ("<a/>", "no test suite"),
        ("<testsuite>", "no XML"),
        (BOMB, "XML with entities"),
        ('<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]><testsuite><testcase name="&a;"/></testsuite>', "XML with entities"),
        ("<testsuite>" * 200 + "</testsuite>" * 200, "nested deeper"),
        ('<testsuite failures="many"/>', "where a number should"),
        (f'<testsuite><properties><property name="commit" value="{COMMIT[:10]}"/></properties></testsuite>', "which is none"),
        (f'<testsuite><property name="commit" value="{COMMIT}"/><property name="commit" value="{"cd" * 20}"/></testsuite>', "too"),
        ("<testsuite/>" + " " * MAX_BYTES, "larger than 32 MiB"),
        ('<?xml version="1.0" encoding="no-such"?><testsuite/>', "no XML"),
    ],
)
def test_what_is_no_report_is_a_defect(data: str, why: str) -> None:
    found = read_tests(data.encode(), "x.xml")
    assert why in found.defect
    assert (found.passed, found.skipped, found.failed, found.commit, found.latest) == (0, 0, 0, "", None)


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (" \n", "the file is empty"),
        ("<testsuite/>", "isn't `coverage`"),
        ('<coverage lines-valid="5" lines-covered="6"/>', "6 lines of 5"),
        ('<coverage lines-valid="-5" lines-covered="6"/>', "where a number should"),
        ("<coverage/>", "line rate"),
        ('<coverage line-rate="NaN"/>', "line rate"),
        ('<coverage line-rate="1.5"/>', "lines of 10000"),
        ("LF:7\nLH:8\nend_of_record\n", "8 lines of 7"),
        ("LF:x\nend_of_record\n", "where a number should"),
        ("LF:7\nLH:7\n", "neither Cobertura XML nor"),
        (f"TN:{COMMIT}\nTN:{'cd' * 20}\nend_of_record\n", "too"),
    ],
)
def test_what_is_no_coverage_is_a_defect(data: str, why: str) -> None:
    found = read_coverage(data.encode(), "x")
    assert why in found.defect
    assert (found.covered, found.lines) == (0, 0)
