"""JUnit's XML, which GitLab shows in the widget of a merge request: one test case for each change and control.

GitLab reads `<testcase>` with `name`, `classname`, `<failure>`, `<error>`, `<skipped>` and `<system-out>` ("Unit test reports"). What fails is a
failure, what can't be judged an error; the text of either says what to do. Where nothing is stopped (audit mode) both are told in `<system-out>`, and
the case passes: the widget must not say that a deploy was stopped which wasn't.

XML 1.0 has characters that no escape can write; `visible` has taken them away before anything is escaped.
"""

from typing import Final, NamedTuple
from xml.sax.saxutils import escape, quoteattr

from changegate.decision import Finding, Outcome
from changegate.facts import Change
from changegate.render import RecordingFailed, Report, headline
from changegate.render.text import short, visible, web_link

_ELEMENTS: Final = {Outcome.FAIL: "failure", Outcome.UNKNOWN: "error"}
_RANK: Final = {Outcome.NOT_APPLICABLE: 0, Outcome.PASS: 1, Outcome.LIFTED: 2, Outcome.FAIL: 3, Outcome.UNKNOWN: 4}


class _Case(NamedTuple):
    """A test case; without an element it passed."""

    control: str
    name: str
    element: str = ""
    told: str = ""
    message: str = ""


def render(report: Report) -> str:
    """The whole document."""
    changes = {change.id: change for change in report.facts.changes}
    groups: dict[tuple[str, str | None], list[Finding]] = {}
    for finding in report.decision.findings:
        groups.setdefault((finding.control, finding.change), []).append(finding)
    cases = [_case(findings, changes.get(change or ""), enforced=report.enforced) for (_, change), findings in groups.items()]
    if isinstance(report.where, RecordingFailed):
        told = f"{visible(report.where.why, 1000)}\nDo: {visible(report.where.remedy, 1000)}"
        cases.append(_Case("changegate", "the decision is recorded", "error", told, "not recorded"))
    return _suite(cases, f"changegate: {headline.word(report)}")


def render_error(message: str, remedy: str) -> str:
    """The document where nothing could be judged: one error, so that no earlier report and no empty one stands for it."""
    told = f"{visible(message, 2000)}\nDo: {visible(remedy, 2000)}"
    return _suite([_Case("changegate", "the deploy is judged", "error", told, visible(message, 200))], "changegate")


def _case(findings: list[Finding], change: Change | None, *, enforced: bool) -> _Case:
    """One control on one change; the worst of its findings says how it went, and each that stops the deploy is told."""
    worst = max(findings, key=lambda finding: _RANK[finding.outcome])
    # The control is the class and the change the name: by both, GitLab compares a case with the target branch's report.
    name = "the whole deploy"
    if worst.change is not None:
        name = f"{visible(short(worst.change), 40)} {visible(change.title if change else '', 120)}".rstrip()
    control = visible(worst.control, 60)
    if worst.outcome is Outcome.PASS:
        return _Case(control, name)
    if worst.outcome is Outcome.NOT_APPLICABLE:
        return _Case(control, name, "skipped", "", visible(worst.observed, 200))
    if worst.outcome is Outcome.LIFTED:
        return _Case(control, name, "system-out", f"{visible(worst.reason, 60)}: {visible(worst.observed, 1000)}")
    told = "\n\n".join(_text(each, change) for each in findings if each.outcome in (Outcome.FAIL, Outcome.UNKNOWN))
    if not enforced:
        return _Case(control, name, "system-out", told)
    return _Case(control, name, _ELEMENTS[worst.outcome], told, f"{visible(worst.reason, 60)}: {visible(worst.observed, 200)}")


def _text(finding: Finding, change: Change | None) -> str:
    remedy = finding.remedy
    link = web_link((remedy.link if remedy else "") or (change.url if change else ""))
    lines = [
        f"Needed: {visible(finding.required)}",
        f"Found: {visible(finding.observed, 1000)}",
        *(
            [f"Who: {visible(remedy.who)}", f"Do: {visible(remedy.step)}"]
            if remedy
            else [f"Do: read what the control asks for: changegate explain {finding.control}"]
        ),
        *([f"Where: {link}"] if link else []),
    ]
    return "\n".join(lines)


def _suite(cases: list[_Case], name: str) -> str:
    elements = [each.element for each in cases]
    counts = {"failures": elements.count("failure"), "errors": elements.count("error"), "skipped": elements.count("skipped")}
    head = _attributes(name=visible(name, 200), tests=str(len(cases)), **{key: str(number) for key, number in counts.items()})
    body = "".join(_write(each) for each in cases)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n<testsuites>\n<testsuite{head}>\n{body}</testsuite>\n</testsuites>\n'


def _write(case: _Case) -> str:
    head = f"  <testcase{_attributes(classname=case.control, name=case.name)}"
    if not case.element:
        return f"{head}/>\n"
    message = _attributes(message=case.message) if case.message else ""
    return f"{head}>\n    <{case.element}{message}>{escape(case.told)}</{case.element}>\n  </testcase>\n"


def _attributes(**values: str) -> str:
    return "".join(f" {name}={quoteattr(value)}" for name, value in values.items())
