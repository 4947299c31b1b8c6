"""changegate policy test: a team's own cases against its own policy."""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

import click

from changegate import explaining, policy, policy_cases, replaying
from changegate.cli import options
from changegate.decision import Decision
from changegate.errors import ExitCode, FormatError, InputError
from changegate.facts import Facts
from changegate.policy_cases import Case
from changegate.render.text import count, inert, visible

_LEAST: Final = "cases:\n- name: a change that nobody approved is stopped\n  changes: [{approved-by: []}]\n  expect: blocked"


@click.command(name="test")
@click.argument("files", nargs=-1, metavar="[FILE]…")
@click.option("--policy", "policy_file", metavar="FILE", help="Test this policy, whatever the files of cases say.")
@click.option("-v", "--verbose", is_flag=True, help="Also print the cases that pass, and what each decision rests on.")
def command(files: tuple[str, ...], policy_file: str | None, *, verbose: bool) -> ExitCode:
    """Decide cases by a policy, and compare with what they expect: from .changegate.test.yml, or the files that are named.

    Exit code 1 where a case is decided otherwise.
    """
    passed = failed = 0
    known = explaining.list_reasons(explaining.read_pages())
    if not files and not Path(policy_cases.CASES_FILE).exists():
        raise InputError(f"there is no {policy_cases.CASES_FILE}", remedy=f"Write one, or name a file of cases. The least that it can say:\n{_LEAST}")
    for file in files or (policy_cases.CASES_FILE,):
        found = policy_cases.parse(options.read_file(file, "FILE"), source=file, known=known)
        folder = Path(file).parent
        tested = policy_file or str(folder / found.policy)
        rules = policy.parse(options.read_file(tested, "the policy"), source=tested)
        for line, case in found.cases:
            decision = policy_cases.decide(case, rules, lambda name: _read_facts(str(folder / name)))  # noqa: B023 - called at once
            wrong = policy_cases.differs(case, decision)
            failed, passed = failed + wrong, passed + (not wrong)
            if wrong or verbose:
                click.echo(inert("\n".join(_report(case, decision, f"{file}:{line}", wrong=wrong, verbose=verbose))))
    click.echo(f"{passed} of {count(passed + failed, 'case')} as expected")
    return ExitCode.BLOCKED if failed else ExitCode.ALLOWED


def _report(case: Case, decision: Decision, place: str, *, wrong: bool, verbose: bool) -> Iterator[str]:
    yield f"{'✗' if wrong else '✓'} {visible(case.name, 100)}  ({place})"
    if wrong:
        yield f"    expected  {_say(case.expect, case.reasons)}"
        yield f"    was       {_say(decision.verdict.value, decision.reasons)}"
    if verbose or wrong:
        for each in decision.findings if verbose else decision.stopping:
            yield f"    {each.outcome.value:14}  {each.control}/{each.reason}: {visible(each.observed, 200)}"


def _say(verdict: str, reasons: tuple[str, ...] | None) -> str:
    return f"{verdict} ({', '.join(sorted(reasons))})" if reasons else verdict


def _read_facts(file: str) -> Facts:
    try:
        return replaying.read_facts(options.read_file(file, "facts"))
    except FormatError as error:
        raise InputError(
            f"{file} holds no facts of this version's shape", remedy="`changegate show ID --facts FILE` writes a record's facts."
        ) from error
