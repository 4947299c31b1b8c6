"""Histories that many tests start from, and all that the gate asks when they are deployed."""

from pathlib import Path
from typing import NamedTuple

from changegate.facts import Deployment, Run
from changegate.forges import NO_NEEDS, Needs
from changegate.forges.gitlab import GitLab
from doubles.gitlab import READER_TOKEN, GitLabServer, Hub, Project, User
from doubles.honesty import Gathered

POLICY_PATH = ".changegate.yml"
OWN_JOB = 5_000_000_000


class World(NamedTuple):
    """A project and the people around it."""

    hub: Hub
    project: Project
    alice: User
    bob: User
    carol: User


def world() -> World:
    """A project with a policy and a template, deployed once. Alice, bob and carol may write."""
    hub = Hub()
    alice, bob, carol = (hub.user(name) for name in ("alice", "bob", "carol"))
    files = {"README.md": "# Shop\n", POLICY_PATH: "version: 1\n", ".gitlab/merge_request_templates/Default.md": "## Rollback plan\n"}
    project = hub.project(files=files, developers=[alice, bob, carol])
    project.deploy()
    return World(hub, project, alice, bob, carol)


def small_world() -> World:
    """One change of which everything is asked: two versions, a requested change, tickets, checks on head and landed commit; and a direct push."""
    it = world()
    it.project.issue("Sell apples")
    it.project.issue("Sell pears")
    request = it.project.request(author=it.alice, description="Closes #1, see #2\n\n## Rollback plan\nSwitch the flag off.").label("fruit")
    request.request_changes(it.carol).force_push(it.alice).push(it.alice).status().approve(it.bob).merge(it.bob, "ff", squash=True)
    it.project.report(it.project.head, "image")
    it.project.push("main", author=it.carol, files={"hotfix.txt": "x\n"}, message="Hotfix")
    return it


def deployment(project: Project) -> Deployment:
    """The deploy of the branch's tip."""
    return Deployment(
        forge="gitlab", repository=project.path, environment="production", head=project.head, ref="refs/heads/main", run=Run(id=str(OWN_JOB))
    )


def forge(server: GitLabServer, folder: Path | None, path: str = "acme/shop", token: str = READER_TOKEN) -> GitLab:
    """The adapter against the double; no test waits by the wall clock."""
    return GitLab(path, token, workspace=folder, api_url=server.api_url, sleep=server.sleep, now=lambda: sum(server.slept))


def gather(gitlab: GitLab, deploy: Deployment, needs: Needs = NO_NEEDS) -> Gathered:
    """All three questions, as the gate asks them."""
    found = gitlab.resolve_range(deploy, requested=None, logged=None)
    return Gathered(found, gitlab.read_trusted(found.base, POLICY_PATH), gitlab.fetch_changes(deploy, found, needs))
