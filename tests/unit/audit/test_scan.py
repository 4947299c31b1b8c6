"""One look finds what reading every card finds."""

from datetime import timedelta

import pytest
from support.evidence import BEGIN, KEY, ORIGIN, MemoryStore, append, log_in

from changegate.audit.scan import scan
from changegate.evidence import log_policy, note
from changegate.evidence.reader import LogReader, read_log

POLICY = log_policy.parse(log_policy.format_single(note.verifier_key(ORIGIN, KEY.public_key)))


@pytest.fixture(scope="module")
def reader() -> LogReader:
    store = MemoryStore()
    log = log_in(store)
    for number in range(70):
        append(log, number)
    found = read_log(store, POLICY)
    assert found is not None
    return found


@pytest.mark.parametrize(("begin", "end"), [(0, 60), (0, 1), (5, 6), (30, 45), (59, 60), (60, 90), (-9, 0), (10, 10)])
def test_it_finds_the_entries_of_the_period_and_no_other(reader: LogReader, begin: int, end: int) -> None:
    low, high = BEGIN + timedelta(seconds=begin), BEGIN + timedelta(seconds=end)
    expected = [(index, card) for index, card in reader.cards(newest_first=False) if low <= card.at < high]
    found = scan(reader, low, high)
    assert found.dated == expected
    assert (found.about, found.revocations) == ([], [])
