"""What a report says of the log's checkpoint, copied by a person, holds the log to what it was: a rewrite and a rollback show, and growth doesn't."""

import json
import re
import shutil
from base64 import b64decode
from pathlib import Path

import pytest
from support.gitshop import GitShop

from changegate.cli import run
from changegate.errors import ExitCode

STORE = "file:evidence"


@pytest.fixture(name="shop")
def make_shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> GitShop:
    monkeypatch.chdir(tmp_path)
    shop = GitShop(tmp_path / "shop", capsys)
    shop.commit("Round prices up")
    return shop


def deploy(shop: GitShop, capsys: pytest.CaptureFixture[str], *words: str) -> str:
    """A gate run; the checkpoint that its report says."""
    capsys.readouterr()
    assert shop.gate("--base", "v1", *words) == 0
    said = json.loads(capsys.readouterr().out)["record"]["checkpoint"]
    assert isinstance(said, str)
    return said


def test_every_place_says_the_same(shop: GitShop, capsys: pytest.CaptureFixture[str]) -> None:
    said = deploy(shop, capsys, "--dotenv", "outputs.env", "--summary", "report.md")
    assert f"CHANGEGATE_CHECKPOINT={said}\n" in Path("outputs.env").read_text()
    assert f"<code>{said}</code>" in Path("report.md").read_text()
    published = Path("evidence/checkpoint").read_text().splitlines()
    assert said == f"{published[1]}:{published[2]}"
    assert run(["verify", STORE]) == 0
    assert said in capsys.readouterr().out, "so does verification, for whoever keeps the next one"


def test_a_log_that_grew_continues_it(shop: GitShop, capsys: pytest.CaptureFixture[str]) -> None:
    said = deploy(shop, capsys)
    size, root = said.split(":")
    for _ in range(3):
        deploy(shop, capsys)
    for form in (said, f"{size}:{b64decode(root).hex()}"):
        assert run(["verify", STORE, "--since", form]) == 0
        assert f"it grew from the checkpoint {form}, and lost nothing" in capsys.readouterr().out
    assert run(["verify", STORE, "--since", said, "--new-only"]) == 0


@pytest.mark.parametrize("how", ["rewritten", "rolled back"])
def test_a_log_that_was_rewritten_or_rolled_back_doesnt(shop: GitShop, capsys: pytest.CaptureFixture[str], how: str) -> None:
    deploy(shop, capsys)
    shutil.copytree("evidence", "older")
    said = deploy(shop, capsys)
    shutil.rmtree("evidence")
    if how == "rolled back":
        shutil.move("older", "evidence")
    else:  # by whoever has the keys, from the start, and longer than it was
        for _ in range(3):
            deploy(shop, capsys)
    assert run(["verify", STORE]) == 0, "by itself it looks as honest as the other"
    assert run(["verify", STORE, "--since", said]) == ExitCode.NOT_VERIFIED
    assert "the log doesn't continue the earlier checkpoint" in capsys.readouterr().out


@pytest.mark.parametrize("text", ["4:abc", f"1:{'A' * 42}=", f"0:{'A' * 43}="])
def test_a_copy_that_isnt_whole_is_a_mistake_of_input(shop: GitShop, capsys: pytest.CaptureFixture[str], text: str) -> None:
    deploy(shop, capsys)
    assert run(["verify", STORE, "--since", text]) == ExitCode.USAGE
    assert re.search(r"is no SIZE:ROOT.*\n.*Copy it whole", capsys.readouterr().err)


def test_a_file_of_such_a_name_is_a_file(shop: GitShop, capsys: pytest.CaptureFixture[str]) -> None:
    deploy(shop, capsys)
    shutil.copy("evidence/checkpoint", "2026:kept")
    assert run(["verify", STORE, "--since", "2026:kept"]) == 0
