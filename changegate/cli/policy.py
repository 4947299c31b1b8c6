"""changegate policy: start, check and describe the policy file."""

import json
from pathlib import Path
from typing import Final

import click

from changegate import attestation, follow_up, keychange, outcome, policy, record, sampledraw, waiver
from changegate.cli import policy_diff, policy_testing
from changegate.cli.options import read_file
from changegate.doctor.policy import find_oversights
from changegate.errors import InputError, PolicyError
from changegate.render.text import count, inert, visible

SCHEMA_FILE: Final = ".changegate.schema.json"
START: Final = f"""\
# yaml-language-server: $schema={SCHEMA_FILE}
# Editors complete and check this file by the schema above: changegate policy schema > {SCHEMA_FILE}
#
# What a change needs before it may be deployed. Everything here is the default: delete what you don't change.
# The gate reads this file at the deployed commit, never from the change that it judges.
version: 1
enforce: true              # false: judge and record, stop nothing
assurance: asserted        # forge: take only what the forge's API says, not commit trailers
controls:
  ticket-linked:
    enabled: true
    projects: []           # tracker projects whose keys count, e.g. [SHOP, OPS]; empty: the forge's own issues
    forge-issues: false    # true: with projects or trackers, the forge's own issues count, too
    issue-states: []       # in which an issue of the forge counts, of [open, closed]; empty: in both
    changes-per-ticket: 20 # more changes of one deploy under one ticket are said
  peer-approved:
    enabled: true
    approvals: 1
    approved-before: merge # deploy: an approval of the final head after the merge counts, too
    permission: write      # any: approvals by people without write access count, too
    newer-base: allow      # block: refuse a change that was merged onto a newer base than the one it was reviewed on
    ignore-update-merges: false # true: "Update branch" with nothing to resolve leaves an approval fresh
    required-teams: []     # one approval by a member of each, e.g. [acme/payments]; needs a token that may read teams
    code-owners: false     # true: each changed file's owners in CODEOWNERS, as deployed, must have approved
    exempt-bots: []        # account numbers of GitHub's bots that need no approval for what they made alone, e.g. [49699333] (Dependabot)
    trailers: [Reviewed-by, Approved-by] # commit trailers that assert an approval, where the facts come from a bare git history
  rollback-plan:
    enabled: true
    headings: [Rollback plan, Rollback, Roll-back plan, Back-out plan, Backout plan]
    min-words: 3
    files: []              # files that a change may bring in place of the section, e.g. [rollback/*.md]
    by-path: []            # what some files need besides: {{paths: [db/migrations/*.up.sql], brings: [db/migrations/*.down.sql]}}
  checks-passed:
    enabled: true
    required: []           # checks that must have run and succeeded, by name
    ignore: []
  duties-separated:
    enabled: false         # true: whoever starts the deploy is not who is named here
    deployer-is-not: [author, approver]
    requester-is-not: []   # what whoever opened its ticket on the forge may not be: [author, approver, deployer]
  deploy-window:           # judged where there is a window (docs/controls/deploy-window.md)
    enabled: true
    time-zone: UTC         # whose clock the windows go by, e.g. Europe/Berlin
    weekly: []             # e.g. {{kind: allow, name: office hours, reason: somebody is there, hours: [mon-thu 09:00-17:00]}}
    dates: []              # e.g. {{kind: freeze, name: year end, reason: the books are closed, from: 2026-12-18 17:00, to: 2027-01-04 08:00}}
    calendars: []          # e.g. {{kind: freeze, name: holidays, reason: nobody is there, path: ops/holidays.ics}}
  policy-owner-approved:   # judged where there are owners: changes of the policy, CODEOWNERS, and what runs the gate need one's approval
    enabled: true
    owners: []             # logins, and teams; two at least, for nobody approves their own, e.g. [alice, acme/platform]
    approvals: 1
    paths: [/.github/workflows/, /.github/actions/, /.gitlab-ci.yml, /.gitlab/ci/] # what is guarded besides
  tests-reported:
    enabled: false         # true: the gate must be given the results of this commit's tests (--test-results)
    min-tests: 1
    min-coverage: 0        # percent of the lines (--coverage); 0: none is asked for
  artifact-bound:
    enabled: false         # true: the gate must be told by digest what is deployed (--artifact)
    provenance: none       # required: and a builder must have signed that it was built from the commit to deploy (--provenance)
    builders: []           # whose word counts: [{{issuer: https://token.actions.githubusercontent.com, identity: https://github.com/acme/shop/.github/workflows/build.yml@refs/heads/main}}]
    builder-keys: []       # and public keys, as PEM
standard-changes: []       # kinds approved beforehand: [{{name: docs, paths: [/docs/], exempt-from: [ticket-linked, rollback-plan]}}]
trackers: []               # where tickets are kept (docs/trackers.md): [{{kind: jira-cloud, url: https://acme.atlassian.net, projects: [SHOP]}}]
emergency: null            # off; else (docs/emergencies.md), with these defaults:
#   declared-by: []        # logins or account numbers (github:1234); empty: whoever may maintain the repository
#   labels: []             # labels that declare one, besides the run's options; the reason stands under the heading Emergency
#   ticket-types: []       # types of tickets, in the policy's trackers, that declare one, too
#   approvals: 1           # how many others than the declarer must have agreed
#   agreement: approval    # named: the declarer's word for it does, too
#   incident: []           # forms of an incident's key, e.g. [INC-#]; empty: any
#   lifts: [peer-approved, checks-passed, deploy-window]
#   review-within: 2 days
#   overdue: block         # warn: an overdue review stops no further deploy
privacy:
  pseudonymise-people: false   # true: records hide names, and what opens them goes to `changegate gate --names FILE`
rewrites: []               # a branch that was rewritten on purpose, good for one deploy: {{from: COMMIT, to: COMMIT, reason: TEXT}}
environments: {{}}           # what differs, by environment: staging: {{controls: {{peer-approved: {{enabled: false}}}}}}
"""


@click.group(name="policy")
def command() -> None:
    """Start, check, test, compare and describe the policy file, `.changegate.yml`."""


command.add_command(policy_testing.command)
command.add_command(policy_diff.command)


@command.command()
@click.option("--out", default=policy.FILE_NAME, metavar="FILE", help="Where to write it.", show_default=True)
@click.option("--force", is_flag=True, help="Replace a file that exists.")
def init(out: str, *, force: bool) -> None:
    """Write a policy file that says what holds by default."""
    try:
        with Path(out).open("w" if force else "x", encoding="utf-8") as file:
            file.write(START)
    except FileExistsError as error:
        raise InputError(f"{out} exists", remedy="Give --force to replace it.") from error
    except OSError as error:
        raise InputError(f"{out}: {error.strerror}", remedy="Name a file that can be written.") from error
    click.echo(f"Wrote {out}. It takes effect once it is deployed: the gate reads it at the commit that is live.")
    click.echo(f"For completion in your editor: changegate policy schema > {Path(out).with_name(SCHEMA_FILE)}")


@command.command()
@click.argument("file", default=policy.FILE_NAME)
@click.option("--environment", metavar="NAME", help="Print what holds in this environment.")
def check(file: str, environment: str | None) -> None:
    """Read a policy file as the gate would, and name every mistake in it. Exit code 2 where there is one."""
    found, defects = policy.examine(read_file(file, "FILE"), source=file)
    if defects:
        lines = [f"{file}:{each}\n  → {each.allowed}" for each in defects]
        click.echo(inert("\n".join(visible(line, 1000) for text in lines for line in text.splitlines())), err=True)
        raise PolicyError(f"{file}: {count(len(defects), 'mistake')}, listed above", remedy="Mend them, and run `changegate policy check` again.")
    named = ", ".join(found.environments) or "none"
    click.echo(f"{file}: good (environments with rules of their own: {named})")
    for place in ("", *found.environments):
        for _, _, is_weak, observed, why, _ in find_oversights(found.for_environment(place)):
            if is_weak:
                click.echo(visible(f"  warning: {f'in {place}, ' if place else ''}{observed}: {why}", 1000), err=True)
    if environment is not None:
        if environment not in found.environments:
            click.echo(f"'{environment}' has no rules of its own; the general ones hold:")
        click.echo(json.dumps(found.for_environment(environment).model_dump(mode="json"), indent=2))


_SCHEMAS: Final = {
    "policy": policy.schema,
    "gate-decision": record.schema,
    "deploy-outcome": outcome.schema,
    "key-rotation": keychange.rotation_schema,
    "key-revocation": keychange.revocation_schema,
    "attestation": attestation.schema,
    "sample-draw": sampledraw.schema,
    "waiver": waiver.schema,
    "follow-up": follow_up.schema,
}


@command.command()
@click.option("--of", type=click.Choice(list(_SCHEMAS)), default="policy", show_default=True, help="The policy file's, or a record's.")
def schema(of: str) -> None:
    """Print the JSON Schema that editors and validators use."""
    click.echo(json.dumps(_SCHEMAS[of](), indent=2))
