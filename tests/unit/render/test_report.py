"""The report of a pack: what it says, of which contents, and that nothing in it acts."""

import base64
import hashlib
import json
import re
from collections import Counter
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser
from typing import Any

import pytest
from support import deploylog

from changegate.audit.pack import figures, timeline
from changegate.audit.pack.contents import Claims, Contents, Drawing, Kept
from changegate.audit.population import Kind, Wanted
from changegate.render.report import FOLLOWED_WITHOUT_SAMPLE, render

BEGIN, END = datetime(2026, 1, 1, tzinfo=UTC), datetime(2027, 1, 1, tzinfo=UTC)


class Made:
    """Contents as an exporter has them, and their facts."""

    def __init__(self, count: int, kind: Kind = Kind.CHANGES, drawing: Drawing | None = None, only: str = "") -> None:
        kept = [each for each in deploylog.deploys(count) if not only or each.card.decision == only]
        self.contents = Contents(Claims(Wanted(kind, BEGIN, END), "a store", "changegate 0"), "example.com/log", len(kept), drawing=drawing)
        self.facts = {each.card.facts: each.facts for each in kept}
        for index, each in enumerate(kept):
            self.contents.add(Kept(index, each.card, "k" * 64, _predicate(each.envelope)))

    def page(self) -> str:
        return render(self.contents, self.facts.get).decode("utf-8")


def _predicate(envelope: bytes) -> Any:
    return json.loads(base64.b64decode(json.loads(envelope)["payload"]))["predicate"]


class Tags(HTMLParser):
    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))


def test_the_same_contents_give_the_same_bytes() -> None:
    assert Made(40, drawing=Drawing(5, "seed")).page() == Made(40, drawing=Drawing(5, "seed")).page()


def test_titles_that_are_markup_stay_text_and_every_address_is_a_web_address() -> None:
    tags = Tags(Made(40).page()).tags
    assert [tag for tag, _ in tags].count("script") == 1
    assert not [tag for tag, _ in tags if tag in {"img", "iframe", "object", "link", "base", "form"}]
    assert not [name for _, attributes in tags for name in attributes if name.startswith("on") or name == "style"]
    assert not [each["href"] for _, each in tags if "href" in each and not re.match(r"https://|#", each["href"] or "")]


def test_text_from_outside_that_is_not_what_it_should_be_is_inert() -> None:
    made = Made(3)
    url = "javascript:alert(1)"
    for each in made.contents.records:
        for change in each.predicate.get("changes", ()):
            change["url"] = change["approvals"][0]["url"] = change["tickets"][0]["url"] = change["checks"][0]["url"] = url
            change["author"]["login"] = change["id"] = change["approvals"][0]["by"]["login"] = "<img src=x onerror=alert(1)>"
    page = made.page()
    assert "<img" not in page
    assert url not in page


def test_the_policy_allows_exactly_the_style_and_the_script_in_the_page() -> None:
    page = Made(3).page()
    for name in ("style", "script"):
        (text,) = re.findall(rf"<{name}>(.*?)</{name}>", page, re.DOTALL)
        digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        assert f"{name}-src &#x27;sha256-{digest}&#x27;" in page


def test_every_anchor_leads_somewhere_and_no_id_comes_twice() -> None:
    tags = Tags(Made(60, drawing=Drawing(10, "seed")).page()).tags
    ids = [each["id"] for _, each in tags if "id" in each]
    assert len(ids) == len(set(ids))
    assert {each["href"] for _, each in tags if (each.get("href") or "").startswith("#")} <= {f"#{each}" for each in ids}


@pytest.mark.parametrize(
    ("made", "rows", "followed"),
    [
        (Made(0), 0, 0),
        (Made(0, drawing=Drawing(5, "seed")), 0, 0),
        (Made(30, only="blocked"), 0, 0),
        (Made(30, Kind.BLOCKED, only="blocked"), 4, 4),
        (Made(30, Kind.DEPLOYS, Drawing(4, "seed")), 25, 4),
        (Made(3), 3, 3),
        (Made(90), None, 0),
    ],
    ids=["empty", "empty, a sample asked for", "only blocked", "the blocked", "deploys", "small without a sample", "large without a sample"],
)
def test_populations_of_all_sorts(made: Made, rows: int | None, followed: int) -> None:
    page = made.page()
    assert page.count("<article") == followed
    assert rows is None or len(made.contents.rows()) == rows
    assert rows is not None or len(made.contents.rows()) > FOLLOWED_WITHOUT_SAMPLE
    assert ("Nothing of this kind" in page) == (not made.contents.rows())


def test_the_overview_counts_every_attempt() -> None:
    made = Made(30)
    found, decisions = figures.of(made.contents), made.contents.decisions.values()
    assert found.went + found.stopped == len(decisions) == 30
    assert sum(week.allowed + week.otherwise + week.stopped for week in found.weeks) == 30
    assert all(later.monday - week.monday == timedelta(days=7) for week, later in zip(found.weeks, found.weeks[1:], strict=False))
    stopped = [each for each in decisions if each.card.decision != "allowed" and each.predicate["policy"]["enforced"]]
    assert found.stopped == len(stopped)
    assert dict(found.reasons) == dict(Counter(reason for each in stopped for reason in each.predicate["decision"]["reasons"]))
    assert [each.by for each in found.exceptions if figures.AUDIT_MODE in each.by] == [
        (figures.AUDIT_MODE,) for each in decisions if each.card.decision == "blocked" and not each.predicate["policy"]["enforced"]
    ]


def test_a_change_is_told_in_the_order_of_time_and_each_fact_names_its_source() -> None:
    made = Made(1)
    (decision,) = made.contents.decisions.values()
    ending = made.contents.outcomes[decision.card.envelope]
    told = timeline.events(decision, decision.predicate["changes"][0], ending, made.facts[decision.card.facts])
    times = [each.at for each in told if each.at]
    assert times == sorted(times)
    assert [each.what.split()[0] for each in told] == [
        "Ticket",
        "Change",
        "Commit",
        "Commit",
        "Approved,",
        "Check",
        "Check",
        "Merged",
        "Gate",
        "Deploy",
    ]
    assert all(each.source for each in told)


@pytest.mark.parametrize("facts", [None, b"", b"[]", b"null", b'{"changes":null}', b'{"changes":[1,{"id":"#1","commits":[1,{}],"checks":3}]}'])
def test_facts_that_are_missing_or_odd_leave_what_the_record_says(facts: bytes | None) -> None:
    made = Made(1)
    (decision,) = made.contents.decisions.values()
    told = timeline.events(decision, decision.predicate["changes"][0], None, facts)
    assert {"Ticket", "Approved,", "Merged", "Gate"} <= {each.what.split()[0] for each in told}
