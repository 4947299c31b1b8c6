"""Every kind of object × every manipulation × every kind of store: all of it is found, by name, or can't matter and says why.

A directory gets all of it, in `make test` every third (`support.exhaustive`). The other stores get each manipulation once and the schemes of
`SOME_SCHEMES`, since a verification over a network takes seconds; S3, which takes longest, in `make test` the first ones.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence

import pytest
from support.exhaustive import EXHAUSTIVE, some, thin
from support.raw_stores import RAW_STORES, RawBucket, bucket
from support.records import TRUST
from support.tampering import (
    EXPECTED,
    LAYOUT,
    MANIPULATIONS,
    ROWS,
    SCHEMES,
    SOME,
    SOME_SCHEMES,
    Expected,
    RawStore,
    difference,
    honest_log,
    kinds,
    tampered,
)

from changegate.evidence import layout
from changegate.evidence.findings import Report
from changegate.evidence.verify import verify_store


def rows_of(store: str) -> Sequence[tuple[str, str]]:
    return thin(ROWS, every=12) if store == "directory" else SOME if store != "s3" or EXHAUSTIVE else SOME[:2]


def schemes_of(store: str) -> Sequence[str]:
    return thin(list(SCHEMES), every=4) if store == "directory" else SOME_SCHEMES if store != "s3" or EXHAUSTIVE else SOME_SCHEMES[:1]


@pytest.fixture(scope="module", params=RAW_STORES)
def raw(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RawStore]:
    """A store that holds the honest log."""
    with RAW_STORES[request.param](tmp_path_factory.mktemp("raw")) as opened:
        opened.write(honest_log())
        yield opened


def said(report: Report) -> str:
    return "\n".join(f"{each.what}: {each.where}: {each.expected} / {each.found}" for each in (*report.problems, *report.notes))


def test_the_table_has_every_kind_of_object_and_every_manipulation() -> None:
    objects = {value for name, value in vars(layout).items() if name.isupper() and isinstance(value, str)}
    assert set(LAYOUT.values()) == objects - {layout.TIMESTAMPS}  # those have tests of their own: they need an authority
    assert list(LAYOUT) == list(kinds())
    assert all(kinds()[name].key.startswith(of) for name, of in LAYOUT.items())
    assert set(EXPECTED) <= set(ROWS)
    assert len({name for name, _ in SOME}) == len(MANIPULATIONS)
    assert {manipulation for _, manipulation in SOME} == set(MANIPULATIONS)
    assert all(each.why for each in EXPECTED.values())


def test_the_honest_log_is_whole(raw: RawStore) -> None:
    report = verify_store(raw.open(), TRUST)
    assert report.clean, said(report)
    assert {each.what for each in report.notes} == {"a record waits for its commit", "an object belongs to no entry"}, said(report)


@pytest.mark.parametrize(
    ("raw", "name", "manipulation"),
    [(store, *row) for store in RAW_STORES for row in rows_of(store)],
    indirect=["raw"],
    scope="module",
)
def test_tampering_is_found_and_named(raw: RawStore, name: str, manipulation: str) -> None:
    changes = MANIPULATIONS[manipulation](kinds()[name], honest_log())
    assert any(data != honest_log().get(key) for key, data in changes.items())
    expected = EXPECTED.get((name, manipulation), Expected())
    with tampered(raw, changes) as store:
        report = verify_store(store, TRUST)
    found = (*report.problems, *report.notes)
    assert report.clean is not expected.problem, said(report)
    if expected.says:
        assert expected.says in [each.what for each in found], said(report)
    elif not expected.silent:
        assert set(changes) <= {each.where for each in found}, said(report)
    assert all(each.expected and each.found and each.meaning for each in found)
    assert not any("changegate verify" in each.meaning for each in found), said(report)  # it is what says this


@pytest.mark.parametrize(
    ("raw", "scheme"),
    [(store, scheme) for store in RAW_STORES for scheme in schemes_of(store)],
    indirect=["raw"],
    scope="module",
)
def test_a_tampered_log_is_found_where_it_can_be(raw: RawStore, scheme: str) -> None:
    log, alone, since = SCHEMES[scheme]
    with tampered(raw, difference(log())) as store:
        report = verify_store(store, TRUST)
        against = verify_store(store, TRUST, since=honest_log()[layout.CHECKPOINT])
    assert (alone in [each.what for each in report.problems]) if alone else report.clean, said(report)
    assert since in [each.what for each in against.problems], said(against)


# --- a bucket that keeps versions: there an object can be hidden, and made anew, though nothing can be deleted ------------------


@pytest.fixture(scope="module")
def versioned() -> Iterator[RawBucket]:
    """A versioned bucket with the honest log. What is locked in it can't be deleted, but it can have a delete marker."""
    with bucket(versioned=True) as opened:
        opened.write(honest_log())
        yield opened


def hide(key: str, _log: Mapping[str, bytes]) -> list[dict[str, bytes | None]]:
    """A delete marker: who reads it, finds nothing."""
    return [{key: None}]


def remake(key: str, log: Mapping[str, bytes]) -> list[dict[str, bytes | None]]:
    """A delete marker, and then the same again: that passes `If-None-Match: *`."""
    return [{key: None}, {key: log[key]}]


def forge(key: str, log: Mapping[str, bytes]) -> list[dict[str, bytes | None]]:
    """A delete marker, and then something else."""
    return [{key: None}, {key: log[key][:-1] + b"!"}]


def overwrite(key: str, log: Mapping[str, bytes]) -> list[dict[str, bytes | None]]:
    """Something else over it."""
    return [{key: log[key][:-1] + b"!"}]


@pytest.mark.exhaustive
def test_an_honest_log_in_a_versioned_bucket_is_whole(versioned: RawBucket) -> None:
    report = verify_store(versioned.open(), TRUST)
    assert report.clean, said(report)


Do = Callable[[str, Mapping[str, bytes]], list[dict[str, bytes | None]]]


@pytest.mark.parametrize(
    ("name", "how"),
    some(
        [
            ("index", overwrite),
            ("log", hide),
            ("first commit", remake),
            ("last commit", hide),
            ("full tile", overwrite),
            ("envelope", forge),
            ("facts", remake),
        ],
        every=7,
    ),
)
def test_versions_tell_what_was_done(
    versioned: RawBucket, name: str, how: Callable[[str, Mapping[str, bytes]], list[dict[str, bytes | None]]]
) -> None:
    key = kinds()[name].key
    try:
        for step in how(key, honest_log()):
            versioned.write(step)
        problems = [(each.what, each.where) for each in verify_store(versioned.open(), TRUST).problems]
    finally:
        versioned.forget(key)
    assert (("an object was replaced" if how is overwrite else "an object was deleted, and hidden or made again"), key) in problems
