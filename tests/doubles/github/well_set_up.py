"""A repository in which the doctor finds nothing to do, for tests to weaken."""

from typing import Any

from changegate.forges.github import GitHub
from changegate.settings import Wanted
from doubles.github.scenario import World, world
from doubles.github.server import GitHubServer
from doubles.github.setup import PULL_REQUEST, Classic, Environment, Installation, Key, Ruleset

ADMIN_TOKEN = "ghs_doubles_admin_token"
COMMIT = "0123456789abcdef0123456789abcdef01234567"
DEPLOY = ".github/workflows/deploy.yml"
WORKFLOW = f"""\
name: deploy
on:
  push:
    branches: [main]
permissions: {{}}
jobs:
  test:
    runs-on: ubuntu-24.04
    permissions:
      contents: read
    steps:
      - run: make test
  deploy:
    needs: test
    runs-on: ubuntu-24.04
    environment: production
    permissions:
      contents: write
      checks: read
      deployments: read
      issues: read
      pull-requests: read
      statuses: read
    steps:
      - uses: actions/checkout@93cb6efe18208431cddfb8368fd83d5badbf9bfd
      - uses: changegate/changegate@{COMMIT}
        with:
          environment: production
          signing-key: ${{{{ secrets.CHANGEGATE_SIGNING_KEY }}}}
      - run: ./deploy.sh
"""
FILES: dict[str, str | bytes | None] = {
    ".changegate.yml": "version: 1\nassurance: forge\n",
    ".github/CODEOWNERS": "* @acme/devs\n/.changegate.yml @acme/platform\n/.github/ @acme/platform\n",
    DEPLOY: WORKFLOW,
}


def well_set_up() -> World:
    """Everything protected, gated and pinned."""
    it = world()
    it.hub.tokens[ADMIN_TOKEN] = it.hub.tokens["ghs_doubles_own_token"] | {"actions", "administration"}
    it.repo.push("main", author=it.alice, files=FILES, message="Set the gate up")
    it.repo.setup.rulesets += [
        Ruleset(11, "main", ("main",), pull_request=PULL_REQUEST),
        Ruleset(12, "evidence", ("changegate-evidence",)),
    ]
    it.repo.setup.environments["production"] = Environment("production")
    return it


def edit(it: World, old: str, new: str, path: str = DEPLOY) -> None:
    """Replace a part of a file on main. The part must be there."""
    before = it.repo.commits[it.repo.head].files[path].decode()
    assert old in before, f"{old!r} is not in {path}"
    it.repo.push("main", author=it.alice, files={path: before.replace(old, new)}, message="Edit")


def with_access() -> World:
    """The same with people, teams, keys and apps; its token may see all of them."""
    it = well_set_up()
    it.hub.tokens[ADMIN_TOKEN] |= {"organization_administration"}
    setup = it.repo.setup
    setup.collaborators |= {"alice": ("admin", "direct"), "bob": ("push", "team"), "carol": ("pull", "outside")}
    setup.teams |= {"devs": "push", "readers": "pull", "owners": "admin", "releasers": "release manager"}
    setup.keys += [Key(5, "mirror"), Key(6, "backup", read_only=True)]
    setup.installations += [
        Installation("deployer", {"contents": "write", "metadata": "read"}),
        Installation("renovate", {"contents": "write", "administration": "write"}, everywhere=False),
        Installation("linter", {"contents": "read"}),
        Installation("retired", {"contents": "write"}, suspended=True),
    ]
    setup.classic["main"] = Classic(allowances=("alice",))
    setup.rulesets[0].bypass.append({"actor_id": 5, "actor_type": "RepositoryRole", "bypass_mode": "always"})
    setup.environments["production"] = Environment("production", reviewers=2, admins_bypass=True)
    setup.environments["staging"] = Environment("staging", reviewers=0)
    return it


def show_settings() -> list[tuple[str, Any]]:
    """Every REST answer that is given when the doctor or an access review looks: path and body."""
    it = with_access()
    it.repo.branch("changegate-evidence")
    it.repo.setup.environments["production"] = Environment("production", reviewers=2, wait=5)
    with GitHubServer(it.hub) as server:
        github = GitHub("acme/shop", ADMIN_TOKEN, api_url=server.url, sleep=server.sleep)
        github.read_settings(Wanted("production", "", "changegate-evidence", ".changegate.yml"))
        github.read_access()
        shown = zip(server.requests, server.answers, strict=True)
        return [(asked.path.partition("?")[0], body) for asked, body in shown if asked.method == "GET" and "message" not in body]
