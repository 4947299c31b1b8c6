"""Who is let in."""

import base64
import hashlib

import pytest

from changegate.errors import InputError
from changegate.portal.access import Role, Visitor, admit, make_token, parse_tokens


def test_a_made_token_lets_in_and_no_other_does() -> None:
    token, line = make_token(Role.READER)
    tokens = parse_tokens(f"# who\n\n{line} the deploy team\n  auditor  {hashlib.sha256(b'other').hexdigest()}   carol, till March\n")
    assert admit(f"Bearer {token}", tokens) == Visitor("the deploy team", Role.READER)
    assert admit("bearer other", tokens) == Visitor("carol, till March", Role.AUDITOR)
    basic = base64.b64encode(f"anybody:{token}".encode()).decode()
    assert admit(f"Basic {basic}", tokens) == Visitor("the deploy team", Role.READER)
    digest = line.split()[1]
    for wrong in (
        "",
        token,
        f"Bearer {token}x",
        f"Bearer {digest}",
        f"Digest {token}",
        "Basic !",
        "Basic /w==",
        f"Basic {token}",
        "Bearer " + "x" * 9999,
    ):
        assert admit(wrong, tokens) is None, wrong


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "names nobody"),
        ("# nobody\n", "names nobody"),
        ("auditor S3CRET carol", "line 1: not ROLE"),
        (f"\nadmin {'0' * 64} carol", "line 2: the role 'admin' is none of reader, auditor"),
        (f"reader {'0' * 64}", "line 1: not ROLE"),
        (f"reader {'0' * 64} a\nauditor {'0' * 64} b", "line 2: the same token"),
    ],
)
def test_a_wrong_file_is_named_by_its_line_and_repeats_no_token(text: str, said: str) -> None:
    with pytest.raises(InputError, match=said) as caught:
        parse_tokens(text)
    assert "S3CRET" not in caught.value.message + caught.value.remedy
