"""Facts for tests: a good deploy by default; each test states only what differs."""

from datetime import UTC, datetime, timedelta
from typing import Any

from changegate.facts import (
    Assurance,
    BaseSource,
    Change,
    ChangeKind,
    Check,
    CheckState,
    Commit,
    Deployment,
    DeployRange,
    Facts,
    Identity,
    IdentityKind,
    RangeCommit,
    RangeOutcome,
    Review,
    ReviewState,
    Run,
    Ticket,
    TicketKind,
    Version,
)

T0 = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
ALICE = Identity(key="github:1", login="alice")
BOB = Identity(key="github:2", login="bob")
CAROL = Identity(key="github:3", login="carol")
DAVE = Identity(key="github:4", login="dave")
ROBOT = Identity(key="github:9", login="robot[bot]", kind=IdentityKind.BOT)
WEB_FLOW = Identity(key="github:19864447", login="web-flow", kind=IdentityKind.PLATFORM)
PLAN = "## Rollback plan\nRedeploy the last release, then clear the price cache."


def sha(name: str) -> str:
    """A commit id that shows its name."""
    return name.encode().hex().ljust(40, "0")[:40]


BASE, FIRST, HEAD, LANDED = sha("base"), sha("first"), sha("head"), sha("landed")


def hours(count: float) -> datetime:
    return T0 + timedelta(hours=count)


def commit(name: str = "head", **differs: Any) -> Commit:
    values: dict[str, Any] = {
        "sha": sha(name),
        "tree": sha(f"tree-{name}"),
        "parents": (BASE,),
        "subject": f"Commit {name}",
        "author": ALICE,
        "committer": ALICE,
    }
    return Commit(**values | differs)


def review(by: Any = BOB, state: ReviewState = ReviewState.APPROVED, **differs: Any) -> Review:
    values: dict[str, Any] = {"id": "r1", "reviewer": by, "state": state, "submitted_at": hours(2), "commit": HEAD, "may_write": True}
    return Review(**values | differs)


def ticket(key: str = "acme/shop#7", **differs: Any) -> Ticket:
    values: dict[str, Any] = {"key": key, "kind": TicketKind.ISSUE, "assurance": Assurance.FORGE, "source": "closing-keyword", "created_at": hours(0)}
    return Ticket(**values | differs)


def check(name: str = "tests", state: CheckState = CheckState.SUCCESS, **differs: Any) -> Check:
    return Check(**{"name": name, "commit": HEAD, "state": state} | differs)


def change(**differs: Any) -> Change:
    """Pull request 12 by alice, two commits, approved by bob, squashed onto the base it was built on."""
    values: dict[str, Any] = {
        "id": "#12",
        "kind": ChangeKind.PULL_REQUEST,
        "assurance": Assurance.FORGE,
        "title": "Round prices up",
        "url": "https://github.example/acme/shop/pull/12",
        "author": ALICE,
        "description": PLAN,
        "commits": (commit("first"), commit("head", parents=(FIRST,))),
        "landed": (LANDED,),
        "head": HEAD,
        "head_tree": sha("tree-head"),
        "merged_at": hours(3),
        "reviews": (review(),),
        "tickets": (ticket(),),
        "checks": (check(),),
    }
    return Change(**values | differs)


def asserted_change(**differs: Any) -> Change:
    """A commit of a bare git history, with a reviewer named in a trailer."""
    values: dict[str, Any] = {
        "id": LANDED[:12],
        "kind": ChangeKind.COMMIT,
        "assurance": Assurance.ASSERTED,
        "url": "",
        "commits": (commit("landed"),),
        "head": LANDED,
        "head_tree": sha("tree-head"),
        "reviews": (review(via="Reviewed-by", commit=LANDED),),
    }
    return change(**values | differs)


def landed(name: str = "landed", **differs: Any) -> RangeCommit:
    values: dict[str, Any] = {"sha": sha(name), "tree": sha("tree-head"), "parents": (BASE,), "subject": f"Commit {name}"}
    return RangeCommit(**values | differs)


def deploy_range(**differs: Any) -> DeployRange:
    values: dict[str, Any] = {
        "outcome": RangeOutcome.AHEAD,
        "base": BASE,
        "head": LANDED,
        "base_source": BaseSource.DEPLOYMENT,
        "assurance": Assurance.FORGE,
        "commits": (landed(),),
    }
    return DeployRange(**values | differs)


def deployment(**differs: Any) -> Deployment:
    values: dict[str, Any] = {"forge": "github", "repository": "acme/shop", "environment": "production", "head": LANDED, "run": Run(id="100")}
    return Deployment(**values | differs)


def facts(*changes: Change, **differs: Any) -> Facts:
    values: dict[str, Any] = {
        "deployment": deployment(),
        "range": deploy_range(),
        "changes": changes or (change(),),
        "deployed": (Version(commit=BASE, names=("v1.4.0",)),),
        "fetched_at": hours(4),
    }
    return Facts(**values | differs)
