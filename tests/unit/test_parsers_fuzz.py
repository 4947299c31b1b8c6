"""Every parser of the package, given any bytes: a value or one of our own errors, in memory that grows with the input and no faster."""

import ast
import gzip
import hashlib
import tracemalloc
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Final

import pytest
from builders import facts
from hypothesis import given, settings
from hypothesis import strategies as st
from support.evidence import KEY, ORIGIN, MemoryStore, append, key_of, log_in, record
from support.exhaustive import some
from support.records import TRUST, signed_record

from changegate import (
    access,
    attestation,
    calendars,
    canonical,
    codeowners,
    codeowners_gitlab,
    openings,
    pipeline,
    plan,
    policy,
    policy_cases,
    provenance,
    recurrence,
    replaying,
    reports,
    trust,
    windows,
    yaml_text,
)
from changegate.audit import tables
from changegate.audit.pack import contents, manifest, stretch
from changegate.cli import exported, periods
from changegate.doctor import workflow_file
from changegate.doctor.gitlab import ci_file
from changegate.errors import ChangegateError
from changegate.evidence import (
    card,
    checkpoint,
    commit,
    cosignature,
    index_object,
    log_object,
    log_policy,
    merkle,
    note,
    proof,
    reader,
    revocations,
    statement,
    tiles,
    timestamps,
)
from changegate.forges import trailers
from changegate.forges.git import history, objects
from changegate.pipeline_rules import ArtifactBound
from changegate.portal import access as portal_access
from changegate.portal import terms
from changegate.record import facts_json
from changegate.signing import dsse, keyless, keys
from changegate.stores import s3url
from changegate.stores.postgres import address
from changegate.trackers import reading
from changegate.witness import submission

PACKAGE: Final = Path(__file__).parents[2] / "changegate"
MEGABYTE: Final = 1024 * 1024
LENGTH: Final = MEGABYTE // 64
Parse = Callable[[bytes], object]


def of_text(parse: Callable[[str], object]) -> Parse:
    """A parser of text, as it is called: with what bytes that are no UTF-8 become there."""
    return lambda data: parse(data.decode("utf-8", "replace"))


def log() -> Mapping[str, bytes]:
    """The objects of a small log."""
    store = MemoryStore()
    for number in range(3):
        append(log_in(store), number)
    return store.objects


LOG: Final = log()
ENVELOPE: Final = signed_record(1)[1]
CHECKPOINT: Final = LOG["checkpoint"]
RECEIPT: Final = proof.format_receipt(append(log_in(MemoryStore()), 1))
FACTS: Final = next(data for key, data in LOG.items() if key.startswith("facts/"))
COSIGNATURE: Final = cosignature.format_lines([cosignature.cosign(CHECKPOINT, "w.example/1", key_of(3), datetime(2026, 3, 1, tzinfo=UTC))])
VERIFIER_KEY: Final = note.format_verifier_key(note.verifier_key(ORIGIN, KEY.public_key)).encode()
COMMIT: Final = (
    b"tree 4b825dc642cb6eb9a060e54bf8d69288fbee4904\nauthor alice <a@example.com> 1767225600 +0000\n"
    b"committer alice <a@example.com> 1767225600 +0000\n\nA subject\n\nReviewed-by: bob <b@example.com>\n"
)
POLICY: Final = b"version: 1\ncontrols:\n  peer-approved:\n    approvals: 2\n"
WORKFLOW: Final = b"on: push\njobs:\n  deploy:\n    runs-on: ubuntu\n    steps:\n      - uses: a/b@v1\n"
STATEMENT: Final = b'{"_type":"https://in-toto.io/Statement/v1","subject":[{"digest":{"gitCommit":"ab"}}],"predicateType":"x","predicate":{}}'
DEPLOYMENTS: Final = (
    b'[{"id":1,"sha":"'
    + b"c" * 40
    + b'","environment":"production","created_at":"2026-01-01T00:00:00Z","updated_at":"2026-01-01T00:00:00Z","ref":"main",'
    b'"repository_url":"https://api.github.com/repos/acme/shop","statuses":[{"state":"success","created_at":"2026-01-01T00:00:00Z"}]}]'
)
CLAIMS: Final = (
    b'{"population":"changes","from":"2026-01-01T00:00:00+00:00","to":"2026-04-01T00:00:00+00:00","environments":"all",'
    b'"repositories":["acme/shop"],"source":"file:evidence","tool":"changegate 1"}'
)
MANIFEST: Final = manifest.format_manifest([manifest.member("trust.yml", b"version: 1\n")])
STRETCH: Final = stretch.Stretch(b"", CHECKPOINT, CHECKPOINT, merkle.Frontier(0, ()), (b"{}", b"[]"), ())
KEY_PEM: Final = keys.format_public(KEY.public_key).encode()


def commit_of(data: bytes) -> object:
    """As git names it: an id that is this content's own."""
    return history.parse_commit(hashlib.sha1(b"commit %d\0" % len(data) + data, usedforsecurity=False).hexdigest(), data)


def tree_of(data: bytes) -> object:
    """As git names it."""
    return list(objects.parse_tree(hashlib.sha1(b"tree %d\0" % len(data) + data, usedforsecurity=False).hexdigest(), data))


def job_of(data: bytes) -> object:
    """The environment of a job, its values from outside."""
    words = data.decode("utf-8", "replace").split("\n")
    environ = {
        "GITHUB_ACTIONS": "true",
        "GITHUB_RUN_ID": words[0],
        "GITHUB_RUN_ATTEMPT": words[-1],
        "GITHUB_REF": words[0],
        "GITHUB_ACTOR": words[-1],
    }
    gitlab = {"GITLAB_CI": "true", "CI_JOB_ID": words[0], "CI_COMMIT_SHA": words[-1], "CI_COMMIT_TAG": words[0]}
    return [pipeline.read_pipeline(each, local_run="1") for each in (environ, gitlab)]


BERLIN: Final = windows.find_zone("Europe/Berlin")
CALENDAR: Final = (
    b"BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\nUID:1\r\nSUMMARY:Year end\r\nDTSTART;TZID=Europe/Berlin:20251218T170000\r\nDURATION:P17D\r\n"
    b"RRULE:FREQ=YEARLY;COUNT=9\r\nEXDATE;VALUE=DATE:20261218\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"
)
ACCESS: Final = (
    b'{"entries":[],"fetched":"2026-03-01T12:00:00Z","forge":"github","format":"changegate-access-1","repository":"r","tool":"t","unknown":[]}'
)

PARSERS: Final[Mapping[str, tuple[Parse, bytes]]] = {
    "access.parse_access": (access.parse_access, ACCESS),
    "attestation.parse_period": (of_text(lambda text: attestation.parse_period(text, today=date(2026, 4, 1))), b"2026-01-01..2026-03-31"),
    "audit.pack.contents.parse_claims": (contents.parse_claims, CLAIMS),
    "audit.pack.contents.parse_drawing": (contents.parse_drawing, b'{"seed":"root of 7","size":25}'),
    "audit.pack.manifest.parse_manifest": (
        lambda data: manifest.parse_manifest({manifest.MANIFEST: data, manifest.DIGEST: manifest.format_digest(data)}),
        MANIFEST,
    ),
    "audit.pack.stretch.parse": (
        lambda data: stretch.parse(b"", CHECKPOINT, CHECKPOINT, data, stretch.format_entries(STRETCH)),
        stretch.format_range(STRETCH, 3),
    ),
    "audit.tables.parse": (tables.parse, b"id,at\n1,2026-01-01\n"),
    "calendars.parse": (lambda data: calendars.find_spans(calendars.parse(data, BERLIN), datetime(2026, 3, 1, tzinfo=UTC), wide=True), CALENDAR),
    "canonical.loads": (lambda data: canonical.loads(data, what="it"), b'{"a":[1,2.5,"x",null]}'),
    "cli.exported.parse": (lambda data: exported.parse(data, "acme/shop"), DEPLOYMENTS),
    "cli.periods.parse_past": (of_text(lambda text: periods.parse_past("--received", text, now=datetime(2026, 4, 1, tzinfo=UTC))), b"2026-01-01"),
    "cli.periods.parse": (of_text(lambda text: periods.parse(text, "2026-03-31", now=datetime(2026, 4, 1, tzinfo=UTC))), b"2026-01-01T00:00:00Z"),
    "codeowners.parse": (of_text(codeowners.parse), b"*.py @alice @acme/web # why\n/docs/ d@example.com\n"),
    "codeowners.read_pattern": (of_text(codeowners.read_pattern), b"db/migrations/*.up.sql"),
    "codeowners_gitlab.parse": (of_text(codeowners_gitlab.parse), b"[Docs][2] @bob\n*.md\n^[Optional]\n*.py @alice\n"),
    "doctor.gitlab.ci_file.parse": (ci_file.parse, b"deploy:\n  script: make\n"),
    "doctor.workflow_file.parse": (lambda data: workflow_file.parse("a.yml", data), WORKFLOW),
    "evidence.card.parse_card": (card.parse_card, card.format_card(record(1)[0])),
    "evidence.card.parse_time": (of_text(card.parse_time), b"2026-03-01T12:00:00.123456Z"),
    "evidence.checkpoint.parse": (checkpoint.parse, CHECKPOINT),
    "evidence.checkpoint.parse_head": (of_text(checkpoint.parse_head), b"7:" + CHECKPOINT.split(b"\n")[2]),
    "evidence.checkpoint.parse_text": (of_text(checkpoint.parse_text), CHECKPOINT.partition(b"\n\n")[0] + b"\n"),
    "evidence.commit.parse_commit": (commit.parse_commit, LOG["commit/001"]),
    "evidence.cosignature.parse_lines": (lambda data: [cosignature.time_of(each) for each in cosignature.parse_lines(data)], COSIGNATURE),
    "evidence.log_object.parse_log_object": (log_object.parse_log_object, LOG["log.json"]),
    "evidence.log_policy.parse": (of_text(log_policy.parse), b"log " + VERIFIER_KEY + b"\nquorum none\n"),
    "evidence.note.parse_note": (note.parse_note, CHECKPOINT),
    "evidence.note.parse_verifier_key": (of_text(note.parse_verifier_key), VERIFIER_KEY),
    "evidence.proof.parse_receipt": (proof.parse_receipt, RECEIPT),
    "evidence.index_object.parse_index_object": (index_object.parse_index_object, b"12\n"),
    "evidence.reader.decompress": (reader.decompress, FACTS),
    "evidence.revocations._parse": (
        lambda data: revocations._parse(0, "k", data),
        STATEMENT.replace(b"{}}", b'{"key":{"keyId":"a"},"from":"2026-03-01T12:00:00Z","reason":"r"}}'),
    ),
    "evidence.statement.differences": (lambda data: statement.differences(statement.parse(data), record(1)[0]), STATEMENT),
    "evidence.statement.parse": (statement.parse, STATEMENT),
    "evidence.tiles.parse_bundle": (lambda data: tiles.parse_bundle(data, 3), tiles.format_bundle([b"one", b"two", b"three"])),
    "evidence.tiles.parse_index": (of_text(tiles.parse_index), b"x001/x234/067"),
    "evidence.tiles.parse_path": (of_text(tiles.parse_path), b"tile/0/x001/000.p/5"),
    "evidence.tiles.parse_tile": (lambda data: tiles.parse_tile(data, 1), bytes(32)),
    "evidence.timestamps.verify": (lambda data: timestamps.verify(data, b"x", ()), bytes.fromhex("30030201003003020100")),
    "openings.parse_openings": (openings.parse_openings, openings.format_openings([openings.commit(openings.Kind.NAME, "alice", bytes(32))])),
    "portal.access.parse_tokens": (of_text(portal_access.parse_tokens), b"auditor " + b"ab" * 32 + b" carol\n"),
    "portal.terms.parse_question": (of_text(terms.parse_question), b"person:alice SHOP-* 3f2a91c"),
    "forges.git.objects.parse_tree": (tree_of, b"100644 README.md\0" + bytes(range(20)) + b"40000 src\0" + bytes(20)),
    "forges.git.history.parse_commit": (commit_of, COMMIT),
    "forges.trailers.parse": (of_text(trailers.parse), b"Subject\n\nReviewed-by: bob <b@example.com>\n more\n"),
    "forges.trailers.parse_people": (of_text(lambda text: trailers.parse_people(text, commas=True)), b"bob <b@example.com>, @carol, Dave"),
    "pipeline.read_pipeline": (job_of, b"12\n1"),
    "plan.read_plan": (
        of_text(lambda text: plan.read_plan(text, headings=["Rollback plan"], templates=["# Rollback plan\n"], versions=["v1"], min_words=3)),
        b"## Rollback plan\nDeploy v1 again and wait.\n\n# Other\n",
    ),
    "policy_cases.parse": (
        lambda data: policy_cases.parse(data, source="c", known=()),
        b"cases:\n- name: it\n  changes: [{title: a, checks: {b: failure}}]\n  expect: blocked\n",
    ),
    "recurrence.parse": (
        of_text(
            lambda text: list(recurrence.find_days(recurrence.parse(text), datetime.fromisoformat("2026-01-05"), date(2026, 1, 1), date(2027, 1, 1)))
        ),
        b"FREQ=MONTHLY;BYDAY=-1FR;COUNT=7",
    ),
    "recurrence.read_moment": (of_text(recurrence.read_moment), b"20261224T170000Z"),
    "replaying.read_facts": (replaying.read_facts, facts_json(facts())),
    "policy.parse": (lambda data: policy.parse(data, source="p"), POLICY),
    "reports.read_tests": (lambda data: reports.read_tests(data, "x"), b'<testsuite timestamp="2026-03-01"><testcase name="a"/></testsuite>'),
    "reports.read_coverage": (lambda data: reports.read_coverage(data, "x"), b'<coverage lines-valid="1" lines-covered="1" timestamp="1"/>'),
    "provenance.split": (lambda data: provenance.split(data, source="x"), ENVELOPE + b"\n" + ENVELOPE),
    "provenance.read_all": (lambda data: provenance.read_all([data], facts().deployment, ArtifactBound(), root=None), ENVELOPE),
    "signing.dsse.parse_envelope": (dsse.parse_envelope, ENVELOPE),
    "signing.keyless.verify": (lambda data: keyless.verify(data, [], root=None), b'{"mediaType":"application/vnd.dev.sigstore.bundle.v0.3+json"}'),
    "signing.keys.parse_public": (of_text(keys.parse_public), KEY_PEM),
    "signing.keys.read_private": (keys.read_private, KEY.to_pem()),
    "stores.postgres.address.parse_address": (of_text(address.parse_address), b"postgresql://host/db?schema=a"),
    "stores.s3url.parse_url": (of_text(s3url.parse_url), b"s3://bucket/prefix?region=eu-central-1"),
    "trackers.reading.at": (of_text(lambda text: reading.at(text, "it", zone=UTC)), b"2025-01-05T10:15:03.000+0100"),
    "trust.parse": (trust.parse, trust.format_trust(TRUST)),
    "windows.read_hours": (of_text(windows.read_hours), b"fri 16:00 - mon 08:00"),
    "windows.read_local": (of_text(windows.read_local), b"2026-12-24 17:00"),
    "witness.submission.parse_size": (submission.parse_size, b"12\n"),
    "witness.submission.parse_submission": (submission.parse_submission, b"old 0\n\n" + CHECKPOINT),
    "yaml_text.read": (yaml_text.read, POLICY),
}
"""By its name below the package: the parser, and something that it reads."""

NEST: Final = 100_000
HOSTILE: Final[Mapping[str, Callable[[bytes], bytes]]] = {
    "nothing": lambda _good: b"",
    "not UTF-8": lambda good: good[:20] + b"\xff\xfe\xc3\x28\xed\xa0\x80" + good[20:],
    "a byte order mark": lambda good: b"\xef\xbb\xbf" + good,
    "zeros": lambda good: good + bytes(64),
    "deep lists": lambda _good: b"[" * NEST,
    "deep objects": lambda _good: b'{"a":' * NEST + b"1" + b"}" * NEST,
    "deep flow mappings": lambda _good: b"{a: " * 5000,
    "a key twice": lambda good: good.replace(b"{", b'{"version":1,"version":1,', 1).replace(b"version: 1", b"version: 1\nversion: 1", 1),
    "a huge integer": lambda good: good.replace(b"1", b"9" * 20_000, 1) if b"1" in good else b"9" * 20_000,
    "a huge exponent": lambda good: good.replace(b"1", b"1e99999999", 1) if b"1" in good else b"1e99999999",
    "not a number": lambda good: good.replace(b"1", b"NaN", 1) if b"1" in good else b"-Infinity",
    "surrogates": lambda good: good.replace(b'"', b'"\\ud800', 1) if b'"' in good else b'"\\udfff"',
    "carriage returns": lambda good: good.replace(b"\n", b"\r\n"),
    "itself twice": lambda good: good + good,
    "all but its end": lambda good: good[:-1],
}
LONG: Final[Mapping[str, Callable[[bytes], bytes]]] = {
    "one line": lambda good: good[:-1] + b"a" * LENGTH,
    "many lines": lambda good: good + b"a\n" * (LENGTH // 2),
    "many lists": lambda _good: b"[" + b"[]," * (LENGTH // 3) + b"[]]",
    "many items": lambda _good: b"- a\n" * (LENGTH // 4),
    "many anchors": lambda _good: b"a: &a [x,x]\n" + b"".join(b"k%d: [*a,*a]\n" % at for at in range(LENGTH // 16)),
    "itself": lambda good: good * (LENGTH // max(1, len(good))),
}


def own_errors(name: str, data: bytes) -> None:
    """Only our own errors may escape. `YamlError` is `yaml_text`'s alone, and translated by all that use it."""
    allowed: tuple[type[Exception], ...] = (ChangegateError, yaml_text.YamlError) if name == "yaml_text.read" else (ChangegateError,)
    with suppress(*allowed):
        PARSERS[name][0](data)


@pytest.mark.parametrize("name", PARSERS)
def test_what_it_reads_is_read(name: str) -> None:
    """Else its errors would prove nothing. Two need what can't be had in a line: they are tested where they are made."""
    parse, good = PARSERS[name]
    if name not in {"evidence.timestamps.verify", "signing.keyless.verify", "evidence.statement.differences"}:
        parse(good)
        return
    with pytest.raises(ChangegateError):
        parse(good)


@pytest.mark.parametrize("how", HOSTILE)
@pytest.mark.parametrize("name", PARSERS)
def test_hostile_bytes_give_a_value_or_our_own_error(name: str, how: str) -> None:
    own_errors(name, HOSTILE[how](PARSERS[name][1]))


@pytest.mark.parametrize("name", PARSERS)
@settings(max_examples=60)
@given(data=st.data())
def test_any_bytes_give_a_value_or_our_own_error(name: str, data: st.DataObject) -> None:
    good = PARSERS[name][1]
    cut = st.tuples(st.integers(0, len(good)), st.integers(0, 5), st.binary(max_size=6))
    mutated = cut.map(lambda at: good[: at[0]] + at[2] + good[at[0] + at[1] :])
    text = st.text(max_size=100).map(lambda each: each.encode("utf-8", "surrogatepass"))
    own_errors(name, data.draw(st.one_of(st.binary(max_size=200), mutated, text)))


@pytest.mark.parametrize("name", some(PARSERS, every=4))
def test_what_is_too_long_takes_no_more_memory_than_its_own_size_explains(name: str) -> None:
    for how, make in LONG.items():
        data = make(PARSERS[name][1])
        tracemalloc.start()
        try:
            own_errors(name, data)
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
        assert peak < 4 * MEGABYTE + 300 * len(data), f"{how}: {peak} bytes for {len(data)}"


def test_a_key_that_openssl_itself_stumbles_over() -> None:
    own_errors(
        "signing.keys.read_private",
        b"-----BEGIN PRIVATE KEY-----MC4CAQAwBQYDK2VvBCIEIAAAAAAAAAAAABBBBBBBBBBBEEEEEEEEEEEQQQQQQQQQQ-----END PRIVATE KEY-----",
    )


def test_a_bomb_of_facts_is_refused_in_the_memory_that_facts_may_take(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reader, "MAX_FACTS_BYTES", MEGABYTE)
    bomb = gzip.compress(bytes(64 * MEGABYTE))
    tracemalloc.start()
    with pytest.raises(ChangegateError):
        reader.decompress(bomb)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 4 * MEGABYTE


def parsers_in_the_package() -> set[str]:
    """Public functions that read bytes or text: by their names, and by what they take."""
    found = set()
    for path in PACKAGE.rglob("*.py"):
        module = ".".join(path.relative_to(PACKAGE).with_suffix("").parts).removesuffix(".__init__")
        if module == "audit.pack.standalone":  # a program of its own, with errors of its own: tests/integration/test_pack.py breaks its input
            continue
        for node in ast.parse(path.read_text()).body:
            if isinstance(node, ast.FunctionDef) and _parses(node):
                found.add(f"{module}.{node.name}")
    return found


def _parses(function: ast.FunctionDef) -> bool:
    if function.name.startswith(("parse", "loads", "decompress")):
        return True
    first = function.args.args[0] if function.args.args else None
    kind = ast.unparse(first.annotation) if first is not None and first.annotation is not None else ""
    return function.name.startswith("read") and kind in {"bytes", "str", "Mapping[str, str]"}


READS_A_FILE: Final = {
    "cli.artifacts.read_artifact",
    "cli.attestations.read_bounded",
    "cli.kept.read_since",
    "cli.options.read_file",
    "cli.options.read_trust",
}
"""They are given a path, and hand what lies there to a parser of the table."""


def test_no_parser_is_missing_from_the_table() -> None:
    found = parsers_in_the_package()
    assert found - READS_A_FILE - set(PARSERS) == set()
    assert found >= READS_A_FILE, "one of these is gone"
    assert len(found & set(PARSERS)) > 30
