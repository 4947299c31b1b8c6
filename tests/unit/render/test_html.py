"""Whatever is written into a page stays text."""

import re
from html.parser import HTMLParser
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from changegate.render import html
from changegate.render.html import Html, element, link, page
from changegate.render.text import visible

PACKAGE = Path(html.__file__).parents[1]
HOSTILE = st.one_of(st.text(), st.text(alphabet="<>&\"'/=`!-]scriptonload \n\u202e\x00"))


class Read(HTMLParser):
    """What a browser's parser would see."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data


@given(HOSTILE, HOSTILE)
def test_text_and_attributes_never_become_markup(text: str, value: str) -> None:
    read = Read(element("td", text, title=value))
    assert [tag for tag, _ in read.tags] == ["td"]
    assert read.tags[0][1].keys() == {"title"}
    assert Read(element("td", text)).text == ("\n" if text == "\n" else visible(text, html.MAX_TEXT))


@given(HOSTILE)
def test_only_a_web_address_becomes_a_link(url: str) -> None:
    for each in (url, f"javascript:{url}", f"data:text/html,{url}", f"//{url}"):
        assert not isinstance(link("text", each), Html)
    made = link("text", f"https://forge.example/{url}")
    if isinstance(made, Html):
        assert [tag for tag, _ in Read(made).tags] == ["a"]


@pytest.mark.parametrize(
    "value",
    [Html("<b>") + "<i>", Html("<b>").upper(), Html("<b>")[0:2], f"{Html('<b>')}", Html("<b>").replace("b", "<script>")],
)
def test_finished_markup_that_was_worked_on_is_text_again(value: str) -> None:
    assert Read(element("p", value)).tags == [("p", {})]


def test_only_the_builder_makes_markup() -> None:
    makers = [path.name for path in PACKAGE.rglob("*.py") if "Html(" in path.read_text(encoding="utf-8")]
    assert makers == ["html.py"]


def test_a_page_allows_its_own_style_and_script_and_nothing_else() -> None:
    made = page("</title><script>", (element("p", "text"),), style="p { color: red }", script='"use strict";')
    read = Read(made)
    policy = next(each["content"] for _, each in read.tags if each.get("http-equiv") == "Content-Security-Policy")
    source = r"'sha256-[A-Za-z0-9+/]{43}='"
    assert re.fullmatch(rf"default-src 'none'; style-src {source}; script-src {source}; base-uri 'none'; form-action 'none'", policy or "")
    assert [tag for tag, _ in read.tags].count("script") == 1
