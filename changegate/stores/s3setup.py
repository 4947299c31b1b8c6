"""Setting up the buckets of a store in S3, and looking at how they are set up."""

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, Final, TypeVar

from changegate.errors import StoreError
from changegate.stores import Condition, is_lasting
from changegate.stores.s3bucket import Bucket
from changegate.stores.s3url import S3Place

if TYPE_CHECKING:
    from types_boto3_s3.type_defs import PublicAccessBlockConfigurationTypeDef

_UNKNOWN: Final = frozenset({"NotImplemented", "MethodNotAllowed", "XNotImplemented"})
_UNLOCKED: Final = frozenset({"ObjectLockConfigurationNotFoundError", "ObjectLockConfigurationNotFound", "NoSuchObjectLockConfiguration"})
_CLOSED: Final["PublicAccessBlockConfigurationTypeDef"] = {
    "BlockPublicAcls": True,
    "IgnorePublicAcls": True,
    "BlockPublicPolicy": True,
    "RestrictPublicBuckets": True,
}
_MAKE: Final = "Object Lock is given to a bucket when it is made: `changegate store init URL` with retention-days= makes one that has it."

T = TypeVar("T")


def prepare(first: Bucket, second: Bucket | None, place: S3Place) -> tuple[str, ...]:
    """Make the buckets that are missing, closed to the public, with Object Lock where `retention-days` asks for it. What exists stays as it is."""
    keeping = second or first
    return tuple(
        _make(bucket, locked=place.retention_days is not None and bucket is keeping, close=place.endpoint is None)
        for bucket in (first, second)
        if bucket is not None and not _exists(bucket)
    )


def examine(first: Bucket, second: Bucket | None, place: S3Place) -> tuple[Condition, ...]:
    """What the buckets' settings are. Where this identity may not read a setting, it is unknown."""
    conditions = [*_look_at_keeping(second or first, place)]
    if second is not None:
        versioned = _versioning(first)
        conditions.append(
            Condition(f"the coordinating bucket {first.name} is unversioned", versioned is False, "versioned" if versioned else "unversioned",
                      remedy="Name a bucket that never had versioning: some servers ignore If-None-Match where it has.")
        )  # fmt: skip
        conditions.append(_look_at_copies(first, second))
    if place.endpoint is None:
        conditions += [_look_at_public(bucket) for bucket in (first, second) if bucket is not None]
    return tuple(conditions)


def _exists(bucket: Bucket) -> bool:
    answer = bucket.call(
        f"find bucket {bucket.name}",
        "s3:ListBucket",
        lambda: bucket.client.head_bucket(Bucket=bucket.name),
        absent={"404", "NoSuchBucket", "NotFound"},
    )
    return answer is not None


def _make(bucket: Bucket, *, locked: bool, close: bool) -> str:
    region = bucket.client.meta.region_name
    options: Any = {} if region in {"us-east-1", "aws-global"} else {"CreateBucketConfiguration": {"LocationConstraint": region}}
    if locked:
        options["ObjectLockEnabledForBucket"] = True
    bucket.call(f"make bucket {bucket.name}", "s3:CreateBucket", lambda: bucket.client.create_bucket(Bucket=bucket.name, **options))
    if close:  # Ceph RGW (16) then refuses every PUT; there, as on other servers, a new bucket is private anyway
        bucket.call(
            f"close bucket {bucket.name} to the public",
            "s3:PutBucketPublicAccessBlock",
            lambda: bucket.client.put_public_access_block(Bucket=bucket.name, PublicAccessBlockConfiguration=_CLOSED),
            absent=_UNKNOWN,
        )
    return f"bucket {bucket.name}" + (", versioned, with Object Lock" if locked else "")


def _look_at_keeping(bucket: Bucket, place: S3Place) -> Iterator[Condition]:
    locked = _seen(lambda: _locks(bucket))
    wanted = place.retention_days
    what = f"{bucket.name} has Object Lock, and what lasts is locked for {wanted} days" if wanted else f"{bucket.name} has Object Lock"
    if isinstance(locked, str):
        yield Condition(what, holds=None, found=locked, remedy="Allow s3:GetBucketObjectLockConfiguration to see it.")
    elif not locked:
        yield Condition(what, holds=False, found="the bucket has none: whoever may delete there, may delete evidence", remedy=_MAKE)
    elif wanted is None:
        yield Condition(
            what, holds=False, found="it has, and the URL asks for no retention", remedy="Add retention-days=N to the URL of every writer."
        )
    else:
        yield Condition(what, holds=True, found="COMPLIANCE mode: nobody can delete it before, nor shorten that")
    yield _look_at_encryption(bucket, place)


def _look_at_encryption(bucket: Bucket, place: S3Place) -> Condition:
    what = f"{bucket.name} is encrypted at rest"
    found = _seen(
        lambda: bucket.call(
            f"see the encryption of {bucket.name}",
            "s3:GetEncryptionConfiguration",
            lambda: bucket.client.get_bucket_encryption(Bucket=bucket.name),
            absent={"ServerSideEncryptionConfigurationNotFoundError", *_UNKNOWN},
        )
    )
    if place.sse is not None:
        return Condition(what, holds=True, found=f"each write asks for {place.sse}")
    if isinstance(found, str):
        return Condition(what, holds=None, found=found, remedy="Allow s3:GetEncryptionConfiguration to see it, or add sse=AES256 to the URL.")
    return Condition(
        what, found is not None, "by the bucket's default" if found else "no default", remedy="" if found else "Add sse=AES256 to the URL."
    )


def _look_at_public(bucket: Bucket) -> Condition:
    what = f"{bucket.name} is closed to the public"
    found = _seen(
        lambda: bucket.call(
            f"see whether {bucket.name} is public",
            "s3:GetBucketPublicAccessBlock",
            lambda: bucket.client.get_public_access_block(Bucket=bucket.name),
            absent={"NoSuchPublicAccessBlockConfiguration", *_UNKNOWN},
        )
    )
    if isinstance(found, str):
        return Condition(what, holds=None, found=found, remedy="Allow s3:GetBucketPublicAccessBlock to see it.")
    closed = found is not None and all(found["PublicAccessBlockConfiguration"].get(name) for name in _CLOSED)
    return Condition(what, closed, "all public access is blocked" if closed else "public access isn't blocked", remedy="Block all public access.")


def _look_at_copies(first: Bucket, second: Bucket) -> Condition:
    """Whether all that lasts is in the bucket that keeps it."""
    kept = set(second.list(""))
    missing = sum(is_lasting(key) and key not in kept for key in first.list(""))
    found = f"{missing} objects aren't" if missing else "all are"
    return Condition(
        f"what lasts is copied to {second.name}",
        missing == 0,
        found,
        remedy="A writer was stopped; whoever reads those next, and writes, copies them.",
    )


def _locks(bucket: Bucket) -> bool:
    answer = bucket.call(
        f"see the Object Lock of {bucket.name}",
        "s3:GetBucketObjectLockConfiguration",
        lambda: bucket.client.get_object_lock_configuration(Bucket=bucket.name),
        absent=_UNLOCKED | _UNKNOWN,
    )
    return answer is not None and answer.get("ObjectLockConfiguration", {}).get("ObjectLockEnabled") == "Enabled"


def _versioning(bucket: Bucket) -> bool:
    answer = bucket.call(
        f"see the versioning of {bucket.name}",
        "s3:GetBucketVersioning",
        lambda: bucket.client.get_bucket_versioning(Bucket=bucket.name),
        absent=_UNKNOWN,
    )
    return answer is not None and "Status" in answer


def _seen(look: Callable[[], T]) -> T | str:
    """What is there, or why it can't be seen. The bucket itself is another matter: where it isn't there, that is an error."""
    try:
        return look()
    except StoreError as error:
        if "HTTP 403" in error.message:
            return error.message
        raise
