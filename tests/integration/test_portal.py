"""The portal: it shows what the log has, to whom it knows, verified when it is shown, and nothing that anybody wrote becomes markup."""

import base64
import hashlib
import io
import json
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
import urllib.request
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import parse_qsl, quote, urlencode

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support import deploylog
from support.evidence import key_of

from changegate.audit.pack import standalone
from changegate.cli import kept, run, serve
from changegate.errors import StoreError
from changegate.portal.access import Tokens, parse_tokens
from changegate.portal.app import Portal, Works
from changegate.portal.index import Filters, Index
from changegate.portal.source import FRESH, Opened, Source
from changegate.portal.terms import parse_question
from changegate.stores import open_store
from changegate.trust import format_trust

HOST = "127.0.0.1:8765"
DEPLOYS = 90


class Got(NamedTuple):
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def text(self) -> str:
        return self.body.decode("utf-8")


class Page(HTMLParser):
    """Its tags, its attributes' names, its links."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.links: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}
        self.links += [value or "" for name, value in attrs if name == "href"]


class Site:
    """A portal over a log of many deploys, asked without a network; its clock is the test's."""

    def __init__(self, folder: Path, tokens: Tokens | None = None, *, count: int = DEPLOYS) -> None:
        self.folder, self.now = folder, datetime(2026, 6, 1, tzinfo=UTC)
        self.given = {"store": f"file:{folder / 'evidence'}", "trust": str(folder / "trust.yml"), "since": None}
        self.trust = deploylog.trust()
        (folder / "trust.yml").write_bytes(format_trust(self.trust))
        self.grow(count)
        self.index = Index(folder / "index.sqlite")
        self.source = Source(self.index, self.trust, believed="this trust file", open_log=self.open, now=lambda: self.now)
        works = Works(lambda query: serve._make_pack(self.given, query), lambda: serve._verify(self.given, self.trust, "trust.yml"))
        self.portal = Portal(self.source, works, hosts=frozenset({HOST}), tokens=tokens)

    def grow(self, count: int) -> None:
        shutil.rmtree(self.folder / "evidence", ignore_errors=True)

        def put(key: str, data: bytes) -> None:
            (self.folder / "evidence" / key).parent.mkdir(parents=True, exist_ok=True)
            (self.folder / "evidence" / key).write_bytes(data)

        deploylog.write(put, deploylog.deploys(count, changes=2))

    def open(self) -> Opened:
        return Opened(kept.open_reader(str(self.given["store"]), self.trust), open_store(str(self.given["store"])))

    def get(self, path: str, *, method: str = "GET", host: str = HOST, authorization: str = "", **query: str) -> Got:
        answered: dict[str, Any] = {}

        def start(status: str, headers: list[tuple[str, str]]) -> None:
            answered.update(status=int(status.split()[0]), headers=dict(headers))

        environ = {"REQUEST_METHOD": method, "PATH_INFO": path, "QUERY_STRING": urlencode(query), "HTTP_HOST": host}
        body = b"".join(self.portal(environ | ({"HTTP_AUTHORIZATION": authorization} if authorization else {}), start))
        return Got(answered["status"], answered["headers"], body)

    def records(self) -> list[tuple[str, Any]]:
        """Every gate decision, read without the index: its digest and its predicate, the newest first."""
        reader = self.open().reader
        found = []
        for _, card in reader.cards():
            if card.about is None:
                found.append((card.envelope, json.loads(base64.b64decode(json.loads(reader.envelope(card))["payload"]))["predicate"]))
        return found

    def search(self, **query: str) -> list[str]:
        """The digests that all pages of a search show."""
        found: list[str] = []
        before: dict[str, str] = {}
        while True:
            got = self.get("/search", **query, **before)
            assert got.status == 200
            found += re.findall(r'<th scope="row"><a href="/record/([0-9a-f]{64})"', got.text)
            older = re.search(r'href="/search\?[^"]*before=([0-9]+)"', got.text)
            if older is None:
                return found
            before = {"before": older[1]}


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Site:
    return Site(tmp_path_factory.mktemp("portal"))


@pytest.fixture
def own(tmp_path: Path) -> Site:
    return Site(tmp_path, count=12)


# --- search ------------------------------------------------------------------------------------------------------------------


def people(predicate: Any) -> set[str]:
    found = {predicate["deployment"]["deployer"]["login"]} if predicate["deployment"]["deployer"] else set()
    for change in predicate["changes"]:
        found |= {each["login"] for each in (change["author"], *(change["contributors"] or ()), *(each["by"] for each in change["approvals"] or ()))}
    return found


def tickets(predicate: Any) -> set[str]:
    return {ticket["key"] for change in predicate["changes"] for ticket in change["tickets"] or ()}


@pytest.mark.parametrize(
    ("question", "holds"),
    [
        ("person:alice", lambda each: "alice" in people(each)),
        ("PERSON:Carol", lambda each: "carol" in people(each)),
        ("person:nobody", lambda _: False),
        ("ticket:acme/shop#1004", lambda each: "acme/shop#1004" in tickets(each)),
        ("ticket:acme/shop#100*", lambda each: any(key.startswith("acme/shop#100") for key in tickets(each))),
        ("#3", lambda each: "#3" in {change["id"] for change in each["changes"]}),
        ("pears", lambda each: any("pears" in change["title"] for change in each["changes"])),
        ("person:bob pears", lambda each: "bob" in people(each) and any("pears" in change["title"] for change in each["changes"])),
        ("environment:staging", lambda each: each["deployment"]["environment"] == "staging"),
        ("repository:acme/shop", lambda _: True),
        ("日本語", lambda each: any("日本語" in change["title"] for change in each["changes"])),
    ],
)
def test_a_search_finds_what_reading_every_record_finds(site: Site, question: str, holds: Callable[[Any], bool]) -> None:
    assert site.search(q=question) == [digest for digest, predicate in site.records() if holds(predicate)]


def test_commits_are_found_by_their_beginning(site: Site) -> None:
    digest, predicate = site.records()[7]
    for commit in (predicate["deployment"]["head"], predicate["changes"][0]["head"], digest):
        assert digest in site.search(q=commit[:39])
        assert digest in site.search(q=f"commit:{commit}")


def test_filters_narrow_it(site: Site) -> None:
    every = site.records()
    assert site.search(verdict="blocked") == [digest for digest, each in every if each["decision"]["verdict"] == "blocked"]
    assert site.search(environment="staging", q="person:alice") == [
        digest for digest, each in every if each["deployment"]["environment"] == "staging" and "alice" in people(each)
    ]
    days = {"from": "2026-03-06", "to": "2026-03-08"}
    assert site.search(**days) == [digest for digest, each in every if days["from"] <= each["time"]["decided"][:10] <= days["to"]]
    assert site.search(**days)
    failed = site.search(ending="failure")
    assert failed
    assert all("Deploy ended: failure" in site.get(f"/record/{each}").text for each in failed)


@pytest.mark.parametrize(
    "query",
    [
        {"from": "yesterday"},
        {"to": "2026-13"},
        {"before": "x"},
        {"before": "1" * 20},
        {"q": "x" * 301},
        {str(n): "1" for n in range(30)},
        {"q": "x" * 2500},
    ],
)
def test_what_cannot_be_asked_is_named(site: Site, query: dict[str, str]) -> None:
    assert site.get("/search", **query).status == 400


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text(max_size=60))
def test_any_question_is_only_a_question(site: Site, question: str) -> None:
    got = site.get("/search", q=question.encode("utf-8", "replace").decode("utf-8"))
    assert got.status in {200, 400}
    assert "script" not in Page(got.text).tags


# --- what is shown, and to whom ------------------------------------------------------------------------------------------------


def test_no_page_runs_or_loads_anything_and_every_answer_says_so(site: Site) -> None:
    digest = site.records()[0][0]
    paths = ("/", "/search", "/packs", "/verify", f"/record/{digest}", f"/record/{'0' * 64}", "/nowhere", "/../etc/passwd", "/style.css")
    for path in paths:
        got = site.get(path)
        assert got.headers["Content-Security-Policy"].startswith("default-src 'none'; style-src 'self'")
        assert (got.headers["X-Content-Type-Options"], got.headers["Cache-Control"]) == ("nosniff", "no-store")
        assert int(got.headers["Content-Length"]) == len(got.body)
        if path != "/style.css":
            page = Page(got.text)
            assert not page.tags & {"script", "style", "img", "iframe", "object"}, path
            assert not {each for each in page.attributes if each.startswith("on") or each == "style"}, path
            assert all(each.startswith(("/", "#", "https://")) for each in page.links), path
        assert site.get(path, method="HEAD") == got._replace(body=b"")


def test_titles_are_text(site: Site) -> None:
    digest = next(digest for digest, predicate in site.records() if any("<script>" in each["title"] for each in predicate["changes"]))
    text = site.get(f"/record/{digest}").text
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in text
    assert "\u202e" not in text


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE"])
def test_nothing_is_written(site: Site, method: str) -> None:
    got = site.get("/", method=method)
    assert (got.status, got.headers["Allow"]) == (405, "GET, HEAD")


@pytest.mark.parametrize("host", ["", "evil.example", "127.0.0.1", "127.0.0.1:80", "localhost:8765.evil.example"])
def test_another_host_name_is_not_answered(site: Site, host: str) -> None:
    got = site.get("/", host=host)
    assert got.status == 421
    assert "acme" not in got.text


def test_tokens_and_roles(tmp_path: Path) -> None:
    lines = (f"{role} {hashlib.sha256(role.encode()).hexdigest()} {role} of the test" for role in ("reader", "auditor"))
    site = Site(tmp_path, parse_tokens("\n".join(lines)), count=3)
    digest = site.records()[0][0]
    files = [f"/record/{digest}/{name}" for name in ("record.json", "receipt.txt", "facts.json")]
    period = {"from": "2026-03-01", "to": "2026-03-31"}
    for path in ("/", "/style.css", f"/record/{digest}", *files, "/pack.zip"):
        for authorization in ("", "Bearer wrong", "Basic " + base64.b64encode(b"reader:").decode()):
            got = site.get(path, authorization=authorization)
            assert (got.status, "acme" in got.text) == (401, False), path
            assert got.headers["WWW-Authenticate"].startswith("Basic ")
    assert site.get("/", authorization="Bearer reader").status == site.get("/search", authorization="Bearer reader").status == 200
    assert "Downloads" not in site.get(f"/record/{digest}", authorization="Bearer reader").text
    assert site.get("/verify", authorization="Bearer reader").status == 200
    assert site.get("/verify", authorization="Bearer reader", now="1").status == 403
    for path in (*files, "/packs", "/pack.zip"):
        assert site.get(path, authorization="Bearer reader", **period).status == 403, path
        assert site.get(path, authorization="Basic " + base64.b64encode(b"me:auditor").decode(), **period).status == 200, path


# --- what is true ----------------------------------------------------------------------------------------------------------------


def test_downloads_verify_without_the_portal(site: Site, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    digest = site.records()[5][0]
    for name in ("record.json", "receipt.txt", "facts.json"):
        got = site.get(f"/record/{digest}/{name}")
        assert got.headers["Content-Disposition"] == f'attachment; filename="{digest[:16]}-{name}"'
        (tmp_path / name).write_bytes(got.body)
    trust = ("--trust", str(site.given["trust"]))
    assert run(["verify", "--receipt", str(tmp_path / "receipt.txt"), "--record", str(tmp_path / "record.json"), *trust]) == 0
    assert digest in capsys.readouterr().out
    (tmp_path / "pack.zip").write_bytes(site.get("/pack.zip", **{"from": "2026-03-04", "to": "2026-03-12", "sample": "4", "seed": "a seed"}).body)
    assert run(["verify", str(tmp_path / "pack.zip"), *trust]) == 0
    assert "report.html" in standalone.read_zip((tmp_path / "pack.zip").read_bytes())
    for query in (
        {},
        {"from": "2026-03-04"},
        {"from": "2026-03-04", "to": "2026-03-05", "sample": "-1"},
        {"from": "2026-03-04", "to": "2026-03-05", "sample": "3"},
    ):
        assert site.get("/pack.zip", **query).status == 400, query


def test_one_long_work_at_a_time(site: Site) -> None:
    with site.portal._busy:
        got = site.get("/pack.zip", **{"from": "2026-03-04", "to": "2026-03-05"})
        assert (got.status, got.headers["Retry-After"]) == (503, "60")
        assert site.get("/verify", now="1").status == 503
    assert "WHOLE" in site.get("/verify", now="1").text


def test_no_link_leads_nowhere(site: Site) -> None:
    seen, ahead = set[str](), ["/"]
    while ahead:
        place = ahead.pop()
        path, _, query = place.partition("?")
        got = site.get(path, **dict(parse_qsl(query)))
        assert got.status == 200, place
        seen.add(place)
        if got.headers["Content-Type"].startswith("text/html"):
            links = (link for link in Page(got.text).links if link.startswith("/") and link != "/verify?now=1")
            ahead += sorted({*links} - seen - {*ahead})
    assert sum(place.startswith("/record/") and place.count("/") == 2 for place in seen) > DEPLOYS, "decisions, and how they ended"


def test_how_a_deploy_ended_has_a_page_of_its_own(site: Site) -> None:
    ended = next(link for link in Page(site.get(f"/record/{site.records()[3][0]}").text).links if re.fullmatch("/record/[0-9a-f]{64}", link))
    text = site.get(ended).text
    assert "deploy-outcome" in text
    assert "{" not in text, "no value is shown as a program writes it"


@pytest.mark.parametrize(
    ("query", "said"),
    [({"from": "2026-03-05", "to": "2026-03-01"}, "the last day is before the first"), ({"q": "foo:bar"}, "nothing is searched by")],
)
def test_a_question_that_has_no_answer_is_none(site: Site, query: dict[str, str], said: str) -> None:
    got = site.get("/search", **query)
    assert (got.status, said in got.text) == (400, True)


def tamper(site: Site, digest: str) -> None:
    path = site.folder / f"evidence/envelope/{digest[:2]}/{digest}.json"
    path.write_bytes(path.read_bytes().replace(b'"payload":"', b'"payload":"A', 1))


def test_a_record_that_was_changed_since_is_not_shown(own: Site) -> None:
    digest = own.records()[2][0]
    assert own.get(f"/record/{digest}").status == 200
    tamper(own, digest)
    got = own.get(f"/record/{digest}")
    assert (got.status, "This can&#x27;t be trusted" in got.text) == (409, True)
    assert "alice" not in got.text
    assert own.get(f"/record/{digest}/record.json").status == 409
    assert own.get(f"/record/{'0' * 64}").status == 404
    assert "NOT WHOLE" in own.get("/verify", now="1").text


def test_a_record_that_was_changed_before_is_listed_with_the_reason(own: Site) -> None:
    digest = own.records()[2][0]
    tamper(own, digest)
    assert "1 entry can&#x27;t be trusted" in own.get("/").text
    (fault,) = (row.fault for row in own.index.search((), Filters(), limit=1000) if row.envelope == digest)
    assert "is not the record that the log holds" in fault
    assert digest in own.search()
    assert digest not in own.search(q="person:alice")


def test_what_is_new_is_seen_and_what_was_rewritten_is_refused(own: Site) -> None:
    before = own.search()
    own.grow(20)
    assert own.search() == before, "the last look is fresh"
    own.now += FRESH
    assert len(own.search()) == 20
    assert own.search(ending="success")
    own.grow(12)
    own.now += FRESH
    got = own.get("/")
    assert (got.status, "isn&#x27;t the one that was indexed" in got.text) == (503, True)
    assert "prices" not in got.text


@pytest.mark.parametrize("poison", ["ending = 'success'", "ending = ''", "verdict = 'allowed'"])
def test_a_page_says_what_the_log_says_whatever_is_written_into_the_index(tmp_path: Path, poison: str) -> None:
    own = Site(tmp_path, count=30)
    assert own.get("/").status == 200
    ended = next(row for row in own.index.search((), Filters(), limit=1000) if row.ending not in ("", "success"))
    before = own.get(f"/record/{ended.envelope}").text
    with sqlite3.connect(own.folder / "index.sqlite") as database:
        database.execute(f"UPDATE entry SET {poison} WHERE place = ?", [ended.place])
    assert own.get(f"/record/{ended.envelope}").text == before


@pytest.mark.parametrize("query", [{"from": "0001-01-01"}, {"to": "9999-12-31"}, {"before": "9" * 15}])
def test_the_ends_of_the_calendar_are_days_like_others(site: Site, query: dict[str, str]) -> None:
    assert site.get("/search", **query).status == 200


@pytest.mark.parametrize("sample", ["0", "10001", "000000001" + "9" * 12, "1" * 200, "-1", "٣"])
def test_a_sample_has_a_size_that_can_be_drawn(site: Site, sample: str) -> None:
    got = site.get("/pack.zip", **{"from": "2026-03-01", "to": "2026-03-10", "sample": sample, "seed": "s"})
    assert (got.status, "a sample of" in got.text) == (400, True)


def test_a_store_that_is_away_is_said(own: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    assert own.get("/").status == 200

    def away() -> Opened:
        raise StoreError("the disk is gone", remedy="Mount it.")

    monkeypatch.setattr(own.source, "_open", away)
    own.now += timedelta(hours=1)
    got = own.get("/search", q="person:alice")
    assert got.status == 200
    assert "as of 2026-06-01 00:00:00 UTC: the disk is gone" in got.text
    fresh = Source(own.index, own.trust, believed="x", open_log=away, now=lambda: own.now)
    with pytest.raises(StoreError):
        fresh.refresh()


def test_another_trust_file_reads_all_anew(own: Site) -> None:
    own.get("/")
    stranger = deploylog.trust(key_of(9))
    other = Source(own.index, stranger, believed="another", open_log=own.open, now=lambda: own.now)
    other.refresh()
    counts = own.index.counts()
    assert sum(counts["fault"].values()) == own.open().reader.size
    own.source._at = None
    own.source.refresh()
    assert own.index.counts()["fault"] == {}
    assert len(own.index.search(parse_question("repository:shop"), Filters())) == 12


# --- as a command ----------------------------------------------------------------------------------------------------------------


@pytest.fixture
def served(tmp_path: Path) -> Iterator[tuple[str, Site]]:
    """A portal in a process of its own, and its address."""
    site = Site(tmp_path, count=12)
    words = ("--store", str(site.given["store"]), "--trust", str(site.given["trust"]), "--index", str(tmp_path / "own.sqlite"), "--port", "0")
    process = subprocess.Popen([sys.executable, "-P", "-m", "changegate", "serve", *words], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    yield process.stdout.readline().split()[0], site
    process.send_signal(signal.SIGTERM)
    process.stdout.close()
    assert process.wait(20) == -signal.SIGTERM


def test_the_command_serves(served: tuple[str, Site]) -> None:
    address, site = served
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(f"{address}search?q={quote('person:alice')}", timeout=20) as answer:
        text = answer.read().decode()
    assert {digest for digest, each in site.records() if "alice" in people(each)} == set(re.findall(r"/record/([0-9a-f]{64})", text))
    assert (site.folder / "own.sqlite").stat().st_mode & 0o077 == 0, "names are in it"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--listen", "0.0.0.0"], "there are no tokens"),
        (["--tokens", "absent"], "No such file"),
        (["--index", "trust.yml"], "is no index of a log"),
        (["--listen", "203.0.113.1", "--tokens", "tokens"], "can't be listened on"),
        (["--store", "file:absent"], "holds no log"),
    ],
)
def test_bad_input_is_named(own: Site, words: list[str], said: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.chdir(own.folder)
    monkeypatch.setenv("XDG_CACHE_HOME", str(own.folder / "cache"))
    Path("tokens").write_text(f"reader {'0' * 64} somebody")
    assert run(["serve", "--store", str(own.given["store"]), "--trust", "trust.yml", *words]) == 2
    assert said in capsys.readouterr().err


def test_a_new_token(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["serve", "--new-token", "auditor"]) == 0
    printed = capsys.readouterr()
    line, (token,) = printed.out, re.findall(r"for them alone: (\S+)\n", printed.err)
    assert parse_tokens(line)[hashlib.sha256(token.encode()).hexdigest()].role == "auditor"
    assert io.StringIO(line).read().startswith("auditor ")
