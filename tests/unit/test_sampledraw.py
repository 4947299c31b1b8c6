"""The record of a draw: what it says, and when two are the same."""

from datetime import UTC, datetime
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from changegate import sampledraw
from changegate.errors import FormatError, InputError
from changegate.evidence import idempotency, statement

AT = datetime(2026, 4, 2, tzinfo=UTC)


def drawn(**more: Any) -> dict[str, Any]:
    given: dict[str, Any] = {
        "sha256": "a" * 64,
        "units": 40,
        "seed": "s",
        "beacon": "",
        "by": (),
        "sample": ("r:#1", "r:#2"),
        "log": "o",
        "decided": AT,
    }
    return sampledraw.make_statement(**{**given, **more})


def test_the_card_says_what_the_statement_says() -> None:
    made = drawn()
    Draft202012Validator(sampledraw.schema()).validate(made["predicate"])
    card = sampledraw.index_card(made, b"an envelope")
    assert statement.differences(made, card) == ()
    assert (card.repository, card.environment, card.commit, card.decision) == ("o", "audit", "a" * 64, "drawn")


@pytest.mark.parametrize("more", [{"log": "p"}, {"sha256": "b" * 64}, {"seed": "t"}, {"by": ("month",)}, {"sample": ("r:#1",)}])
def test_another_draw_is_another_entry(more: dict[str, Any]) -> None:
    assert idempotency.of_sample(drawn(**more)) != idempotency.of_sample(drawn())


def test_the_same_draw_is_the_same_entry_whenever_it_is_made() -> None:
    assert idempotency.of_sample(drawn(decided=datetime(2026, 5, 1, tzinfo=UTC))) == idempotency.of_sample(drawn())


@pytest.mark.parametrize("more", [{"seed": ""}, {"seed": "x" * 1001}, {"sample": tuple(map(str, range(10_001)))}])
def test_what_cant_be_recorded_is_refused(more: dict[str, Any]) -> None:
    with pytest.raises(InputError, match="can't be recorded"):
        drawn(**more)


def test_a_draw_of_another_population_than_its_subject_is_none() -> None:
    made = drawn()
    made["subject"][0]["digest"]["sha256"] = "b" * 64
    with pytest.raises(FormatError, match="no log, population and time"):
        statement.differences(made, sampledraw.index_card(made, b""))
