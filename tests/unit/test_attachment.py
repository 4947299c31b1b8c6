"""Files that are to be kept: named as they can be shown and written, of a size and a kind, and without secrets."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from changegate import attachment
from changegate.errors import InputError


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("review.PDF", "application/pdf"),
        ("a.tar.gz", "application/gzip"),
        ("pdf", "application/octet-stream"),
        ("a.unheard", "application/octet-stream"),
        ("Prüfung Q1.csv", "text/csv"),
        ("=1+1.json", "application/json"),
    ],
)
def test_the_kind_goes_by_the_ending(name: str, kind: str) -> None:
    assert attachment.describe(name, b"x").media_type == kind


def test_the_kind_that_is_given_counts() -> None:
    assert attachment.describe("a.pdf", b"x", media_type="text/x-log").media_type == "text/x-log"
    for wrong in ("pdf", "text/", "Text/Plain", "text/plain; charset=utf-8", "text/plain\n", "a/b/c"):
        with pytest.raises(InputError, match="is no media type"):
            attachment.describe("a.pdf", b"x", media_type=wrong)


@pytest.mark.parametrize(
    "name",
    ["", ".", "..", "a/b", "a\\b", "a\nb", "a\x1b[2Jb", "fdp\u202egpj.exe", "a\u200bb", "u\u0308.txt", " a", "a ", "x" * 256, "ü" * 128, "a\udcffb"],
)
def test_odd_names(name: str) -> None:
    with pytest.raises(InputError) as raised:
        attachment.check_name(name)
    assert "--name" in raised.value.remedy


def test_a_file_may_begin_with_a_dash_or_a_dot() -> None:
    for name in ("-rf", ".env.example", "a b (1).pdf", "x" * 255):
        attachment.check_name(name)


# Joined here, so that no scanner of this repository takes them for real.
SECRETS = [
    "-----BEGIN " + "PRIVATE KEY-----",
    "-----BEGIN " + "RSA PRIVATE KEY-----",
    "-----BEGIN PGP " + "PRIVATE KEY BLOCK-----",
    "gh" + "p_" + "a1" * 18,
    "github" + "_pat_" + "a1" * 30,
    "gl" + "pat-" + "a1" * 10,
    "AK" + "IA" + "ABCDEFGHIJKLMNOP",
    "xo" + "xb-" + "1" * 24,
    ".".join(("ey" + "J" + "h" * 20, "ey" + "J" + "h" * 20, "s" * 20)),
]


@pytest.mark.parametrize("secret", SECRETS)
def test_what_looks_like_a_secret_is_refused_and_not_repeated(secret: str) -> None:
    content = b"before " + secret.encode() + b" after"
    with pytest.raises(InputError, match="looks like") as raised:
        attachment.describe("log.txt", content)
    assert secret not in raised.value.message + raised.value.remedy
    assert attachment.describe("log.txt", content, allow_secrets=True).size == len(content)
    with pytest.raises(InputError, match="name holds what looks like") as raised:
        attachment.describe(f"{secret}.txt", b"x", allow_secrets=True)
    assert secret not in raised.value.message


def test_empty_and_too_large() -> None:
    with pytest.raises(InputError, match="is empty"):
        attachment.describe("a", b"")
    assert attachment.describe("a", bytes(attachment.MAX_BYTES)).size == attachment.MAX_BYTES
    with pytest.raises(InputError, match="larger than 32 MiB"):
        attachment.describe("a", bytes(attachment.MAX_BYTES + 1))


@given(st.text(), st.binary(max_size=200), st.text(max_size=40))
def test_only_our_own_error_escapes(name: str, content: bytes, kind: str) -> None:
    try:
        found = attachment.describe(name, content, media_type=kind)
    except InputError:
        return
    assert found.size == len(content)
