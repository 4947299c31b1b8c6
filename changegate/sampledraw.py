"""The record of a sample that was drawn for an audit: an in-toto Statement v1 with a predicate of its own. Its subject is the population's file.

Values in, a statement out. Its JSON Schema is generated from these models into schema/sample-draw.v1.json. What it says can be drawn again from the
population and the seed; in the log it can't be said later that another one had been drawn first.
"""

import hashlib
from datetime import datetime
from typing import Annotated, Any, Final, Literal

from pydantic import Field

from changegate import __version__
from changegate.errors import InputError
from changegate.evidence import idempotency
from changegate.evidence.card import Card
from changegate.evidence.statement import AUDIT, SAMPLE_DRAW
from changegate.facts import Text
from changegate.keychange import Decided
from changegate.record import STATEMENT_TYPE
from changegate.recorded import Part, Sha256, Tool

SCHEMA_ID: Final = "https://changegate.dev/schema/sample-draw.v1.json"
MAX_DRAWN: Final = 10_000
MAX_SEED: Final = 1000


class PopulationFile(Part):
    """The file that was drawn from, and how many units it has."""

    sha256: Sha256
    units: Annotated[int, Field(ge=0)]


class SampleDraw(Part):
    """The predicate."""

    log: Text
    population: PopulationFile
    seed: Annotated[Text, Field(min_length=1, max_length=MAX_SEED)]
    beacon: Text
    """The signed checkpoint whose root is the seed; empty where somebody gave the seed."""
    algorithm: Literal["sha256(seed LF id), ascending"] = "sha256(seed LF id), ascending"
    by: tuple[Text, ...]
    """By what the population was divided, if it was."""
    sample: tuple[Text, ...]
    """The units' ids, in the order in which they were drawn."""
    tool: Tool
    time: Decided


def make_statement(
    *, sha256: str, units: int, seed: str, beacon: str, by: tuple[str, ...], sample: tuple[str, ...], log: str, decided: datetime
) -> dict[str, Any]:
    """The statement, as a JSON value. Raises `InputError` for a seed or a sample that is too large to be recorded."""
    if not seed or len(seed) > MAX_SEED or len(sample) > MAX_DRAWN:
        raise InputError(
            f"a seed of {len(seed)} characters and a sample of {len(sample)} can't be recorded",
            remedy=f"A seed has 1 to {MAX_SEED} characters, a recorded sample at most {MAX_DRAWN} units.",
        )
    predicate = SampleDraw(
        log=log,
        population=PopulationFile(sha256=sha256, units=units),
        seed=seed,
        beacon=beacon,
        by=by,
        sample=sample,
        tool=Tool(version=__version__),
        time=Decided(decided=decided),
    )
    return {
        "_type": STATEMENT_TYPE,
        "subject": [{"name": "population", "digest": {"sha256": sha256}}],
        "predicateType": SAMPLE_DRAW,
        "predicate": predicate.model_dump(mode="json"),
    }


def index_card(statement: dict[str, Any], envelope: bytes) -> Card:
    """The card under which such a statement stands in the log, once it is signed into `envelope`."""
    predicate = statement["predicate"]
    return Card(
        envelope=hashlib.sha256(envelope).hexdigest(),
        predicate_type=SAMPLE_DRAW,
        repository=predicate["log"],
        environment=AUDIT,
        commit=predicate["population"]["sha256"],
        decision="drawn",
        time=predicate["time"]["decided"],
        key=idempotency.of_sample(statement),
    )


def schema() -> dict[str, Any]:
    """The JSON Schema (2020-12) of the predicate."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": SCHEMA_ID,
        **SampleDraw.model_json_schema(by_alias=True, mode="serialization"),
        "title": "changegate sample draw, version 1",
    }
