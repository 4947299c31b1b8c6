"""The S3 store where things go wrong: lost replies, refusals, hidden versions; and servers that can't keep a log."""

import json
import re
import sys
from collections.abc import Callable, Iterator
from fnmatch import fnmatchcase
from itertools import count
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import pytest
from actions_harness import ROOT
from botocore.exceptions import ClientError
from support.evidence import log_in
from support.exhaustive import thin
from support.records import TRUST, append_signed
from support.s3server import CODES, FaultyProxy, client, free_port, started

from changegate import cli
from changegate.errors import InputError, StoreError
from changegate.evidence import layout
from changegate.evidence.verify import verify_store
from changegate.stores import Batch, open_store
from changegate.stores.probing import probe
from changegate.stores.s3 import S3Store
from changegate.stores.s3bucket import Patience
from changegate.stores.s3url import parse_url

Make = Callable[[str], str]
LOCKED = "s3://{0}?retention-days=1"


@pytest.fixture
def proxy(s3_endpoint: str) -> Iterator[FaultyProxy]:
    server = FaultyProxy(s3_endpoint)
    yield server
    server.close()


def through(proxy: FaultyProxy, url: str, s3_endpoint: str) -> S3Store:
    return S3Store(parse_url(url.replace(s3_endpoint, proxy.url)), Patience(connect=2, answer=5, pause=lambda _attempt: None))


@pytest.mark.parametrize(
    ("form", "fault"),
    thin(
        [(form, fault) for form in ("s3://{0}?evidence={0}-locked&retention-days=1", "s3://{0}") for fault in ("lost", "409", "500", "503", "cut")],
        every=3,
    ),
)
def test_a_call_that_fails_once_loses_and_doubles_nothing(proxy: FaultyProxy, s3_url: Make, s3_endpoint: str, form: str, fault: str) -> None:
    """Every write fails the first time; where the reply is lost, it persisted."""
    url = s3_url(form)
    failed: set[str] = set()

    def once(method: str, path: str) -> str | None:
        if method == "GET" or path in failed:
            return None
        failed.add(path)
        return fault

    proxy.fault = once
    log = log_in(through(proxy, url, s3_endpoint))
    assert [append_signed(log, number).index for number in (0, 1, 0)] == [0, 1, 0]
    assert failed
    report = verify_store(open_store(url), TRUST)
    assert report.clean, report.problems
    assert report.entries == 2


@pytest.mark.parametrize("fault", thin(["lost", "500"], every=2))
def test_any_request_of_an_append_may_fail_once(proxy: FaultyProxy, s3_url: Make, s3_endpoint: str, fault: str) -> None:
    """Reads and writes alike: every third request of an append, each in an append of its own."""
    url, number, reached = s3_url("s3://{0}"), 0, True
    while reached:
        wanted, asked = 3 * number + 1, count(1)

        def at(_method: str, _path: str, wanted: int = wanted, asked: Iterator[int] = asked) -> str | None:
            return fault if next(asked) == wanted else None

        proxy.fault = at
        assert append_signed(log_in(through(proxy, url, s3_endpoint)), number).index == number
        number, reached = number + 1, next(asked) > wanted
    assert number > 3
    report = verify_store(open_store(url), TRUST)
    assert report.clean, report.problems
    assert report.entries == number


def test_a_server_that_stays_ill_is_named_and_nothing_is_lost(proxy: FaultyProxy, s3_url: Make, s3_endpoint: str) -> None:
    url = s3_url("s3://{0}")
    append_signed(log_in(open_store(url)), 0)
    proxy.fault = lambda method, path: "503" if method == "PUT" and "/commit/" in path else None
    with pytest.raises(StoreError, match=r"create commit/002: SlowDown \(HTTP 503, 8 tries\)"):
        append_signed(log_in(through(proxy, url, s3_endpoint)), 1)
    assert [append_signed(log_in(open_store(url)), number).index for number in (2, 1)] == [1, 2]
    report = verify_store(open_store(url), TRUST)
    assert report.clean, report.problems
    assert report.entries == 3, "the retry's record, once"


@pytest.mark.parametrize(
    ("method", "where", "said"),
    [("PUT", "/log.json", "Allow s3:PutObject on .* writer's policy"), ("GET", "/log.json", "s3:GetObject"), ("GET", "list-type", "s3:ListBucket")],
)
def test_a_refusal_names_the_permission(proxy: FaultyProxy, s3_url: Make, s3_endpoint: str, method: str, where: str, said: str) -> None:
    store = through(proxy, s3_url("s3://{0}"), s3_endpoint)
    proxy.fault = lambda each, path: "403" if each == method and where in path else None
    with pytest.raises(StoreError) as refused:
        append_signed(log_in(store), 0)
    assert "AccessDenied (HTTP 403)" in refused.value.message
    assert re.search(said, refused.value.remedy)


WRITER_ACTIONS = {"PUT": "s3:PutObject", "GET": "s3:GetObject", "DELETE": "s3:DeleteObject", "list": "s3:ListBucket"}
QUERIES = {
    "versions": "s3:ListBucketVersions",
    "versioning": "s3:GetBucketVersioning",
    "object-lock": "s3:GetBucketObjectLockConfiguration",
    "encryption": "s3:GetEncryptionConfiguration",
    "publicAccessBlock": "s3:GetBucketPublicAccessBlock",
    "versionId": "s3:GetObjectVersion",
}


def policies() -> dict[str, list[dict[str, Any]]]:
    """The statements of the policies in docs/stores.md."""
    page = (ROOT / "docs/stores.md").read_text(encoding="utf-8")
    return {
        name: json.loads(text)["Statement"] for name, text in re.findall(r"^(Writer|Auditor):\n\n```json\n(.*?)^```$", page, re.DOTALL | re.MULTILINE)
    }


def allowed(statements: list[dict[str, Any]], action: str, resource: str) -> bool:
    """As IAM decides where nothing is denied: action and resource in one statement, `*` for anything."""

    def listed(value: str | list[str]) -> list[str]:
        return [value] if isinstance(value, str) else value

    return any(action in listed(each["Action"]) and any(fnmatchcase(resource, one) for one in listed(each["Resource"])) for each in statements)


def test_the_printed_policies_allow_what_is_asked_and_no_more(proxy: FaultyProxy, s3_url: Make, s3_endpoint: str) -> None:
    """ministack enforces no policy: so each request of a log's life, as a proxy saw it, is held against what is printed."""
    url = s3_url("s3://{0}?retention-days=1")
    bucket, seen = parse_url(url).bucket, set[tuple[str, str]]()

    def see(method: str, path: str) -> None:
        parts = urlsplit(path)
        key, query = unquote(parts.path).removeprefix(f"/{bucket}").strip("/"), parse_qs(parts.query, keep_blank_values=True)
        action = next((QUERIES[name] for name in query if name in QUERIES), WRITER_ACTIONS["list" if not key else method])
        seen.add((action, f"arn:aws:s3:::BUCKET/{key}" if key else "arn:aws:s3:::BUCKET"))

    def asked(work: Callable[[S3Store], object]) -> set[tuple[str, str]]:
        seen.clear()
        proxy.fault = see
        work(through(proxy, url, s3_endpoint))
        return set(seen)

    def write(store: S3Store) -> None:
        for number in range(3):
            append_signed(log_in(store), number)
        store.apply(Batch(create={"tile/0/001.p/3": b"x"}, remove=("tile/0/001.p/3", "pending/none")))
        assert all(each.holds for each in probe(lambda: through(proxy, url, s3_endpoint)))

    def audit(store: S3Store) -> None:
        assert verify_store(store, TRUST).clean
        assert store.examine()
        store.read_version(layout.LOG, next(iter(store.history(layout.LOG))).version)

    # The first goes with a PutObject's headers; the second is asked of Amazon alone, the third of a bucket that coordinates.
    elsewhere = {"s3:PutObjectRetention", "s3:GetBucketPublicAccessBlock", "s3:GetBucketVersioning"}
    printed = policies()
    for name, requests in {"Writer": asked(write), "Auditor": asked(audit)}.items():
        assert [each for each in requests if not allowed(printed[name], *each)] == [], name
        granted = {action for each in printed[name] for action in ([each["Action"]] if isinstance(each["Action"], str) else each["Action"])}
        assert granted - elsewhere == {action for action, _ in requests}, name
    assert not allowed(printed["Writer"], "s3:DeleteObject", f"arn:aws:s3:::BUCKET/{layout.commit_key(1)}")
    assert not any(action.startswith(("s3:Put", "s3:Delete")) for each in printed["Auditor"] for action in each["Action"])


@pytest.mark.parametrize("code", ["InvalidAccessKeyId", "SignatureDoesNotMatch", "ExpiredToken"])
def test_wrong_credentials_are_named(proxy: FaultyProxy, s3_url: Make, s3_endpoint: str, code: str, monkeypatch: pytest.MonkeyPatch) -> None:
    store = through(proxy, s3_url("s3://{0}"), s3_endpoint)
    monkeypatch.setitem(CODES, "403", code)
    proxy.fault = lambda _method, _path: "403"
    with pytest.raises(StoreError, match=code) as refused:
        append_signed(log_in(store), 0)
    assert "wrong or have expired" in refused.value.remedy


def test_a_missing_bucket_is_named(s3_url: Make, s3_endpoint: str) -> None:
    s3_url("s3://{0}")
    with pytest.raises(StoreError, match="NoSuchBucket"):
        open_store(f"s3://no-such-bucket?endpoint={s3_endpoint}").create("a", b"")


def test_no_credentials_are_named(s3_url: Make, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    url = s3_url("s3://{0}")
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    with pytest.raises(StoreError, match="credentials"):
        open_store(url).read("a")


@pytest.mark.parametrize("remade", [False, True])
def test_a_delete_marker_is_found(s3_url: Make, s3_endpoint: str, *, remade: bool) -> None:
    """Without a lock: ministack refuses the marker on a locked object, which Amazon and Ceph set."""
    url = s3_url("s3://{0}")
    client(s3_endpoint).put_bucket_versioning(Bucket=parse_url(url).bucket, VersioningConfiguration={"Status": "Enabled"})
    for number in range(3):
        append_signed(log_in(open_store(url)), number)
    assert verify_store(open_store(url), TRUST).clean
    bucket, key, raw = parse_url(url).bucket, layout.commit_key(2), client(s3_endpoint)
    kept = raw.get_object(Bucket=bucket, Key=key)["Body"].read()
    raw.delete_object(Bucket=bucket, Key=key)
    if remade:
        raw.put_object(Bucket=bucket, Key=key, Body=kept, IfNoneMatch="*")
    problems = [(each.what, each.where) for each in verify_store(open_store(url), TRUST).problems]
    assert ("an object was deleted, and hidden or made again", key) in problems


def test_an_object_that_was_replaced_is_found(s3_url: Make, s3_endpoint: str) -> None:
    url = s3_url(LOCKED)
    append_signed(log_in(open_store(url)), 0)
    client(s3_endpoint).put_object(Bucket=parse_url(url).bucket, Key=layout.LOG, Body=b"other")
    assert ("an object was replaced", layout.LOG) in [(each.what, each.where) for each in verify_store(open_store(url), TRUST).problems]


def test_compliance_retention_refuses_deletion(s3_url: Make, s3_endpoint: str) -> None:
    url = s3_url(LOCKED)
    append_signed(log_in(open_store(url)), 0)
    raw, bucket = client(s3_endpoint), parse_url(url).bucket
    locked = list(S3Store(parse_url(url)).history("commit/"))
    assert locked
    for each in locked:
        with pytest.raises(ClientError, match="AccessDenied"):
            raw.delete_object(Bucket=bucket, Key=each.key, VersionId=each.version)
        with pytest.raises(ClientError, match="AccessDenied"):
            raw.delete_object(Bucket=bucket, Key=each.key, VersionId=each.version, BypassGovernanceRetention=True)


def test_a_copy_that_a_stopped_writer_left_out_is_made_by_the_next(s3_url: Make, s3_endpoint: str) -> None:
    url = s3_url("s3://{0}?evidence={0}-locked")
    append_signed(log_in(open_store(url)), 0)
    raw, place = client(s3_endpoint), parse_url(url)
    assert place.evidence
    raw.delete_object(Bucket=place.evidence, Key=layout.commit_key(1))
    assert [each.holds for each in S3Store(place).examine() if "copied" in each.what] == [False]
    append_signed(log_in(open_store(url)), 1)
    assert [each.holds for each in S3Store(place).examine() if "copied" in each.what] == [True]


def test_an_emptied_coordinating_bucket_forks_nothing(s3_url: Make, s3_endpoint: str) -> None:
    url = s3_url("s3://{0}?evidence={0}-locked&retention-days=1")
    append_signed(log_in(open_store(url)), 0)
    raw, bucket = client(s3_endpoint), parse_url(url).bucket
    for each in raw.list_objects_v2(Bucket=bucket)["Contents"]:
        raw.delete_object(Bucket=bucket, Key=each["Key"])
    assert not open_store(url).create(layout.commit_key(1), b"other")
    assert [append_signed(log_in(open_store(url)), number).index for number in (0, 1)] == [0, 1]
    assert verify_store(open_store(url), TRUST).clean


def test_rclone_ignores_conditions_and_is_refused_by_name(
    tmp_path: Path, s3_url: Make, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    s3_url("s3://{0}")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "served" / "bucket").mkdir(parents=True)
    port = free_port()
    rclone = Path(sys.executable).parent / "rclone"
    command = [str(rclone), "serve", "s3", "--addr", f"127.0.0.1:{port}", "--auth-key", "test,test", str(tmp_path / "served")]
    with started(command, port, {"HOME": str(tmp_path), "PATH": "/usr/bin:/bin"}) as endpoint:
        url = f"s3://bucket?endpoint={endpoint}"
        assert cli.run(["store", "probe", url]) == 4
        assert "rclone serve s3" in capsys.readouterr().err
        with pytest.raises(StoreError, match="makes an object that exists"):
            append_signed(log_in(open_store(url)), 0)


def test_the_store_command_on_s3(s3_url: Make, capsys: pytest.CaptureFixture[str]) -> None:
    url = s3_url(LOCKED)
    assert cli.run(["store", "init", url, "--format", "json"]) == 0
    append_signed(log_in(open_store(url)), 0)
    assert cli.run(["store", "status", url]) == 0
    assert "what lasts is locked for 1 days" in capsys.readouterr().out
    assert all(each.holds for each in probe(lambda: open_store(url)))
    assert verify_store(open_store(url), TRUST).clean, "a probe leaves nothing that verification minds"


@pytest.mark.parametrize(
    "url",
    ["s3:", "s3://", "s3://key:secret@bucket", "s3://Bucket", "s3://bucket/../x", "s3://bucket?x=1", "s3://bucket?region=a&region=b",
     "s3://bucket?retention-days=0", "s3://bucket?endpoint=ftp://x", "s3://bucket?endpoint=http://u:p@x", "s3://bucket?evidence=bucket",
     "s3://bucket?sse=none", "s3://bucket#x"],
)  # fmt: skip
def test_a_url_that_cannot_be_used_is_refused(url: str) -> None:
    with pytest.raises(InputError) as refused:
        open_store(url)
    assert "secret" not in refused.value.message
