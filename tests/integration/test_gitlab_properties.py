"""Random lives of a merge request: a naive reading of what happened says the same as the gate, and nothing passes without a valid approval."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import NamedTuple

import pytest
from doubles.gitlab import GitLabServer, Hub, Project, Request, User
from doubles.gitlab.scenario import deployment, forge
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from changegate.controls import peer_approved
from changegate.decision import Outcome
from changegate.facts import BaseSource, DeployRange, Facts, RangeOutcome
from changegate.forges import NO_NEEDS
from changegate.policy import PeerApproved

WRITERS, PEOPLE = ("alice", "bob", "carol"), ("alice", "bob", "carol", "dave", "robot")

PUSHES = ("push", "force-push", "co-author", "push-for-alice")


class Act(NamedTuple):
    """Somebody does something."""

    what: str
    who: str


ACTS = st.lists(
    st.one_of(
        st.builds(Act, st.sampled_from([*PUSHES, "retarget"]), st.sampled_from(WRITERS)),
        st.builds(Act, st.sampled_from(["approve", "approve", "withdraw", "request-changes", "ask-nobody", "comment"]), st.sampled_from(PEOPLE)),
    ),
    max_size=8,
)


class Life:
    """A merge request of alice's, and a naive account of it."""

    def __init__(self, project: Project) -> None:
        self.project = project
        self.people = {user.username: user for user in project.hub.users.values()}
        self.request: Request = project.request(author=self.people["alice"])
        self.made_it = {"alice"}
        self.standing: dict[str, bool] = {}
        """Whose approval stands, and whether it is of the present head."""
        self.against: set[str] = set()

    def happen(self, act: Act) -> None:
        """Do it, on GitLab and in the account."""
        user, request = self.people[act.who], self.request
        if act.what in PUSHES:
            self.made_it.add(act.who)
            self._push(act.what, user)
            self.standing = dict.fromkeys(self.standing, False)
            return
        match act.what:
            case "approve" if act.who not in self.standing:  # GitLab takes nobody's approval twice
                request.approve(user)
                self.standing[act.who] = True
                self.against.discard(act.who)
            case "withdraw" if act.who in self.standing:
                request.unapprove(user)
                del self.standing[act.who]
            case "request-changes":
                request.request_changes(user)
                self.standing.pop(act.who, None)
                self.against.add(act.who)
            case "ask-nobody":
                request.ask_nobody(self.people["alice"], user)
            case "retarget":
                request.retarget("stage" if request.target == "main" else "main", user)
                self.standing = dict.fromkeys(self.standing, False)
            case "comment":
                request.note(user, "approved this merge request")

    def _push(self, what: str, user: User) -> None:
        alice = self.people["alice"]
        match what:
            case "push":
                self.request.push(user)
            case "force-push":
                self.request.force_push(user, {"a.txt": str(len(self.project.commits))})
            case "co-author":
                self.request.push(alice, co_authors=(user,))
            case "push-for-alice":
                self.request.push(alice, by=user)

    @property
    def approved(self) -> bool:
        """Whether a person with a say, who made none of it, approved it as it is, and nobody who may push, person or bot, stands against it."""
        good = {who for who, fresh in self.standing.items() if fresh and who in WRITERS and who not in self.made_it}
        return bool(good) and not self.against & {*WRITERS, "robot"}


@pytest.fixture(scope="module")
def server() -> Iterator[GitLabServer]:
    with GitLabServer(Hub()) as server:
        yield server


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@example(acts=[Act("approve", "bob")], times=False)
@example(acts=[Act("approve", "bob"), Act("request-changes", "carol")], times=True)
@example(acts=[Act("approve", "bob"), Act("request-changes", "robot")], times=False)
@example(acts=[Act("approve", "bob"), Act("retarget", "alice")], times=True)
@example(acts=[Act("approve", "bob"), Act("request-changes", "carol"), Act("ask-nobody", "carol")], times=True)
@example(acts=[Act("push-for-alice", "bob"), Act("approve", "bob")], times=True)
@given(acts=ACTS, times=st.booleans())
def test_a_naive_reading_agrees(server: GitLabServer, acts: list[Act], times: bool) -> None:
    hub = server.hub = Hub()
    hub.approval_times = times
    everybody = [hub.user(name, public=True, bot=name == "robot") for name in PEOPLE]
    project = hub.project(developers=everybody[:3])
    project.branch("stage")
    project.members[everybody[4].id] = 30  # a bot that may push
    life = Life(project)
    for act in acts:
        life.happen(act)
    opened = forge(server, None).fetch_open_change(1, project.head, NO_NEEDS, environment="production", run="")
    facts = Facts(
        deployment=deployment(project),
        range=DeployRange(outcome=RangeOutcome.AHEAD, base=project.head, head=opened.head, base_source=BaseSource.OPTION),
        changes=(opened.change,),
        fetched_at=datetime(2026, 2, 1, tzinfo=UTC),
    )
    finding = peer_approved.evaluate(opened.change, facts, PeerApproved())
    assert (finding.outcome is Outcome.PASS) == life.approved, (acts, finding)
