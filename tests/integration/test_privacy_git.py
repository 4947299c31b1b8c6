"""Records without names on a bare git history, where names and addresses are all that tells people apart."""

import json
from pathlib import Path

import pytest
from support.bytes_of_stores import find_words, read_folder
from support.gitshop import GOOD, GitShop

from changegate.cli import run
from changegate.errors import ExitCode

PEOPLE = ("alice", "bob", "carol", "example.com", "cache", "Sell pears")


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> GitShop:
    monkeypatch.chdir(tmp_path)
    Path("policy.yml").write_text("version: 1\nprivacy: {pseudonymise-people: true}\ncontrols: {ticket-linked: {projects: [SHOP]}}\n")
    return GitShop(tmp_path / "shop", capsys)


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (GOOD, ExitCode.ALLOWED),
        (GOOD.replace("Bob <bob@example.com>", "Alice <alice@example.com>"), ExitCode.BLOCKED),
        (GOOD.replace("Bob <bob@example.com>", "bob"), ExitCode.BLOCKED),
        (f"{GOOD}\nCo-authored-by: Bob <bob@example.com>", ExitCode.BLOCKED),
        (f"{GOOD}\nCo-authored-by: <>", ExitCode.NOT_JUDGED),
        ("Thanks to carol@example.com", ExitCode.BLOCKED),
    ],
)
def test_nobody_is_named(shop: GitShop, body: str, code: ExitCode) -> None:
    head = shop.commit("Sell pears", body)
    assert shop.gate("--base", "v1", "--policy", "policy.yml", "--names", "names.jsonl") == code, shop.capsys.readouterr().err
    assert not find_words(read_folder(Path("evidence")), PEOPLE)
    assert run(["verify", "evidence"]) == 0
    assert run(["replay", head, "--store", "file:evidence"]) == 0


def test_a_shop_in_a_persons_name_is_refused(shop: GitShop) -> None:
    shop.commit("Sell pears")
    assert shop.gate("--base", "v1", "--policy", "policy.yml", "--names", "names.jsonl", "--repository", "Alice/shop") == ExitCode.USAGE
    assert "bears the name of somebody" in shop.capsys.readouterr().err
    assert not Path("evidence", "checkpoint").exists()
    assert not Path("names.jsonl").exists()


def test_the_names_of_several_gates_go_into_one_file(shop: GitShop) -> None:
    shop.commit("Sell pears")
    assert shop.gate("--base", "v1", "--policy", "policy.yml", "--names", "names.jsonl") == ExitCode.ALLOWED
    first = Path("names.jsonl").read_bytes()
    shop.commit("Sell plums")
    assert shop.gate("--policy", "policy.yml", "--names", "names.jsonl", "--base", "v1") == ExitCode.ALLOWED
    second = Path("names.jsonl").read_bytes()
    assert second.startswith(first)
    tokens = [json.loads(line)["token"] for line in second.splitlines()]
    assert len(set(tokens)) == len(tokens), "nobody is the same in two records"
