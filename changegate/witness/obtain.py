"""Cosignatures for a new checkpoint: ask every witness at once, until they make the quorum."""

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from threading import Lock
from typing import Final

from changegate.errors import ChangegateError, InputError, StoreError, VerificationError
from changegate.evidence import checkpoint, cosignature, layout, merkle, note
from changegate.evidence.log_policy import NONE, LogPolicy
from changegate.evidence.proof import Receipt
from changegate.evidence.reader import LogReader, signed_size
from changegate.posting import ask_all, check_url
from changegate.stores import Batch, Store
from changegate.witness.client import Witness, WitnessAheadError, ask

SECONDS: Final = 10.0
"""How long all of it may take."""
_TRIES: Final = 3


class NotWitnessedError(StoreError):
    """The record is in the log, but not so that its verifiers will be convinced."""


@dataclass(frozen=True)
class Witnessed:
    """A receipt whose checkpoint has the cosignatures that were given, and what went wrong with the others."""

    receipt: Receipt
    warnings: tuple[str, ...] = ()


def witnesses_of(policy: LogPolicy) -> tuple[Witness, ...]:
    """Those that can be asked: whose line has a URL. Raises `InputError` for a URL that is none."""
    return tuple(Witness(name, policy.witnesses[name], check_url(url, f"witness {name}")) for name, url in policy.urls.items())


def obtain(receipt: Receipt, policy: LogPolicy, reader: LogReader, reopen: Callable[[], LogReader | None], *, seconds: float = SECONDS) -> Witnessed:
    """The receipt with cosignatures of the policy's witnesses. `reader` is the log at its newest commit, `reopen` reads it anew.

    A witness that has cosigned a larger tree by now can't go back: then the receipt is made for the log's newest checkpoint. Raises
    `NotWitnessedError` where the policy's quorum isn't reached in time, `InputError`, `VerificationError`.
    """
    witnesses, end = witnesses_of(policy), time.monotonic() + seconds
    for _ in range(_TRIES):
        errors, cosigned = _ask(witnesses, reader, receipt.index, end - time.monotonic())
        try:
            policy.verify(cosigned)
        except VerificationError as error:
            if any(isinstance(each, WitnessAheadError) for each in errors.values()) and time.monotonic() < end:
                again = reopen()
                if again is not None and again.size > reader.size:
                    reader = again
                    continue
            raise _not_witnessed(receipt, policy, error, errors) from error
        warnings = tuple(f"witness {name}: {error.message} → {error.remedy}" for name, error in errors.items())
        return Witnessed(replace(reader.prove(receipt.index), checkpoint=cosigned), warnings)
    raise NotWitnessedError(f"entry {receipt.index} is in the log, but others append faster than it is witnessed", remedy="Run the gate again.")


def publish(store: Store, cosigned: bytes, policy: LogPolicy) -> None:
    """Make it the published checkpoint, unless a newer one is there; cosignatures that are there on the same stay. Raises `StoreError`."""
    found, published = checkpoint.parse(cosigned), store.read(layout.CHECKPOINT) or b""
    if signed_size(published) > found.size:
        return
    if published and signed_size(published) == found.size:
        cosigned = cosignature.merge(cosigned, note.parse_note(published).signatures, policy.witnesses.values())
    if cosigned != published:
        store.apply(Batch(publish={layout.CHECKPOINT: cosigned}))
        store.flush()


def proofs(reader: LogReader) -> Callable[[int], tuple[bytes, ...]]:
    """Consistency proofs to a reader's checkpoint, for several threads."""
    lock = Lock()

    def prove(old: int) -> tuple[bytes, ...]:
        with lock:
            return merkle.consistency_proof(old, reader.size, reader.hashes) if 0 < old <= reader.size else ()

    return prove


def _ask(witnesses: tuple[Witness, ...], reader: LogReader, guess: int, seconds: float) -> tuple[dict[str, ChangegateError], bytes]:
    prove = proofs(reader)
    calls = {
        each.name: partial(ask, each, reader.signed, reader.checkpoint, prove, guess=min(guess, reader.size), seconds=max(0.1, seconds))
        for each in witnesses
    }
    answers = ask_all(calls, seconds)
    errors = {name: each for name, each in answers.items() if isinstance(each, ChangegateError)}
    given = [each for each in answers.values() if isinstance(each, note.NoteSignature)]
    return errors, cosignature.merge(reader.signed, given, [each.key for each in witnesses])


def _not_witnessed(receipt: Receipt, policy: LogPolicy, error: VerificationError, errors: dict[str, ChangegateError]) -> ChangegateError:
    if policy.quorum == NONE:
        return error
    silent = sorted(set(policy.witnesses) - set(policy.urls))
    reasons = [f"{name}: {each.message}" for name, each in errors.items()] + [f"{name}: has no URL in the trust file" for name in silent]
    remedies = dict.fromkeys(each.remedy for each in errors.values())
    if not policy.urls:
        return InputError(
            f"the trust file demands the quorum {policy.quorum!r}, and no witness in it has a URL",
            remedy="Add the URLs to the witness lines; or give the pipeline a trust file with 'quorum none', where witnesses come by themselves.",
        )
    return NotWitnessedError(
        f"the record is in the log as entry {receipt.index}, but the witnesses that the trust file demands ({policy.quorum}) didn't cosign it: "
        + "; ".join(reasons),
        remedy=" ".join(["Nothing is lost, and nothing may be deployed yet: run it again when they answer.", *remedies]),
    )
