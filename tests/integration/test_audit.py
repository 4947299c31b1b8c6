"""The population and the sample of a real log, by the command line."""

import base64
import json
import re
import subprocess
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator
from support.gitshop import GitShop

from changegate import sampledraw
from changegate.audit import sampling, tables
from changegate.cli import run
from changegate.evidence import merkle

PAGE = Path(__file__).parents[2] / "docs" / "audit.md"
PERIOD = ("--from", "2020-01-01", "--to", "2099-12-31")


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> GitShop:
    """Two deploys that went live, one that was blocked, one back."""
    monkeypatch.chdir(tmp_path)
    shop = GitShop(tmp_path / "shop", capsys)
    shop.commit("=Round up")
    shop.commit("Show prices")
    assert shop.gate("--base", "v1") == 0
    assert run(["outcome", "failure", "--workspace", str(shop.path), "--store", "file:evidence", "--signing-key", "changegate-key.pem"]) == 0
    first = shop.git("rev-parse", "HEAD")
    shop.commit("Sell pears")
    assert shop.gate("--base", "v1") == 0
    shop.commit("Nobody looked", "")
    assert shop.gate() == 1
    shop.git("checkout", "-q", first)
    shop.gate()
    return shop


def population(shop: GitShop, *words: str) -> int:
    shop.capsys.readouterr()
    return run(["audit", "population", *PERIOD, "--store", "file:evidence", *words])


def units(shop: GitShop, *words: str) -> tuple[dict[str, str], ...]:
    assert population(shop, "--out", "population.json", *words) == 0
    return tables.parse(Path("population.json").read_bytes())


def test_each_population_has_its_rows(shop: GitShop) -> None:
    changes = units(shop)
    assert [unit["title"] for unit in changes][:2] == ["=Round up", "Show prices"]
    assert {unit["outcome"] for unit in changes[:2]} == {"failure"}
    assert {(unit["author"], unit["approved_by"], unit["tickets"], unit["rollback_plan"]) for unit in changes} == {("alice", "Bob", "SHOP-12", "yes")}
    assert all(unit["verdict"] == "allowed" for unit in units(shop, "--kind", "deploys"))
    blocked = units(shop, "--kind", "blocked")
    assert any("peer-approved/" in unit["findings"] for unit in blocked)
    assert {unit["record"] for unit in blocked}.isdisjoint(unit["record"] for unit in changes)
    assert all(unit["range"] == "rollback" for unit in units(shop, "--kind", "rollbacks"))
    for kind in ("emergencies", "waivers"):
        assert units(shop, "--kind", kind) == ()
        notes = " ".join(json.loads(Path("population.json").read_text())["notes"])
        assert f"none is of the {kind}" in notes
        assert f"records no {kind}" not in notes, "each record says itself that there was none"


def test_an_outcome_that_nobody_signed_is_in_no_population(shop: GitShop) -> None:
    envelopes = Path("evidence/envelope").rglob("*.json")
    outcome = next(path for path in envelopes if b"deploy-outcome" in base64.b64decode(json.loads(path.read_bytes())["payload"]))
    outcome.chmod(0o644)
    outcome.write_bytes(outcome.read_bytes() + b" ")
    assert population(shop) == 5
    assert population(shop, "--kind", "blocked") == 0, "it is about none of these"


def test_a_workbook_beside_its_header(shop: GitShop) -> None:
    assert population(shop, "--out", "population.xlsx") == 0
    said = json.loads(Path("population.xlsx.ipe.json").read_text())
    data = Path("population.xlsx").read_bytes()
    assert (said["sha256"], data[:2]) == (tables.digest(data), b"PK")
    assert population(shop, "--format", "xlsx") == 2
    assert "no text for the screen" in shop.capsys.readouterr().err


def test_a_sample_larger_than_its_population_is_all_of_it(shop: GitShop) -> None:
    every = units(shop)
    shop.capsys.readouterr()
    assert run(["audit", "sample", "population.json", "--size", "999", "--seed", "s", "--format", "csv"]) == 0
    printed = shop.capsys.readouterr()
    assert "all of them are the sample" in printed.err
    assert len(printed.out.splitlines()) == 1 + len(every)
    assert "'=Round up" in printed.out, "no formula, whatever the population's format"


def test_filters_and_the_period_hold(shop: GitShop) -> None:
    every = units(shop)
    shop.gate("--environment", "staging", "--base", "v1")
    assert units(shop, "--repository", "shop", "--environment", "production") == every
    assert {each["environment"] for each in units(shop, "--environment", "staging")} == {"staging"}
    assert run(["audit", "population", "--from", "2020-01-01", "--to", "2020-12-31", "--store", "file:evidence", "--out", "none.json"]) == 0
    assert tables.parse(Path("none.json").read_bytes()) == ()


def test_a_name_that_the_log_never_heard_is_no_empty_population(shop: GitShop) -> None:
    for option, name, known in (
        ("--environment", "prodd", "production"),
        ("--environment", "Production", "production"),
        ("--repository", "shopp", "shop"),
    ):
        shop.capsys.readouterr()
        for words in (["population"], ["export", "--out", "p.zip"], ["matrix"]):
            assert run(["audit", *words, *PERIOD, "--store", "file:evidence", option, name]) == 2
            said = shop.capsys.readouterr().err
            assert f"{option} {name}: nothing in the whole log is of that name" in said
            assert f"Known are: {known}." in said


def test_the_header_proves_what_it_says(shop: GitShop) -> None:
    units(shop)
    said = json.loads(Path("population.json").read_text())
    size = int(said["checkpoint"].split("\n")[1])
    assert said["entriesExamined"] == size == shop.entries()
    begin, end = said["periodBegins"], said["periodEnds"]
    assert (begin["size"], end["size"]) == (0, size)
    if end["size"] < size:
        proof = [bytes.fromhex(each) for each in said["consistencyProofs"]["endToCheckpoint"]]
        merkle.verify_consistency(end["size"], bytes.fromhex(end["root"]), size, bytes.fromhex(end["root"]), proof)


def test_a_record_that_was_changed_is_in_no_population(shop: GitShop) -> None:
    for path in sorted(Path("evidence/envelope").rglob("*.json")):
        path.chmod(0o644)
        path.write_bytes(path.read_bytes().replace(b'"payload":"', b'"payload":"A', 1))
    assert population(shop) == 5
    assert "is not the record that the log holds" in shop.capsys.readouterr().err


def test_the_line_of_shell_draws_the_same_sample(shop: GitShop) -> None:
    assert population(shop, "--out", "population.csv") == 0
    (script,) = re.findall(r"```sh[^\n]*\n(.*?)```", PAGE.read_text(), re.DOTALL)
    by_shell = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script], env={"PATH": "/usr/bin:/bin", "SEED": "a seed"}, check=True, capture_output=True, text=True
    ).stdout.split()
    shop.capsys.readouterr()
    assert run(["audit", "sample", "population.csv", "--size", "25", "--seed", "a seed"]) == 0
    assert shop.capsys.readouterr().out.split() == by_shell
    assert by_shell == list(sampling.draw(by_shell, 25, "a seed"))


def test_samples_in_every_form(shop: GitShop) -> None:
    every = units(shop)
    shop.capsys.readouterr()
    assert run(["audit", "sample", "population.json", "--size", "2", "--seed", "s", "--format", "json", "--by", "environment"]) == 0
    said = json.loads(shop.capsys.readouterr().out)
    assert (said["units"], said["size"], said["seed"]) == (len(every), 2, "s")
    assert said["sha256"] == tables.digest(Path("population.json").read_bytes())
    assert run(["audit", "sample", "population.json", "--confidence", "0.95", "--tolerable", "0.1", "--seed", "s", "--format", "csv"]) == 0
    assert len(shop.capsys.readouterr().out.splitlines()) == 1 + sampling.size_for(len(every), confidence=0.95, tolerable=0.1)
    assert run(["audit", "sample", "population.json", "--propose", "--confidence", "95", "--tolerable", "10"]) == 0
    assert f"{len(every)} of {len(every)}: where none of them is an exception" in shop.capsys.readouterr().out
    for name in ("type", "month", "repository"):
        assert run(["audit", "sample", "population.json", "--size", "2", "--seed", "s", "--by", name, "--by", "environment"]) == 0
        assert len(shop.capsys.readouterr().out.split()) == 2


def test_the_seed_is_a_checkpoint_that_came_after_the_population(shop: GitShop) -> None:
    assert population(shop, "--out", "population.csv") == 0
    words = ["audit", "sample", "population.csv", "--size", "2", "--seed-from-checkpoint", "beacon"]
    Path("beacon").write_bytes(Path("evidence/checkpoint").read_bytes())
    assert run(words) == 2
    assert "its seed was known before" in shop.capsys.readouterr().err
    shop.gate()
    shop.capsys.readouterr()
    Path("beacon").write_bytes(Path("evidence/checkpoint").read_bytes())
    assert run([*words, "--format", "json"]) == 0
    said = json.loads(shop.capsys.readouterr().out)
    assert said["seed"] == Path("beacon").read_text().split("\n")[2]
    assert run(["audit", "sample", "population.csv", "--size", "2", "--seed", said["seed"]]) == 0
    assert shop.capsys.readouterr().out.split() == [unit["id"] for unit in said["sample"]]
    Path("beacon").write_bytes(Path("evidence/checkpoint").read_bytes().replace(b"\n", b"\n1", 1))
    assert run(words) == 5
    Path("population.csv").write_bytes(Path("population.csv").read_bytes() + b"\n")
    assert run(words) == 2
    assert "is the header of" in shop.capsys.readouterr().err


def test_a_draw_on_record_is_verified_and_shown_and_recorded_once(shop: GitShop) -> None:
    assert population(shop, "--out", "population.csv") == 0
    words = ["audit", "sample", "population.csv", "--size", "2", "--seed", "s", "--record", "--store", "file:evidence"]
    before = shop.entries()
    shop.capsys.readouterr()
    assert run([*words, "--signing-key", "changegate-key.pem"]) == 0
    printed = shop.capsys.readouterr()
    assert f"log index {before}" in printed.err
    assert run([*words, "--signing-key", "changegate-key.pem"]) == 0
    assert "it was there already" in shop.capsys.readouterr().err
    assert shop.entries() == before + 1
    assert run(["verify", "evidence"]) == 0
    shop.capsys.readouterr()
    sha256 = tables.digest(Path("population.csv").read_bytes())
    assert run(["show", sha256[:12], "--store", "file:evidence"]) == 0
    page = shop.capsys.readouterr().out
    assert all(unit in page.replace("\n             ", "") for unit in printed.out.split())
    assert run(["show", sha256[:12], "--store", "file:evidence", "--json"]) == 0
    statement = json.loads(shop.capsys.readouterr().out)["statement"]
    Draft202012Validator(sampledraw.schema()).validate(statement["predicate"])
    assert statement["predicate"]["sample"] == printed.out.split()
    assert population(shop, "--kind", "deploys") == 0, "a draw is no deploy"
    assert shop.gate() in {0, 1}, "the gate goes on beside it"
    assert run(words) == 4, "nobody signs"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["population", "--from", "2026-02-30", "--to", "2026-03-01"], "is no date"),
        (["population", "--from", "2026-03-02", "--to", "2026-03-01"], "the period ends before it begins"),
        (["population", "--from", "2026-03-02T00:00:00", "--to", "2026-04-01"], "is no date"),
        (["population", "--from", "2998-03-02", "--to", "2999-04-01"], "begins in the future"),
        (["population", *PERIOD, "--store", "file:nowhere"], "holds no log"),
        (["sample", "nowhere.csv", "--size", "1", "--seed", "s"], "No such file"),
        (["sample", "changegate-trust.yml", "--size", "1", "--seed", "s"], "no exported population"),
        (["sample", "changegate-trust.yml", "--seed", "s"], "no exported population"),
        (["sample", "one.csv", "--seed", "s"], "how many?"),
        (["sample", "one.csv", "--size", "1"], "which seed?"),
        (["sample", "one.csv", "--size", "1", "--seed", ""], "which seed?"),
        (["sample", "one.csv", "--size", "1", "--seed", "s", "--seed-from-checkpoint", "x"], "which seed?"),
        (["sample", "one.csv", "--size", "1", "--propose"], "how sure to be"),
        (["sample", "one.csv", "--confidence", "101", "--tolerable", "10"], "is not between"),
    ],
)
def test_bad_input_is_named(words: list[str], said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.chdir(tmp_path)
    Path("one.csv").write_text("id\na\n")
    assert run(["keys", "generate"]) == 0
    assert run(["audit", *words]) == 2
    assert said in capsys.readouterr().err


def test_what_cannot_be_written_or_drawn_is_said(shop: GitShop) -> None:
    assert population(shop, "--out", "population.txt") == 2
    assert "nothing is written as .txt" in shop.capsys.readouterr().err
    assert not Path("population.txt").exists()
    assert population(shop, "--out", "population.txt", "--format", "csv") == 0
    assert population(shop, "--kind", "emergencies", "--out", "none.csv") == 0
    shop.capsys.readouterr()
    assert run(["audit", "sample", "none.csv", "--size", "5", "--seed", "s"]) == 0
    assert "the population is empty" in shop.capsys.readouterr().err
    words = ["audit", "export", *PERIOD, "--store", "file:evidence", "--sample", "500", "--seed", "s"]
    assert run([*words, "--out", "all.zip"]) == 0
    assert "fewer than 500: all of them" in shop.capsys.readouterr().out
    assert run(["audit", "export", "--from", "2020-01-01", "--to", "2020-01-02", "--store", "file:evidence", "--out", "none.zip"]) == 0
    assert "nothing of the kind in this period" in shop.capsys.readouterr().out
