"""Which issues a description names."""

import pytest

from changegate.forges.gitlab.tickets import find_references

SERVER = "https://gitlab.example/git"


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("Closes #7", [("", 7, "number")]),
        ("See acme/shop#7 and acme/web/shop#8.", [("acme/shop", 7, "qualified-number"), ("acme/web/shop", 8, "qualified-number")]),
        (f"{SERVER}/acme/shop/-/issues/7", [("acme/shop", 7, "address")]),
        (f"{SERVER}/acme/shop/-/work_items/7#note_1", [("acme/shop", 7, "address")]),
        ("https://elsewhere.example/acme/shop/-/issues/7", []),
        ("!7 and &7 and $7", []),
        ("#07, #0, #x, a#7, ##7", []),
        ("<!-- Closes #7 --> `#8` \n```\n#9\n```\n", []),
        ("#7 #7 acme/shop#7", [("", 7, "number"), ("acme/shop", 7, "qualified-number")]),
        ("UTF-8, CVE-2026-1", []),
    ],
)
def test_references(text: str, named: list[tuple[str, int, str]]) -> None:
    assert [tuple(each) for each in find_references(text, SERVER)] == named
