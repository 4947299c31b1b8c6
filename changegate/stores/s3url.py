"""The URL of a store in S3, `s3://BUCKET[/PREFIX][?name=value&…]`, as values. Pure."""

import re
from dataclasses import dataclass
from typing import Final
from urllib.parse import parse_qsl, urlencode, urlsplit

from changegate.errors import InputError

MAX_DAYS: Final = 36500
# https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html
_BUCKET: Final = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]", re.ASCII)
_PREFIX: Final = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]*(?:/[A-Za-z0-9_-][A-Za-z0-9._-]*)*", re.ASCII)
_REGION: Final = re.compile(r"[a-z0-9-]{1,40}", re.ASCII)
_SSE: Final = re.compile(r"AES256|aws:kms(?::(?P<key>[A-Za-z0-9:/_-]{1,200}))?", re.ASCII)
_DAYS: Final = re.compile(r"[1-9][0-9]{0,4}", re.ASCII)
_NAMES: Final = ("region", "endpoint", "evidence", "retention-days", "sse")
_FORM: Final = "Give it as s3://BUCKET[/PREFIX], with ?region=…&endpoint=…&evidence=BUCKET&retention-days=N&sse=AES256 as needed."


@dataclass(frozen=True)
class S3Place:
    """Where a store in S3 lies, and how its objects are kept."""

    bucket: str
    prefix: str = ""
    """Empty, or ending in a slash."""
    region: str | None = None
    endpoint: str | None = None
    """The server's URL, where it isn't Amazon's."""
    evidence: str | None = None
    """The bucket that keeps what lasts, where `bucket` only coordinates."""
    retention_days: int | None = None
    """For how long nobody can delete what lasts: Object Lock in COMPLIANCE mode."""
    sse: str | None = None
    """`AES256`, `aws:kms` or `aws:kms:KEY`; None leaves it to the bucket."""

    @property
    def url(self) -> str:
        """The URL that `parse_url` takes."""
        values = (self.region, self.endpoint, self.evidence, self.retention_days, self.sse)
        query = urlencode({name: value for name, value in zip(_NAMES, values, strict=True) if value is not None}, safe=":/")
        return f"s3://{self.bucket}" + (f"/{self.prefix.rstrip('/')}" if self.prefix else "") + (f"?{query}" if query else "")


def parse_url(url: str) -> S3Place:
    """The place that a URL names. Raises `InputError`; the message never repeats what may be a credential."""
    try:
        parts = urlsplit(url)
        options = parse_qsl(parts.query, keep_blank_values=True, strict_parsing=bool(parts.query), max_num_fields=20)
    except ValueError as error:
        raise InputError("the evidence store's s3:// URL can't be read", remedy=_FORM) from error
    if "@" in parts.netloc:
        raise InputError(
            "the evidence store's s3:// URL has a credential in it", remedy="Leave it out: credentials come from the environment, as for the AWS CLI."
        )
    if parts.scheme != "s3" or parts.fragment or not _is_bucket(parts.netloc):
        raise InputError("the evidence store's s3:// URL names no bucket", remedy=_FORM)
    prefix = parts.path.strip("/")
    if prefix and not _PREFIX.fullmatch(prefix):
        raise InputError("the prefix in the evidence store's s3:// URL may have letters, digits and . _ - / only", remedy=_FORM)
    given = dict(options)
    unknown = sorted(given.keys() - set(_NAMES))
    if unknown or len(given) != len(options):
        what = f"has an unknown option {unknown[0][:30]!r}" if unknown else "gives an option twice"
        raise InputError(f"the evidence store's s3:// URL {what}", remedy=_FORM)
    for name, value in given.items():
        if not _is_good(name, value):
            raise InputError(f"the evidence store's s3:// URL has an option {name} that can't be used", remedy=_FORM)
    if given.get("evidence") == parts.netloc:
        raise InputError("the evidence store's two buckets are the same one", remedy="Name another with evidence=BUCKET, or leave it out.")
    days = int(given["retention-days"]) if "retention-days" in given else None
    options_given = {name: given.get(name) for name in ("region", "endpoint", "evidence", "sse")}
    return S3Place(parts.netloc, f"{prefix}/" if prefix else "", retention_days=days, **options_given)


def _is_bucket(name: str) -> bool:
    return _BUCKET.fullmatch(name) is not None and ".." not in name


def _is_good(name: str, value: str) -> bool:
    if name == "endpoint":
        return _is_endpoint(value)
    if name == "evidence":
        return _is_bucket(value)
    if name == "retention-days":
        return _DAYS.fullmatch(value) is not None and int(value) <= MAX_DAYS
    return (_REGION if name == "region" else _SSE).fullmatch(value) is not None


def _is_endpoint(value: str) -> bool:
    try:
        parts = urlsplit(value)
        port = parts.port
    except ValueError:
        return False
    plain = not (parts.username or parts.password or parts.query or parts.fragment or parts.path.strip("/"))
    return parts.scheme in {"http", "https"} and bool(parts.hostname) and plain and port != 0 and value.isascii() and value.isprintable()
