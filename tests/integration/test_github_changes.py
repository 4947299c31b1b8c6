"""`GitHub.fetch_changes` against the double: every commit to its change, and every fact that the judgement asks for."""

from collections.abc import Iterator
from typing import TypeVar

import pytest
from doubles.github import WEB_FLOW, GitHubServer, Person
from doubles.github.scenario import OWN_RUN, World, deployment, forge, gather, world

from changegate.facts import (
    Change,
    ChangeKind,
    CheckState,
    Identity,
    IdentityKind,
    Known,
    Missing,
    Retarget,
    ReviewState,
    TicketKind,
    Unavailable,
)


@pytest.fixture
def it() -> World:
    return world()


@pytest.fixture
def server(it: World) -> Iterator[GitHubServer]:
    with GitHubServer(it.hub) as server:
        yield server


def changes(it: World, server: GitHubServer, ref: str = "refs/heads/main") -> tuple[Change, ...]:
    """The changes of the deploy of main, each commit of the range in exactly one of them."""
    gathered = gather(forge(server), deployment(it.repo, ref=ref))
    landed = [sha for change in gathered.changes for sha in change.landed]
    assert sorted(landed) == sorted(commit.sha for commit in gathered.range.commits)
    order = {commit.sha: place for place, commit in enumerate(gathered.range.commits)}
    assert all(list(change.landed) == sorted(change.landed, key=order.__getitem__) for change in gathered.changes)
    return gathered.changes


def only(it: World, server: GitHubServer) -> Change:
    (change,) = changes(it, server)
    return change


T = TypeVar("T")


def sure(value: Known[T] | Missing) -> T:
    assert not isinstance(value, Unavailable | Missing), value
    return value


# --- which change ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["squash", "merge", "rebase"])
def test_each_way_of_merging_is_one_change(it: World, server: GitHubServer, method: str) -> None:
    pull = it.repo.pull(author=it.alice).commit().commit(it.bob).approve(it.carol).merge(method, by=it.carol)
    change = only(it, server)
    assert (change.id, change.kind) == (f"#{pull.number}", ChangeKind.PULL_REQUEST)
    assert len(change.landed) == {"squash": 1, "merge": 4, "rebase": 3}[method]
    assert change.landed[-1] == it.repo.head
    assert [commit.sha for commit in sure(change.commits)] == [commit.sha for commit in pull.commits]
    assert (change.head, change.head_tree) == (pull.head, it.repo.commits[pull.head].tree)
    assert sure(change.merged_by).login == "carol"
    assert change.merged_at == pull.merged_at
    assert change.head_ref == pull.head_ref


@pytest.mark.parametrize("method", ["squash", "merge", "rebase"])
def test_a_merge_queue_maps_each_commit_to_its_own_change(it: World, server: GitHubServer, method: str) -> None:
    pulls = [it.repo.pull(author=author).commit() for author in (it.alice, it.bob, it.carol)]
    it.repo.merge_queue(pulls, method)
    assert [change.id for change in changes(it, server)] == [f"#{pull.number}" for pull in pulls]


def test_a_direct_push_fails_by_name(it: World, server: GitHubServer) -> None:
    sha = it.repo.push("main", author=it.alice, files={"a": "1"}, message="Quick fix\n\nOops")
    it.repo.report(sha, "ci", "failure")
    change = only(it, server)
    assert (change.id, change.kind, change.title, change.landed) == (sha, ChangeKind.DIRECT_PUSH, "Quick fix", (sha,))
    assert (change.reviews, change.tickets, change.unknown) == ((), (), "")
    assert sure(change.author).login == "alice"
    assert [check.state for check in sure(change.checks)] == [CheckState.FAILURE]
    assert server.slept == [1.0, 2.0, 4.0]


def test_a_direct_push_nested_under_a_merge(it: World, server: GitHubServer) -> None:
    base = it.repo.head
    it.repo.pull(author=it.alice).merge("squash")
    it.repo.branch("side", base)
    nested = it.repo.push("side", author=it.bob, files={"b": "1"})
    merge = it.repo.push_merge("main", nested, author=it.bob)
    kinds = {sha: change.kind for change in changes(it, server) for sha in change.landed}
    assert kinds[nested] is ChangeKind.DIRECT_PUSH
    assert kinds[merge] is ChangeKind.DIRECT_PUSH


def test_the_lag_of_the_association_is_waited_for(it: World, server: GitHubServer) -> None:
    it.repo.pull(author=it.alice).merge("squash")
    it.repo.association_lag = 2
    assert only(it, server).kind is ChangeKind.PULL_REQUEST
    assert server.slept == [1.0, 2.0]


def test_a_lag_beyond_the_bound_blocks(it: World, server: GitHubServer) -> None:
    it.repo.pull(author=it.alice).merge("squash")
    it.repo.association_lag = 9
    assert only(it, server).kind is ChangeKind.DIRECT_PUSH


def test_the_commit_of_an_open_change_pushed_by_hand_is_unknown(it: World, server: GitHubServer) -> None:
    pull = it.repo.pull(author=it.alice)
    it.repo.branches["main"] = pull.head
    pull._own = [it.repo.commits[pull.head]]  # GitHub would take it for merged; here it stays open
    change = only(it, server)
    assert change.kind is ChangeKind.UNKNOWN
    assert "#1, which is open" in change.unknown
    assert isinstance(change.reviews, Unavailable)


def test_a_change_that_was_pushed_to_its_base_counts_as_merged(it: World, server: GitHubServer) -> None:
    pull = it.repo.pull(author=it.alice).commit().push_to_base(it.alice)
    change = only(it, server)
    assert (change.kind, change.id, len(change.landed)) == (ChangeKind.PULL_REQUEST, "#1", 2)
    assert change.head == pull.head


def test_a_change_merged_into_another_branch_is_unknown(it: World, server: GitHubServer) -> None:
    it.repo.branch("release")
    it.repo.pull(author=it.alice, base="release").merge("squash")
    it.repo.branches["main"] = it.repo.branches["release"]
    change = only(it, server)
    assert change.kind is ChangeKind.UNKNOWN
    assert "merged into release and not into main" in change.unknown


def test_a_change_within_a_change_belongs_to_the_outer_one(it: World, server: GitHubServer) -> None:
    outer = it.repo.pull(author=it.alice, head_ref="outer")
    it.repo.branch("outer", outer.head)
    it.repo.pull(author=it.bob, base="outer").commit().merge("merge")
    outer.head = it.repo.branches["outer"]
    outer.approve(it.carol).merge("merge")
    change = only(it, server)
    assert change.id == f"#{outer.number}"
    assert len(sure(change.commits)) == 4


def test_a_stacked_change_is_told_apart_by_the_merge_that_brought_each_commit(it: World, server: GitHubServer) -> None:
    lower, upper = it.repo.pull(author=it.alice), it.repo.pull(author=it.bob)
    upper.head = lower.head
    upper.commit()
    upper_own = upper.commits
    lower.merge("merge")
    upper.merge("merge")
    upper._own = upper_own  # GitHub lists the lower one's commit for both
    landed = {change.id: change.landed for change in changes(it, server)}
    assert landed == {"#1": (lower.head, lower.merge_sha), "#2": (upper.head, upper.merge_sha)}


def test_a_commit_that_two_changes_claim_is_unknown(it: World, server: GitHubServer) -> None:
    one, two = it.repo.pull(author=it.alice), it.repo.pull(author=it.bob)
    one.merge("squash")
    two.merge("squash")
    stray = it.repo.push("main", author=it.alice, files={"a": "1"})
    later = it.repo.pull(author=it.alice).merge("rebase")
    one.landed.append(stray)
    later.landed.append(stray)
    two.landed.append(later.landed[0])
    two.merge_sha = later.merge_sha
    found = {sha: change for change in changes(it, server) for sha in change.landed}
    assert found[later.landed[0]].kind is ChangeKind.UNKNOWN
    assert "nothing says which" in found[later.landed[0]].unknown


def test_a_squashed_commit_pushed_by_hand_is_unknown(it: World, server: GitHubServer) -> None:
    pull = it.repo.pull(author=it.alice)
    original = pull.head
    it.repo.branches["main"] = original
    own = [it.repo.commits[original]]
    squashed = it.repo.push("main", author=it.alice, files={"a": "1"})
    pull._own, pull.landed, pull.merge_sha, pull.state = own, [squashed], squashed, "MERGED"
    pull.merged_at, pull.merged_by = it.hub.tick(), it.alice
    found = {sha: change for change in changes(it, server) for sha in change.landed}
    assert found[squashed].kind is ChangeKind.PULL_REQUEST
    assert found[original].kind is ChangeKind.UNKNOWN
    assert "squashed or rebased" in found[original].unknown


def test_a_merged_changes_commit_pushed_later_is_unknown(it: World, server: GitHubServer) -> None:
    pull = it.repo.pull(author=it.alice).merge("squash")
    it.repo.deploy("production")
    it.repo.push_merge("main", pull.head, author=it.alice)
    found = {sha: change for change in changes(it, server) for sha in change.landed}
    assert found[pull.head].kind is ChangeKind.UNKNOWN
    assert "did not come to main by that merge" in found[pull.head].unknown


def test_update_merges_bring_nothing_of_their_own(it: World, server: GitHubServer) -> None:
    pull = it.repo.pull(author=it.alice)
    other = it.repo.pull(author=it.bob).merge("squash")
    pull.update_branch(it.alice).approve(it.carol).merge("merge")
    landed = {change.id: len(change.landed) for change in changes(it, server)}
    assert landed == {f"#{other.number}": 1, f"#{pull.number}": 3}


def test_a_fork_is_judged_alike(it: World, server: GitHubServer) -> None:
    it.repo.pull(author=it.dave, fork=True).approve(it.alice).merge("squash", by=it.alice)
    assert (only(it, server).kind, sure(only(it, server).author).login) == (ChangeKind.PULL_REQUEST, "dave")


def test_a_revert_is_an_ordinary_change(it: World, server: GitHubServer) -> None:
    before = it.repo.commits[it.repo.head].tree
    it.repo.pull(author=it.alice, files={"a": "1"}).merge("squash")
    it.repo.pull(author=it.bob, files={"a": None}, title='Revert "Change something"').merge("squash")
    assert [change.kind for change in changes(it, server)] == [ChangeKind.PULL_REQUEST] * 2
    assert gather(forge(server), deployment(it.repo)).range.commits[-1].tree == before


def test_a_tag_is_deployed_from_the_default_branch(it: World, server: GitHubServer) -> None:
    it.repo.pull(author=it.alice).merge("squash")
    assert changes(it, server, ref="refs/tags/v1")[0].kind is ChangeKind.PULL_REQUEST
    assert changes(it, server, ref="refs/heads/release")[0].kind is ChangeKind.UNKNOWN


# --- who ---------------------------------------------------------------------------------------------------------------------


def test_people_are_their_numbers(it: World, server: GitHubServer) -> None:
    it.repo.pull(author=it.alice).commit(it.bob, co_authors=(it.carol, Person("Dave", "dave@nowhere.example"))).approve(it.dave).merge("squash")
    change = only(it, server)
    assert sure(change.author).key == f"github:{it.alice.id}"
    second = sure(change.commits)[1]
    assert (sure(second.author).key, sure(second.committer).key) == (f"github:{it.bob.id}",) * 2
    assert sure(second.co_authors[0]).key == f"github:{it.carol.id}"
    nobody = second.co_authors[1]
    assert isinstance(nobody, Unavailable)
    assert "Dave" in nobody.why


def test_a_deleted_account_is_nobody(it: World, server: GitHubServer) -> None:
    it.repo.pull(author=it.alice).approve(it.bob).merge("squash", by=it.carol)
    for account in (it.alice, it.bob, it.carol):
        account.deleted = True
    change = only(it, server)
    (review,) = sure(change.reviews)
    (commit,) = sure(change.commits)
    assert all(isinstance(who, Unavailable) for who in (change.author, change.merged_by, review.reviewer, commit.author))


@pytest.mark.parametrize(("signed", "kind"), [("github", IdentityKind.PLATFORM), ("user", None), ("invalid", None), ("", None)])
def test_github_as_committer_counts_only_where_it_signed(it: World, server: GitHubServer, signed: str, kind: IdentityKind | None) -> None:
    it.repo.pull(author=it.alice, committer=WEB_FLOW, signed=signed).merge("squash")
    (commit,) = sure(only(it, server).commits)
    if kind is None:
        assert isinstance(commit.committer, Unavailable)
    else:
        assert sure(commit.committer).kind is kind
    assert commit.verified is (signed in {"github", "user"})


def test_bots_are_bots(it: World, server: GitHubServer) -> None:
    bot = it.hub.bot("updater")
    it.repo.pull(author=bot, signed="github").approve(it.hub.bot("approver")).merge("squash")
    change = only(it, server)
    (review,), (commit,) = sure(change.reviews), sure(change.commits)
    assert [(sure(who).kind, sure(who).login) for who in (change.author, review.reviewer, commit.author)] == [
        (IdentityKind.BOT, "updater[bot]"),
        (IdentityKind.BOT, "approver[bot]"),
        (IdentityKind.BOT, "updater[bot]"),
    ]


def test_a_bots_name_in_a_commit_makes_no_bot(it: World, server: GitHubServer) -> None:
    it.repo.pull(author=it.alice).commit(Person("updater[bot]", "updater[bot]@example.com")).merge("squash")
    assert isinstance(sure(only(it, server).commits)[1].author, Unavailable)


def test_a_mannequin_is_a_person(it: World, server: GitHubServer) -> None:
    it.repo.pull(author=it.hub.mannequin("old")).merge("squash")
    assert sure(only(it, server).author).kind is IdentityKind.HUMAN


# --- what was said -----------------------------------------------------------------------------------------------------------


def test_every_review_over_all_pages(it: World, server: GitHubServer) -> None:
    pull = it.repo.pull(author=it.alice).approve(it.bob).request_changes(it.carol).comment(it.dave).dismiss(it.carol)
    for _ in range(120):
        pull.comment(it.bob)
    pull.review(it.carol, "PENDING").merge("squash")
    reviews = sure(only(it, server).reviews)
    assert len(reviews) == 123
    assert [review.state for review in reviews[:3]] == [ReviewState.APPROVED, ReviewState.DISMISSED, ReviewState.COMMENTED]
    assert [review.may_write for review in reviews[:3]] == [True, True, False]
    assert reviews[0].submitted_at == pull.reviews[0].at
    assert reviews[0].commit == pull.reviews[0].commit


def test_a_force_push_is_told_though_the_review_moved_with_it(it: World, server: GitHubServer) -> None:
    pull = it.repo.pull(author=it.alice).approve(it.bob).force_push(it.alice, keep_reviews=True).merge("squash")
    change = only(it, server)
    assert sure(change.reviews)[0].commit == change.head
    assert change.force_pushed_at == tuple(event.at for event in pull.events)
    assert sure(change.force_pushed_at)[0] > sure(sure(change.reviews)[0].submitted_at)


def test_every_change_of_the_base_is_told(it: World, server: GitHubServer) -> None:
    it.repo.branch("stage")
    pull = it.repo.pull(author=it.alice, base="stage").retarget("main", it.bob).retarget("stage").retarget("main", automatic=True)
    pull.rewrite_base(it.repo.head, it.carol).merge("squash")
    change = only(it, server)
    assert sure(change.retargeted) == tuple(
        Retarget(at=event.at, before=before, after=after)
        for event, before, after in zip(pull.events, ("stage", "main", "stage", "main"), ("main", "stage", "main", "main"), strict=True)
    )
    assert (change.force_pushed_at, change.pushers) == ((), ())


def test_who_forced_a_push(it: World, server: GitHubServer) -> None:
    it.repo.pull(author=it.alice).force_push(it.alice, by=it.bob).force_push(it.alice, by=it.dave).merge("squash")
    it.dave.deleted = True
    bob, gone = sure(only(it, server).pushers)
    assert (isinstance(bob, Identity) and bob.login, isinstance(gone, Unavailable)) == ("bob", True)


def test_more_commits_than_a_page(it: World, server: GitHubServer) -> None:
    pull = it.repo.pull(author=it.alice)
    for _ in range(140):
        pull.commit()
    pull.merge("squash")
    assert len(sure(only(it, server).commits)) == 141


def test_more_co_authors_than_a_page(it: World, server: GitHubServer) -> None:
    people = tuple(it.hub.user(f"user{number}") for number in range(25))
    it.repo.pull(author=it.alice).commit(co_authors=people).merge("squash")
    assert len(sure(only(it, server).commits)[1].co_authors) == 25


def test_labels_and_description(it: World, server: GitHubServer) -> None:
    it.repo.pull(author=it.alice, title="Ünïcode", body="## Rollback plan\nRevert.").label("emergency", "x").merge("squash")
    change = only(it, server)
    assert (change.title, change.description, change.labels) == ("Ünïcode", "## Rollback plan\nRevert.", ("emergency", "x"))


# --- tickets -----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "source"),
    [
        ("Fixes #1", "closing-keyword"),
        ("See {web}/acme/shop/issues/1", "address"),
        ("See Acme/Shop#1", "qualified-number"),
        ("See #1", "number"),
    ],
)
def test_a_ticket_in_the_description(it: World, server: GitHubServer, body: str, source: str) -> None:
    issue = it.repo.issue("Sell apples")
    it.repo.pull(author=it.alice, body=body.format(web=server.url)).merge("squash")
    (ticket,) = sure(only(it, server).tickets)
    assert (ticket.key, ticket.kind, ticket.source, ticket.title, ticket.created_at) == (
        "acme/shop#1",
        TicketKind.ISSUE,
        source,
        "Sell apples",
        issue.created_at,
    )


def test_a_ticket_linked_by_hand(it: World, server: GitHubServer) -> None:
    it.repo.pull(author=it.alice).link(it.repo.issue()).merge("squash")
    assert [ticket.source for ticket in sure(only(it, server).tickets)] == ["linked"]


def test_a_change_is_no_issue(it: World, server: GitHubServer) -> None:
    it.repo.pull(author=it.alice).close()
    it.repo.pull(author=it.alice, body="After #1").merge("squash")
    (ticket,) = sure(only(it, server).tickets)
    assert (ticket.kind, ticket.state) == (TicketKind.CHANGE, "closed")


def test_a_number_that_does_not_exist_is_no_ticket(it: World, server: GitHubServer) -> None:
    it.repo.pull(author=it.alice, body="Our #99 priority, acme/shop#98").merge("squash")
    assert only(it, server).tickets == ()


def test_a_ticket_that_the_token_cannot_see_is_unknown(it: World, server: GitHubServer) -> None:
    it.hub.repository("acme/secret").private = True
    it.repo.pull(author=it.alice, body="acme/secret#1").merge("squash")
    tickets = only(it, server).tickets
    assert isinstance(tickets, Unavailable)
    assert "can't see acme/secret#1" in tickets.why


def test_a_ticket_of_another_repository(it: World, server: GitHubServer) -> None:
    it.hub.repository("acme/other").issue("Elsewhere")
    it.repo.pull(author=it.alice, body="acme/other#1").merge("squash")
    assert [ticket.key for ticket in sure(only(it, server).tickets)] == ["acme/other#1"]


def test_more_references_than_fit_one_request(it: World, server: GitHubServer) -> None:
    for _ in range(130):
        it.repo.issue()
    it.repo.pull(author=it.alice, body=" ".join(f"#{number}" for number in range(1, 131))).merge("squash")
    assert len(sure(only(it, server).tickets)) == 130


# --- checks ------------------------------------------------------------------------------------------------------------------


def test_checks_of_the_head_and_of_what_landed(it: World, server: GitHubServer) -> None:
    pull = it.repo.pull(author=it.alice).check("ci", "failure").commit().check("ci").status("legacy", "pending").merge("squash")
    it.repo.report(it.repo.head, "ci", "cancelled")
    found = {(check.commit, check.name): check.state for check in sure(only(it, server).checks)}
    assert found == {
        (pull.head, "ci"): CheckState.SUCCESS,
        (pull.head, "legacy"): CheckState.PENDING,
        (it.repo.head, "ci"): CheckState.CANCELLED,
    }


def test_the_newest_run_counts(it: World, server: GitHubServer) -> None:
    it.repo.pull(author=it.alice).check("ci", "failure").check("ci", "success").check("lint").check("lint", "queued").merge("squash")
    assert {check.name: check.state for check in sure(only(it, server).checks)} == {"ci": CheckState.SUCCESS, "lint": CheckState.PENDING}


def test_two_workflows_with_one_name_hide_nothing(it: World, server: GitHubServer) -> None:
    it.repo.pull(author=it.alice).check("build", "failure", workflow=1).check("build", "success", workflow=2).merge("squash")
    assert [check.state for check in sure(only(it, server).checks)] == [CheckState.FAILURE]


@pytest.mark.parametrize("run", [OWN_RUN, 4711])
def test_the_gates_own_run_is_left_out(it: World, server: GitHubServer, run: int) -> None:
    it.repo.pull(author=it.alice).check("ci").merge("squash")
    it.repo.report(it.repo.head, "gate", "in_progress", run=run)
    names = [check.name for check in sure(only(it, server).checks)]
    assert names == (["ci"] if run == OWN_RUN else ["ci", "gate"])


def test_more_checks_than_a_page(it: World, server: GitHubServer) -> None:
    pull = it.repo.pull(author=it.alice)
    for number in range(130):
        pull.check(f"check-{number}")
    pull.merge("squash")
    assert len(sure(only(it, server).checks)) == 130


def test_no_checks_at_all(it: World, server: GitHubServer) -> None:
    it.repo.pull(author=it.alice).merge("squash")
    assert only(it, server).checks == ()


def test_an_empty_range_asks_nothing(it: World, server: GitHubServer) -> None:
    assert changes(it, server) == ()


def test_a_request_too_big_for_github_is_halved(it: World, server: GitHubServer) -> None:
    for _ in range(4):
        it.repo.pull(author=it.alice).merge("squash")
    server.fail("502", at=4, times=5)
    assert len(changes(it, server)) == 4
    assert len(server.requests) == 4 + 5 + 2
