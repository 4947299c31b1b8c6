"""HTML, made of elements. The one place where text is escaped: whatever isn't an `Html` is text, so nothing from outside can become markup.

Also the page around it: one file without network, whose policy allows exactly the style and the script that stand in it.
"""

import base64
import hashlib
from collections.abc import Iterable
from html import escape
from typing import Final, TypeAlias

from changegate.render.text import visible, web_link

MAX_TEXT: Final = 4000
_VOID: Final = frozenset({"meta", "input", "br", "link"})
Child: TypeAlias = "Html | str | int | Iterable[Html | str | int]"


class Html(str):
    """Finished markup. Only `element` and `page` make it."""

    __slots__ = ()


def element(name: str, /, *children: Child, **attributes: str | int | bool | None) -> Html:
    """One element. In an attribute's name `_` stands for `-`, and one at the end is dropped (`class_`); True is an attribute without a value.

    Names come from the code, never from outside.
    """
    parts = [f"<{name}"]
    for key, value in attributes.items():
        if value is not None and value is not False:
            label = key.rstrip("_").replace("_", "-")
            parts.append(f" {label}" if value is True else f' {label}="{_text(str(value))}"')
    parts.append(">")
    if name not in _VOID:
        parts += [_child(each) for each in children]
        parts.append(f"</{name}>")
    return Html("".join(parts))


def link(text: str, url: str) -> Html | str:
    """A link to a web address; just the text where it is none."""
    address = web_link(url)
    return element("a", text, href=address, rel="noopener noreferrer") if address else text


def page(title: str, body: Iterable[Html], *, style: str, script: str) -> Html:
    """The whole file. `style` and `script` are this project's own."""
    rules = f"default-src 'none'; style-src '{_source(style)}'; script-src '{_source(script)}'; base-uri 'none'; form-action 'none'"
    head = element(
        "head",
        element("meta", charset="utf-8"),
        element("meta", http_equiv="Content-Security-Policy", content=rules),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element("meta", name="color-scheme", content="light dark"),
        element("title", title),
        element("style", Html(style)),
    )
    return Html("<!doctype html>\n" + element("html", head, "\n", element("body", *body, element("script", Html(script))), lang="en") + "\n")


def _child(child: Child) -> str:
    if isinstance(child, Html):
        return child
    if isinstance(child, str | int):
        return _text(str(child))
    return "".join(_child(each) for each in child)


def _text(text: str) -> str:
    return text if text == "\n" else escape(visible(text, MAX_TEXT))


def _source(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode("utf-8")).digest()).decode("ascii")
