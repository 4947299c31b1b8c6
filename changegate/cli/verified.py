"""What `changegate verify` prints: the verdict, every finding, and exactly what was checked and what wasn't."""

from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

import click

from changegate.evidence.checkpoint import format_head, parse_head
from changegate.evidence.findings import Problem, Report
from changegate.evidence.verify import Scope
from changegate.render.text import count, visible
from changegate.trust import Trust


class Checked(NamedTuple):
    """A verification: what it found, and what it looked at."""

    report: Report
    scope: Scope
    since: str | None
    """The file of the earlier checkpoint, or its size and root."""
    since_size: int


def print_report(checked: Checked, trusted: Trust, source: str) -> None:
    """The report for people."""
    first, *rest = describe(checked, trusted, source)
    click.secho(first, fg="green" if checked.report.clean else "red", bold=True)
    for line in rest:
        click.echo(line)


def describe(checked: Checked, trusted: Trust, source: str) -> Iterator[str]:
    """Its lines; the first is the verdict."""
    report = checked.report
    records = count(report.entries, "record")
    yield f"✓ WHOLE: {records}{_how(checked)}" if report.clean else f"✗ NOT WHOLE: {count(len(report.problems), 'problem')} in {records}"
    for alike in _group(report.problems):
        yield ""
        yield from _findings("✗", alike)
    if report.unlisted:
        yield f"\n… and {report.unlisted} more that are not listed"
    for alike in _group(report.notes):
        yield from _findings("·", alike)
    yield ""
    yield from _said(checked, trusted, source)


def _said(checked: Checked, trusted: Trust, source: str) -> Iterator[str]:
    """What was looked at, and under whose keys."""
    report = checked.report
    if report.checkpoint is not None:
        yield f"  log        {visible(report.checkpoint.origin)}"
        yield f"  checkpoint {format_head(report.checkpoint)}"
    yield f"  trusted    {source}: record keys {', '.join(key_id[:16] for key_id in trusted.public_keys)}"
    for revoked in checked.report.revoked:
        yield f"  revoked    {visible(revoked)}"
    if checked.since is None:
        yield "  since      no earlier checkpoint was given: a log rewritten from its start by its key's holder would look like this, too"
    elif report.clean:
        yield f"  since      it grew from the checkpoint {'' if parse_head(checked.since) else 'in '}{checked.since}, and lost nothing"
    for label, text in coverage(checked):
        yield f"  {label:<10} {visible(text)}"


def coverage(checked: Checked) -> list[tuple[str, str]]:
    """What was checked and what wasn't, where it wasn't everything."""
    share, lines = checked.scope.share, list[tuple[str, str]]()
    if checked.scope.new_only:
        old = "entry" if checked.since_size == 1 else f"{checked.since_size} entries"
        lines.append(("checked", f"everything that is newer than the first {old}; that the tree still holds these unchanged; the newest checkpoints"))
        lines.append(("not", f"the records, facts, indices and commits of the first {old}: one that was changed or deleted since you checked it"))
        lines.append(("", "isn't noticed here. Leave --new-only out to check them again"))
    if share is not None:
        new = " newer" if checked.scope.new_only else ""
        lines.append(("share", f"the records of {checked.report.records}{new} entries, {share.part:.4%} by chance, drawn with --seed {share.seed}"))
        lines.append(("checked", f"all{new} commits, their checkpoints and their chain, all{new} tiles"))
        lines.append(("not", "the other records, facts and indices. Leave --share out to check all"))
        chances = ", ".join(f"{changed}: {(1 - share.part) ** changed:.1%}" for changed in (1, 10, 100, 1000))
        lines.append(("chance", f"to see none of so many changed records: {chances}"))
    if not checked.scope.lists:
        lines.append(("not", "whether objects lie in the store that no entry names"))
    return lines


def as_json(checked: Checked, source: str) -> dict[str, Any]:
    """The report for programs."""
    report, share = checked.report, checked.scope.share
    checkpoint = report.checkpoint
    return {
        "whole": report.clean,
        "entries": report.entries,
        "records": report.records,
        "problems": [vars(each) for each in report.problems],
        "unlisted": report.unlisted,
        "notes": [vars(each) for each in report.notes],
        "checkpoint": {"origin": checkpoint.origin, "size": checkpoint.size, "root": checkpoint.root.hex()} if checkpoint else None,
        "trust": source,
        "revoked": list(checked.report.revoked),
        "newOnly": checked.since_size if checked.scope.new_only else None,
        "share": {"part": share.part, "seed": share.seed} if share else None,
    }


def _how(checked: Checked) -> str:
    if checked.scope.share is not None or checked.scope.new_only:
        return f" in the tree; {checked.report.records} looked at, each signed and as it was written"
    return ", each signed, in the tree, and as it was written"


def _group(problems: Iterable[Problem]) -> Iterable[list[Problem]]:
    """Those that mean the same, each group where its first one stands."""
    groups: dict[tuple[str, str, str], list[Problem]] = {}
    for each in problems:
        groups.setdefault((each.what, each.expected, each.meaning), []).append(each)
    return groups.values()


def _findings(mark: str, alike: list[Problem]) -> Iterator[str]:
    first, *others = alike
    yield f"{mark} {visible(first.what)}: {visible(first.where)}"
    for label, text in (("expected", first.expected), ("found", first.found), ("means", first.meaning)):
        yield f"  {label:<10} {visible(text)}"
    for other in others:
        yield f"  {'also':<10} {visible(other.where)}: {visible(other.found)}"
