"""changegate audit readiness: what an auditor would find today in the evidence of a period, and what can still be mended."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, ClassVar, Final

import click

from changegate import __version__
from changegate.audit import reconciled
from changegate.audit.decisions import Ended, Read, read_time
from changegate.audit.population import Kind, exceptions_of, went
from changegate.audit.readiness import MEANINGS, Code, Decision, KeyEntry, Lacking, Readiness, Reconciled, assess, to_json
from changegate.cli import kept, options, periods, places
from changegate.cli.pages import SectionedCommand
from changegate.errors import ExitCode, InputError
from changegate.render.text import count, visible
from changegate.stores import open_store

_SHOWN: Final = 20
"""How many questions of a kind stand on the screen; JSON has all."""


class _Page(SectionedCommand):
    sections: ClassVar = {
        "What": ("--period", "--environment", "--repository", "--reconciliation", "--followed-up"),
        "The records": ("--store", "--trust"),
        "What comes out": ("--format", "--out"),
    }


@click.command(name="readiness", cls=_Page)
@click.option("--period", required=True, metavar="FROM..TO", help="The first and the last day, UTC: 2026-01-01..2026-03-31.")
@click.option("--environment", "environments", multiple=True, metavar="NAME", help="Only this environment. May be given more than once.")
@click.option("--repository", "repositories", multiple=True, metavar="NAME", help="Only this repository. May be given more than once.")
@click.option("--reconciliation", metavar="FILE", help="What `changegate audit reconcile --out FILE.json` wrote for the period.")
@click.option("--followed-up", "closed", multiple=True, metavar="ID", help="An exception of the reconciliation that has its answer. Repeatable.")
@options.store_option
@options.trust_option
@kept.since_option
@click.option("--format", "format_", type=click.Choice(["terminal", "json"]), default="terminal", show_default=True, help="What to print.")
@click.option("--out", metavar="FILE", help="Also write it as JSON to this file.")
def command(**given: Any) -> int:
    """Policies and keys in force, days without evidence, and each question that an auditor would ask today, with what can still be done.

    Exit code 0 where none is open, 1 where some are, 3 where nobody can say: the reconciliation could not be judged.
    """
    now = datetime.now(UTC)
    first, dots, last = given["period"].partition("..")
    if not dots:
        raise InputError(f"--period {visible(given['period'], 60)!r} has no two dots", remedy="For example 2026-01-01..2026-03-31.")
    period = periods.parse(first, last, now=now)
    trusted, _ = options.find_trust(given["trust"])
    reader = kept.open_reader(given["store"], trusted, since=given["since"])
    places.check_known(reader, given["environments"], given["repositories"])
    store = open_store(given["store"])
    agreed = _read_reconciled(given, period, reader.checkpoint.origin)
    time = read_time(reader, trusted, store, *period)
    decisions = [_decision(each) for each in time.decisions if _is_asked(each.decision, given)]
    found = assess(*period, decisions, [_key_entry(each) for each in time.key_entries], agreed, now=now)
    said = {
        "format": "changegate-readiness-1",
        "from": period.begin.isoformat(),
        "to": period.end.isoformat(),
        "environments": sorted(given["environments"]) or "all",
        "repositories": sorted(given["repositories"]) or "all",
        "source": store.url,
        "log": reader.checkpoint.origin,
        "checkpoint": reader.signed.decode("utf-8"),
        "entriesExamined": reader.size,
        "extracted": now.isoformat(timespec="seconds"),
        "tool": f"changegate {__version__}",
        **to_json(found),
    }
    text = json.dumps(said, indent=1, ensure_ascii=False) + "\n"
    if given["out"]:
        options.write_file(given["out"], text.encode("utf-8", "replace"))
    click.echo((text if given["format_"] == "json" else _terminal(found)).encode("utf-8", "replace"), nl=False)
    return ExitCode.NOT_JUDGED if found.ready is None else ExitCode.ALLOWED if found.ready else ExitCode.BLOCKED


def _is_asked(found: Read, given: Mapping[str, Any]) -> bool:
    card = found.card
    return (not given["environments"] or card.environment in given["environments"]) and (
        not given["repositories"] or card.repository in given["repositories"]
    )


def _read_reconciled(given: Mapping[str, Any], period: periods.Period, origin: str) -> Reconciled | None:
    if not given["reconciliation"]:
        if given["closed"]:
            raise InputError("--followed-up says nothing without the exceptions", remedy="Give --reconciliation FILE, too.")
        return None
    data = options.read_file(given["reconciliation"], "--reconciliation")
    try:
        value = json.loads(data)
        if value["format"] != reconciled.FORMAT or value["log"] != origin:
            raise ValueError("of another format, or of another log")
        begin, end = (datetime.fromisoformat(value[name]) for name in ("from", "to"))
        if begin > period.begin or end < period.end:
            raise ValueError("it doesn't hold all of the period")
        for kind in ("environments", "repositories"):
            if value[kind] != "all" and not (given[kind] and set(given[kind]) <= set(value[kind])):
                raise ValueError(f"it is of some {kind} only: {', '.join(value[kind])}")
        ids = [str(each["id"]) for each in value["exceptions"]]
        whole, unjudged = value["whole"], tuple(map(str, value["unjudged"]))
        if whole not in (True, False, None) or (whole is True and ids) or (whole is None) != bool(unjudged):
            raise ValueError("it contradicts itself")
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise InputError(
            f"--reconciliation {given['reconciliation']}: not one of this log and period ({visible(str(error), 150)})",
            remedy="Give what `changegate audit reconcile --out FILE.json` wrote, for at least this period, and the same places by name.",
        ) from error
    unknown = set(given["closed"]) - set(ids)
    if unknown:
        raise InputError(f"--followed-up {visible(min(unknown), 100)}: the reconciliation has no such exception", remedy="Give an id from its list.")
    return Reconciled(whole, tuple(each for each in ids if each not in given["closed"]), unjudged)


def _decision(found: Ended) -> Decision:
    (place, card, predicate, key_id), ending = found
    policy = predicate["policy"]
    return Decision(
        record=card.envelope,
        log_index=place,
        repository=card.repository,
        environment=card.environment,
        commit=card.commit,
        decided=card.at,
        verdict=card.decision,
        went=went(predicate),
        policy=policy["sha256"],
        policy_source=policy["source"],
        policy_ref=policy["ref"],
        enforced=policy["enforced"] is not False,
        key_id=key_id,
        outcome=ending.card.decision if ending else "",
        reasons=tuple(predicate["decision"]["reasons"]),
        exceptions=exceptions_of(predicate, Kind.DEPLOYS),
        lacking=tuple(lacks for change in predicate["changes"] if (lacks := _lacking(change)).what),
    )


def _lacking(change: Mapping[str, Any]) -> Lacking:
    missing = {
        Code.NO_APPROVAL: not any(each["counts"] for each in change["approvals"] or ()),
        Code.NO_TICKET: not change["tickets"],
        Code.NO_PLAN: not change["rollbackPlan"],
    }
    return Lacking(change["id"], change["url"], tuple(code for code, lacks in missing.items() if lacks))


def _key_entry(found: Read) -> KeyEntry:
    return KeyEntry(found.card.commit, found.card.decision, found.card.at, found.place)


def _terminal(found: Readiness) -> str:
    verdict = {True: "✓ READY", False: "✗ OPEN QUESTIONS", None: "? NOT JUDGED"}[found.ready]
    lines = [f"{verdict}: {count(found.decisions, 'decision')}, {count(len(found.questions), 'question')}"]
    lines += [f"  {found.emergencies} of {found.deploys} deploys went as an emergency ({found.emergency_share:.1%})", "", "Policies in force"]
    for each in found.policies:
        where = f"{each.repository} {each.environment}"
        mode = "enforced" if each.enforced else "audit mode"
        lines.append(
            f"  {each.first:%Y-%m-%d} to {each.last:%Y-%m-%d}  {where}  {each.sha256[:16]} ({each.source}, {mode})  {each.decisions} decisions"
        )
    lines += ["", "Keys that signed"]
    lines += [f"  {each.first:%Y-%m-%d} to {each.last:%Y-%m-%d}  {each.key_id[:64]}  {each.decisions} decisions" for each in found.keys]
    lines += [f"  {each.at:%Y-%m-%d}  {each.key_id[:16]} {each.change}, entry {each.log_index}" for each in found.key_entries]
    lines += ["", "Days without a decision"]
    lines += [f"  {first} to {last}" for first, last in found.without_evidence] or ["  none"]
    for code in dict.fromkeys(each.code for each in found.questions):
        own = [each for each in found.questions if each.code is code]
        lines += ["", f"{code.value}: {len(own)}. {MEANINGS[code].says}", f"  → {MEANINGS[code].do}"]
        lines += [f"  {each.at:%Y-%m-%d}  {each.where}  {each.what}  {each.detail}" if each.at else f"  {each.what}" for each in own[:_SHOWN]]
        lines += [f"  … and {len(own) - _SHOWN} more: --format json"] if len(own) > _SHOWN else []
    lines += [f"can't be judged: {each}" for each in found.unjudged]
    return "".join(f"{visible(line, 300).rstrip()}\n" for line in lines)
