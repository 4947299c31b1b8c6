"""Reports of tests and coverage, read: bytes in, facts out. A report that can't be read is a fact with a defect; nothing here decides.

Forms: JUnit XML as Ant's and Surefire's writers, pytest, Jest, Go's and .NET's loggers write it (testcase with failure, error, skipped); Cobertura's
coverage-04.dtd; LCOV's tracefile (man geninfo). XML is read by defusedxml: no entities, no external files.
"""

import hashlib
import io
import re
from collections import deque
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, Final, TypeVar
from xml.etree.ElementTree import Element, ParseError

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import iterparse

from changegate.errors import FormatError
from changegate.facts import CoverageReport, Report, TestReport

MAX_BYTES: Final = 32 * 1024 * 1024
_MAX_DEPTH: Final = 100
_MAX_NAMES: Final = 5
_MAX_NAME: Final = 200
_ANY_ZONE: Final = timedelta(hours=14)
"""How far a local time may lie from UTC."""
_COMMIT: Final = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
_NAMES_OF_A_COMMIT: Final = frozenset({"changegate.commit", "commit", "git.commit", "git.commit.id", "vcs.revision"})
"""What tools call the property with a suite's commit: OpenTelemetry's, Maven's and Gradle's git plug-ins', and ours."""
_MILLISECONDS: Final = 10**11
"""Cobertura's own time is in milliseconds, gcovr's in seconds: from here on it can't be seconds."""
_REMEDY: Final = "Give the file as the tool wrote it."

R = TypeVar("R", bound=Report)


def read_tests(data: bytes, name: str) -> TestReport:
    """What a JUnit file says."""
    return _read(TestReport, data, name, _tests)


def read_coverage(data: bytes, name: str) -> CoverageReport:
    """What a Cobertura or LCOV file says."""
    return _read(CoverageReport, data, name, _cobertura if data.lstrip()[:1] == b"<" else _lcov)


def _read(kind: type[R], data: bytes, name: str, parse: Any) -> R:
    digest = hashlib.sha256(data).hexdigest()
    try:
        if len(data) > MAX_BYTES:
            raise FormatError(f"larger than {MAX_BYTES // 1024 // 1024} MiB", remedy=_REMEDY)
        if not data.strip():
            raise FormatError("the file is empty", remedy=_REMEDY)
        return kind(name=name, sha256=digest, **parse(data))
    except FormatError as error:
        return kind(name=name, sha256=digest, defect=error.message[:_MAX_NAME])


def _tests(data: bytes) -> dict[str, Any]:
    passed, skipped, failed, said, names, commit, times = 0, 0, 0, 0, list[str](), "", list[datetime | None]()
    suites = False
    for element, name in _elements(data):
        if name in {"testsuite", "testsuites"}:
            suites = True
            said = max(said, _count(element, "failures") + _count(element, "errors"))
            times += [_time(element.get("timestamp", ""))] if element.get("timestamp") else []
        elif name == "property" and element.get("name", "").casefold() in _NAMES_OF_A_COMMIT:
            commit = _one_commit(commit, element.get("value", ""))
        elif name == "testcase":
            found = {_local(each.tag) for each in element}
            if found & {"failure", "error"}:
                failed += 1
                names.append(f"{element.get('classname', '')} {element.get('name', '')}".strip()[:_MAX_NAME])
            elif "skipped" in found:
                skipped += 1
            else:
                passed += 1
    if not suites:
        raise FormatError("no JUnit XML: it has no test suite", remedy=_REMEDY)
    # A suite that couldn't even start counts an error, and has no case that shows it.
    return {"passed": passed, "skipped": skipped, "failed": max(failed, said), "names": tuple(names[:_MAX_NAMES]), "commit": commit} | _span(times)


def _cobertura(data: bytes) -> dict[str, Any]:
    *_, (root, name) = deque(_elements(data), maxlen=1)  # the root ends last; XML has one, or can't be read
    if name != "coverage":
        raise FormatError("no Cobertura XML: its root isn't `coverage`", remedy=_REMEDY)
    times = [_epoch(root.get("timestamp", ""))] if root.get("timestamp") else []
    if root.get("lines-valid"):
        covered, lines = _count(root, "lines-covered"), _count(root, "lines-valid")
    else:
        covered, lines = _rate(root.get("line-rate", "")), 10_000
    return _covered(covered, lines) | _span(times)


def _lcov(data: bytes) -> dict[str, Any]:
    covered, lines, commit, ended = 0, 0, "", False
    counted, ran = 0, 0  # of the lines one by one: the totals may be left out (man geninfo)
    for line in data.decode("utf-8", "replace").splitlines():
        field, _, value = line.partition(":")
        if field == "LF":
            lines += _number(value)
        elif field == "LH":
            covered += _number(value)
        elif field == "DA":
            counted += 1
            ran += re.fullmatch(r"[0-9]+,-?0*[1-9][0-9]*(,.*)?", value.strip(), re.ASCII) is not None
        elif field == "TN" and _COMMIT.fullmatch(value.strip()):
            commit = _one_commit(commit, value.strip())
        ended = ended or line == "end_of_record"
    if not ended:
        raise FormatError("neither Cobertura XML nor an LCOV tracefile", remedy=_REMEDY)
    return (_covered(covered, lines) if lines else _covered(ran, counted)) | {"commit": commit}


def _covered(covered: int, lines: int) -> dict[str, Any]:
    if covered > lines:
        raise FormatError(f"{covered} lines of {lines} are covered", remedy=_REMEDY)
    return {"covered": covered, "lines": lines}


def _elements(data: bytes) -> Iterator[tuple[Element, str]]:
    """Each element once it has ended, with its name; what is in it goes then, but for one level. Raises `FormatError`."""
    open_: list[Element] = []
    try:
        for event, element in iterparse(io.BytesIO(data), events=("start", "end")):
            if event == "start":
                open_.append(element)
                if len(open_) > _MAX_DEPTH:
                    raise FormatError(f"nested deeper than {_MAX_DEPTH} levels", remedy=_REMEDY)
                continue
            open_.pop()
            yield element, _local(element.tag)
            for each in element:
                each.clear()
            if _local(element.tag) not in {"failure", "error", "skipped"} and open_:
                open_[-1].remove(element)
    except DefusedXmlException as error:
        raise FormatError("XML with entities, or with files of its own, which isn't read here", remedy=_REMEDY) from error
    except (ParseError, ValueError, LookupError) as error:
        raise FormatError(f"no XML that is read here: {error}"[:_MAX_NAME], remedy=_REMEDY) from error


def _local(tag: Any) -> str:
    return str(tag).rpartition("}")[2]


def _one_commit(before: str, now: str) -> str:
    found = now.strip().lower()
    if not _COMMIT.fullmatch(found) or before not in {"", found}:
        raise FormatError(f"it names the commit {now[:50]!r}" + (f", and {before[:12]}, too" if before else ", which is none"), remedy=_REMEDY)
    return found


def _count(element: Element, attribute: str) -> int:
    return _number(element.get(attribute) or "0")


def _number(text: str) -> int:
    if not re.fullmatch(r"[0-9]{1,15}", text.strip(), re.ASCII):
        raise FormatError(f"{text[:40]!r} stands where a number should", remedy=_REMEDY)
    return int(text)


def _rate(text: str) -> int:
    """Ten-thousandths."""
    if not re.fullmatch(r"[01](\.[0-9]{1,30})?", text, re.ASCII):
        raise FormatError(f"the line rate {text[:40]!r}", remedy=_REMEDY)
    return int(float(text) * 10_000)


def _epoch(text: str) -> datetime | None:
    seconds = _number(text.partition(".")[0])
    try:
        return datetime.fromtimestamp(seconds / 1000 if seconds > _MILLISECONDS else seconds, UTC)
    except (ValueError, OverflowError, OSError):
        return None


def _time(text: str) -> datetime | None:
    try:
        return datetime.fromisoformat(text.strip())
    except ValueError:
        return None


def _span(times: list[datetime | None]) -> dict[str, Any]:
    """When the first suite began, at the latest; nothing where a time can't be read."""
    known = [each for each in times if each is not None]
    if not known or len(known) < len(times):
        return {}
    try:
        return {"latest": min(_in_utc(each) for each in known)}
    except OverflowError:
        return {}


def _in_utc(found: datetime) -> datetime:
    return found.astimezone(UTC) if found.tzinfo else found.replace(tzinfo=UTC) + _ANY_ZONE
