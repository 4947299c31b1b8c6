"""The grammar of ticket references."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from changegate.tickets import KeyForm, ReferenceKind, find_references, project_of


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("SHOP-12", ["SHOP-12"]),
        ("[SHOP-12] Fix the cart (SHOP-13, A1-4).", ["SHOP-12", "SHOP-13", "A1-4"]),
        ("feature/SHOP-12", ["SHOP-12"]),
        ("SHOP-12 and SHOP-12 again", ["SHOP-12"]),
        ("Closes #12, #13", ["#12", "#13"]),
        ("owner/repo#12", ["owner/repo#12"]),
        ("group/sub.group/project#7", ["group/sub.group/project#7"]),
        ("https://github.com/owner/repo/issues/12", ["owner/repo#12"]),
        ("(https://gitlab.com/group/sub/project/-/issues/12)", ["group/sub/project#12"]),
        ("https://gitlab.com/group/project/-/work_items/12#note_1", ["group/project#12"]),
        ("https://acme.atlassian.net/browse/SHOP-12.", ["SHOP-12"]),
        ("https://linear.app/acme/issue/SHOP-12/fix-the-cart", ["SHOP-12"]),
    ],
)
def test_names_a_ticket(text: str, wanted: list[str]) -> None:
    assert [reference.key for reference in find_references(text)] == wanted


@pytest.mark.parametrize(
    "text",
    [
        *("", "n/a", "none", "NONE", "-", "TBD", "shop-12", "SHOP-0", "SHOP-", "S-1", "SHOP-12a", "SHOP-12-3", "SHOP-1.2", "XSHOP-12_"),
        *("TODO-1", "TBD-1", "WIP-7", "NONE-1", "XXX-123"),
        *(
            "CVE-2026-1234",
            "CVE-2026",
            "CWE-79",
            "UTF-8",
            "UTF-16",
            "SHA-256",
            "SHA-1",
            "ISO-8601",
            "RFC-6962",
            "RFC-822",
            "HTTP-2",
            "TLS-1.3",
            "AES-256",
        ),
        *("MD-5", "PEP-8", "KIP-441", "X-1", "BASE-64", "PKCS-8"),
        *("group/project!12", "!12", "owner/repo#0", "#0", "#012", "&#12;", "C#12", "##12", "abc#12x", "#12-3"),
        *("1a2b3c4d", "0123456789abcdef0123456789abcdef01234567"),
        *("https://github.com/owner/repo/pull/12", "https://gitlab.com/group/project/-/merge_requests/12", "https://example.com/docs", "http://["),
    ],
)
def test_names_none(text: str) -> None:
    assert find_references(text) == ()


def test_projects_are_the_only_ones_that_count() -> None:
    text = "SHOP-1 OPS-2 #3 owner/repo#4 https://acme.example/browse/OPS-5 https://acme.example/browse/SHOP-6 UTF-8"
    assert [reference.key for reference in find_references(text, {"SHOP"})] == ["SHOP-1", "SHOP-6"]
    assert [reference.key for reference in find_references(text, ["UTF"])] == ["UTF-8"]


@pytest.mark.parametrize(
    ("address", "wanted"),
    [
        ("https://tracker.example/t/99", True),
        ("https://github.com/owner/repo/pull/12", False),
        ("https://gitlab.com/g/p/-/merge_requests/12", False),
        ("https://github.com/owner/repo/commit/1a2b3c4", False),
    ],
)
def test_any_address_takes_unknown_trackers(address: str, *, wanted: bool) -> None:
    found = find_references(address, any_address=True)
    assert [(each.kind, each.url) for each in found] == ([(ReferenceKind.ADDRESS, address)] if wanted else [])


def test_the_kind_says_how_it_is_named() -> None:
    found = find_references("A1-2 #3 o/r#4 https://github.com/o/r/issues/5")
    assert [(each.kind.value, each.url) for each in found] == [
        ("key", ""),
        ("number", ""),
        ("qualified-number", ""),
        ("qualified-number", "https://github.com/o/r/issues/5"),
    ]


@given(st.text(alphabet=st.one_of(st.characters(), st.sampled_from("SHOP-12#/!:.htps@"))), st.booleans())
def test_any_text_is_read(text: str, any_address: bool) -> None:
    keys = [reference.key for reference in find_references(text, any_address=any_address)]
    assert len(set(keys)) == len(keys)


def test_a_long_text_takes_linear_time() -> None:
    for unit in ("a/", "A-", "#1/", "https://", "A_1", "a.b/-"):
        find_references(unit * 200_000)


@pytest.mark.parametrize(
    ("address", "is_ticket"),
    [
        ("https://x", False),
        ("https://tracker.example/", False),
        ("https://tracker.example/#top", False),
        ("https://tracker.example/t/12", True),
        ("https://tracker.example/?id=12", True),
        ("https://tracker.example/show_bug.cgi?id=12", True),
        ("https://tracker.example/pull/12", False),
    ],
)
def test_an_address_names_a_ticket_by_more_than_its_host(address: str, is_ticket: bool) -> None:
    assert bool(find_references(address, any_address=True)) is is_ticket


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("CHG0030042: round up", ["CHG0030042"]),
        ("(CHG0030042)", ["CHG0030042"]),
        ("CHG003004 and XCHG0030042 and CHG0030042x and CHG0030042-1", []),
        ("INC0030042", []),
        ("CHG-12 and SHOP-3", ["CHG-12", "SHOP-3"]),
    ],
)
def test_numbers_of_change_requests_where_their_prefix_is_named(text: str, found: list[str]) -> None:
    assert [each.key for each in find_references(text, ("CHG", "SHOP"))] == found
    assert "CHG0030042" not in [each.key for each in find_references(text)]


def test_a_project_whose_tracker_is_known_has_keys_of_its_form_alone() -> None:
    text = "CHG-12 CHG0030042 SHOP-3 SHOP0030042 OPS-4 OPS0030042 https://x.example/browse/CHG-5"
    forms = {"chg": KeyForm.NUMBER, "shop": KeyForm.KEY}
    assert [each.key for each in find_references(text, ("CHG", "SHOP", "OPS"), forms)] == ["CHG0030042", "SHOP-3", "OPS-4", "OPS0030042"]


@pytest.mark.parametrize(
    ("text", "keys"),
    [
        ("Closes acme/planning#12, #13 and acme/shop#14", ["acme/planning#12"]),
        ("https://github.com/Acme/Planning/issues/12", ["Acme/Planning#12"]),
        ("https://gitlab.example.com/acme/planning/-/work_items/12 https://github.com/acme/shop/issues/3", ["acme/planning#12"]),
        ("https://github.com/acme/planning/pull/12 acme/planning!12", []),
        ("acme/planning-2#12 my-acme/planning#12 acme/planning#12x", []),
        ("acme/planning/sub#12", []),
        ("SHOP-3 acme/planning#12", ["SHOP-3", "acme/planning#12"]),
    ],
)
def test_issues_of_repositories_that_are_projects(text: str, keys: list[str]) -> None:
    forms = {"acme/planning": KeyForm.ISSUE, "shop": KeyForm.KEY}
    assert [each.key for each in find_references(text, ("acme/planning", "SHOP"), forms)] == keys


@pytest.mark.parametrize(
    ("key", "project"),
    [
        ("SHOP-12", "SHOP"),
        ("CHG0030042", "CHG"),
        ("acme/shop#12", "acme/shop"),
        ("a/b/c#12", "a/b/c"),
        ("#12", ""),
        ("https://x/SHOP-12", ""),
        ("", ""),
    ],
)
def test_the_project_of_a_key(key: str, project: str) -> None:
    assert project_of(key) == project
