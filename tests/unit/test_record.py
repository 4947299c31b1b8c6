"""The record: a statement that says what was known, in bytes that never vary."""

import hashlib
from datetime import timedelta
from typing import Any

import pytest
from builders import ALICE, BASE, BOB, HEAD, LANDED, asserted_change, change, commit, facts, hours, review, ticket
from google.protobuf import json_format
from in_toto_attestation.v1 import statement_pb2
from in_toto_attestation.v1.statement import Statement
from jsonschema import Draft202012Validator

from changegate import canonical, record
from changegate.controls import evaluate
from changegate.evidence import idempotency
from changegate.facts import MISSING, Artifact, Facts, Unavailable
from changegate.policy import EffectivePolicy
from changegate.recorded import PolicySource

SOURCE = PolicySource(sha256="a" * 64, source="repository", ref=BASE, path=".changegate.yml")
GONE = Unavailable(why="403")


def statement(found: Facts, policy: EffectivePolicy | None = None, *, repeat: int = 0) -> dict[str, Any]:
    rules = policy or EffectivePolicy()
    seen = record.facts_json(found)
    decision = evaluate(found, rules)
    return record.make_statement(found, decision, rules, SOURCE, decided=hours(5), previous=None, facts_bytes=seen, repeat=repeat)


WORST = change(
    commits=GONE, reviews=GONE, tickets=GONE, checks=GONE, author=GONE, head=GONE, head_tree=GONE, merged_at=GONE, labels=GONE, force_pushed_at=GONE
)


@pytest.mark.parametrize(
    "found",
    [facts(), facts(asserted_change(checks=MISSING)), facts(WORST), facts(change(reviews=(), tickets=(), description=""))],
    ids=["good", "asserted", "nothing known", "nothing there"],
)
def test_every_record_follows_the_published_schema(found: Facts) -> None:
    Draft202012Validator(record.schema()).validate(statement(found)["predicate"])


def test_an_independent_library_takes_it_for_a_statement() -> None:
    Statement.copy_from_pb(json_format.ParseDict(statement(facts()), statement_pb2.Statement())).validate()


def test_facts_come_back_as_they_were() -> None:
    found = facts(change(author=GONE, commits=(commit(), commit("first", author=GONE))), change(id="#13", reviews=GONE))
    assert Facts.model_validate(canonical.loads(record.facts_json(found), what="facts")) == found


def test_the_same_facts_give_the_same_decision_and_the_same_bytes() -> None:
    found = facts(change(reviews=(review(ALICE), review(BOB, commit=HEAD))))
    again = Facts.model_validate(canonical.loads(record.facts_json(found), what="facts"))
    assert canonical.dumps(statement(found)) == canonical.dumps(statement(again))


def test_the_subjects_are_the_commit_and_the_artifacts() -> None:
    image = Artifact(name="ghcr.example/acme/shop", sha256="b" * 64)
    found = facts()
    found = found.model_copy(update={"deployment": found.deployment.model_copy(update={"artifacts": (image,)})})
    assert statement(found)["subject"] == [
        {"name": "acme/shop", "digest": {"gitCommit": LANDED}},
        {"name": "ghcr.example/acme/shop", "digest": {"sha256": "b" * 64}},
    ]


def test_it_says_which_approvals_count_and_why_others_dont() -> None:
    made = statement(facts(change(reviews=(review(ALICE, id="own"), review(BOB)))))
    approvals = made["predicate"]["changes"][0]["approvals"]
    assert [(each["by"]["login"], each["counts"], each["why"]) for each in approvals] == [("alice", False, "by-contributor"), ("bob", True, "counts")]


def test_what_could_not_be_read_is_null_and_never_empty() -> None:
    made = statement(facts(WORST))["predicate"]["changes"][0]
    assert made["approvals"] is made["tickets"] is made["checks"] is made["merged"] is made["head"] is None


def test_it_binds_facts_policy_and_tool() -> None:
    found = facts()
    predicate = statement(found, EffectivePolicy(enforce=False))["predicate"]
    kept = record.facts_json(found)
    assert predicate["facts"] == {"sha256": hashlib.sha256(kept).hexdigest(), "size": len(kept)}
    assert (predicate["policy"]["sha256"], predicate["policy"]["enforced"]) == ("a" * 64, False)
    assert EffectivePolicy.model_validate(predicate["policy"]["effective"]) == EffectivePolicy(enforce=False)


@pytest.mark.parametrize(
    ("differs", "same"),
    [
        ({}, True),
        ({"fetched_at": hours(4) + timedelta(minutes=1)}, True),
        ({"environment": "staging"}, False),
        ({"head": BASE}, False),
        ({"attempt": 2}, False),
        ({"run": "101"}, False),
        ({"repository": "acme/other"}, False),
    ],
)
def test_the_idempotency_key(differs: dict[str, Any], *, same: bool) -> None:
    found = facts(**{key: value for key, value in differs.items() if key == "fetched_at"})
    place = found.deployment
    run = place.run.model_copy(update={"attempt": differs.get("attempt", 1), "id": differs.get("run", "100")})
    updates = {key: value for key, value in differs.items() if key in {"environment", "head", "repository"}}
    other = found.model_copy(update={"deployment": place.model_copy(update={**updates, "run": run})})
    assert (idempotency.of_decision(statement(facts()), origin="o") == idempotency.of_decision(statement(other), origin="o")) is same


def test_another_log_or_a_repeat_is_another_key() -> None:
    keys = {idempotency.of_decision(statement(facts(), repeat=repeat), origin=origin) for origin in ("a", "b") for repeat in (0, 1, 2)}
    assert len(keys) == 6


def test_the_card_repeats_the_record() -> None:
    made = statement(facts(change(tickets=(ticket(),))))
    card = record.index_card(made, b"envelope", origin="o")
    assert (card.commit, card.environment, card.repository, card.decision) == (LANDED, "production", "acme/shop", "allowed")
    assert card.envelope == hashlib.sha256(b"envelope").hexdigest()
    assert card.at == hours(5)
