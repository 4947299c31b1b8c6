"""Canonical JSON: the published vectors, and the strict way back."""

import json
import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from changegate import canonical
from changegate.errors import FormatError

DATA = Path(os.environ.get("CHANGEGATE_TEST_DATA", Path(__file__).parents[3] / "shared" / "data"))
VECTORS = sorted((DATA / "jcs" / "input").glob("*.json"))


@pytest.mark.skipif(not VECTORS, reason="no vectors: put cyberphone/json-canonicalization's testdata into $CHANGEGATE_TEST_DATA/jcs")
@pytest.mark.parametrize("path", VECTORS, ids=lambda path: path.stem)
def test_the_published_vectors(path: Path) -> None:
    assert canonical.dumps(json.loads(path.read_text("utf-8"))) == (path.parents[1] / "output" / path.name).read_bytes()


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | st.text(st.characters(codec="utf-8"), max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(st.characters(codec="utf-8"), max_size=4), inner, max_size=3),
)


@given(VALUES)
def test_it_comes_back(value: Any) -> None:
    data = canonical.dumps(value)
    assert canonical.loads(data, what="it") == value
    assert canonical.dumps(canonical.loads(data, what="it")) == data


@pytest.mark.parametrize("value", [2**53, float("nan"), "\ud800", {1: 2}, object()])
def test_what_has_no_canonical_form(value: Any) -> None:
    with pytest.raises(FormatError):
        canonical.dumps(value)


@pytest.mark.parametrize(
    "data", [b"", b"{", b'{"a":1,"a":2}', b"NaN", b"[Infinity]", b"\xff", b"[" * 100_000, b"[" * 66 + b"]" * 66, b"1" * 5000, b"\xef\xbb\xbf{}"]
)
def test_what_is_not_strict_json(data: bytes) -> None:
    with pytest.raises(FormatError, match="it: not strict JSON"):
        canonical.loads(data, what="it")


@given(st.binary(max_size=50))
def test_whatever_the_bytes_only_our_error_escapes(data: bytes) -> None:
    try:
        canonical.loads(data, what="it")
    except FormatError as error:
        assert error.remedy  # noqa: PT017 - most bytes are not JSON, some are
