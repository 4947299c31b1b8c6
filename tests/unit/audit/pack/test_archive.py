"""The zip form: written and read the same, read by others, and nothing else is read."""

import io
import struct
import warnings
import zipfile
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from changegate.audit.pack import archive, standalone
from changegate.errors import InputError, VerificationError

NAMES = st.from_regex(r"\A[A-Za-z0-9][A-Za-z0-9._-]{0,9}(?:/[A-Za-z0-9][A-Za-z0-9._-]{0,9}){0,2}\Z")


def written(members: dict[str, bytes]) -> bytes:
    file = io.BytesIO()
    writer = archive.Writer(file)
    for name, content in members.items():
        writer.add(name, content)
    writer.close()
    return file.getvalue()


GOOD = {"b.txt": b"two", "a/one.json": b"{}", "empty": b""}


@given(
    st.dictionaries(NAMES, st.binary(max_size=200), min_size=1, max_size=6).filter(lambda found: len({name.lower() for name in found}) == len(found))
)
def test_what_is_written_is_read_by_all(members: dict[str, bytes]) -> None:
    data = written(members)
    places = archive.read(io.BytesIO(data))
    assert [(name, data[place.offset : place.offset + place.size]) for name, place in places.items()] == list(members.items())
    assert standalone.read_zip(data) == members
    with zipfile.ZipFile(io.BytesIO(data)) as other:
        assert other.testzip() is None
        assert {each.filename: other.read(each) for each in other.infolist()} == members


@pytest.mark.exhaustive
def test_so_many_members_that_the_directory_needs_zip64() -> None:
    members = {f"{number:05d}": b"" for number in range(0xFFFF + 3)}
    data = written(members)
    assert list(archive.read(io.BytesIO(data))) == list(members)
    assert standalone.read_zip(data) == members
    with zipfile.ZipFile(io.BytesIO(data)) as other:
        assert len(other.infolist()) == len(members)


def test_every_flipped_or_missing_byte_is_seen() -> None:
    data = written(GOOD)
    for at in range(len(data)):
        for other in (data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :], data[:at]):
            with pytest.raises(VerificationError):
                archive.read(io.BytesIO(other))
            with pytest.raises((standalone.Refused, ValueError, struct.error)):
                standalone.read_zip(other)


def zipped(change: Callable[[zipfile.ZipFile], None], mode: int = zipfile.ZIP_STORED) -> bytes:
    file = io.BytesIO()
    with warnings.catch_warnings(), zipfile.ZipFile(file, "w", mode) as out:
        warnings.simplefilter("ignore")
        change(out)
    return file.getvalue()


def link(out: zipfile.ZipFile) -> None:
    entry = zipfile.ZipInfo("a", (1980, 1, 1, 0, 0, 0))
    entry.external_attr = 0o120777 << 16
    out.writestr(entry, "/etc/passwd")


def twice(out: zipfile.ZipFile) -> None:
    out.writestr(zipfile.ZipInfo("a"), "1")
    out.writestr(zipfile.ZipInfo("a"), "2")


@pytest.mark.parametrize(
    "data",
    [
        zipped(lambda out: out.writestr("bomb", bytes(1_000_000)), zipfile.ZIP_DEFLATED),
        zipped(lambda out: out.writestr(zipfile.ZipInfo("../../etc/passwd"), "x")),
        zipped(lambda out: out.writestr(zipfile.ZipInfo("/etc/passwd"), "x")),
        zipped(lambda out: out.writestr(zipfile.ZipInfo("a\\b"), "x")),
        zipped(link),
        zipped(twice),
        written(GOOD).replace(b"b.txt", b"../.."),
        written(GOOD)[:6] + b"\x01\x00" + written(GOOD)[8:],
        b"hidden" + written(GOOD),
        written(GOOD) + b"more",
        written({"a": b"1"}) + written({"b": b"2"}),
        b"PK\x05\x06" + bytes(18),
        b"",
    ],
    ids=["bomb", "upward", "absolute", "backslash", "link", "twice", "renamed", "encrypted", "before", "after", "two", "empty", "nothing"],
)
def test_every_other_zip_is_refused(data: bytes) -> None:
    with pytest.raises((standalone.Refused, ValueError, struct.error)):
        standalone.read_zip(data)
    if data[:4] != b"PK\x05\x06":
        with pytest.raises(VerificationError, match="no evidence pack as changegate writes it"):
            archive.read(io.BytesIO(data))


@pytest.mark.parametrize("name", ["", "../a", "/a", "a//b", "a b", "ä", ".a", "a" * 201, "a\n"])
def test_a_name_that_no_pack_has_is_not_written(name: str) -> None:
    with pytest.raises(InputError):
        written({name: b""})
