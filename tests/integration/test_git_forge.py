"""The git forge on real repositories: ranges, changes, facts, trusted files."""

import time
from collections.abc import Mapping
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from repositories import ALICE, BOB, CAROL, DAVE, START, Built, History, Person

from changegate.errors import ForgeError, InputError
from changegate.facts import (
    Assurance,
    BaseSource,
    Change,
    ChangeKind,
    Deployment,
    DeployRange,
    Identity,
    IdentityKind,
    Missing,
    RangeOutcome,
    Run,
    Unavailable,
)
from changegate.forges import Baseline, Forge, Needs
from changegate.forges import trailers as trailer_grammar
from changegate.forges.git import Git


def deployment(head: str) -> Deployment:
    return Deployment(forge="git", repository="shop", environment="production", head=head, run=Run(id="1"))


def resolve(built: Built, base: int | None, head: int, *, logged: int | None = None) -> DeployRange:
    return Git(built.path).resolve_range(
        deployment(built.ids[head]),
        requested=None if base is None else built.ids[base],
        logged=None if logged is None else Baseline(built.ids[logged], BaseSource.LOG, "log:1"),
    )


def changes(built: Built, base: int = 0) -> tuple[Change, ...]:
    head = len(built.ids) - 1
    return Git(built.path).fetch_changes(deployment(built.ids[head]), resolve(built, base, head))


def reviews(change: Change) -> list[tuple[str, str]]:
    assert not isinstance(change.reviews, Unavailable)
    return [(review.via, review.reviewer.login) for review in change.reviews if isinstance(review.reviewer, Identity)]


def contributors(change: Change) -> set[str]:
    assert not isinstance(change.commits, Unavailable)
    people = [change.author, *(person for commit in change.commits for person in commit.people)]
    return {person.login for person in people if isinstance(person, Identity)}


@pytest.fixture(scope="module")
def line(tmp_path_factory: pytest.TempPathFactory) -> Built:
    """0 - 1 - 2 - 3, and 4 beside them, from 1."""
    history = History()
    for number in range(4):
        history.commit(f"Commit {number}")
    history.commit("Beside", parents=[1])
    return history.write(tmp_path_factory.mktemp("line") / "repository")


@pytest.mark.parametrize(
    ("requested", "logged", "head", "outcome", "base", "commits", "removed"),
    [
        (0, None, 2, RangeOutcome.FIRST_DEPLOY, 0, [1, 2], []),
        (2, None, 2, RangeOutcome.FIRST_DEPLOY, 2, [], []),
        (4, None, 3, RangeOutcome.REWRITTEN, 4, [2, 3], [4]),
        (None, 1, 3, RangeOutcome.AHEAD, 1, [2, 3], []),
        (None, 3, 3, RangeOutcome.REDEPLOY, 3, [], []),
        (None, 3, 1, RangeOutcome.ROLLBACK, 3, [], [2, 3]),
        (None, 3, 4, RangeOutcome.REWRITTEN, 3, [4], [2, 3]),
        (1, 1, 3, RangeOutcome.AHEAD, 1, [2, 3], []),
        (0, 2, 3, RangeOutcome.AHEAD, 0, [1, 2, 3], []),
        (0, 3, 3, RangeOutcome.AHEAD, 0, [1, 2, 3], []),
        (0, 3, 1, RangeOutcome.AHEAD, 0, [1], [2, 3]),
    ],
)
def test_ranges(
    line: Built, requested: int | None, logged: int | None, head: int, outcome: RangeOutcome, base: int, commits: list[int], removed: list[int]
) -> None:
    found = resolve(line, requested, head, logged=logged)
    assert (found.outcome, found.base, found.head) == (outcome, line.ids[base], line.ids[head])
    assert [commit.sha for commit in found.commits] == [line.ids[number] for number in commits]
    assert [commit.sha for commit in found.removed] == [line.ids[number] for number in removed]
    from_log = logged is not None and base == logged
    assert (found.base_source, found.base_url) == ((BaseSource.LOG, "log:1") if from_log else (BaseSource.OPTION, ""))


@pytest.mark.parametrize(
    ("requested", "logged", "head", "message"),
    [
        (None, None, 3, "nothing says what is deployed"),
        (3, None, 1, "comes after the commit to deploy"),
        (2, 1, 3, "would leave commits unjudged"),
        (4, 2, 3, "would leave commits unjudged"),
    ],
)
def test_ranges_that_are_refused(line: Built, requested: int | None, logged: int | None, head: int, message: str) -> None:
    with pytest.raises(InputError, match=message):
        resolve(line, requested, head, logged=logged)


def test_a_range_says_what_its_commits_hold(line: Built) -> None:
    commit = resolve(line, 0, 1).commits[0]
    assert commit.subject == "Commit 1"
    assert commit.parents == (line.ids[0],)
    assert commit.tree == line.git("rev-parse", f"{line.ids[1]}^{{tree}}")


def test_revisions(line: Built) -> None:
    line.git("tag", "v1", line.ids[1])
    forge: Forge = Git(line.path)
    assert forge.name == "git"
    assert [forge.resolve_head(name) for name in ("v1", line.ids[1][:10], f"{line.ids[2]}~1")] == [line.ids[1]] * 3
    for wrong in ("", "nothing", "--all", "-h", "HEAD\n", "0" * 40, "main..v1", "\udcff", "v1\0"):
        with pytest.raises(InputError, match="names no commit"):
            forge.resolve_head(wrong)


def test_an_unknown_base(line: Built) -> None:
    forge, head = Git(line.path), deployment(line.ids[3])
    with pytest.raises(InputError, match="--base 'v0' names no commit"):
        forge.resolve_range(head, requested="v0", logged=None)
    for commit in ("f" * 40, "main", line.ids[0][:10]):
        with pytest.raises(ForgeError, match="is not in"):
            forge.resolve_range(head, requested=None, logged=Baseline(commit, BaseSource.LOG))


def test_a_commit_is_a_change(tmp_path: Path) -> None:
    history = History()
    history.commit("Start")
    change_id = "I" + "0a" * 20
    message = (
        "Fix the cart\n\n## Rollback plan\nRevert it.\n\n"
        f"Ticket: SHOP-12\nReviewed-by: Bob <bob@example.com>\nCo-authored-by: Dave <dave@example.com>\nChange-Id: {change_id}\n"
    )
    history.commit(message, committer=CAROL)
    built = history.write(tmp_path / "repository")
    (change,) = changes(built)
    assert (change.id, change.kind, change.assurance, change.title) == (change_id, ChangeKind.COMMIT, Assurance.ASSERTED, "Fix the cart")
    assert contributors(change) == {"Alice", "Carol", "Dave"}
    assert reviews(change) == [("Reviewed-by", "Bob")]
    assert not isinstance(change.reviews, Unavailable)
    (review,) = change.reviews
    assert (review.commit, isinstance(review.may_write, Unavailable)) == (built.ids[1], True)
    assert not isinstance(review.submitted_at, Unavailable)
    assert review.submitted_at.timestamp() == START + 60
    assert review.submitted_at == change.merged_at
    assert not isinstance(change.tickets, Unavailable)
    assert [(ticket.key, ticket.source) for ticket in change.tickets] == [("SHOP-12", "trailer:Ticket")]
    assert "## Rollback plan\nRevert it." in change.description
    assert isinstance(change.checks, Missing)
    assert (change.head, change.landed) == (built.ids[1], (built.ids[1],))


def test_the_files_of_each_step(tmp_path: Path) -> None:
    history = History()
    history.commit("Start", files={"a.sql": b"1"})
    history.commit("First", files={"a.sql": b"2", "b/c.sql": b"1"})
    tip = history.commit("On a branch", files={"d.sql": b"1"})
    beside = history.commit("Second", parents=[1], files={"a.sql": None, "b/c.sql": b"2"})
    history.merge(beside, tip, message="Merge it", files={"a.sql": None})
    built = history.write(tmp_path / "repository")
    head = deployment(built.ids[-1])
    found = Git(built.path).fetch_changes(head, resolve(built, 0, len(built.ids) - 1), Needs(files=True))
    listed = {change.title: {(file.path, file.removed) for file in change.files} for change in found if not isinstance(change.files, Unavailable)}
    assert listed == {
        "First": {("a.sql", False), ("b/c.sql", False)},
        "Second": {("a.sql", True), ("b/c.sql", False)},
        "Merge it": {("d.sql", False)},
    }


def test_a_change_id_that_stands_twice_names_nothing(tmp_path: Path) -> None:
    history = History()
    history.commit("Start")
    for _ in range(2):
        history.commit("Fix\n\nChange-Id: I" + "0a" * 20)
    built = history.write(tmp_path / "repository")
    assert [change.id for change in changes(built)] == [sha[:12] for sha in built.ids[1:]]


def merged(path: Path, first: str, second: str, message: str = "Merge the cart", *, files: Mapping[str, bytes | None] | None = None) -> Built:
    """0, then 1 and 2 on a branch by Alice and Dave, 3 beside them, and 4: Carol's merge."""
    history = History()
    base = history.commit("Start")
    history.commit(first)
    tip = history.commit(second, author=DAVE)
    beside = history.commit("Beside", author=BOB, parents=[base])
    history.merge(beside, tip, message=message, files=files)
    return history.write(path)


BY_BOB = "\n\nReviewed-by: Bob <bob@example.com>"
BY_BOBS_OTHER_ADDRESS = "\n\nReviewed-by: bob <bob@home.example>"


@pytest.mark.parametrize(
    ("first", "second", "landing", "wanted"),
    [
        ("One", "Two", "Merge" + BY_BOB, [("Reviewed-by", "Bob")]),
        ("One" + BY_BOB, "Two" + BY_BOBS_OTHER_ADDRESS, "Merge", [("Reviewed-by", "Bob")]),
        ("One" + BY_BOB, "Two", "Merge", []),
        ("One", "Two" + BY_BOB, "Merge", []),
        ("One" + BY_BOB, "Two\n\nApproved-by: Bob <bob@example.com>", "Merge", []),
        ("One", "Two", "Merge", []),
    ],
)
def test_who_reviewed_a_merge(tmp_path: Path, first: str, second: str, landing: str, wanted: list[tuple[str, str]]) -> None:
    _, change = changes(merged(tmp_path / "repository", first, second, landing))
    assert reviews(change) == wanted


def test_a_merge_is_a_change(tmp_path: Path) -> None:
    built = merged(tmp_path / "repository", "One\n\nRollback plan\n\nTicket: SHOP-1", "Two\n\nText", "Merge the cart\n\nBody\n\nTicket: SHOP-2")
    beside, change = changes(built)
    assert beside.landed == (built.ids[3],)
    assert (change.kind, change.title, change.head) == (ChangeKind.MERGE, "Merge the cart", built.ids[4])
    assert change.landed == (built.ids[1], built.ids[2], built.ids[4])
    assert contributors(change) == {"Alice", "Dave"}, "the merger contributes nothing"
    assert isinstance(change.merged_by, Identity)
    assert change.merged_by.login == "Carol"
    assert not isinstance(change.tickets, Unavailable)
    assert [ticket.key for ticket in change.tickets] == ["SHOP-2", "SHOP-1"]
    first, second = (f"# Commit {built.ids[number]}\n\n" for number in (1, 2))
    assert change.description == f"Body\n\nTicket: SHOP-2\n\n{first}Rollback plan\n\nTicket: SHOP-1\n\n{second}Text"


@pytest.mark.parametrize("files", [{"slipped-in": b"x"}, {"file-1": None}, {"file-3": b"other"}])
def test_who_slips_something_into_a_merge_contributes(tmp_path: Path, files: dict[str, bytes | None]) -> None:
    _, change = changes(merged(tmp_path / "repository", "One", "Two", files=files))
    assert contributors(change) == {"Alice", "Dave", "Carol"}


@pytest.mark.parametrize("name", ["cart", "a\nb", '"', "0\n1"])
def test_who_resolves_a_conflict_contributes(tmp_path: Path, name: str) -> None:
    history = History()
    base = history.commit("Start", files={name: b"0\n"})
    ours = history.commit("Ours", files={name: b"1\n"})
    theirs = history.commit("Theirs", parents=[base], files={name: b"2\n"}, author=BOB)
    history.merge(ours, theirs, files={name: b"1\n2\n"})
    clean = history.commit("Clean", parents=[base], author=DAVE)
    history.merge(3, clean, author=Person("Merger", "merger@example.com"))
    _, resolved, last = changes(history.write(tmp_path / "repository"))
    assert contributors(resolved) == {"Bob", "Carol"}
    assert contributors(last) == {"Dave"}


def test_an_octopus_counts_its_merger(tmp_path: Path) -> None:
    history = History()
    base = history.commit("Start")
    tips = [history.commit("One", parents=[base]), history.commit("Two", parents=[base])]
    history.merge(base, *tips)
    (change,) = changes(history.write(tmp_path / "repository"))
    assert contributors(change) == {"Alice", "Carol"}


def test_bots_and_odd_people(tmp_path: Path) -> None:
    history = History()
    history.commit("Start")
    history.commit("Update", author=Person("renovate[bot]", "bot@example.com"))
    history.commit("Odd", author=Person("", ""))
    bot, nobody = changes(history.write(tmp_path / "repository"))
    assert isinstance(bot.author, Identity)
    assert bot.author.kind is IdentityKind.BOT
    assert isinstance(nobody.author, Unavailable)


def test_odd_messages(tmp_path: Path) -> None:
    history = History()
    history.commit("Start")
    history.commit(b"")
    history.commit(b"Caf\xe9\n\nReviewed-by: B\xf6b <bob@example.com>", encoding="ISO-8859-1")
    history.commit(b"\xff\xfe\n\nReviewed-by: \xff <bob@example.com>")
    history.commit(b"Nul\0\n\nTicket: SHOP-1\0")
    history.commit(b"Huge\n\n" + b"x: y\n" * 200_000 + BY_BOB.encode())
    empty, latin, odd, nul, huge = changes(history.write(tmp_path / "repository"))
    assert empty.title == ""
    assert (latin.title, reviews(latin)) == ("Café", [("Reviewed-by", "Böb")])
    assert reviews(odd) == [("Reviewed-by", "\ufffd")]
    assert nul.title == "Nul\0"
    assert reviews(huge) == [("Reviewed-by", "Bob")]


def test_trailers_are_those_that_git_reads(tmp_path: Path) -> None:
    pieces = [
        "Fix",
        "Ticket: A-1",
        "Reviewed-by : Bob",
        " folded",
        "\tfolded",
        "",
        "",
        "prose",
        "Signed-off-by: Al <a@b>",
        "Conflicts:",
        "\tfile",
        "key:",
        ":",
    ]
    pieces += ["(cherry picked from commit 1a2b3c)", "two words: x", "---", "# comment", "   ", "a-b:c"]

    @settings(max_examples=60, deadline=None)
    @given(st.lists(st.lists(st.sampled_from(pieces), max_size=9), min_size=20, max_size=40))
    def compare(messages: list[list[str]]) -> None:
        joined = ["\n".join(message) for message in messages]
        count = len(list(tmp_path.iterdir()))
        history = History()
        for message in joined:
            history.commit(message)
        built = history.write(tmp_path / str(count))
        log = built.git("log", "-z", "--reverse", "--topo-order", "--format=%(trailers:only,unfold)%x01")
        theirs = [[line.rstrip() for line in part.strip("\n").split("\n") if line] for part in log.replace("\0", "").split("\x01")[:-1]]
        ours = [[f"{trailer.key}: {trailer.value}".rstrip() for trailer in trailer_grammar.parse(message)] for message in joined]
        assert ours == theirs

    compare()


def test_every_commit_is_in_one_change(tmp_path: Path) -> None:
    @settings(max_examples=40, deadline=None)
    @given(st.lists(st.lists(st.integers(0, 30), max_size=3), min_size=1, max_size=30), st.integers(0, 30))
    def check(plan: list[list[int]], base: int) -> None:
        history = History()
        history.commit("Start")
        for number, parents in enumerate(plan, start=1):
            history.commit("Step", parents=list(dict.fromkeys(parent % number for parent in parents)))
        built = history.write(tmp_path / str(len(list(tmp_path.iterdir()))))
        base %= len(built.ids)
        head = len(built.ids) - 1
        found = resolve(built, None, head, logged=base)
        landed = [sha for change in Git(built.path).fetch_changes(deployment(built.ids[head]), found) for sha in change.landed]
        wanted = built.git("rev-list", f"{built.ids[base]}..{built.ids[head]}").split()
        assert sorted(landed) == sorted(wanted)

    check()


def test_two_thousand_commits_take_seconds_and_few_processes(tmp_path: Path) -> None:
    history = History()
    tip = history.commit("Start", files={})
    for number in range(700):
        first = history.commit("One", parents=[tip], files={})
        second = history.commit("Two", author=DAVE, files={f"directory-{number % 50}/file-{number}": b"%d\n" % number})
        tip = history.merge(tip, second, message=f"Merge {number}{BY_BOB}")
        assert (first, second) == (tip - 2, tip - 1)
    built = history.write(tmp_path / "repository")
    calls: list[str] = []
    started = time.perf_counter()
    forge = Git(built.path, on_request=lambda what, _: calls.append(what))
    head = deployment(built.ids[-1])
    found = forge.fetch_changes(head, forge.resolve_range(head, requested=built.ids[0], logged=None))
    assert time.perf_counter() - started < 20
    assert (len(found), sum(len(change.landed) for change in found)) == (700, 2100)
    assert all(reviews(change) == [("Reviewed-by", "Bob")] and contributors(change) == {"Alice", "Dave"} for change in found)
    assert len(calls) < 12


TEMPLATES = [
    "pull_request_template.md",
    ".github/PULL_REQUEST_TEMPLATE.md",
    ".github/PULL_REQUEST_TEMPLATE/Fix.md",
    "docs/Pull_Request_Template.txt",
    ".gitlab/merge_request_templates/Default.md",
]


def test_trusted_files_are_those_of_the_base(tmp_path: Path) -> None:
    history = History()
    others = ["docs/other.md", ".github/CODEOWNERS", ".gitlab/issue_templates/a.md", "src/pull_request_template.md"]
    history.commit("Start", files={".changegate.yml": b"version: 1\n", **{path: path.encode() for path in (*TEMPLATES, *others)}})
    history.commit("Weaken", files={".changegate.yml": b"enforce: false\n"})
    history.commit("Remove", files={".changegate.yml": None})
    built = history.write(tmp_path / "repository")
    forge = Git(built.path)
    at_base = forge.read_trusted(built.ids[0], ".changegate.yml")
    assert at_base.policy == b"version: 1\n"
    assert not isinstance(at_base.templates, Unavailable)
    assert sorted(at_base.templates) == sorted(TEMPLATES)
    assert forge.read_trusted(built.ids[0], "./docs/other.md").policy == b"docs/other.md"
    assert isinstance(forge.read_trusted(built.ids[2], ".changegate.yml").policy, Missing)
    for wrong in ("docs", "/etc/passwd", "../x", "", "a\nb"):
        with pytest.raises(InputError, match="policy"):
            forge.read_trusted(built.ids[0], wrong)
    assert isinstance(forge.read_trusted(built.ids[0], ":(glob)*").policy, Missing)


def test_a_policy_that_is_a_link_is_refused(tmp_path: Path) -> None:
    history = History()
    history.commit("Start")
    built = history.write(tmp_path / "repository")
    blob = built.git("hash-object", "-w", "--stdin", stdin=b"/etc/passwd")
    tree = built.git("mktree", stdin=f"120000 blob {blob}\t.changegate.yml\n".encode())
    commit = built.git("commit-tree", tree, "-m", "Link")
    with pytest.raises(InputError, match="no plain file"):
        Git(built.path).read_trusted(commit, ".changegate.yml")


def test_alice_is_one_person_by_name_or_address(tmp_path: Path) -> None:
    history = History()
    history.commit("Start")
    history.commit("Fix\n\nReviewed-by: ALICE <other@example.com>", author=ALICE)
    (change,) = changes(history.write(tmp_path / "repository"))
    assert not isinstance(change.reviews, Unavailable)
    reviewer = change.reviews[0].reviewer
    assert isinstance(reviewer, Identity)
    assert isinstance(change.author, Identity)
    assert reviewer.keys & change.author.keys
