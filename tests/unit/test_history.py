"""What the log says is live: a table of histories, the oldest record first."""

import hashlib
from itertools import count

import pytest
from builders import deployment, sha

from changegate import outcome, record
from changegate.errors import InputError, VerificationError
from changegate.evidence.card import Card
from changegate.history import LOOK_BACK, VERSIONS, History, read_history

NUMBERS = count()


def digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def card(kind: str, decision: str, commit: str, *, envelope: str = "", about: str | None = None, environment: str = "production") -> Card:
    return Card(
        envelope=digest(envelope or f"other {next(NUMBERS)}"),
        predicate_type=kind,
        repository="acme/shop",
        environment=environment,
        commit=sha(commit),
        decision=decision,
        time="2026-03-02T09:00:00Z",
        key=digest(f"key {next(NUMBERS)}"),
        about=None if about is None else digest(about),
    )


def cards(story: str, environment: str = "production") -> list[Card]:
    """`A` is an allowed decision of commit a, `A'` a second one, `A?` a blocked one, `A!` one in audit mode; `A+` its success, `A-` its failure, `A<`
    its rollback, `A~` an outcome that this version doesn't know. `staging:` before one puts it there.
    """
    told = []
    for each in story.split():
        where, _, word = each.rpartition(":")
        at, gate, sign = where or environment, word.rstrip("?!+-<~"), word[-1]
        commit = gate.rstrip("'").lower()
        if sign in "+-<~":
            ending = {"+": "success", "-": "failure", "<": "rolled-back", "~": "paused"}[sign]
            told.append(card(outcome.PREDICATE_TYPE, ending, commit, about=gate, environment=at))
        else:
            verdict = {"?": "blocked", "!": "unknown"}.get(sign, "allowed")
            told.append(card(record.PREDICATE_TYPE, verdict, commit, envelope=gate, environment=at))
    return told


def believe(_card: Card) -> None:
    """Every record says what its card says."""


def stops(each: Card) -> bool:
    """In these stories, what is unknown was judged in audit mode."""
    return each.decision == "blocked"


def read(told: list[Card], environment: str = "production") -> History:
    return read_history(reversed(list(enumerate(told))), deployment(environment=environment), believe, stops)


@pytest.mark.parametrize(
    ("story", "live"),
    [
        # nothing, and no outcomes: as it always was
        ("", ""),
        ("A?", ""),
        ("A", "a"),
        ("A B", "b"),
        ("A B?", "a"),
        ("A B A'", "a"),
        # success
        ("A A+", "a"),
        ("A A+ B B+", "b"),
        ("A B B+", "b"),
        ("A A+ B?", "a"),
        # failure: it was never live
        ("A A-", ""),
        ("A B B-", "a"),
        ("A A+ B B-", "a"),
        ("A A+ B B- C C-", "a"),
        ("A A- A' A'+", "a"),
        ("A B B- B' B'+", "b"),
        ("A A- B", "b"),
        ("A A+ B B- B'", "b a"),
        # rolled back: what was before it is live again
        ("A A+ A<", ""),
        ("A A+ B B+ B<", "a"),
        ("A B B+ B<", "a"),
        ("A A+ B B- B<", "a"),
        ("A A+ B B+ C C+ C< B<", "a"),
        ("A A+ B B+ C C- B<", "a"),
        ("A A+ B B- C C+ C<", "a"),
        ("A A+ B B+ B< C C+", "c"),
        ("A A+ B< B B+", "b"),  # an outcome that stands before its decision is none
        # no outcome where there are some: it may be live, or not, and so may be those before it
        ("A A+ B", "b a"),
        ("A A+ B C", "c b a"),
        ("A A+ B C C-", "b a"),
        ("A A+ B C C+ C<", "b a"),
        ("A A+ B A'", "a b"),
        ("A B B- C", "c a"),
        ("A B C C- D", "d b"),
        ("A B C C+ D", "d c"),
        # runs that overlap
        ("A A+ B C B+", "c b"),
        ("A A+ B C C+", "c"),
        ("A A+ B C C+ B-", "c"),
        ("A A+ B C B+ C+", "c"),
        ("A A+ B C C+ B+", "c b"),
        ("A A+ B C C+ B+ B<", "c"),
        ("A A+ B C B- C-", "a"),
        ("A A+ B C B+ C-", "b"),
        ("A A+ B C B+ C+ C<", "b"),
        ("A B C C+ B+ A+", "c a b"),
        # contradictions, and what a newer version wrote: in doubt
        ("A A+ B B+ B-", "b a"),
        ("A A+ B B- B+", "b a"),
        ("A A+ B B< B+", "a"),
        ("A A+ B B~", "b a"),
        ("A B B~", "b a"),
        # other environments
        ("A A+ staging:B staging:B+", "a"),
        ("A A+ B B+ staging:B-", "b"),
        ("A A+ staging:A staging:A- staging:A<", "a"),
        # outcomes of what isn't there, or wasn't allowed
        ("A A+ X-", "a"),
        ("A A+ B? B+", "a"),
        # audit mode: nothing was stopped
        ("A!", "a"),
        ("A B!", "b"),
        ("A! B?", "a"),
        ("A! B! B-", "a"),
        ("A! A-", ""),
        ("A! A+ B!", "b a"),
        ("A A+ B! B+", "b"),
        ("A A+ B! B+ B<", "a"),
        ("A! B! C", "c"),
    ],
)
def test_what_may_be_live(story: str, live: str) -> None:
    found = read(cards(story))
    assert [each.commit for each in found.baselines] == [sha(name) for name in live.split()], story


def test_what_can_be_returned_to_neither_failed_nor_was_rolled_back() -> None:
    found = read(cards("A A+ B B- C C+ D D+ D< E"))
    assert found.deployed == (sha("e"), sha("c"), sha("a"))


def test_the_record_before_is_the_newest_of_any_kind() -> None:
    told = cards("A A+ staging:B")
    previous = read(told).previous
    assert previous is not None
    assert (previous.index, previous.envelope) == (1, told[1].envelope)


def test_it_looks_back_past_failures_for_something_that_may_be_live() -> None:
    failed = [each for number in range(LOOK_BACK) for each in cards(f"F{number} F{number}-")]
    assert [each.commit for each in read(cards("A") + failed).baselines] == [sha("a")]


def test_it_stops_once_it_knows_enough() -> None:
    told = cards(" ".join(f"A{number} A{number}+" for number in range(VERSIONS + 5)))
    rest = iter(list(reversed(list(enumerate(told)))))
    found = read_history(rest, deployment(), believe, stops)
    assert len(found.deployed) == VERSIONS
    assert [each.commit for each in found.baselines] == [sha(f"a{VERSIONS + 4}")]
    assert len(list(rest)) >= 2, "older ones weren't read"


def test_an_environment_that_stopped_recording_outcomes_is_as_one_without() -> None:
    told = cards("A A+ " + " ".join(f"B{number}" for number in range(VERSIONS)))
    assert [each.commit for each in read(told).baselines] == [sha(f"b{VERSIONS - 1}")]


def test_it_looks_back_no_further_than_it_must() -> None:
    other = cards("staging:S") * (LOOK_BACK + 1)
    rest = iter(list(reversed(list(enumerate(cards("A") + other + cards("B"))))))
    assert [each.commit for each in read_history(rest, deployment(), believe, stops).baselines] == [sha("b")]
    assert next(rest, None) is not None


@pytest.mark.parametrize(
    ("story", "forged"),
    [
        ("A B", 1),  # a deployed version
        ("A A+ B", 0),
        ("A A+ B", 2),
        ("A A+ B B+", 3),  # a success
        ("A A+ B B-", 3),  # a failure
        ("A A+ B B<", 3),  # a rollback
        ("A B?", 1),  # the newest record, whatever it says
        ("A A+ B C C+ B+", 5),  # a success that was reported later
        ("A A+ B B- B? C", 2),  # the decision that an outcome is about
        ("A A+ B B+", 0),  # one to return to
        ("A A+ B!", 2),  # one in audit mode
    ],
)
def test_what_is_taken_from_a_card_stands_in_its_signed_record(story: str, forged: int) -> None:
    told = cards(story)

    def verify(card: Card) -> None:
        if card == told[forged]:
            raise VerificationError("not what was signed", remedy="-")

    with pytest.raises(VerificationError):
        read_history(reversed(list(enumerate(told))), deployment(), verify, stops)


def test_a_name_that_differs_by_case_alone_from_one_that_the_log_knows_is_refused() -> None:
    told = cards("A staging:B")
    with pytest.raises(InputError, match="'production', and 'Production' differs"):
        read(told, "Production")
    assert read(cards("A Production:B"), "Production").deployed == (sha("b"),), "one that has records of its own goes on"
    assert read(told, "productions").deployed == ()


def test_few_records_are_read_however_many_were_deployed() -> None:
    told = cards(" ".join(f"A{number} A{number}+" for number in range(200)))
    asked: list[Card] = []
    read_history(reversed(list(enumerate(told))), deployment(), asked.append, stops)
    assert len(asked) <= 2 * VERSIONS + 1


def test_a_stopped_decision_is_read_only_while_nothing_is_known() -> None:
    told = cards("A A+ " + "B? " * 50 + "C C+ " + "D? " * 3)
    asked: list[Card] = []

    def enforced(each: Card) -> bool:
        asked.append(each)
        return stops(each)

    read_history(reversed(list(enumerate(told))), deployment(), believe, enforced)
    assert len(asked) == 3
