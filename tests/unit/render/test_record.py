from typing import Any

import pytest
from builders import CAROL, facts
from hypothesis import given, settings
from hypothesis import strategies as st
from unit.render.reports import BASE, HEAD, NASTY, hostile

from changegate import record
from changegate.controls import evaluate
from changegate.errors import FormatError
from changegate.policy import EffectivePolicy
from changegate.recorded import PolicySource, Previous
from changegate.render.page import LogPlace
from changegate.render.record import render

PLACE = LogPlace("ab12" * 16, 4, 9, "included in the log, signed by a trusted key")


def statement(text: str = "Round the totals", **predicate: Any) -> dict[str, Any]:
    """A statement as the gate writes it, with `text` wherever text from outside stands."""
    approval = {"by": {"login": "bob", "key": "github:2"}, "at": "2026-11-01T10:00:00Z", "commit": "4" * 40, "counts": True, "why": ""}
    change = {
        "id": "#12",
        "kind": "pull-request",
        "title": text,
        "url": "https://forge.example/acme/shop/pull/12",
        "author": {"login": text, "key": "github:1", "kind": "human"},
        "contributors": [{"login": "alice"}, {"login": text}],
        "landed": [HEAD],
        "approvals": [approval | {"by": {"login": "alice"}, "counts": False, "why": "contributed to the change"}, approval],
        "tickets": [{"key": "#7", "title": text}],
        "rollbackPlan": {"excerpt": text, "sha256": "e" * 64},
        "checks": [{"name": text, "state": "success"}],
        "findings": [{"control": "peer-approved", "outcome": "pass", "reason": "met", "observed": text}],
    }
    deployment = {"forge": "github", "repository": text, "environment": "production", "head": HEAD, "ref": text, "run": {"id": "991", "url": text}}
    made: dict[str, Any] = {
        "deployment": deployment | {"deployer": {"key": "github:4", "login": "carol"}},
        "range": {"outcome": "ahead", "base": BASE, "head": HEAD, "baseSource": "deployment", "commits": 3, "removed": [{}]},
        "policy": {"sha256": "cd" * 32, "source": "file", "ref": BASE, "path": text, "enforced": True, "effective": {}},
        "changes": [change],
        "findings": [{"control": "range-known", "outcome": "fail", "reason": "rewritten", "observed": text}],
        "decision": {"verdict": "blocked", "reasons": ["range-known/rewritten"]},
        "facts": {"sha256": "f" * 64, "size": 10},
        "tool": {"name": "changegate", "version": "0.1.0"},
        "time": {"fetched": "2026-11-01T10:00:00Z", "decided": "2026-11-01T10:00:01Z"},
        "previous": {"index": 3, "envelope": "a" * 64},
    }
    subject = [{"name": "acme/shop", "digest": {"gitCommit": HEAD}}, {"name": text, "digest": {"sha256": "ab" * 32}}]
    return {"subject": subject, "predicateType": "https://changegate.dev/gate/v1", "predicate": made | predicate}


def test_the_record_in_order() -> None:
    text = render(statement(), PLACE)
    parts = [
        "✗ BLOCKED for production\n",
        "because      range-known/rewritten",
        "record       ab12ab12ab12ab12, index 4 in a log of 9",
        "verified     included in the log, signed by a trusted key",
        "Deployment\n",
        "repository   Round the totals (github)",
        "range        ahead: 3 commits after 1111111111",
        "deployer     carol (github:4)",
        "finding      ✗ range-known, the whole deploy: rewritten",
        "1 change\n",
        "#12 Round the totals\n",
        "approval     ✓ counts, by bob (github:2) at 2026-11-01T10:00:00Z of",
        "approval     ✗ doesn't count, by alice",
        "contributed to the change",
        "tickets      #7 Round the totals",
        "rollback     Round the totals",
        "How it was judged\n",
        "facts        " + "f" * 64,
        "before it    " + "a" * 64 + ",\n             index 3",
    ]
    places = [text.index(part) for part in parts]
    assert places == sorted(places)


@pytest.mark.parametrize(
    ("enforced", "words"),
    [(True, "for production\n"), (False, "for production (audit mode, not stopped)\n"), (None, "for production (mode not stated)\n")],
)
def test_the_mode(enforced: Any, words: str) -> None:
    assert words in render(statement(policy={"enforced": enforced}), PLACE)


def test_nothing_is_claimed_that_is_not_stated() -> None:
    text = render({"predicate": {"changes": [{}]}}, PLACE)
    assert text.startswith("? a verdict not stated for an environment not stated (mode not stated)")
    assert "approval     not known" in text


@pytest.mark.parametrize(("found", "words"), [(None, "not known"), ([], "none")])
def test_what_could_not_be_read_is_not_none(found: Any, words: str) -> None:
    text = render({"predicate": {"changes": [dict.fromkeys(("approvals", "tickets", "checks"), found)]}}, PLACE)
    for label in ("approval", "tickets", "checks"):
        assert f"  {label:<12} {words}\n" in text


def test_somebody_who_could_not_be_told_is_unknown() -> None:
    text = render({"predicate": {"changes": [{"author": {"login": "no account", "key": "", "kind": "unknown"}}]}}, PLACE)
    assert "author       unknown (no account)\n" in text


def test_a_real_record_leaves_nothing_out() -> None:
    found = facts()
    found = found.model_copy(update={"deployment": found.deployment.model_copy(update={"deployer": CAROL})})
    rules = EffectivePolicy()
    source = PolicySource(sha256="a" * 64, source="repository", ref=BASE, path=".changegate.yml")
    previous = Previous(index=3, envelope="b" * 64)
    made = record.make_statement(
        found, evaluate(found, rules), rules, source, decided=found.fetched_at, previous=previous, facts_bytes=record.facts_json(found)
    )
    text = render(made, PLACE, width=200)
    assert "✓ ALLOWED for production\n" in text
    assert "✓ counts, by bob" in text
    assert "not stated" not in text
    assert "not known" not in text


def test_what_is_no_change_record() -> None:
    with pytest.raises(FormatError, match="no predicate"):
        render({"subject": []}, PLACE)


def check(text: str) -> None:
    page = render(statement(text), PLACE)
    assert all(character == "\n" or character.isprintable() for character in page)
    assert not any(line.lstrip().startswith("::") for line in page.splitlines())
    assert all(len(line) <= 80 + len(r"\x3a\x23\x23") for line in page.splitlines())
    assert page.count("\nrecord       ab12ab12ab12ab12, index 4 in a log of 9\n") == 1
    assert page.count("\nHow it was judged\n") == 1


@pytest.mark.parametrize("text", NASTY)
def test_nasty_text_stays_text(text: str) -> None:
    check(text)


@settings(max_examples=60, deadline=None)
@given(hostile)
def test_any_text_stays_text(text: str) -> None:
    check(text)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | hostile,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from([*statement()["predicate"], "verdict", "by", "id"]), inner, max_size=4)
    ),
    max_leaves=12,
)


@settings(max_examples=150, deadline=None)
@given(st.dictionaries(st.sampled_from(list(statement()["predicate"])), json_values, max_size=5), json_values)
def test_any_predicate_can_be_shown(predicate: dict[str, Any], subject: Any) -> None:
    page = render(statement() | {"predicate": predicate, "subject": subject}, PLACE)
    assert "record       ab12ab12ab12ab12" in page
    assert render(statement(**predicate), PLACE)
