"""Which issues a description names."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from changegate.forges.github.tickets import find_references


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("Fixes #12", {"acme/shop#12": "number"}),
        ("Acme/Other#3, acme/shop#4", {"acme/other#3": "qualified-number", "acme/shop#4": "qualified-number"}),
        ("https://github.com/Acme/x.y/issues/5#issuecomment-9", {"acme/x.y#5": "address"}),
        ("https://github.com/acme/shop/pull/6", {"acme/shop#6": "address"}),
        ("[#7](https://github.com/acme/shop/issues/7)", {"acme/shop#7": "address"}),
        ("#1 and #1", {"acme/shop#1": "number"}),
        ("(#8), #9.", {"acme/shop#8": "number", "acme/shop#9": "number"}),
        ("<!-- Fixes #1 -->", {}),
        ("<!-- never closed #1", {}),
        ("`#1`", {}),
        ("``a ` #1``", {}),
        ("```\n#1\n```\n#2", {"acme/shop#2": "number"}),
        ("~~~\n#1", {}),
        ("CVE-2026-1 UTF-8 SHA-256", {}),
        ("#0 #01 ##1 a#1 &#39; #1a #-1", {}),
        ("https://gitlab.com/acme/shop/issues/5", {}),
        ("https://example.com/page#5", {}),
        ("https://github.com.evil.example/acme/shop/issues/5", {}),
        ("", {}),
    ],
)
def test_references(text: str, found: dict[str, str]) -> None:
    assert {str(reference): how for reference, how in find_references(text, "acme/shop", "github.com").items()} == found


@given(st.text(alphabet="#`~<!-->ab/1 \n"))
def test_any_text_is_read(text: str) -> None:
    for reference in find_references(text, "acme/shop", "github.com"):
        assert reference.number > 0
