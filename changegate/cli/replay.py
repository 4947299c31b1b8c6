"""changegate replay: make a recorded decision again from its recorded facts, and see what another policy would have said."""

from typing import Any

import click
from pydantic import ValidationError

from changegate import canonical, controls, policy, record
from changegate.cli import kept, options
from changegate.cli.records import find_record
from changegate.decision import Decision
from changegate.errors import InputError, VerificationError
from changegate.facts import Facts
from changegate.policy import EffectivePolicy
from changegate.render import NotRecorded, Report, terminal
from changegate.stores import open_store


@click.command(name="replay")
@click.argument("wanted", metavar="ID|COMMIT")
@options.store_option
@options.trust_option
@click.option("--policy", "policy_file", metavar="FILE", help="Also decide by this policy, and report what it would have said.")
def command(wanted: str, store: str, trust: str | None, policy_file: str | None) -> None:
    """Decide again from the facts that were recorded with a decision: the same code, the same policy, no network.

    Exit code 5 where the recorded facts and policy don't lead to the recorded decision.
    """
    trusted, _ = options.find_trust(trust)
    reader = kept.open_reader(store, trusted)
    found = find_record(reader, open_store(store), trusted, wanted)
    facts, recorded = _read(found.statement, reader.facts(found.card))
    again = controls.evaluate(facts, recorded)
    _compare(found.statement["predicate"], again)
    click.echo(f"✓ {found.card.envelope[:16]}: the same decision, {_say(again)}")
    if policy_file is None:
        return
    other = policy.parse(options.read_file(policy_file, "--policy"), source=policy_file).for_environment(found.card.environment)
    decided = controls.evaluate(facts, other)
    same = "the same" if decided.reasons == again.reasons else f"instead: {_say(decided)}"
    click.echo(f"  by {policy_file}, {same}\n")
    report = Report(decision=decided, facts=facts, enforced=other.enforce, policy=policy_file, where=NotRecorded("a replay is not recorded"))
    click.echo(terminal.render(report, width=options.width(), colour=options.colour()), nl=False)


def _read(statement: Any, data: bytes | None) -> tuple[Facts, EffectivePolicy]:
    """The facts and rules of a gate decision. Raises `InputError` for another kind of record, `VerificationError` for facts that are none."""
    if statement.get("predicateType") != record.PREDICATE_TYPE or data is None:
        raise InputError("this record is no gate decision with its facts", remedy="Name one that `changegate gate` made.")
    try:
        facts = Facts.model_validate(canonical.loads(data, what="facts"))
        return facts, EffectivePolicy.model_validate(statement["predicate"]["policy"]["effective"])
    except (ValidationError, KeyError, TypeError) as error:
        raise VerificationError(
            "the recorded facts or policy are of a shape that this version doesn't know",
            remedy=f"Use the version that made the record (predicate.tool.version), or a newer one. {error}"[:500],
        ) from error


def _compare(predicate: Any, again: Decision) -> None:
    recorded = predicate["decision"]
    _compare_exceptions(recorded, again)
    if (recorded["verdict"], tuple(recorded["reasons"])) != (again.verdict.value, again.reasons):
        raise VerificationError(
            f"the record says {recorded['verdict']} ({', '.join(recorded['reasons'])}), its facts and policy say {_say(again)}",
            remedy=f"Decide with the version that made it, {predicate['tool']['version']}. If that disagrees, too, it claims what it can't show.",
        )


def _compare_exceptions(recorded: Any, again: Decision) -> None:
    """What an emergency and waivers lifted, by the facts, is what the record says that they did."""
    emergency = again.emergency
    lifted = None if emergency is None else [each.model_dump() for each in emergency.lifted]
    waived = [(each.waiver.envelope, [one.model_dump() for one in each.lifted]) for each in again.waivers]
    said = recorded.get("emergency")
    if (said["lifted"] if said else None, [(each["envelope"], each["lifted"]) for each in recorded.get("waivers", ())]) != (lifted, waived):
        raise VerificationError(
            "the record names other exceptions than its facts and policy give",
            remedy="Decide with the version that made it. If that disagrees, too, it claims what it can't show.",
        )


def _say(decision: Decision) -> str:
    return f"{decision.verdict.value} ({', '.join(decision.reasons)})" if decision.reasons else decision.verdict.value
