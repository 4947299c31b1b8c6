import pytest

from changegate.command_line import MOST, show


@pytest.mark.parametrize(
    ("words", "shown"),
    [
        (["git", "log", "-1", "a b"], "git log -1 'a b'"),
        (["git", "fetch", "https://alice:s3cret@forge.example/a.git"], "git fetch 'https://***@forge.example/a.git'"),
        (["git", "fetch", "https://s3cret@x@forge.example/a.git?key=s3cret"], "git fetch 'https://***@forge.example/a.git?***'"),
        (["git", "-c", "http.extraheader=Authorization: Basic s3cret"], "git -c 'http.extraheader=***'"),
        (["curl", "-H", "Private-Token: s3cret"], "curl -H 'Private-Token:***'"),
        (["git", "fetch", "git@forge.example:acme/shop.git"], "git fetch git@forge.example:acme/shop.git"),
    ],
)
def test_a_secret_is_masked(words: list[str], shown: str) -> None:
    assert show(words) == shown


def test_a_long_line_is_cut() -> None:
    assert show(["git", "x" * 5000]) == f"git {'x' * (MOST - 4)}…"
