"""One bucket of S3, or of a server that speaks its protocol: every call with its retries, and every refusal named.

A call is tried again where the answer says so or is lost: 500, 502, 503, 504, 409 ConditionalRequestConflict, time-outs, cut connections. boto3's own
retries are off: they would take the refusal of a second try for the answer to the first, whose write persisted and whose reply was lost. So each
write carries a token of its own in the object's metadata, by which it is known again.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html
"""

import base64
import hashlib
import random
import secrets
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, Final, TypeVar

from changegate.errors import InputError, StoreError
from changegate.stores import Version
from changegate.stores.s3url import S3Place

if TYPE_CHECKING:
    from botocore.loaders import Loader
    from types_boto3_s3.client import S3Client

MAX_TRIES: Final = 8
CONNECTIONS: Final = 16
_TOKEN: Final = "changegate-write"  # noqa: S105 - a header's name
_AGAIN: Final = frozenset(
    {"ConditionalRequestConflict", "OperationAborted", "RequestTimeout", "SlowDown", "Throttling", "ThrottlingException", "TooManyRequests"}
)
_ABSENT: Final = frozenset({"NoSuchKey", "404", "NotFound"})

T = TypeVar("T")


@dataclass(frozen=True)
class Patience:
    """How long to wait for a server, and between tries; so that tests needn't."""

    connect: float = 5
    answer: float = 30
    pause: Callable[[int], None] = lambda attempt: time.sleep(random.SystemRandom().uniform(0, min(5.0, 0.05 * 2**attempt)))
    """Wait, with full jitter, before try *n* + 1."""


@dataclass(frozen=True)
class Found:
    """An object, and the token of the write that made it."""

    content: bytes
    token: str


def connect(place: S3Place, patience: Patience) -> "S3Client":
    """A client with boto3's own chain of credentials. Raises `InputError` where boto3 isn't installed, `StoreError` where it can't be set up."""
    if find_spec("boto3") is None:
        raise InputError(
            "an s3:// store needs boto3, which isn't installed",
            remedy="pip install 'changegate[s3]'; in the action and the GitLab component set the input `extras: s3`.",
        )
    import boto3
    from botocore.config import Config
    from botocore.exceptions import BotoCoreError
    from botocore.session import Session

    settings = Config(
        connect_timeout=patience.connect,
        read_timeout=patience.answer,
        retries={"total_max_attempts": 1},
        max_pool_connections=CONNECTIONS,
        s3={"addressing_style": "path"} if place.endpoint else {},
    )
    session = Session()
    session.register_component("data_loader", _loader())
    try:
        return boto3.session.Session(botocore_session=session).client("s3", region_name=place.region, endpoint_url=place.endpoint, config=settings)
    except (BotoCoreError, ValueError) as error:
        raise StoreError(f"the evidence store {place.url} can't be set up: {error}", remedy="Look at the AWS_… variables and ~/.aws.") from error


@cache
def _loader() -> "Loader":
    """One for all clients: most of the time that a client takes to make is that of reading the service's description."""
    from botocore.loaders import create_loader

    return create_loader()


class Bucket:
    """The objects below one prefix of one bucket. Safe for use by several threads."""

    def __init__(self, client: "S3Client", name: str, place: S3Place, patience: Patience) -> None:
        self.name, self.client, self._place, self._patience = name, client, place, patience

    def get(self, key: str, *, version: str | None = None) -> Found | None:
        """The object, or this version of it; None where there is none."""
        which: Any = {} if version is None else {"VersionId": version}

        def call() -> Found:
            answer = self.client.get_object(Bucket=self.name, Key=self._place.prefix + key, **which)
            return Found(answer["Body"].read(), answer["Metadata"].get(_TOKEN, ""))

        permission = "s3:GetObject (and s3:ListBucket, without which S3 refuses to say that an object isn't there)"
        return self.call(f"read {key}", permission if version is None else "s3:GetObjectVersion", call, absent=_ABSENT)

    def create(self, key: str, content: bytes, *, locked_days: int | None = None) -> bool:
        """Make the object unless it exists. True where this call made it, though the reply was lost."""
        token = secrets.token_hex(16)
        lock: Any = {}
        if locked_days is not None:
            lock = {"ObjectLockMode": "COMPLIANCE", "ObjectLockRetainUntilDate": datetime.now(UTC) + timedelta(days=locked_days)}
        tries = 0

        def call() -> bool:
            nonlocal tries
            tries += 1
            self._put(key, content, IfNoneMatch="*", Metadata={_TOKEN: token}, **lock)
            return True

        permission = "s3:PutObject" + (" and s3:PutObjectRetention" if lock else "")
        if self.call(f"create {key}", permission, call, absent={"PreconditionFailed", "412"}):
            return True
        if tries == 1:
            return False
        found = self.get(key)  # an earlier try may have persisted, and its reply was lost
        return found is not None and found.token == token

    def publish(self, key: str, content: bytes) -> None:
        """Make or replace the object."""
        self.call(f"publish {key}", "s3:PutObject", lambda: self._put(key, content))

    def _put(self, key: str, content: bytes, **options: Any) -> None:
        if self._place.sse is not None:
            kind, _, kms_key = self._place.sse.partition(":kms")
            options |= {"ServerSideEncryption": kind + (":kms" if kind == "aws" else "")} | ({"SSEKMSKeyId": kms_key[1:]} if kms_key else {})
        # The server holds the bytes against this digest; writes under Object Lock have to carry one.
        checksum = base64.b64encode(hashlib.sha256(content).digest()).decode("ascii")
        self.client.put_object(Bucket=self.name, Key=self._place.prefix + key, Body=content, ChecksumSHA256=checksum, **options)

    def remove(self, key: str) -> None:
        """Delete the object, if it is there."""
        self.call(f"remove {key}", "s3:DeleteObject", lambda: self.client.delete_object(Bucket=self.name, Key=self._place.prefix + key))

    def list(self, prefix: str) -> Iterator[str]:
        """The keys below the prefix, sorted by their bytes."""
        after: dict[str, Any] = {}
        while True:
            answer = self._page(f"list {prefix or 'all objects'}", "s3:ListBucket", self.client.list_objects_v2, prefix, after)
            yield from (each["Key"].removeprefix(self._place.prefix) for each in answer.get("Contents", ()))
            if not answer["IsTruncated"]:
                return
            after = {"ContinuationToken": answer["NextContinuationToken"]}

    def versions(self, prefix: str) -> Iterator[Version]:
        """All versions and delete markers below the prefix, those of one key in one run of pages."""
        after: dict[str, Any] = {}
        while True:
            what, permission = f"list the versions of {prefix or 'all objects'}", "s3:ListBucketVersions"
            answer = self._page(what, permission, self.client.list_object_versions, prefix, after)
            found = [(each["Key"], each["VersionId"], False) for each in answer.get("Versions", ())]
            found += [(each["Key"], each["VersionId"], True) for each in answer.get("DeleteMarkers", ())]
            yield from (Version(key.removeprefix(self._place.prefix), version, deleted) for key, version, deleted in sorted(found))
            if not answer["IsTruncated"]:
                return
            after = {"KeyMarker": answer["NextKeyMarker"], "VersionIdMarker": answer["NextVersionIdMarker"]}

    def _page(self, what: str, permission: str, operation: Callable[..., Any], prefix: str, after: Mapping[str, str]) -> Mapping[str, Any]:
        answer: Mapping[str, Any] = self.call(what, permission, lambda: operation(Bucket=self.name, Prefix=self._place.prefix + prefix, **after)) or {
            "IsTruncated": False
        }
        return answer

    def call(self, what: str, permission: str, call: Callable[[], T], *, absent: "frozenset[str] | set[str]" = frozenset()) -> T | None:
        """The answer; None where the server refuses with one of the codes `absent`. Raises `StoreError`."""
        from botocore.exceptions import BotoCoreError, ClientError, HTTPClientError, IncompleteReadError

        attempt = 0
        while True:
            attempt += 1
            try:
                return call()
            except ClientError as error:
                code, status = error.response.get("Error", {}).get("Code", ""), error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
                if code in absent:
                    return None
                passing = status in {500, 502, 503, 504} or code in _AGAIN
                if not passing or attempt == MAX_TRIES:
                    raise self._refused(what, permission, code, status, tries=attempt) from error
            except (HTTPClientError, IncompleteReadError) as error:
                if attempt == MAX_TRIES:
                    raise StoreError(
                        f"{self._named} can't {what}: no answer in {attempt} tries ({type(error).__name__})",
                        remedy="Look at the network and the server's endpoint; then run again. Nothing is lost.",
                    ) from error
            except BotoCoreError as error:
                raise StoreError(
                    f"{self._named} can't {what}: {error}",
                    remedy="Give credentials by the environment (a role, ~/.aws), on GitHub by aws-actions/configure-aws-credentials.",
                ) from error
            self._patience.pause(attempt)

    @property
    def _named(self) -> str:
        return f"the evidence store {self._place.url}" + (f", bucket {self.name}," if self._place.evidence else "")

    def _refused(self, what: str, permission: str, code: str, status: int, *, tries: int) -> StoreError:
        reading = what.startswith(("read", "list"))
        role = "writer's and the auditor's" if reading else "writer's"
        if code in {"NoSuchBucket", "PermanentRedirect", "AuthorizationHeaderMalformed", "IllegalLocationConstraintException"}:
            remedy = f"Check the bucket's name, and region= in the URL. `changegate store init URL` makes the bucket {self.name}."
        elif code in {"InvalidAccessKeyId", "SignatureDoesNotMatch", "ExpiredToken", "InvalidToken", "TokenRefreshRequired"}:
            remedy = "The credentials are wrong or have expired: renew those in the environment."
        elif code == "RequestTimeTooSkewed":
            remedy = "This machine's clock is wrong: set it (NTP) and run again."
        elif status == 403:
            remedy = f"Allow {permission} on {self.name} in the {role} policy; docs/stores.md has both policies."
        elif status == 501 or code == "NotImplemented":
            remedy = "The server doesn't know conditional writes (If-None-Match), or Object Lock: use one that does; `changegate store probe` tells."
        elif "Lock" in code or code in {"InvalidRequest", "InvalidBucketState"}:
            remedy = "Where the URL has retention-days=, the bucket needs Object Lock: `changegate store init URL` makes one that has it."
        elif tries > 1:
            remedy = "The server is busy or ill: run again later. Nothing is lost."
        else:
            remedy = "Look that code up in the server's documentation; `changegate store status` shows how the bucket is set up."
        return StoreError(
            f"{self._named} can't {what}: {code or 'refused'} (HTTP {status}" + (f", {tries} tries)" if tries > 1 else ")"), remedy=remedy
        )
