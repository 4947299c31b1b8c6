import re
from html.parser import HTMLParser

import pytest
from cmarkgfm import github_flavored_markdown_to_html
from cmarkgfm.cmark import Options
from hypothesis import assume, given, settings
from unit.render.reports import NASTY, change, hostile, not_approved, of_size, report, with_text

from changegate.render import NotRecorded, RecordingFailed
from changegate.render.markdown import escape, render
from changegate.render.text import web_link


class Page(HTMLParser):
    """What GitHub's own parser (cmark-gfm) makes of a report: its tags in order, its addresses and its text."""

    def __init__(self, markdown: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.addresses: list[str] = []
        self.text = ""
        self.feed(github_flavored_markdown_to_html(markdown, Options.CMARK_OPT_UNSAFE))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag != "span":
            self.tags.append(tag)
        self.addresses += [value or "" for name, value in attrs if name in ("href", "src")]
        assert all(name in ("href", "align") for name, _ in attrs)

    def handle_endtag(self, tag: str) -> None:
        if tag != "span":
            self.tags.append(f"/{tag}")

    def handle_comment(self, data: str) -> None:
        raise AssertionError(data)

    def handle_data(self, data: str) -> None:
        self.text += data


def test_the_report() -> None:
    assert render(report((change(1, "Round the totals"), change(2, "Send receipts")), not_approved("#2"))) == (
        """\
## ❌ BLOCKED from production: 1 thing to do, on 1 of 2 changes

For acme/shop at 3f2a91c0b1 (main), after 1111111111: 2 commits in 2 changes<br>
Policy: .changegate.yml at 1111111111

### 1. ❌ `peer-approved`: `not-approved`

- **Needed:** 1 approval by somebody who did not write it
- **On** 1 change:
  - [\\#&#8203;2](https://forge.example/acme/shop/pull/2) Send receipts
- **Found:** nobody approved it
- **Who:** somebody with write access who did not write it
- **Do:** Ask a colleague to review it.
- **Where:** [https\\://forge.example/acme/shop/pull/2](https://forge.example/acme/shop/pull/2)

### Changes and controls

- ✅ `range-known`, the whole deploy: as asked

| Change | Title | `peer-approved` | `ticket-linked` | `rollback-plan` | `checks-passed` |
| :-- | :-- | :-: | :-: | :-: | :-: |
| [\\#&#8203;1](https://forge.example/acme/shop/pull/1) | Round the totals | ✅ | ✅ | ✅ | ✅ |
| [\\#&#8203;2](https://forge.example/acme/shop/pull/2) | Send receipts | ❌ | ✅ | ✅ | ✅ |

✅ passes · ❌ fails

### Record

- **Record:** <code>ab12ab12ab12ab12</code>, index 41 in a log of 42
- **Digest:** <code>sha256:ab12ab12ab12ab12ab12ab12ab12ab12ab12ab12ab12ab12ab12ab12ab12ab12</code>
- **Log:** log.example.com/acme/shop
- **Checkpoint:** <code>42:j8aQMsVjGzyVGyE1kNo8NjCPEkZfTYd4mXvQ9Pm2oTc=</code>: kept, it shows that the log only grew (<code>verify --since</code>)
- **Store:** git:. (branch changegate-evidence)
- **Receipt:** changegate-receipt.txt
"""
    )


@pytest.mark.parametrize("number", [1, 10, 60])
def test_the_table_has_a_cell_for_every_change_and_control(number: int) -> None:
    page = Page(render(of_size(number)))
    assert page.tags.count("td") == number * 6


def test_with_many_changes_those_that_pass_are_folded() -> None:
    text = render(of_size(60))
    assert "<details><summary>40 changes on which nothing fails</summary>\n\n|" in text
    assert text.index("pull/3)") < text.index("<details>") < text.index("pull/4)")


def test_nothing_recorded_says_why() -> None:
    assert render(report((change(1),), where=NotRecorded("a preview"))).endswith("### Record\n\nNone: a preview\n")


@pytest.mark.parametrize(("limit", "number"), [(900_000, 5000), (20_000, 500), (20_000, 30)])
def test_the_summary_stays_within_its_limit_and_says_so(limit: int, number: int) -> None:
    changes = tuple(change(each, "&$@a" * 200) for each in range(number))
    findings = [not_approved(f"#{each}", step=f"Step {each}", observed="&$" * 500) for each in range(0, number, 2)]
    text = render(report(changes, *findings), limit=limit)
    assert len(text.encode()) <= limit
    assert re.search(r"\*\*\d+ things to do left out here:\*\* ", text)
    assert re.search(r"\*\*\d+ changes left out here:\*\* ", text)
    assert text.count("<details>") == text.count("</details>")
    assert "index 41 in a log of 42" in text
    assert {"script", "img"}.isdisjoint(Page(text).tags)


@pytest.mark.parametrize("text", NASTY)
def test_nasty_text_stays_text(text: str) -> None:
    check(text)


@settings(max_examples=100, deadline=None)
@given(hostile)
def test_any_text_stays_text(text: str) -> None:
    assume(not re.fullmatch(r"#\d", text.strip()))  # as the name of a change it would be another change's
    check(text)


def check(text: str) -> None:
    """To GitHub's parser the report has the tags that it has with a plain word, and no address but the changes' own."""
    word = "https://plain.example/" if web_link(text) else "word"
    page, plain = Page(render(with_text(text))), Page(render(with_text(word)))
    assert page.tags == plain.tags
    assert all(each == web_link(text) or re.fullmatch(r"https://forge\.example/acme/shop/pull/\d", each) for each in page.addresses)
    assert not re.search(r"[@#!]\w", page.text)


@pytest.mark.parametrize("text", ["Fix | the `totals` & <b>", "@alice #12", "a_b*c*[d](e)", "$5 or 10%", "1. first", "www.example.com https://x"])
def test_escaped_text_reads_as_it_was(text: str) -> None:
    assert Page(escape(text)).text.strip().replace("\u200b", "") == text


def test_what_was_not_recorded_says_so_first() -> None:
    lines = render(report((change(1),), where=RecordingFailed("the disk is full", "Free some."))).splitlines()
    assert lines[0] == "## ❌ NOT RECORDED for production: the deploy must not go on (judged: allowed)"
    assert [line for line in lines[1:4] if "the disk is full" in line]
    assert [line for line in lines[1:4] if "Free some." in line]
    assert "ALLOWED" not in "".join(lines)
