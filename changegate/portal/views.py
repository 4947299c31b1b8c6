"""The portal's pages. Pure: everything from outside goes through `html.element`."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final, NamedTuple
from urllib.parse import urlencode

from changegate import record
from changegate.audit.pack import timeline
from changegate.audit.pack.contents import Kept
from changegate.portal.access import Role, Visitor
from changegate.portal.index import PAGE, Filters, Row, State
from changegate.render.html import Html, element, link
from changegate.render.text import count, visible

_ENDINGS: Final = ("success", "failure", "rolled-back")
_VERDICTS: Final = ("allowed", "allowed-as-emergency", "blocked", "unknown")
_EXAMPLES: Final = "SHOP-12 · person:alice · commit:3f2a91c · environment:production · #41 · ticket:SHOP-*"


class Around(NamedTuple):
    """What stands on every page."""

    state: State | None
    visitor: Visitor
    warning: str
    """Why the index may be behind; empty where it isn't."""


class Shown(NamedTuple):
    """A record as it was read from the log just now, its signature and place verified."""

    kept: Kept
    size: int
    """The log's, when it was read."""
    origin: str
    ending: Kept | None
    facts: bytes | None
    hashes: int
    """How many lead from the record's entry to the signed root."""


def document(title: str, around: Around, *body: Html) -> bytes:
    """A whole page."""
    head = element(
        "head",
        element("meta", charset="utf-8"),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element("meta", name="color-scheme", content="light dark"),
        element("title", f"{title} – change evidence"),
        element("link", rel="stylesheet", href="/style.css"),
    )
    page = element(
        "body",
        element("a", "Skip to the content", href="#main", class_="skip"),
        element("header", _navigation(around.visitor)),
        element("p", around.warning, class_="bad", role="alert") if around.warning else "",
        element("main", element("h1", title), *body, id="main", tabindex=-1),
        element("footer", *_about(around)),
    )
    return ("<!doctype html>\n" + element("html", head, "\n", page, lang="en") + "\n").encode("utf-8")


def _navigation(visitor: Visitor) -> Html:
    places = [("/", "Overview"), ("/search", "Search"), ("/verify", "Verify")] + ([("/packs", "Packs")] if visitor.role is Role.AUDITOR else [])
    return element("nav", element("ul", *(element("li", element("a", name, href=place)) for place, name in places)), aria_label="Pages")


def _about(around: Around) -> Iterator[Html]:
    if around.state is not None:
        yield element("p", f"Log {around.state.origin}, its first {around.state.size} entries. Times are UTC. Read-only.", class_="soft")
    yield element("p", f"You are {around.visitor.name} ({around.visitor.role.value}).", class_="soft")


def overview(around: Around, counts: Mapping[str, Mapping[str, int]], newest: Iterable[Row]) -> bytes:
    """How much there is, and the newest."""
    decided = sum(counts["verdict"].values())
    boxes = [("Deploys judged", decided, "")]
    boxes += [(verdict.capitalize(), number, _share(number, decided)) for verdict, number in counts["verdict"].items()]
    boxes += [("Failed or rolled back", sum(counts["ending"].get(each, 0) for each in ("failure", "rolled-back")), "")]
    faults = counts["fault"]
    told = f"{count(sum(faults.values()), 'entry')} can't be trusted: {'; '.join(faults)}"
    figures = (element("div", element("dt", name), element("dd", n), element("dd", note, class_="note") if note else "") for name, n, note in boxes)
    places = (_row(_filtered(each), n) for each, n in counts["environment"].items())
    return document(
        "Change evidence",
        around,
        _form("", Filters(), counts),
        *([element("p", told, class_="bad", role="alert")] if faults else []),
        element("dl", *figures, class_="figures"),
        element("h2", "By environment"),
        _table("Deploys judged by environment", ("Environment", "Deploys"), places),
        element("h2", "Newest"),
        _list(newest, "The newest records"),
    )


def _filtered(environment: str) -> Html:
    return element("a", environment, href=f"/search?{urlencode({'environment': environment})}")


def found(around: Around, question: str, filters: Filters, counts: Mapping[str, Mapping[str, int]], rows: list[Row], *, limit: int = PAGE) -> bytes:
    """What a search found; with a link to the next page where there may be one."""
    more: Html | str = ""
    if len(rows) == limit:
        said = {"q": question, "environment": filters.environment, "verdict": filters.verdict, "ending": filters.ending}
        said |= {"from": filters.begin, "to": filters.end, "before": str(rows[-1].place)}
        address = f"/search?{urlencode({name: value for name, value in said.items() if value})}"
        more = element("nav", element("a", "Older ones", href=address, rel="next"), class_="pages", aria_label="Pages of the list")
    nothing = element("p", "Nothing was found. Every word counts; a word that ends in * stands for all that begin so.", role="status")
    return document(
        "Search",
        around,
        _form(question, filters, counts),
        _list(rows, f"{count(len(rows), 'record')}, the newest first{', and maybe more' if more else ''}") if rows else nothing,
        *([more] if isinstance(more, Html) else []),
    )


def _form(question: str, filters: Filters, counts: Mapping[str, Mapping[str, int]]) -> Html:
    return element(
        "form",
        element("label", "Ticket, commit, person, change or word", element("input", type="search", name="q", value=question, maxlength=300, size=34)),
        _choice("environment", filters.environment, tuple(counts["environment"])),
        _choice("verdict", filters.verdict, _VERDICTS),
        _choice("ending", filters.ending, _ENDINGS),
        element("label", "From", element("input", type="date", name="from", value=filters.begin)),
        element("label", "To", element("input", type="date", name="to", value=filters.end)),
        element("button", "Search", type="submit"),
        element("p", f"For example: {_EXAMPLES}", class_="soft"),
        action="/search",
        method="get",
        role="search",
        class_="filters",
    )


def _choice(name: str, chosen: str, values: tuple[str, ...]) -> Html:
    every = element("option", "all", value="")
    options = (element("option", each, value=each, selected=each == chosen) for each in values)
    return element("label", name.capitalize(), element("select", every, *options, name=name))


def _list(rows: Iterable[Row], caption: str) -> Html:
    head = ("Change", "Decided", "Repository", "Environment", "Decision", "Ended", "Entry")
    return _table(caption, head, (_listed(each) for each in rows))


def _listed(row: Row) -> Html:
    name = element("a", row.title or row.kind, href=f"/record/{row.envelope}")
    verdict = row.fault or row.verdict + (", audit mode" if row.mode == "audit" else "")
    good = row.verdict.startswith("allowed") and not row.fault
    ended = row.ending or ("not recorded" if row.verdict.startswith("allowed") or row.mode == "audit" else "–")
    return element(
        "tr",
        element("th", name, element("span", f"{row.kind}, commit {row.commit[:10]}", class_="title soft"), scope="row"),
        element("td", _time(row.decided), class_="when"),
        *(element("td", each) for each in (row.repository, row.environment)),
        element("td", verdict, class_=("good" if good else "bad") if row.mode or row.fault else None),
        element("td", ended, class_="when"),
        element("td", row.place),
    )


def one_record(around: Around, shown: Shown) -> bytes:
    """A record from its ticket to the end of its deploy, and how far it is verified."""
    kept, card = shown.kept, shown.kept.card
    decided = card.predicate_type == record.PREDICATE_TYPE
    parts = _followed(shown) if decided else [_statement(kept)]
    return document(
        f"{card.repository} to {card.environment}: {card.decision}" if decided else f"{card.predicate_type}: {card.decision}",
        around,
        element("p", _time(card.time), ", commit ", element("code", card.commit), class_="soft"),
        *parts,
        element("h2", "Verified just now"),
        element("ul", *(element("li", each) for each in _verified(shown))),
        *_downloads(shown, around.visitor),
    )


def _followed(shown: Shown) -> Iterator[Html]:
    predicate = shown.kept.predicate
    for finding in predicate["findings"]:
        yield element("p", f"{finding['control']}: {finding['observed']}", class_=_MARKS.get(finding["outcome"]))
    if not predicate["changes"]:
        yield element("p", f"No change was in the range ({predicate['range']['outcome']}).")
    for change in predicate["changes"]:
        yield element("h2", link(str(change["id"]), str(change["url"])), f" {change['title']}")
        yield element("ol", *map(_event, timeline.events(shown.kept, change, shown.ending, shown.facts)), class_="timeline")
        cells = ((each["control"], each["outcome"], each["observed"], each["required"]) for each in change["findings"])
        rows = (
            element("tr", element("th", a, scope="row"), element("td", b, class_=_MARKS.get(b)), *(element("td", each) for each in (c, d)))
            for a, b, c, d in cells
        )
        yield _table(f"What the controls said of {change['id']}", ("Control", "Outcome", "Observed", "Required"), rows)


_MARKS: Final = {"pass": "good", "fail": "bad", "unknown": "bad"}


def _event(event: timeline.Event) -> Html:
    when = element("time", _time(event.at)) if event.at else element("span", "time not recorded", class_="soft")
    mark = {True: "✓ ", False: "✗ ", None: ""}[event.good]
    text = element(
        "p", mark, link(event.what, event.link), f", {event.who}" if event.who else "", class_={True: "good", False: "bad", None: None}[event.good]
    )
    return element("li", when, text, element("p", f"Source: {event.source}", class_="soft source"))


def _statement(kept: Kept) -> Html:
    rows = (_row(visible(name, 200), visible(value, 1000)) for name, value in _fields("", kept.predicate))
    return _table("What the record says", ("Field", "Value"), rows)


def _fields(name: str, value: Any) -> Iterator[tuple[str, str]]:
    """Each value with the names that lead to it."""
    if isinstance(value, dict) and value:
        for key, within in value.items():
            yield from _fields(f"{name}.{key}" if name else key, within)
    elif isinstance(value, list) and value:
        for at, within in enumerate(value, 1):
            yield from _fields(f"{name} {at}", within)
    else:
        yield (
            name,
            {None: "–", True: "yes", False: "no"}.get(value, str(value))
            if isinstance(value, bool | None)
            else str(value)
            if value not in ([], {})
            else "–",
        )


def _verified(shown: Shown) -> Iterator[tuple[Html | str, ...]]:
    kept = shown.kept
    yield ("Record ", element("code", kept.card.envelope), f": signed by the key {kept.key_id[:16]}…, which the trust file names.")
    yield (f"Entry {kept.index} of the log {shown.origin}: {shown.hashes} hashes lead from it to the signed checkpoint of {shown.size} entries.",)
    if shown.ending is not None:
        said = shown.ending
        yield ("How the deploy ended is ", element("a", f"entry {said.index}", href=f"/record/{said.card.envelope}"), ", verified the same way.")
    if shown.facts is not None:
        yield ("The facts that were fetched before the decision have the SHA-256 that the record names.",)
    yield ("What the forge and the tracker answered at that time is as true as their answers: the links lead there.",)


def _downloads(shown: Shown, visitor: Visitor) -> Iterator[Html]:
    if visitor.role is not Role.AUDITOR:
        return
    names = [("record.json", "the signed record"), ("receipt.txt", "the receipt, which proves its place in the log")]
    names += [("facts.json", "the facts as they were fetched")] if shown.facts is not None else []
    place = f"/record/{shown.kept.card.envelope}"
    yield element("h2", "Downloads")
    yield element("ul", *(element("li", element("a", what, href=f"{place}/{name}")) for name, what in names))
    yield element(
        "p", "To verify them without this page: ", element("code", "changegate verify --receipt receipt.txt --record record.json --trust FILE")
    )


def packs(around: Around, counts: Mapping[str, Mapping[str, int]]) -> bytes:
    """The form for a pack."""
    form = element(
        "form",
        element("label", "From", element("input", type="date", name="from", required=True)),
        element("label", "To", element("input", type="date", name="to", required=True)),
        _choice("environment", "", tuple(counts["environment"])),
        element("label", "Sample of", element("input", type="number", name="sample", min=1, max=10000)),
        element("label", "Seed", element("input", type="text", name="seed", maxlength=200)),
        element("button", "Make the pack", type="submit"),
        action="/pack.zip",
        method="get",
        class_="filters",
    )
    said = "Records, receipts, checkpoints, population, sample and a report of a period, in one file that is verified without this portal."
    return document("Evidence packs", around, element("p", said), form)


def verification(around: Around) -> bytes:
    """What can be verified from here."""
    said = "Each record is verified when its page is opened. Here the whole store is: tree, checkpoints and records, of a large log a share of these."
    step = element("p", element("a", "Verify the store now", href="/verify?now=1"), " (it may take minutes)")
    return document("Verify", around, element("p", said), step)


def verified(around: Around, report: str, *, clean: bool) -> bytes:
    """What a verification of the store said."""
    return document("Verify", around, element("pre", *_lines(report), class_="good" if clean else "bad"))


def _lines(text: str) -> Iterator[Html | str]:
    for line in text.splitlines():
        yield line
        yield "\n"


def problem(around: Around, title: str, message: str, remedy: str) -> bytes:
    """What can't be shown, and why."""
    return document(title, around, element("p", message, role="alert"), element("p", remedy))


def _table(caption: str, head: tuple[str, ...], rows: Iterable[Html]) -> Html:
    names = element("thead", element("tr", *(element("th", each, scope="col") for each in head)))
    table = element("table", element("caption", caption), names, element("tbody", rows))
    return element("div", table, class_="scroll", tabindex=0, role="region", aria_label=caption)


def _row(name: Html | str, *cells: Html | str | int) -> Html:
    return element("tr", element("th", name, scope="row"), *(element("td", each) for each in cells))


def _time(text: str) -> str:
    return text.removesuffix("Z").removesuffix(".000000").replace("T", " ")


def _share(part: int, whole: int) -> str:
    return f"{100 * part / whole:.1f} %" if whole else ""
