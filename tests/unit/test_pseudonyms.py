"""Facts without people: every text has its treatment, no name is left, and every control judges as before."""

import itertools
import re
import typing
from collections.abc import Iterator
from typing import Any

import pytest
from builders import ALICE, BOB, CAROL, DAVE, PLAN, ROBOT, change, check, commit, deployment, facts, hours, review, sha, ticket
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from changegate.controls import evaluate
from changegate.decision import Verdict
from changegate.facts import (
    MISSING,
    Actor,
    Calendar,
    CalendarTime,
    ChangedFile,
    Check,
    CodeOwnersFile,
    Declaration,
    DueReview,
    Facts,
    Identity,
    IdentityKind,
    Lookup,
    Permission,
    ReviewState,
    Team,
    TicketKind,
    Trailer,
    Unavailable,
    Version,
    Waiver,
)
from changegate.openings import TOKEN, Kind
from changegate.openings import commit as commit_to
from changegate.policy import EffectivePolicy
from changegate.pseudonyms import TEXTS, hide
from changegate.record import facts_json

HOLIDAYS = Calendar(
    path="ops/alice.ics",
    commit="c" * 40,
    time_zone="UTC",
    kind="freeze",
    times=(CalendarTime(begins=hours(0), ends=hours(9), title="Bob is away"), CalendarTime(begins=hours(20), ends=hours(30), title="Carol is away")),
)
WINDOWS = {
    "weekly": [{"kind": "allow", "name": "bob's hours", "reason": "alice is there", "hours": ["mon-sun"]}],
    "calendars": [{"kind": "freeze", "name": "holidays", "reason": "dave isn't there", "path": "ops/alice.ics"}],
}


def texts_of(model: type[BaseModel], seen: set[type]) -> Iterator[str]:
    """Every field of the model, and of all that it is made of, that may hold a text."""
    if model in seen:
        return
    seen.add(model)
    for name, field in model.model_fields.items():
        parts = list(parts_of(field.annotation))
        if model is not Identity and str in parts:
            yield f"{model.__name__}.{name}"
        for part in parts:
            if isinstance(part, type) and issubclass(part, BaseModel):
                yield from texts_of(part, seen)


def parts_of(annotation: Any) -> Iterator[Any]:
    arguments = typing.get_args(annotation)
    if typing.get_origin(annotation) is typing.Literal:
        yield from (type(each) for each in arguments)
        return
    if not arguments:
        yield annotation
    for each in arguments:
        yield from parts_of(each)


def test_every_text_of_the_facts_has_its_treatment() -> None:
    assert sorted(set(texts_of(Facts, set()))) == sorted(TEXTS)


def salts() -> Any:
    numbers = itertools.count()
    return lambda: next(numbers).to_bytes(32, "big")


def hidden(found: Facts, **rules: Any) -> tuple[Facts, EffectivePolicy]:
    """The facts without names; the decision by them is the same, also when they are read again."""
    policy = EffectivePolicy.model_validate(rules)
    made = hide(found, policy, "", salts())
    again = Facts.model_validate_json(facts_json(made.facts))
    before, after = evaluate(found, policy), evaluate(again, EffectivePolicy.model_validate(made.policy.model_dump(mode="json")))
    assert (after.verdict, after.reasons) == (before.verdict, before.reasons)
    tokens = {each.token for each in made.openings}
    assert len(tokens) == len(made.openings)
    for each in made.openings:
        assert each in {commit_to(kind, each.value, each.salt) for kind in Kind}
    return made.facts, made.policy


LINEAR = {"kind": "linear", "url": "https://api.linear.app", "projects": ["SHOP"]}
OWNERS = "# ask alice, or bob@example.com\n* @Alice @acme/owners\n/docs/ bob@example.com\n/home/bob/ @bob # bob's\n[ broken @bob\n"
PLANS = {
    "absent": "Nothing to see, says alice",
    "empty": "## Rollback plan\n",
    "boilerplate": "## Rollback plan\nTBD\n\n## Thanks\nto alice",
    "template": "## Rollback plan\nAsk alice how it is done",
    "too short": "## Rollback plan\nask alice",
    "version": "## Rollback plan\nv1.4, alice",
    "specific": PLAN + " Then tell alice and bob.",
    "line": "Rollback plan: alice switches the flag off",
}


@pytest.mark.parametrize("description", PLANS.values(), ids=PLANS)
def test_a_plan_keeps_its_worth_and_not_its_words(description: str) -> None:
    found = facts(
        change(description=description),
        templates=("## Rollback plan\nAsk alice how it is done\n",),
        deployed=(Version(commit="ab" * 20, names=("v1.4", "alice-release")),),
    )
    kept, _ = hidden(found)
    assert "alice" not in facts_json(kept).decode()


@pytest.mark.parametrize(
    ("differs", "rules"),
    [
        ({}, {}),
        ({"reviews": (review(ALICE),)}, {}),
        ({"reviews": (review(Identity(key="email:al@example.com", login="Al", aliases=("github:1",))),)}, {}),
        ({"reviews": (review(BOB), review(BOB, ReviewState.CHANGES_REQUESTED, submitted_at=hours(3)))}, {}),
        ({"reviews": (review(Unavailable(why="alice@example.com is gone", remedy="ask bob")),)}, {}),
        ({"reviews": Unavailable(why="alice may not see them")}, {}),
        ({"commits": Unavailable(why="bob@example.com: too large")}, {}),
        ({"commits": (commit(co_authors=(BOB, Unavailable(why="Carol <carol@example.com>")), trailers=(Trailer(key="Cc", value="dave"),)),)}, {}),
        ({"title": "SHOP-12: as alice said", "tickets": ()}, {"controls": {"ticket-linked": {"projects": ["SHOP"]}}}),
        ({"head_ref": "alice/SHOP-12-round-up", "tickets": ()}, {"controls": {"ticket-linked": {"projects": ["SHOP"]}}}),
        ({"commits": (commit(subject="bob: SHOP-12"),), "tickets": ()}, {"controls": {"ticket-linked": {"projects": ["SHOP"]}}}),
        (
            {"commits": (commit(trailers=(Trailer(key="Refs", value="SHOP-12, says bob"),)),), "tickets": ()},
            {"controls": {"ticket-linked": {"projects": ["SHOP"]}}},
        ),
        ({"head_ref": "alice/shop-12-round-up", "tickets": ()}, {"assurance": "asserted", "trackers": [LINEAR]}),
        (
            {"description": "", "tickets": (ticket("SHOP-12", lookup=Lookup.FORBIDDEN, plan=Unavailable(why="alice may not")),)},
            {"trackers": [LINEAR]},
        ),
        ({"tickets": (ticket("alice/shop#7", title="alice's bug", url="https://x.example/alice/shop/7"),)}, {}),
        ({"checks": (check("alice's tests"),)}, {"controls": {"checks-passed": {"required": ["alice's tests"]}}}),
        ({"author": ROBOT, "commits": (commit(author=ROBOT, committer=ROBOT, verified=True),), "reviews": ()}, {}),
        (
            {"author": ROBOT, "commits": (commit(author=ROBOT, committer=ROBOT, verified=True),), "reviews": ()},
            {"controls": {"peer-approved": {"exempt-bots": [9]}}},
        ),
        ({"files": (ChangedFile(path="a.py"),)}, {"controls": {"peer-approved": {"code-owners": True}}}),
        ({"files": (ChangedFile(path="docs/a.md"),)}, {"controls": {"peer-approved": {"code-owners": True}}}),
        ({"files": (ChangedFile(path="home/bob/x", was="home/alice/x"),)}, {"controls": {"peer-approved": {"code-owners": True}}}),
        (
            {"files": (ChangedFile(path="home/bob/x.sql"),), "description": "## Rollback plan\nBy the procedure of Alice, as ever"},
            {"controls": {"rollback-plan": {"by-path": [{"paths": ["/home/bob/"], "names": ["procedure of alice"]}]}}},
        ),
        (
            {"files": (ChangedFile(path="a.sql"), ChangedFile(path="alice.down.sql"))},
            {"controls": {"rollback-plan": {"by-path": [{"paths": ["a.sql"], "brings": ["alice.down.sql"]}]}}},
        ),
        ({"files": (ChangedFile(path="a.sql"),)}, {"controls": {"rollback-plan": {"by-path": [{"paths": ["*.sql"], "names": ["ask alice"]}]}}}),
        ({}, {"controls": {"peer-approved": {"required-teams": ["acme/owners"]}, "duties-separated": {"enabled": True}}}),
        ({}, {"controls": {"peer-approved": {"required-teams": ["acme/alice"]}}}),
        ({}, {"controls": {"deploy-window": WINDOWS}}),
        *(
            ({"files": (ChangedFile(path="home/bob/x.sql"),)}, {"controls": {"policy-owner-approved": {"owners": owners, "paths": ["/home/bob/"]}}})
            for owners in (["bob"], ["Bob", "alice"], ["carol"], ["acme/owners"], ["acme/alice"])
        ),
        ({"merged_by": DAVE, "former": (CAROL,), "pushers": (BOB,), "labels": ("alice's",), "unknown": "alice"}, {}),
    ],
)
@pytest.mark.parametrize("forge", ["github", "gitlab"])
def test_names_are_gone_and_the_decision_is_the_same(differs: dict[str, Any], rules: dict[str, Any], forge: str) -> None:
    found = facts(
        change(**differs),
        deployment=deployment(forge=forge, deployer=BOB, ref="refs/heads/alice"),
        code_owners=CodeOwnersFile(path="CODEOWNERS", commit="c" * 40, text=OWNERS),
        calendars=(HOLIDAYS,),
        teams=(Team(name="acme/owners", members=(BOB, DAVE)), Team(name="alice", members=(ALICE,)), Team(name="acme/alice", members=(BOB,))),
    )
    kept, policy = hidden(found, **rules)
    written = facts_json(kept).decode() + policy.model_dump_json()
    assert not re.search(r"alice|\bbob|carol|dave|example\.com|github:[1-4]\b", written, re.IGNORECASE)


PLANNING = {"kind": "github-issues", "url": "https://api.github.com", "projects": ["Alice/planning"]}


@pytest.mark.parametrize(
    ("differs", "rules", "kept"),
    [
        (
            {"title": "BOB-12: as alice said", "tickets": ()},
            {"assurance": "asserted", "controls": {"ticket-linked": {"projects": ["BOB"]}}},
            "BOB-12",
        ),
        ({"title": "BOB-12", "tickets": (ticket("BOB-12", lookup=Lookup.FOUND),)}, {"trackers": [LINEAR | {"projects": ["BOB"]}]}, "BOB-12"),
        (
            {"title": "SHOP-1", "tickets": (ticket("SHOP-1", lookup=Lookup.FOUND, moved="BOB-2"),)},
            {"trackers": [LINEAR | {"projects": ["SHOP", "BOB"]}]},
            "BOB-2",
        ),
        ({"title": "alice/planning#12", "tickets": (ticket("alice/planning#12", lookup=Lookup.FOUND),)}, {"trackers": [PLANNING]}, "/planning#12"),
        ({"title": "Alice/Planning#12", "tickets": ()}, {"trackers": [PLANNING]}, "/Planning#12"),
    ],
)
def test_a_key_is_the_same_ticket_also_where_it_has_somebodys_name(differs: dict[str, Any], rules: dict[str, Any], kept: str) -> None:
    found, policy = hidden(facts(change(**differs)), **rules)
    written = facts_json(found).decode()
    assert kept in written
    assert "alice" not in (written + policy.model_dump_json()).casefold()


def test_a_bot_by_name_alone_is_a_person() -> None:
    pretender = Identity(key="email:eve@example.com", login="Eve[bot]", kind=IdentityKind.BOT)
    kept, _ = hidden(facts(change(author=pretender, reviews=(review(ROBOT),))))
    written = facts_json(kept).decode()
    assert "eve" not in written.lower()
    assert "robot[bot]" in written


def test_the_same_person_is_the_same_in_one_record_and_another_in_the_next() -> None:
    policy = EffectivePolicy()
    one = hide(facts(change()), policy, "", salts()).facts.changes[0]
    numbers = itertools.count(1000)
    other = hide(facts(change()), policy, "", lambda: next(numbers).to_bytes(32, "big")).facts.changes[0]
    assert isinstance(one.author, Identity)
    assert isinstance(one.commits, tuple)
    assert one.commits[0].author == one.author != other.author


NAME = st.from_regex(r"\A[A-Za-z\u00e4\u010d][A-Za-z0-9\u00e4\u010d-]{4,20}[a-z0-9]\Z").filter(lambda name: not name.isascii() or "q" in name.lower())
"""Names that no word of ours can be."""


@given(st.lists(NAME, min_size=4, max_size=4, unique_by=str.casefold), st.sampled_from(["{}", "by {}", "{}@{}.example.org", "<{}>: SHOP-1", "@{}"]))
def test_no_generated_name_is_left_anywhere(names: list[str], form: str) -> None:
    people = [Identity(key=f"github:{at}", login=name, aliases=(f"email:{name}@mail.example",)) for at, name in enumerate(names, 100)]
    said = [form.format(name, "mail") for name in names]
    one, two, three, four = people
    found = facts(
        change(
            author=one,
            title=said[0],
            description=f"{said[1]}\n\n## Rollback plan\nTell {said[2]} to switch it off again",
            labels=(said[3],),
            base_ref=said[0],
            head_ref=said[1],
            commits=(commit(author=one, committer=two, subject=said[2], trailers=(Trailer(key="Reviewed-by", value=said[3]),)), commit("next")),
            reviews=(review(three, url=f"https://x.example/{names[2]}"), review(Unavailable(why=said[1], remedy=said[2]))),
            tickets=(ticket(said[0], title=said[1], url=f"https://x.example/{names[3]}"),),
            checks=(Check(name=said[2], commit="c" * 40, state=check().state),),
            merged_by=four,
            unknown=said[0],
            files=(ChangedFile(path=f"home/{names[1]}/x"),),
        ),
        deployment=deployment(deployer=MISSING, ref=f"refs/heads/{names[0]}"),
        code_owners=CodeOwnersFile(
            path="CODEOWNERS", commit="c" * 40, text="".join(f"* @{each} {each}@mail.example # {each}\n" for each in names if each.isascii())
        ),
        templates=(said[1],),
    )
    kept, _ = hidden(found, controls={"peer-approved": {"code-owners": True}, "ticket-linked": {"projects": ["SHOP"]}})
    written = facts_json(kept).decode().casefold()
    assert not [name for name in names if name.casefold() in written]


@pytest.mark.parametrize(
    "written",
    [
        "docs/alice_notes.md",
        "db/2026_alice.sql",
        "https://ci.example/job/feature%2Falice/7/",
        "https://ci.example/job/feature%252Falice/7/",
        "https://ci.example/?by=alice%40example.com&of=alice",
        "https://ci.example/?by=Zo%C3%AB+Smith",
        "https://ci.example/?by=zo%c3%ab%20smith",
        "zelda@firma.xn--p1ai",
        "zelda@пример.рф",
        "by=zelda%40example.com",
        '"zelda"@example.com',
    ],
)
def test_names_are_found_however_they_are_written(written: str) -> None:
    smith = Identity(key="email:zoe@example.org", login="Zoë Smith")
    made, _ = hidden(facts(change(author=smith, checks=(check("tests", url=written),), files=(ChangedFile(path=written),))))
    said = facts_json(made).decode().casefold()
    assert not [name for name in ("alice", "zelda", "zo%c3%ab", "zoë", "smith") if name in said]


def test_a_stranger_called_like_a_project_changes_nothing() -> None:
    """Somebody commented under the login SHOP: each change is found as it was, not only as many of them."""
    shop = Identity(key="github:77", login="SHOP")
    one = change(tickets=())
    two = change(
        id="#13", title="SHOP-12: Round prices up", landed=(sha("two"),), tickets=(ticket("SHOP-12", kind=TicketKind.ASSERTED, source="title"),)
    )
    two = two.model_copy(update={"reviews": (review(), review(shop, ReviewState.COMMENTED, id="r2", may_write=False))})
    made, policy = hidden(facts(one, two), controls={"ticket-linked": {"projects": ["SHOP"]}})
    found = [(each.change, each.reason) for each in evaluate(made, policy).findings if each.control == "ticket-linked"]
    assert found == [("#12", "no-ticket"), ("#13", "linked")]


def test_one_person_has_one_token_however_the_name_is_written() -> None:
    paths = ("alice.md", "x_ALICE_y", "a%2Falice")
    made, _ = hidden(facts(change(files=tuple(ChangedFile(path=each) for each in paths))))
    files = made.changes[0].files
    assert isinstance(files, tuple)
    tokens = {token for each in files for token in TOKEN.findall(each.path.replace("_", " ").replace("%2F", " "))}
    assert len(tokens) == 1


def test_a_longer_word_is_nobodys_name() -> None:
    made, _ = hidden(facts(change(files=(ChangedFile(path="malice/alicent.md"),))))
    files = made.changes[0].files
    assert isinstance(files, tuple)
    assert files[0].path == "malice/alicent.md"


def test_an_emergency_and_a_waiver_hold_without_names() -> None:
    """The declarer whom the policy names, those who agreed, and the waiver's people are told apart by their tokens."""
    late = change(reviews=(review(BOB, submitted_at=hours(3.5)),), tickets=())
    waiver = Waiver(
        envelope="ab" * 32, index=1, control="ticket-linked", change="12", head=sha("head"), environment="", until=hours(4).date(),
        reason="down, says Erin", requested_by="alice", approved_by="erin", decided=hours(1),
    )  # fmt: skip
    declared = Declaration(reason="the shop is down, says erin", incident="INC-7", declared_by=Actor(person=CAROL, permission=Permission.WRITE))
    open_ = DueReview(envelope="cd" * 32, index=0, incident="INC-6", due=hours(9))
    found = facts(late, emergency=declared, waivers=(waiver,), due_reviews=(open_,))
    made, policy = hidden(found, emergency={"declared-by": ["CAROL", "github:99"]})
    assert evaluate(made, policy).verdict is Verdict.ALLOWED_AS_EMERGENCY
    recorded = (facts_json(made) + evaluate(made, policy).model_dump_json().encode() + policy.model_dump_json().encode()).decode().casefold()
    for name in ("carol", "erin", "alice", "github:99", "the shop is down"):
        assert name not in recorded
    himself = found.model_copy(update={"waivers": (waiver.model_copy(update={"approved_by": "alice", "requested_by": "bob"}),)})
    made, policy = hidden(himself, emergency={"declared-by": ["carol"]})
    assert "ticket-linked/no-ticket" in evaluate(made, policy).reasons
