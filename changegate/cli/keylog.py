"""Entries of the log about keys: signed, appended, and refused where nobody would believe them."""

import re
from datetime import UTC, datetime
from typing import Any, Final

from changegate import canonical, keychange
from changegate.cli import options
from changegate.cli.signers import Signing
from changegate.errors import FormatError, InputError, VerificationError
from changegate.evidence.card import parse_time
from changegate.evidence.log import AlreadyRecordedError, Log
from changegate.evidence.proof import Receipt
from changegate.signing import PublicKey, Signer, keys
from changegate.trust import Trust

_ID: Final = re.compile(r"[0-9a-f]{8,64}", re.ASCII)


def find_key(trust: Trust, wanted: str) -> PublicKey:
    """The trust file's key whose id begins so. Raises `InputError`."""
    if not _ID.fullmatch(wanted):
        raise InputError(f"{wanted[:80]!r} is no key id", remedy="Give at least 8 hex digits of it: `changegate keys show` and `verify` print it.")
    found = [key for key_id, key in trust.public_keys.items() if key_id.startswith(wanted)]
    if len(found) != 1:
        raise InputError(
            f"{len(found) or 'no'} keys of the trust file begin with {wanted}",
            remedy="Only a key that the trust file names can be revoked; give its id.",
        )
    return found[0]


def append_rotation(key: PublicKey, replaces: tuple[str, ...], *, since: datetime, store: str, signing: Signing, trust: Trust) -> Receipt:
    """Record that `key` was made in place of others. Raises as `append_revocation` does."""
    signer, log = _require_key(signing), _open(store, signing, trust)
    statement = keychange.rotation(key, replaces=replaces, since=since, log=log.verifier_key.name, decided=_now())
    return _append(statement, log, signing, signer)


def append_revocation(key: PublicKey, *, since: str | None, reason: str, store: str, signing: Signing, trust: Trust) -> Receipt:
    """Record that `key` is revoked. Raises `InputError` for what can't be recorded, else `SigningError`, `StoreError`, `VerificationError`."""
    signer = _require_key(signing)
    if signer.key_id == keys.key_id(key):
        raise InputError(
            f"key {signer.key_id[:16]} can't revoke itself: whoever stole it could say so, too",
            remedy="Sign with another key of the trust file (--signing-key); `changegate keys rotate` makes one.",
        )
    try:
        trust.check_use(signer.key_id, revocation=True)
    except VerificationError as error:
        raise InputError(f"the signing key may not revoke: {error.message}", remedy=error.remedy) from error
    log, now = _open(store, signing, trust), _now()
    statement = keychange.revocation(key, since=_time(since) if since else now, reason=reason, log=log.verifier_key.name, decided=now)
    return _append(statement, log, signing, signer)


def _append(statement: dict[str, Any], log: Log, signing: Signing, signer: Signer) -> Receipt:
    envelope = signing.record.sign_record(canonical.dumps(statement))
    card = keychange.index_card(statement, envelope, by=signer.key_id)
    try:
        return log.append(card, envelope=envelope)
    except AlreadyRecordedError as error:
        raise InputError(
            f"key {card.commit[:16]} is {card.decision} already, by entry {error.receipt.index}", remedy="Nothing more is to be recorded."
        ) from error


def _open(store: str, signing: Signing, trust: Trust) -> Log:
    return options.open_log(store, signing, trust=trust, origin=None, now=_now)


def _require_key(signing: Signing) -> Signer:
    if signing.key is None:
        raise InputError(
            "entries about keys are signed by a key, not by an identity", remedy="Give --signing-key FILE, with a key of the trust file."
        )
    return signing.key


def _time(text: str) -> datetime:
    try:
        return parse_time(text)
    except FormatError as error:
        raise InputError(f"--from {text[:60]!r} is no time as RFC 3339 writes it, in UTC", remedy="For example 2026-03-02T09:30:00Z.") from error


def _now() -> datetime:
    return datetime.now(UTC)
