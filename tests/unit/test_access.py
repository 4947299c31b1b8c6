"""Lists of who may do what: read back as they were written, and compared only where both could be read."""

import pytest
from builders import hours
from hypothesis import given
from hypothesis import strategies as st

from changegate import access, canonical
from changegate.access import Entry, Found, Holder, Right, Unknown
from changegate.errors import FormatError, InputError


def entry(name: str, right: Right = Right.PUSH, *, part: str = "members", how: str = "role Developer") -> Entry:
    return Entry(part=part, holder=Holder.USER, name=name, right=right, how=how)


def listed(*entries: Entry, unknown: tuple[str, ...] = ()) -> access.Access:
    gaps = tuple(Unknown(part=part, why="403", remedy="ask") for part in unknown)
    return access.make("gitlab", "acme/shop", hours(1), Found(entries, gaps))


def test_the_file_is_read_as_it_was_written_and_no_other_way() -> None:
    made = listed(entry("bob"), entry("alice"), unknown=("tokens",))
    data = access.format_access(made)
    assert access.parse_access(data) == made
    assert [each.name for each in made.entries] == ["alice", "bob"]
    for wrong in (
        b"",
        b"{}",
        b"[]",
        data + b"\n",
        data.replace(b"bob", b"\xff"),
        data.replace(b'"push"', b'"own"'),
        data.replace(b"-access-1", b"-access-2"),
    ):
        with pytest.raises(FormatError, match="access list"):
            access.parse_access(wrong)


@given(st.recursive(st.none() | st.booleans() | st.text(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=20))
def test_only_our_own_error_escapes(value: object) -> None:
    with pytest.raises(FormatError):
        access.parse_access(canonical.dumps(value))


def test_what_is_new_gone_and_otherwise() -> None:
    before = listed(entry("alice"), entry("bob"), entry("carol"))
    after = listed(entry("alice"), entry("bob", how="role Owner"), entry("dave"), entry("alice", Right.ADMINISTER))
    found = access.compare(before, after)
    assert [(each.name, each.right) for each in found.added] == [("alice", Right.ADMINISTER), ("dave", Right.PUSH)]
    assert [each.name for each in found.removed] == ["carol"]
    assert [(old.how, new.how) for old, new in found.changed] == [("role Developer", "role Owner")]
    assert found.uncompared == ()


@pytest.mark.parametrize("earlier", [True, False])
@pytest.mark.parametrize(("gap", "part"), [("members", "members"), ("branches", "branches/main"), ("branches/main", "branches/main/ruleset 'x'")])
def test_nobody_is_new_or_gone_where_one_list_could_not_be_read(gap: str, part: str, *, earlier: bool) -> None:
    whole, without = listed(entry("bob", part=part), entry("carol", part="keys")), listed(entry("carol", part="keys"), unknown=(gap,))
    found = access.compare(without, whole) if earlier else access.compare(whole, without)
    assert found == ((), (), (), (gap,))


def test_a_part_is_not_covered_by_one_that_begins_alike() -> None:
    found = access.compare(listed(entry("bob", part="branches/main-2")), listed(unknown=("branches/main",)))
    assert [each.name for each in found.removed] == ["bob"]


def test_somebody_twice_in_one_part_is_no_list() -> None:
    with pytest.raises(InputError, match="twice"):
        listed(entry("bob"), entry("bob", how="role Owner"))
