"""changegate replay: make a recorded decision again from its recorded facts, and see what another policy would have said."""

import click

from changegate import controls, policy, replaying
from changegate.cli import kept, options
from changegate.cli.records import find_record
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
    facts, recorded = replaying.read_decision(found.statement, reader.facts(found.card))
    again = controls.evaluate(facts, recorded)
    replaying.check_same(found.statement["predicate"], again)
    click.echo(f"✓ {found.card.envelope[:16]}: the same decision, {replaying.in_words(again)}")
    if policy_file is None:
        return
    other = policy.parse(options.read_file(policy_file, "--policy"), source=policy_file).for_environment(found.card.environment)
    decided = controls.evaluate(facts, other)
    same = "the same" if decided.reasons == again.reasons else f"instead: {replaying.in_words(decided)}"
    click.echo(f"  by {policy_file}, {same}\n")
    report = Report(decision=decided, facts=facts, enforced=other.enforce, policy=policy_file, where=NotRecorded("a replay is not recorded"))
    click.echo(terminal.render(report, width=options.width(), colour=options.colour()), nl=False)
