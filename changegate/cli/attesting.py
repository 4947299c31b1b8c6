"""What others say of a record that was just appended: witnesses' cosignatures in its receipt, an authority's timestamp beside its commit."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Final

from changegate.errors import ChangegateError, InputError, StoreError
from changegate.evidence import layout, log_policy, timestamps
from changegate.evidence.history import History
from changegate.evidence.log import Log
from changegate.evidence.log_policy import NONE, LogPolicy
from changegate.evidence.note import VerifierKey
from changegate.evidence.proof import Receipt
from changegate.posting import ask_all, check_url
from changegate.stores import Batch, Store
from changegate.trust import Trust
from changegate.witness.obtain import Witnessed, obtain, publish, witnesses_of

SECONDS: Final = 10.0


def check(trust: Trust | None, timestamp_url: str | None) -> None:
    """Raise `InputError` or `FormatError`, before anything is recorded, for a configuration by which nothing could be attested."""
    if timestamp_url:
        check_url(timestamp_url, "--timestamp-url")
        timestamps.make_request(b"is the library there?")
    elif trust is not None and trust.timestamps == "required":
        raise InputError("the trust file requires timestamps, and no authority is named", remedy="Give --timestamp-url.")
    if trust is not None and trust.log_policy:
        policy = log_policy.of(trust)
        if not witnesses_of(policy) and policy.quorum != NONE:
            raise InputError(
                f"the trust file demands the quorum {policy.quorum!r}, and no witness in it has a URL",
                remedy="Add the URLs to the witness lines; or give the pipeline a trust file with 'quorum none', where witnesses come by themselves.",
            )


def attest(
    receipt: Receipt, log: Log, trust: Trust | None, *, open_store: Callable[[], Store], open_log: Callable[[], Log], timestamp_url: str | None
) -> Witnessed:
    """The receipt with the cosignatures of the trust file's witnesses, published too; and its commit's timestamp, kept in the store.

    `open_store` and `open_log` open them anew. What is demanded and isn't had raises `StoreError`: the record is in the log, but its verifiers will
    not be convinced. What is not demanded and isn't had is a warning.
    """
    warnings: tuple[str, ...] = ()
    if timestamp_url:
        warnings = _timestamp(timestamp_url, trust, open_store(), log)
    policy = log_policy.of(trust) if trust is not None else None
    if policy is None or not witnesses_of(policy):
        return Witnessed(receipt, warnings)
    reader = log.reader()
    if reader is None:
        raise StoreError("the log is empty, though something was just appended", remedy="Run `changegate verify`: the store lost it.")
    witnessed = obtain(receipt, policy, reader, lambda: open_log().reader())
    publish(open_store(), witnessed.receipt.checkpoint, policy)
    return Witnessed(witnessed.receipt, warnings + witnessed.warnings)


def _timestamp(url: str, trust: Trust | None, store: Store, log: Log) -> tuple[str, ...]:
    """Have the newest commit's checkpoint timestamped: it holds the record. Create-once, so that of two who do it one's stays."""
    authorities = trust.authorities if trust is not None else ()
    commit = History(store, LogPolicy((log.verifier_key, *_earlier(trust, log)), {}, {}, NONE), lambda: datetime.now(UTC)).find_head().commit
    if commit is None:
        raise StoreError("the log is empty, though something was just appended", remedy="Run `changegate verify`: the store lost it.")
    key = layout.timestamp_key(commit.number)
    if store.read(key) is not None:
        return ()
    answer = ask_all({url: lambda: timestamps.fetch(url, commit.checkpoint, authorities, seconds=SECONDS)}, SECONDS)[url]
    if isinstance(answer, ChangegateError):
        if trust is not None and trust.timestamps == "required":
            raise StoreError(
                f"the record is in the log, but without the timestamp that the trust file requires: {answer.message}",
                remedy=f"Nothing is lost: run it again. {answer.remedy}",
            ) from answer
        return (f"recorded, but without a timestamp: {answer.message} → {answer.remedy}",)
    store.apply(Batch(create={key: answer}))
    store.flush()
    return ()


def _earlier(trust: Trust | None, log: Log) -> tuple[VerifierKey, ...]:
    return tuple(key for key in log_policy.of(trust).logs if key.name == log.verifier_key.name) if trust is not None else ()
