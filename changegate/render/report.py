"""The report of a pack, made for people: one HTML file with an overview, the population, and a section for each change of the sample. Pure.

Everything from outside goes through `html.element`. The same contents and facts give the same bytes.
"""

from collections.abc import Callable, Iterator
from datetime import timedelta
from importlib import resources
from statistics import median
from typing import Any, Final

from changegate.audit.pack import figures, timeline
from changegate.audit.pack.contents import Contents, Kept
from changegate.audit.population import Kind, Row
from changegate.render import plots
from changegate.render.html import Html, element, link, page
from changegate.render.text import count

FOLLOWED_WITHOUT_SAMPLE: Final = 50
"""Where no sample was drawn, this many units at the most are each followed through; of more, none is."""
_LISTED: Final = 20
"""Exceptions up to so many are listed at once, more when asked for."""
_SERIES: Final = (
    plots.Series("allowed by the rules", "allowed"),
    plots.Series("let go as an emergency or in audit mode", "otherwise"),
    plots.Series("stopped", "stopped"),
)
_SPANS: Final = ((1, "under 1 h"), (4, "1–4 h"), (8, "4–8 h"), (24, "8–24 h"), (48, "1–2 days"), (72, "2–3 days"), (168, "3–7 days"))
_COLUMNS: Final = (
    ("Change", ""), ("Decided (UTC)", ""), ("Environment", "environment"), ("Decision", "decision"), ("Ended", "ended"), ("Author", ""),
    ("Approved by", ""), ("Tickets", ""), ("Noted", ""), ("Entry", ""),
)  # fmt: skip
Facts = Callable[[str], bytes | None]
"""By their SHA-256, the facts that are in the pack."""


def render(contents: Contents, facts: Facts) -> bytes:
    """The whole file."""
    rows = contents.rows()
    followed = _followed(contents, rows)
    places = {row.id: f"change-{number}" for number, row in enumerate(followed, 1)}
    wanted = contents.claims.wanted
    title = f"Change evidence, {wanted.begin:%Y-%m-%d} to {wanted.end - timedelta(microseconds=1):%Y-%m-%d}"
    body = (
        element("a", "Skip to the report", href="#main", class_="skip"),
        element("header", element("h1", title), _about(contents), _navigation()),
        element(
            "main",
            _overview(contents),
            _population(contents, rows, places),
            _sample(contents, followed, places, facts),
            id="main",
            tabindex=-1,
        ),
        element(
            "footer",
            element("p", f"Made by {contents.claims.tool} from the signed records alone. It loads nothing and sends nothing.", class_="soft"),
        ),
    )
    return page(title, body, style=_asset("report.css"), script=_asset("report.js")).encode("utf-8")


def _asset(name: str) -> str:
    return resources.files("changegate.render").joinpath("assets", name).read_text(encoding="utf-8")


def _followed(contents: Contents, rows: tuple[Row, ...]) -> tuple[Row, ...]:
    if contents.drawing is None:
        return rows if len(rows) <= FOLLOWED_WITHOUT_SAMPLE else ()
    by_id = {row.id: row for row in rows}
    return tuple(by_id[each] for each in contents.sampled(rows))


def _about(contents: Contents) -> Iterator[Html]:
    wanted = contents.claims.wanted
    places = [
        f"{name}: {', '.join(sorted(some)) or 'all'}" for name, some in (("Environments", wanted.environments), ("repositories", wanted.repositories))
    ]
    yield element("p", f"Log {contents.origin}, its first {contents.size} entries. {'; '.join(places)}. Times are UTC.")
    yield element(
        "p",
        "When this was made, the signature of every record behind it and its place in the log were verified. This page itself is no proof: ",
        element("code", "changegate verify PACK"),
        " proves the pack that it came in, and makes this page again from the records.",
        class_="proof",
    )


def _navigation() -> Html:
    names = (("overview", "Overview"), ("population", "Population"), ("sample", "Changes followed"))
    return element("nav", element("ul", *(element("li", element("a", name, href=f"#{place}")) for place, name in names)), aria_label="Sections")


def _overview(contents: Contents) -> Html:
    found = figures.of(contents)
    attempts, weeks = found.went + found.stopped, max(len(found.weeks), 1)
    numbers = (
        ("Deploys", found.went, f"{found.went / weeks:.1f} a week"),
        ("Stopped", f"{_share(found.stopped, attempts)}", f"{found.stopped} of {count(attempts, 'attempt')}"),
        ("Emergencies", found.emergencies, f"{_share(found.emergencies, found.went)} of the deploys"),
        ("Exceptions", len(found.exceptions), "waivers, emergencies, audit mode"),
        ("Ticket to approval", _middle(found.to_approve), f"median of {count(len(found.to_approve), 'change')} with both times"),
        ("Failed or rolled back", found.failed, f"{found.without_outcome} without a recorded outcome"),
    )
    boxes = (element("div", element("dt", name), element("dd", value), element("dd", note, class_="note")) for name, value, note in numbers)
    weekly = [(each.allowed, each.otherwise, each.stopped) for each in found.weeks]
    return element(
        "section",
        element("h2", "Overview", id="overview-title"),
        element("dl", *boxes, class_="figures"),
        element("h3", "Attempts to deploy, by week"),
        plots.columns("Attempts to deploy by week", "Week of", [f"{each.monday:%Y-%m-%d}" for each in found.weeks], _SERIES, weekly),
        element("h3", "Why attempts were stopped"),
        plots.bars("Attempts stopped by reason; one may have several", "Control/reason", found.reasons, "stopped"),
        element("h3", "From the ticket to the approval"),
        plots.bars("Changes by time from ticket to approval", "Time", _histogram(found.to_approve), "plain"),
        element("h3", "Exceptions"),
        _exceptions(found),
        id="overview",
        aria_labelledby="overview-title",
    )


def _histogram(times: tuple[timedelta, ...]) -> list[tuple[str, int]]:
    counts = [0] * (len(_SPANS) + 1)
    for each in times:
        counts[sum(each >= timedelta(hours=hours) for hours, _ in _SPANS)] += 1
    return list(zip([*(name for _, name in _SPANS), "over 7 days"], counts, strict=True)) if times else []


def _exceptions(found: figures.Figures) -> Html:
    if not found.exceptions:
        return element("p", "None: every deploy of the period was allowed by the rules.")
    rows = (_exception(each.kept, "; ".join(each.by)) for each in found.exceptions)
    table = _table("Deploys that went by an exception", ("Decided (UTC)", "Repository", "Environment", "By what", "Entry"), rows)
    summary = element("summary", f"All {len(found.exceptions)} deploys that went by an exception")
    return table if len(found.exceptions) <= _LISTED else element("details", summary, table)


def _exception(kept: Kept, by: str) -> Html:
    card = kept.card
    return element("tr", *(_cell(each) for each in (_time(card.time), card.repository, card.environment, by, str(kept.index))))


def _population(contents: Contents, rows: tuple[Row, ...], places: dict[str, str]) -> Html:
    kind = contents.claims.wanted.kind
    caption = f"The population ({kind.value}): {len(rows)}. The same as population.csv, which has more columns."
    body = ("\n", *(item for row in rows for item in (_row(row, places.get(row.id)), "\n")))
    return element(
        "section",
        element("h2", "Population", id="population-title"),
        element("p", "Nothing of this kind is in the log for this period.") if not rows else _filters(),
        _table(caption, _COLUMNS, body, id="population-table") if rows else "",
        _pages() if rows else "",
        id="population",
        aria_labelledby="population-title",
    )


def _filters() -> Html:
    return element(
        "div",
        element("label", "Search in all columns", element("input", id="words", type="search", autocomplete="off")),
        *(
            element("label", name, element("select", element("option", "all", value=""), id=f"only-{key}", data_column=key))
            for name, key in (("Environment", "environment"), ("Decision", "decision"), ("Ended", "ended"))
        ),
        element("label", element("input", id="only-followed", type="checkbox"), " only those followed below", class_="check"),
        element("p", id="shown", role="status"),
        id="filters",
        class_="filters",
        hidden=True,
    )


def _pages() -> Html:
    buttons = (element("button", name, type="button", id=key) for key, name in (("page-before", "Previous page"), ("page-after", "Next page")))
    return element("nav", *buttons, element("span", id="page-place"), id="pages", class_="pages", hidden=True, aria_label="Pages of the population")


def _row(row: Row, place: str | None) -> Html:
    name = row.change or row.commit[:10]
    follow = element("a", name, href=f"#{place}") if place else name
    noted = "; ".join(each for each in (row.findings, row.exception, "" if row.mode == "enforced" else "audit mode") if each)
    title = element("span", row.title, class_="title") if row.title else ""
    return element(
        "tr",
        element("th", follow, " ", title, scope="row"),
        element("td", _time(row.decided), class_="when"),
        _cell(row.environment),
        element("td", row.verdict, class_="good" if row.verdict == "allowed" else "bad"),
        _cell(row.outcome or "not recorded"),
        *(_cell(each or "–") for each in (row.author, row.approved_by, row.tickets, noted)),
        _cell(row.log_index),
        data_followed="yes" if place else None,
    )


def _sample(contents: Contents, followed: tuple[Row, ...], places: dict[str, str], facts: Facts) -> Html:
    return element(
        "section",
        element("h2", "Changes followed from ticket to deploy", id="sample-title"),
        *_sample_said(contents, followed, places),
        *(_change(contents, row, places[row.id], facts) for row in followed),
        id="sample",
        aria_labelledby="sample-title",
    )


def _sample_said(contents: Contents, followed: tuple[Row, ...], places: dict[str, str]) -> Iterator[Html]:
    if contents.drawing is not None:
        yield element(
            "p", f"A sample of {contents.drawing.size}, drawn by the seed ", element("code", contents.drawing.seed), ", which draws the same again."
        )
    elif followed:
        yield element("p", "No sample was drawn; the population is small, so all of it is here.")
    else:
        yield element("p", "No sample was drawn. ", element("code", "changegate audit export --sample N --seed TEXT"), " draws one.")
    if followed:
        links = ((row, element("a", row.change or row.id, href=f"#{places[row.id]}")) for row in followed)
        rows = (
            element("tr", element("th", to, scope="row"), *map(_cell, (row.title, _time(row.decided), row.verdict, row.outcome or "not recorded")))
            for row, to in links
        )
        yield _table("The changes followed below", ("Change", "Title", "Decided (UTC)", "Decision", "Ended"), rows)


def _change(contents: Contents, row: Row, place: str, facts: Facts) -> Html:
    decision = contents.decisions.get(row.record)
    if decision is None:
        return element("article", element("h3", row.id, id=place), class_="change")
    ending, name = contents.outcomes.get(row.record), row.change or row.id
    known = facts(decision.card.facts) if decision.card.facts else None
    changes = [each for each in decision.predicate["changes"] if contents.claims.wanted.kind is not Kind.CHANGES or each["id"] == row.change]
    return element(
        "article",
        element("h3", link(name, row.url), f" {row.title}", id=place, tabindex=-1),
        element("p", f"{row.repository}, {row.environment}, commit ", element("code", row.commit[:10]), class_="soft"),
        *(part for each in changes for part in (_title(each, changes), _timeline(timeline.events(decision, each, ending, known)))),
        element("h4", "How far this is verified"),
        element("ul", *(element("li", each) for each in _verified(decision, ending, known))),
        element("p", element("a", "Back to the list", href="#sample")),
        class_="change",
        aria_labelledby=place,
    )


def _title(change: Any, changes: list[Any]) -> Html | str:
    return element("h4", f"{change['id']} {change['title']}") if len(changes) > 1 else ""


def _timeline(events: tuple[timeline.Event, ...]) -> Html:
    return element("ol", *(_event(each) for each in events), class_="timeline")


def _event(event: timeline.Event) -> Html:
    mark = {True: "✓ ", False: "✗ ", None: ""}[event.good]
    when = element("time", _time(event.at)) if event.at else element("span", "time not recorded", class_="soft")
    what = link(event.what, event.link)
    return element(
        "li",
        when,
        element("p", mark, what, f", {event.who}" if event.who else "", class_={True: "good", False: "bad", None: None}[event.good]),
        element("p", f"Source: {event.source}", class_="soft source"),
    )


def _verified(decision: Kept, ending: Kept | None, facts: bytes | None) -> Iterator[tuple[Html | str, ...]]:
    record = element("code", decision.card.envelope)
    yield (
        "The record of the decision, ",
        record,
        f", is signed by the key {decision.key_id[:16]}…, and is entry {decision.index} of the log. Both were verified.",
    )
    if ending is not None:
        yield (f"How the deploy ended is entry {ending.index}, signed by the key {ending.key_id[:16]}…, and verified the same way.",)
    else:
        yield ("Nobody recorded how the deploy ended.",)
    if facts is None:
        yield ("The facts that were fetched are not in the pack: when the change was opened, its commits and the times of its checks are not shown.",)
    else:
        yield ("The facts that were fetched are in the pack; their SHA-256 is the one that the record names.",)
    yield ("What the forge and the tracker answered at that time is as true as their answers: the links lead there.",)


def _table(caption: str, head: tuple[str | tuple[str, str], ...], rows: Any, **attributes: str) -> Html:
    names = [(each, "") if isinstance(each, str) else each for each in head]
    cells = (element("th", name, scope="col", data_column=column or None) for name, column in names)
    table = element("table", element("caption", caption), element("thead", element("tr", *cells)), element("tbody", rows), **attributes)
    return element("div", table, class_="scroll", tabindex=0, role="region", aria_label=caption)


def _cell(value: str | int) -> Html:
    return element("td", value)


def _time(text: str) -> str:
    return text.removesuffix("Z").replace("T", " ")


def _share(part: int, whole: int) -> str:
    return f"{100 * part / whole:.1f} %" if whole else "0 %"


def _middle(times: tuple[timedelta, ...]) -> str:
    if not times:
        return "not known"
    hours = median(each.total_seconds() for each in times) / 3600
    return f"{hours * 60:.0f} min" if hours < 1 else f"{hours:.1f} h" if hours < 48 else f"{hours / 24:.1f} days"
