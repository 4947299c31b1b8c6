"""Other evidence in the same log: recorded, shown, given back, listed, sampled and verified like every record."""

import json
from pathlib import Path

import pytest

from changegate.cli import run
from changegate.evidence.verify import verify_store
from changegate.stores import open_store
from changegate.trust import parse

CONTENT = b"%PDF-1.7 it broke\x00\xff"
WORDS = ("--period", "2026-01-01..2026-03-31", "--owner", "carol", "--control", "incident-reviewed", "--control", "own:INC-3")


class Place:
    """A key, a trust file, a log in `evidence/` and one file to attest."""

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self.capsys = capsys
        assert run(["keys", "generate"]) == 0
        Path("post-mortem.pdf").write_bytes(CONTENT)

    def attest(self, *words: str, file: str = "post-mortem.pdf") -> int:
        self.capsys.readouterr()
        return run(["attest", "--type", "incident", "--file", file, *WORDS, *self.log(), *words])

    def log(self) -> tuple[str, ...]:
        return ("--store", "file:evidence", "--signing-key", "changegate-key.pem")

    def said(self) -> str:
        printed = self.capsys.readouterr()
        return printed.out + printed.err

    def problems(self) -> list[str]:
        return [each.what for each in verify_store(open_store("file:evidence"), parse(Path("changegate-trust.yml").read_bytes())).problems]


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Place:
    monkeypatch.chdir(tmp_path)
    return Place(capsys)


def test_a_file_is_recorded_shown_and_given_back(place: Place) -> None:
    assert place.attest("--repository", "acme/shop", "--note", "see also INC-3", "--format", "json", "--receipt", "receipt") == 0
    said = json.loads(place.said())
    assert said["attestation"]["file"] | {"sha256": ""} == {
        "name": "post-mortem.pdf",
        "mediaType": "application/pdf",
        "sha256": "",
        "size": len(CONTENT),
    }
    assert said["attestation"]["controls"] == ["incident-reviewed", "own:INC-3"]
    assert Path("receipt").read_bytes()
    assert run(["show", said["record"], "--store", "file:evidence", "--attachment", "back"]) == 0
    page = place.said()
    for words in ("incident: post-mortem.pdf", "2026-01-01 to 2026-03-31", "carol", "acme/shop", "see also INC-3", "application/pdf"):
        assert words in page
    assert Path("back").read_bytes() == CONTENT
    assert place.problems() == []


def test_the_same_again_appends_nothing(place: Place) -> None:
    assert place.attest() == 0
    assert place.attest("--format", "json") == 0
    assert json.loads(place.said())["repeated"] is True
    assert place.attest("--owner", "dave", "--format", "json") == 0
    assert json.loads(place.said())["logIndex"] == 1


def test_a_file_that_was_changed_or_lost_is_named(place: Place) -> None:
    assert place.attest() == 0
    (kept,) = Path("evidence/facts").rglob("*.json.gz")
    kept.chmod(0o644)
    before = kept.read_bytes()
    kept.write_bytes(before[:-4] + b"\x00\x00\x00\x00")
    assert place.problems() == ["an attached file is damaged"]
    kept.unlink()
    assert place.problems() == ["an attached file is missing"]
    kept.write_bytes(before)
    assert place.problems() == []


def test_it_waits_for_the_job_that_has_the_logs_key(place: Place) -> None:
    assert place.attest() == 0  # begins the log
    assert place.attest("--submit-only", "--trust", "changegate-trust.yml", "--owner", "bob") == 0
    assert "waits to be integrated" in place.said()
    assert run(["integrate", "file:evidence", "--log-key", "changegate-key.pem"]) == 0
    assert "entry 1: incident" in place.said()
    assert place.problems() == []


def test_it_is_a_population_that_can_be_sampled(place: Place) -> None:
    assert place.attest() == 0
    assert place.attest("--owner", "dave") == 0
    listed = ["audit", "population", "--from", "2020-01-01", "--to", "2099-12-31", "--store", "file:evidence"]
    assert run([*listed, "--kind", "attestations", "--out", "other.json"]) == 0
    units = json.loads(Path("other.json").read_text())["units"]
    assert [(unit["verdict"], unit["range"], unit["author"], unit["title"]) for unit in units] == [
        ("incident", "2026-01-01..2026-03-31", owner, "post-mortem.pdf") for owner in ("carol", "dave")
    ]
    assert run(["audit", "sample", "other.json", "--size", "1", "--seed", "s"]) == 0
    assert run([*listed, "--kind", "deploys", "--out", "deploys.json"]) == 0
    assert json.loads(Path("deploys.json").read_text())["units"] == []


def test_a_bare_look_at_the_facts_of_an_attestation_decides_nothing(place: Place) -> None:
    assert place.attest("--format", "json") == 0
    record = json.loads(place.said())["record"]
    assert run(["replay", record, "--store", "file:evidence"]) == 2
    assert "no gate decision" in place.said()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--file", "nowhere.pdf"), "No such file"),
        (("--file", "."), "no regular file"),
        (("--file", "empty"), "is empty"),
        (("--file", "large"), "larger than 32 MiB"),
        (("--file", "odd\x1bname"), "characters that can't be seen"),
        (("--file", "a\x00b"), "null"),
        (("--period", "2026-03-31..2026-01-01"), "ends before it begins"),
        (("--period", "2026-01-01..2999-01-01"), "lies in the future"),
        (("--period", ""), "--period is missing"),
        (("--owner", "carol and dave"), "is no login"),
        (("--owner", ""), "--owner is missing"),
        (("--control", "peer-aproved"), "is no control that is known"),
        (("--note", "gh" + "p_" + "a1" * 18), "looks like a token of GitHub"),
        (("--name", "../x"), "is no name for a file"),
        (("--media-type", "pdf"), "is no media type"),
        (("--repository", "a\tb"), "control character"),
        (("--type", "gossip"), "is not one of"),
    ],
)
def test_what_can_not_be_recorded_leaves_nothing(place: Place, words: tuple[str, ...], said: str) -> None:
    Path("empty").touch()
    Path("odd\x1bname").write_text("x")
    with Path("large").open("wb") as file:
        file.truncate(32 * 1024 * 1024 + 1)
    assert place.attest(*words) == 2
    assert said in place.said()
    assert not Path("evidence").exists()


def test_without_words_it_says_what_is_needed(place: Place) -> None:
    assert run(["attest"]) == 2
    assert "--type and --file are needed" in place.said()
    for words in (("--type", "incident"), ("--owner", "carol"), ("--submit-only",), ("--control", "own:x")):
        assert run(["attest", *words, "access-review"]) == 2
        assert f"{words[0]} stands before `access-review`" in place.said()


def test_in_a_pipeline_the_store_is_named(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CI", "true")
    assert run(["attest", "--type", "incident", "--file", "post-mortem.pdf", *WORDS, "--signing-key", "changegate-key.pem"]) == 2
    assert "no evidence store is named" in place.said()
