"""Histories that many tests start from, and what is said over the wire when they are deployed."""

from typing import Any, NamedTuple

from changegate.facts import Deployment, Run
from changegate.forges import NO_NEEDS, Needs, Notice, Standing
from changegate.forges.github import GitHub
from changegate.forges.github.deployments import Ended
from changegate.forges.github.notices import MARKER
from doubles.github import MEMBERS_TOKEN, TOKEN, WRITES, Account, GitHubServer, Hub, Pull, Repository
from doubles.honesty import Gathered
from doubles.serving import Asked

POLICY_PATH = "changegate.yml"
OWN_RUN = 5_000_000_000
"""The run that deploys: greater than GraphQL's Int, as real ones are."""


class World(NamedTuple):
    """A repository and the people around it."""

    hub: Hub
    repo: Repository
    alice: Account
    bob: Account
    carol: Account
    dave: Account


class Exchanged(NamedTuple):
    """What went over the wire."""

    documents: list[str]
    answers: list[tuple[Asked, Any]]
    """What REST was asked, and answered."""


def world(name: str = "acme/shop") -> World:
    """A repository with a policy and a template, deployed once. Alice, bob and carol may write, dave may not."""
    hub = Hub()
    alice, bob, carol, dave = (hub.user(login) for login in ("alice", "bob", "carol", "dave"))
    files = {"README.md": "# Shop\n", POLICY_PATH: "version: 1\n", ".github/pull_request_template.md": "## Rollback plan\n"}
    repo = hub.repository(name, files=files, writers=[alice, bob, carol])
    repo.deploy("production")
    return World(hub, repo, alice, bob, carol, dave)


def busy_world() -> World:
    """One of everything that can be in a range."""
    it = world()
    repo, alice, bob, carol, dave = it.repo, it.alice, it.bob, it.carol, it.dave
    issue, other = repo.issue("Sell apples"), repo.issue("Sell pears")
    repo.pull(author=alice, body="Fixes #1\n\n## Rollback plan\nRevert.", head_ref="apples").label("fruit").check().status().approve(bob).merge(
        "squash", by=bob
    )
    pull = repo.pull(author=alice, body="For acme/shop#2", fork=True).commit(bob, co_authors=(carol,)).link(other).check().request_changes(carol)
    pull.commit(alice).force_push(alice).commit(bob, co_authors=(carol, dave)).dismiss(carol).approve(bob).comment(dave).approve(dave).check().check(
        "lint", "failure"
    ).merge("merge", by=carol)
    repo.pull(author=bob, body=f"See {repo.name}#{issue.number}").commit().check().approve(alice).merge("rebase", by=carol)
    queued = [repo.pull(author=author, title=f"Queued by {author.login}").check().approve(carol) for author in (alice, bob)]
    queued[1].update_branch(bob)
    repo.merge_queue(queued, "merge", by=carol)
    bot = it.hub.bot("updater")
    repo.pull(author=bot, title="Bump pears", committer=it.hub.accounts["web-flow"], signed="github").check().approve(bob).merge("squash", by=bob)
    repo.report(repo.head, "ci")
    repo.report(repo.head, "gate", "in_progress", run=OWN_RUN)
    return it


def paged_world() -> World:
    """Everything that comes in pages has more than one."""
    it = world()
    repo = it.repo
    for _ in range(22):
        repo.deploy("production", states=("in_progress", "failure"))
    pull = repo.pull(author=it.alice, body="Fixes #1").label(*(f"label-{number}" for number in range(101)))
    for _ in range(32):
        pull.commit()
    pull.commit(co_authors=tuple(it.hub.user(f"user{number}") for number in range(12)))
    for number in range(101):
        pull.comment(it.bob).check(f"check-{number}")
    for _ in range(51):
        pull.link(repo.issue())
    pull.approve(it.bob).merge("merge")
    for number in range(70):
        repo.pull(author=it.bob, title=f"Small {number}", files={"a.txt": str(number)}).check().approve(it.alice).merge("squash")
    return it


def deployment(repo: Repository, *, environment: str = "production", ref: str = "refs/heads/main", head: str = "") -> Deployment:
    """The deploy of a commit (default: the branch's tip)."""
    run = Run(id=str(OWN_RUN))
    return Deployment(forge="github", repository=repo.name, environment=environment, head=head or repo.head, ref=ref, run=run)


def forge(server: GitHubServer, name: str = "acme/shop", token: str = TOKEN) -> GitHub:
    """The adapter against the double; no test waits by the wall clock."""
    return GitHub(name, token, api_url=server.url, sleep=server.sleep, now=lambda: sum(server.slept))


def gather(github: GitHub, deploy: Deployment, requested: str | None = None, needs: Needs = NO_NEEDS) -> Gathered:
    """All three questions, as the gate asks them."""
    found = github.resolve_range(deploy, requested=requested, logged=None)
    return Gathered(found, github.read_trusted(found.base, POLICY_PATH), github.fetch_changes(deploy, found, needs))


def deploy_everything() -> Exchanged:
    """Deploy the busy world with further pages, other spellings, tags and rollbacks, and give what was exchanged."""
    it = busy_world()
    big = it.repo.pull(author=it.alice, body="See other/place#3 and #1", title="Big")
    for _ in range(32):
        big.commit()
    big.approve(it.bob).merge("merge")
    it.repo.push("main", author=it.alice, files={"docs/Pull_Request_Template/A.md": "A", "docs/PULL_REQUEST_TEMPLATE.txt": "B"})
    it.repo.tags["v1.0.0"] = it.repo.head
    it.hub.tokens[MEMBERS_TOKEN] |= WRITES
    review = it.repo.pull(author=it.alice, body="Fixes #1").check().approve(it.bob)
    with GitHubServer(it.hub) as server:
        github = forge(server, token=MEMBERS_TOKEN)
        github.resolve_head("v1.0.0")
        gather(github, deployment(it.repo), needs=Needs(update_merges=True, files=True))
        it.hub.team("acme/payments", it.bob)
        github.read_code_owners(it.repo.head)
        github.fetch_teams(["acme/payments"])
        github.read_trusted(it.repo.head, POLICY_PATH)
        github.fetch_labeler(f"#{review.label('urgent', by=it.bob).number}", "urgent")
        first = it.repo.deployments[0].sha
        it.repo.deploy("production")
        github.resolve_range(deployment(it.repo, head=first), requested=None, logged=None)
        preview(github, review)
        preview(github, review.say(it.hub.actions, f"{MARKER}\nmade twice"))
        it.repo.deploy("production", states=("in_progress",), run=OWN_RUN)
        ended = Ended("rolled-back", it.repo.head, "production", "refs/heads/main", str(OWN_RUN), "changegate record", "https://github.com/acme/shop")
        github.set_deployment_status(ended)
        github.list_deploys(it.repo.deployments[0].at)
        documents = [asked.body["query"] for asked in server.requests if asked.path == "/graphql"]
        answers = [(asked, answer) for asked, answer in zip(server.requests, server.answers, strict=True) if asked.path != "/graphql"]
    return Exchanged(list(dict.fromkeys(documents)), answers)


def preview(github: GitHub, pull: Pull) -> None:
    """Read an open pull request, and show something on it."""
    target = github.find_target(pull.number)
    github.fetch_open_change(pull.number, target, NO_NEEDS, environment="production", run=str(OWN_RUN))
    notice = Notice(Standing.UNKNOWN, "A title", f"A text of {len(pull.comments)} comments", "https://github.com/acme/shop/actions/runs/1")
    github.put_check(pull.head, notice)
    github.put_comment(pull.number, notice)
