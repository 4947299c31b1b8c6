"""The records of what happens to keys: one was made in place of others, one is revoked. In-toto Statements v1, each with a predicate of its own.

Values in, a statement out. The subject is the key, by its id. The JSON Schemas are generated from these models into schema/.
"""

import hashlib
from datetime import datetime, timedelta
from typing import Annotated, Any, Final, Literal

from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
from pydantic import Field

from changegate import __version__
from changegate.errors import InputError
from changegate.evidence import idempotency
from changegate.evidence.card import Card
from changegate.evidence.statement import KEY_REVOCATION, KEY_ROTATION, KEYS
from changegate.facts import Text, Time
from changegate.record import STATEMENT_TYPE
from changegate.recorded import Part, Sha256, Tool
from changegate.signing import PublicKey, keys

ROTATION_SCHEMA_ID: Final = "https://changegate.dev/schema/key-rotation.v1.json"
REVOCATION_SCHEMA_ID: Final = "https://changegate.dev/schema/key-revocation.v1.json"
MAX_REASON: Final = 2000
_MAX_SKEW: Final = timedelta(minutes=5)


class RecordedKey(Part):
    """A public key, by its id and as PEM."""

    key_id: Sha256
    public_key: Text


class Decided(Part):
    """By the clock of the machine that made the record: a claim."""

    decided: Time


class KeyRotation(Part):
    """The predicate of a rotation: `key` may sign from `from` on, in place of those that it replaces. One of those signed this."""

    log: Text
    change: Literal["rotated"] = "rotated"
    key: RecordedKey
    from_: Annotated[Time, Field(alias="from")]
    replaces: tuple[Sha256, ...]
    tool: Tool
    time: Decided


class KeyRevocation(Part):
    """The predicate of a revocation: from this entry on, nothing that `key` signs counts. `from` says since when it may be in other hands."""

    log: Text
    change: Literal["revoked"] = "revoked"
    key: RecordedKey
    from_: Annotated[Time, Field(alias="from")]
    reason: Annotated[Text, Field(min_length=1, max_length=MAX_REASON)]
    tool: Tool
    time: Decided


def rotation(key: PublicKey, *, replaces: tuple[str, ...], since: datetime, log: str, decided: datetime) -> dict[str, Any]:
    """The statement of a rotation, as a JSON value."""
    recorded = _recorded(key)
    predicate = KeyRotation(log=log, key=recorded, from_=since, replaces=replaces, tool=Tool(version=__version__), time=Decided(decided=decided))
    return _statement(KEY_ROTATION, recorded, predicate)


def revocation(key: PublicKey, *, since: datetime, reason: str, log: str, decided: datetime) -> dict[str, Any]:
    """The statement of a revocation, as a JSON value. Raises `InputError` for a reason or a time that can't be recorded."""
    if not reason.strip() or len(reason) > MAX_REASON:
        raise InputError(f"--reason has {len(reason)} characters", remedy=f"Say why in 1 to {MAX_REASON} characters; an auditor will read it.")
    if since > decided + _MAX_SKEW:
        raise InputError(
            f"--from {since.isoformat()} lies in the future", remedy="To end a key at a later time, give it an `until` in the trust file."
        )
    recorded = _recorded(key)
    predicate = KeyRevocation(log=log, key=recorded, from_=since, reason=reason, tool=Tool(version=__version__), time=Decided(decided=decided))
    return _statement(KEY_REVOCATION, recorded, predicate)


def index_card(statement: dict[str, Any], envelope: bytes, *, by: str) -> Card:
    """The card under which such a statement stands in the log, once key `by` signed it into `envelope`."""
    predicate = statement["predicate"]
    return Card(
        envelope=hashlib.sha256(envelope).hexdigest(),
        predicate_type=statement["predicateType"],
        repository=predicate["log"],
        environment=KEYS,
        commit=predicate["key"]["keyId"],
        decision=predicate["change"],
        time=predicate["time"]["decided"],
        key=idempotency.of_key_change(statement, by=by),
    )


def is_ecdsa(key: PublicKey) -> bool:
    """Whether this is an ECDSA key, which can't sign for a log."""
    return isinstance(key, EllipticCurvePublicKey)


def rotation_schema() -> dict[str, Any]:
    """The JSON Schema (2020-12) of a rotation's predicate."""
    return _schema(KeyRotation, ROTATION_SCHEMA_ID, "changegate key rotation, version 1")


def revocation_schema() -> dict[str, Any]:
    """The JSON Schema (2020-12) of a revocation's predicate."""
    return _schema(KeyRevocation, REVOCATION_SCHEMA_ID, "changegate key revocation, version 1")


def _schema(model: type[Part], name: str, title: str) -> dict[str, Any]:
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": name,
        **model.model_json_schema(by_alias=True, mode="serialization"),
        "title": title,
    }


def _recorded(key: PublicKey) -> RecordedKey:
    return RecordedKey(key_id=keys.key_id(key), public_key=keys.format_public(key))


def _statement(kind: str, key: RecordedKey, predicate: Part) -> dict[str, Any]:
    return {
        "_type": STATEMENT_TYPE,
        "subject": [{"name": "key", "digest": {"sha256": key.key_id}}],
        "predicateType": kind,
        "predicate": predicate.model_dump(mode="json"),
    }
