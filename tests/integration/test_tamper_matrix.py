"""Every kind of object × every manipulation × every kind of store: all of it is found, by name, or can't matter and says why."""

from collections.abc import Iterator

import pytest
from support.raw_stores import RAW_STORES
from support.records import TRUST
from support.tampering import (
    EXPECTED,
    LAYOUT,
    MANIPULATIONS,
    ROWS,
    SCHEMES,
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
    assert all(each.why for each in EXPECTED.values())


def test_the_honest_log_is_whole(raw: RawStore) -> None:
    report = verify_store(raw.open(), TRUST)
    assert report.clean, said(report)
    assert {each.what for each in report.notes} == {"a record waits for its commit", "an object belongs to no entry"}, said(report)


@pytest.mark.parametrize(("name", "manipulation"), ROWS)
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


@pytest.mark.parametrize("scheme", SCHEMES)
def test_a_tampered_log_is_found_where_it_can_be(raw: RawStore, scheme: str) -> None:
    log, alone, since = SCHEMES[scheme]
    with tampered(raw, difference(log())) as store:
        report = verify_store(store, TRUST)
        against = verify_store(store, TRUST, since=honest_log()[layout.CHECKPOINT])
    assert (alone in [each.what for each in report.problems]) if alone else report.clean, said(report)
    assert since in [each.what for each in against.problems], said(against)
