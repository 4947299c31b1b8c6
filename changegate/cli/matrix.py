"""changegate audit matrix: what is asked of change management, which control answers it, and how much evidence of it there is."""

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import click

from changegate import policy
from changegate.audit import mapping, matrix, oscal, tally
from changegate.audit.population import Kind, Wanted
from changegate.cli import kept, options, places
from changegate.cli.periods import Period
from changegate.cli.periods import parse as parse_period
from changegate.errors import InputError
from changegate.policy import EffectivePolicy
from changegate.render.text import visible
from changegate.stores import open_store

_FORMATS: Final = ("markdown", "csv", "json", "oscal-component", "oscal-results")


@click.command(name="matrix")
@click.option("--from", "begin", metavar="DATE", help="Count the records from this day (2026-01-01) or moment on. Without: nothing is counted.")
@click.option("--to", "end", metavar="DATE", help="The last day, or the moment before which the period ends.")
@click.option("--environment", "environments", multiple=True, metavar="NAME", help="Count only this environment. May be given more than once.")
@click.option("--repository", "repositories", multiple=True, metavar="NAME", help="Count only this repository's. May be given more than once.")
@click.option("--owner", "owners", multiple=True, metavar="CONTROL=NAME", help="Who owns a control. May be given more than once.")
@click.option("--policy", "policy_file", metavar="FILE", help="Show how this policy file sets each control.")
@options.store_option
@options.trust_option
@click.option(
    "--format", "format_", type=click.Choice(_FORMATS), default="markdown", show_default=True, metavar="FORMAT", help=f"{', '.join(_FORMATS)}."
)
@click.option("--out", metavar="FILE", help="Where to write it. Default: it is printed.")
def command(**given: Any) -> None:
    """SOC 2 CC8.1, ISO 27001 A.8.32, NIST CM-3 and CM-5, PCI DSS 6.5: each point, the controls, their settings, owners and evidence.

    With --from and --to it says how many records there are of each control, how many deploys it stopped, and the exceptions.
    """
    if bool(given["begin"]) != bool(given["end"]):
        raise InputError("--from and --to belong together", remedy="Give the first and the last day of the period, or neither.")
    if given["format_"] == "oscal-results" and not given["begin"]:
        raise InputError("assessment results are of a period", remedy="Give --from and --to.")
    owners = dict(_owner(each) for each in given["owners"])
    settings = _settings(given["policy_file"], given["environments"]) if given["policy_file"] else {}
    at = datetime.now(UTC).replace(microsecond=0)
    period = parse_period(given["begin"], given["end"], now=at) if given["begin"] else None
    counted = _count(period, given) if period else None
    words = (given["begin"], given["end"]) if period else None
    built = matrix.build(counted, period=words, owners=owners, settings=settings)
    if given["format_"] == "oscal-results" and counted and period:
        text = oscal.assessment_results(counted, begin=period.begin, end=period.end, at=at)
    elif given["format_"] == "oscal-component":
        text = oscal.component_definition(built, at=at)
    else:
        text = {"markdown": matrix.format_markdown, "csv": matrix.format_csv, "json": matrix.format_json}[given["format_"]](built)
    if given["out"]:
        options.write_file(given["out"], text.encode("utf-8"))
    else:
        click.echo(text, nl=False)


def _count(period: Period, given: dict[str, Any]) -> tally.Tally:
    trusted, _ = options.find_trust(given["trust"])
    reader = kept.open_reader(given["store"], trusted)
    places.check_known(reader, given["environments"], given["repositories"])
    wanted = Wanted(Kind.DEPLOYS, *period, frozenset(given["environments"]), frozenset(given["repositories"]))
    return tally.count(reader, trusted, wanted, open_store(given["store"]))


def _owner(text: str) -> tuple[str, str]:
    control, equals, name = text.partition("=")
    if not equals or control not in mapping.ids() or not name.strip() or not name.isprintable():
        raise InputError(
            f"--owner {visible(text, 80)!r} names no control and its owner",
            remedy=f"For example --owner peer-approved=alice. Controls: {', '.join(sorted(mapping.ids()))}.",
        )
    return control, name.strip()


def _settings(file: str, environments: Sequence[str]) -> dict[str, str]:
    """How a policy file sets each control that it knows: in the one environment that is named, else in general."""
    found = policy.parse(options.read_file(file, "--policy"), source=Path(file).name)
    effective = found.for_environment(environments[0] if len(environments) == 1 else "")
    return {control: f"{control}: {_say(effective, control)}" for control in _of_policy(effective)} | {
        "deploy-gated": f"enforce: {'true' if effective.enforce else 'false'}",
        "range-intact": f"assurance: {effective.assurance}, rewrites: {len(effective.rewrites)}",
    }


def _of_policy(effective: EffectivePolicy) -> list[str]:
    return list(effective.controls.model_dump(mode="json"))


def _say(effective: EffectivePolicy, control: str) -> str:
    rules = effective.controls.model_dump(mode="json")[control]
    if not rules["enabled"]:
        return "off"
    said = [f"{name} {_value(value)}" for name, value in rules.items() if name != "enabled"]
    return ", ".join(["on", *said])


def _value(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return "[" + ", ".join(visible(str(each), 60) for each in value) + "]" if isinstance(value, list | tuple) else visible(str(value), 60)
