"""Records of earlier versions are read for ever: each file in vectors/records holds one, with its facts, as it was made.

A file is never made anew. Where one fails, the change to the code is wrong: it would make recorded decisions unreadable, or decide them otherwise.
"""

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from changegate import canonical, controls, record
from changegate.facts import Facts
from changegate.policy import EffectivePolicy
from changegate.recorded import GateDecision

RECORDS = sorted((Path(__file__).parents[1] / "vectors" / "records").glob("*.json"))


@pytest.fixture(params=RECORDS, ids=lambda path: path.stem)
def kept(request: pytest.FixtureRequest) -> Any:
    return json.loads(request.param.read_text(encoding="utf-8"))


def test_there_are_records_of_every_verdict() -> None:
    verdicts = {json.loads(path.read_text(encoding="utf-8"))["statement"]["predicate"]["decision"]["verdict"] for path in RECORDS}
    assert verdicts == {"allowed", "blocked", "unknown"}


def test_the_facts_are_those_that_the_record_names(kept: Any) -> None:
    data = canonical.dumps(kept["facts"])
    assert kept["statement"]["predicate"]["facts"] == {"sha256": hashlib.sha256(data).hexdigest(), "size": len(data)}


def test_it_is_decided_again_as_it_was(kept: Any) -> None:
    predicate = kept["statement"]["predicate"]
    again = controls.evaluate(Facts.model_validate(kept["facts"]), EffectivePolicy.model_validate(predicate["policy"]["effective"]))
    assert {"verdict": again.verdict.value, "reasons": list(again.reasons)} == predicate["decision"]


def test_the_predicate_is_still_read_and_written_back_as_it_was(kept: Any) -> None:
    predicate = kept["statement"]["predicate"]
    written = GateDecision.model_validate(predicate).model_dump(mode="json")
    assert canonical.dumps(_only(written, predicate)) == canonical.dumps(predicate)


def test_it_still_follows_the_published_schema(kept: Any) -> None:
    statement = kept["statement"]
    assert (statement["_type"], statement["predicateType"]) == (record.STATEMENT_TYPE, record.PREDICATE_TYPE)
    Draft202012Validator(record.schema()).validate(statement["predicate"])


def _only(written: Any, known: Any) -> Any:
    """What was written, without the fields that came later than `known`."""
    if isinstance(written, dict) and isinstance(known, dict):
        return {name: _only(value, known[name]) for name, value in written.items() if name in known}
    if isinstance(written, list) and isinstance(known, list) and len(written) == len(known):
        return [_only(each, old) for each, old in zip(written, known, strict=True)]
    return written
