"""changegate audit reconcile: is the list of records complete? The log against the platform's own deployments and the deployed branch."""

import os
import uuid
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, ClassVar

import click

from changegate.audit import reconciled
from changegate.audit.decisions import read_deploys
from changegate.audit.pairing import REACH, place_of
from changegate.audit.reconcile import MEANINGS, Asked, BranchCommit, BranchHistory, Reconciliation, reconcile
from changegate.audit.reconciled import LogSource, PlatformSource
from changegate.audit.tables import digest
from changegate.cli import judging, kept, options, periods, places
from changegate.cli.pages import SectionedCommand, examples, exit_codes
from changegate.deploys import PlatformDeploy, State
from changegate.errors import ExitCode, InputError
from changegate.evidence import log_policy
from changegate.pipeline import Pipeline, read_pipeline
from changegate.render.text import count, visible
from changegate.stores import open_store


class _Page(SectionedCommand):
    sections: ClassVar = {
        "What": ("--from", "--to", "--repository", "--environment", "--max-gap"),
        "The records": ("--store", "--trust", "--since"),
        "The platform": ("--deployments", "--all-of-it", "--forge", "--api-url", "--timeout"),
        "The deployed branch": ("--workspace", "--branch"),
        "What comes out": ("--format", "--out", "--verbose"),
    }


_CODES = (ExitCode.ALLOWED, ExitCode.BLOCKED, ExitCode.USAGE, ExitCode.NOT_JUDGED, ExitCode.NOT_RECORDED, ExitCode.NOT_VERIFIED)
_EPILOG = (
    examples(
        "changegate audit reconcile --from 2026-01-01 --to 2026-03-31 --forge github --repository acme/shop",
        "changegate audit reconcile --from 2026-01-01 --to 2026-03-31 --deployments deployments.json --workspace clone --branch main",
    )
    + "\n\n"
    + exit_codes(_CODES)
)


@click.command(name="reconcile", cls=_Page, epilog=_EPILOG)
@periods.begin_option
@periods.end_option
@options.option("--repository", "repositories", multiple=True, metavar="NAME", help="Which repository. More than once from the API: each is asked.")
@click.option("--environment", "environments", multiple=True, metavar="NAME", help="Only this environment. May be given more than once.")
@click.option("--max-gap", type=click.FloatRange(0, min_open=True), metavar="DAYS", help="Longer times without a deployment are exceptions.")
@options.store_option
@options.trust_option
@kept.since_option
@click.option("--deployments", "files", multiple=True, metavar="FILE", help="The platform's list, exported: JSON as its API writes it, or CSV.")
@click.option("--all-of-it", is_flag=True, help="The file is all that there is, even where it ends as a full page does.")
@options.option(
    "--forge", "forge_name", type=click.Choice(["github", "gitlab"]), help="Whose API is asked where there is no file. Default: the CI's own."
)
@options.option("--api-url", metavar="URL", help="The API. Default: as the CI says, else https://api.github.com or https://gitlab.com/api/v4.")
@options.option("--timeout", type=click.FloatRange(1, 36000), default=600, show_default=True, metavar="SECONDS", help="How long the API may take.")
@click.option("--workspace", metavar="DIR", help="A whole clone: what reached the branch and was never deployed is looked for, too.")
@click.option("--branch", default="HEAD", show_default=True, metavar="REF", help="The branch that deploys come from, in that clone.")
@click.option("--format", "format_", type=click.Choice(["table", "json", "csv"]), help="Default: table on the screen, else by the file's name.")
@click.option("--out", metavar="FILE", help="Where to write it.")
@click.option("-v", "--verbose", is_flag=True, help="Print each request to the forge.")
def command(**given: Any) -> int:
    """Hold the log's records against the platform's own deployments, and name every exception.

    Exit code 0 where all agrees, 1 where there are exceptions, 3 where nobody can say: a list that may be cut off, a platform that is down.
    """
    period = periods.parse(given["begin"], given["end"], now=datetime.now(UTC))
    trusted, trust_name = options.find_trust(given["trust"])
    reader = kept.open_reader(given["store"], trusted, since=given["since"])
    store = open_store(given["store"])
    platforms, deploys = _from_files(given, period.begin) if given["files"] else _from_api(given, period.begin)
    extracted = datetime.now(UTC)
    listed = {each.environment for each in deploys}
    unlisted = [each for each in given["environments"] if each.casefold() not in {name.casefold() for name in listed}]
    places.check_known(reader, unlisted, (), elsewhere=listed)
    repositories = frozenset(given["repositories"]) or frozenset(each.repository for each in deploys)
    if not repositories:
        raise InputError("the list of deployments is empty, and doesn't say of which repository", remedy="Name it: --repository NAME.")
    max_gap = timedelta(days=given["max_gap"]) if given["max_gap"] else None
    asked = Asked(period.begin, period.end, extracted, frozenset(given["environments"]), repositories, max_gap)
    records = read_deploys(reader, trusted, store, period.begin - REACH, period.end + REACH)
    branches = _branches(given, asked, deploys)
    found = reconcile(asked, records, deploys, branches)
    keys = ", ".join(each.name for each in log_policy.of(trusted).logs)
    log = LogSource(store.url, reader.checkpoint.origin, reader.signed.decode("utf-8"), reader.size, f"{trust_name}: {keys}")
    _write(found, reconciled.to_json(found, asked, log, platforms, branches), given["format_"], given["out"])
    return ExitCode.NOT_JUDGED if found.whole is None else ExitCode.ALLOWED if found.whole else ExitCode.BLOCKED


def _from_files(given: Mapping[str, Any], begin: datetime) -> tuple[list[PlatformSource], list[PlatformDeploy]]:
    from changegate.cli import exported  # reads for both forges, whose libraries start slowly

    if len(given["repositories"]) > 1 and len(given["files"]) > 1:
        raise InputError("which file is of which repository?", remedy="Reconcile one repository at a time.")
    repository = given["repositories"][0] if given["repositories"] else ""
    sources: list[PlatformSource] = []
    deploys: list[PlatformDeploy] = []
    for file in given["files"]:
        data = options.read_file(file, "--deployments")
        found = exported.parse(data, repository)
        reaches = exported.explain_reach(found, begin, all_of_it=given["all_of_it"])
        sources.append(PlatformSource(found.platform, file, digest(data), reaches))
        deploys += found.deploys
    if len({(each.repository, each.id) for each in deploys}) != len(deploys):
        raise InputError("a deployment is in more than one file", remedy="Give files that don't overlap, or one that has all.")
    return sources, deploys


def _from_api(given: Mapping[str, Any], begin: datetime) -> tuple[list[PlatformSource], list[PlatformDeploy]]:
    pipeline = read_pipeline(os.environ, local_run=f"local-{uuid.uuid4().hex}")
    name = given["forge_name"] or pipeline.forge
    if name not in {"github", "gitlab"}:
        raise InputError(
            "whose deployments? The log alone can't show what never came to the gate",
            remedy="Give --forge github or gitlab with --repository and a token in CHANGEGATE_TOKEN, or the exported list: --deployments FILE.",
        )
    sources: list[PlatformSource] = []
    deploys: list[PlatformDeploy] = []
    for repository in given["repositories"] or [pipeline.repository]:
        listed = _list(name, {**given, "repository": repository}, pipeline, begin - REACH)
        reaches = f"every page was read, back to {(begin - REACH).isoformat()}"
        sources.append(PlatformSource(name, f"{repository} by the API of {name}", reaches=reaches))
        deploys += listed
    return sources, deploys


def _list(name: str, given: Mapping[str, Any], pipeline: Pipeline, since: datetime) -> tuple[PlatformDeploy, ...]:
    forge = judging.open_gitlab(given, pipeline) if name == "gitlab" else judging.open_github(given, pipeline)
    return forge.list_deploys(since)


def _branches(given: Mapping[str, Any], asked: Asked, deploys: Sequence[PlatformDeploy]) -> list[BranchHistory]:
    if not given["workspace"]:
        return []
    if len(asked.repositories) != 1:
        raise InputError("--workspace is a clone of one repository, and more are reconciled", remedy="Name one: --repository NAME.")
    from changegate.forges.git import Git

    git = Git(Path(given["workspace"]), timeout=given["timeout"])
    repository = next(iter(asked.repositories))
    environments = asked.environments or {each.environment for each in deploys if asked.holds(each) and asked.dates(each.created)}
    found = []
    for environment in sorted(environments):
        live = [each for each in deploys if each.state is State.SUCCEEDED and place_of(each).environment == environment.casefold()]
        branch = git.read_branch(given["branch"], [each.commit for each in live if asked.holds(each)])
        line = [each for each in branch.line if asked.dates(each.at)]
        missed = [each for each in line if not each.deployed]
        subjects = git.read_subjects([each.sha for each in missed])
        undeployed = tuple(BranchCommit(each.sha, each.at, subject) for each, subject in zip(missed, subjects, strict=True))
        found.append(BranchHistory(repository, environment, given["branch"], branch.head, len(line), undeployed, branch.off, branch.lacking))
    return found


def _write(found: Reconciliation, said: dict[str, Any], format_: str | None, out: str | None) -> None:
    kind = format_ or ("table" if out is None else "csv" if out.endswith(".csv") else "json")
    text = reconciled.format_json(said) if kind == "json" else reconciled.format_csv(found.exceptions) if kind == "csv" else _table(found)
    data = text.encode("utf-8", "replace")
    if out is None:
        click.echo(data, nl=False)
    else:
        options.write_file(out, data)
    if kind == "csv" and out is not None:
        sidecar = {name: value for name, value in said.items() if name not in {"exceptions", "deployments"}} | {"sha256": digest(data)}
        options.write_file(f"{out}.ipe.json", reconciled.format_json(sidecar).encode("utf-8", "replace"))
    if kind == "table" or out is not None:
        _summary(found, said)
    if out is not None:
        click.echo(f"  file       {out}, SHA-256 {digest(data)}")


def _table(found: Reconciliation) -> str:
    lines = []
    for code in dict.fromkeys(each.code for each in found.exceptions):
        lines += [f"{code.value}: {MEANINGS[code]}"]
        for each in found.exceptions:
            if each.code is code:
                what = f"deployment {each.deploy}" if each.deploy else f"record {each.record[:16]}" if each.record else "-"
                where = f"{each.repository} {each.environment}".strip()
                lines.append(visible(f"  {each.at:%Y-%m-%dT%H:%M:%SZ}  {where}  {each.commit[:12]}  {what}  {_link(each.evidence)}".rstrip(), 300))
    lines += [f"can't be judged: {visible(why, 400)}" for why in found.unjudged]
    return "".join(f"{line}\n" for line in lines)


def _link(evidence: Mapping[str, Any]) -> str:
    for side in ("deployment", "record"):
        url = evidence.get(side, {}).get("url")
        if url:
            return str(url)
    return str(evidence.get("subject", ""))


def _summary(found: Reconciliation, said: dict[str, Any]) -> None:
    counts = said["counts"]
    verdict = {True: "✓ WHOLE", False: "✗ EXCEPTIONS", None: "? NOT JUDGED"}[found.whole]
    click.echo(f"{verdict} from {said['from']} to {said['to']}")
    click.echo(
        f"  platform   {count(counts['deployments'], 'deployment')}, of which {counts['notStarted']} never began; {counts['paired']} have a record"
    )
    for each in said["platforms"]:
        click.echo(visible(f"             {each['platform']}: {each['where']}; {each['reaches']}", 300))
    click.echo(
        f"  log        {counts['decisions']} decisions, of which {counts['letGo']} let a deploy go; all {said['entriesExamined']} entries examined"
    )
    click.echo(f"  exceptions {counts['exceptions']}" + "".join(f", {number} {code}" for code, number in counts["byCode"].items()))
    for each in said["branches"]:
        click.echo(
            visible(f"  branch     {each['branch']}: {each['commitsInPeriod']} commits, {each['undeployed']} not in {each['environment']}", 200)
        )
    if not said["branches"]:
        click.echo("  branch     not looked at: give --workspace and --branch to find what reached it and was never deployed")
