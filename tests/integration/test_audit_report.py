"""`changegate audit report`: the page of a pack that verifies, of a period of the store, and of nothing else."""

from pathlib import Path

import click
import pytest
from support.packs import DRAWN, PERIOD, Exported, make

from changegate.audit.pack import manifest
from changegate.cli import run


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Exported:
    return make(tmp_path_factory.mktemp("report"))


def report(exported: Exported, *words: str) -> tuple[int, Path]:
    out = exported.folder / "made.html"
    out.unlink(missing_ok=True)
    return run(["audit", "report", *words, "--trust", str(exported.folder / "trust.yml"), "-o", str(out)]), out


def test_a_packs_page_is_made_again_from_its_records(exported: Exported, capsys: pytest.CaptureFixture[str]) -> None:
    code, out = report(exported, str(exported.pack))
    assert code == 0
    assert out.read_bytes() == exported.members["report.html"]
    assert "verified before it was made" in capsys.readouterr().out


def test_a_folder_will_do_and_so_will_a_pack_of_another_version_whose_page_differs(exported: Exported, tmp_path: Path) -> None:
    header = exported.members["population.csv.ipe.json"]
    tool = next(line for line in header.splitlines() if b'"tool"' in line)
    other = exported.members | {
        "report.html": b"another version's page",
        "population.csv.ipe.json": header.replace(tool, b' "tool": "changegate 0.0.1",'),
    }
    listed = manifest.format_manifest([manifest.member(name, data) for name, data in other.items() if not name.startswith(manifest.MANIFEST)])
    for name, data in {**other, manifest.MANIFEST: listed, manifest.DIGEST: manifest.format_digest(listed)}.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(data)
    code, out = report(exported, str(tmp_path))
    assert code == 0
    assert b"changegate 0.0.1" in out.read_bytes()


def test_the_store_gives_the_page_that_its_pack_has(exported: Exported) -> None:
    code, out = report(exported, *PERIOD, *DRAWN, "--store", f"file:{exported.folder / 'evidence'}")
    assert code == 0
    assert out.read_bytes() == exported.members["report.html"]


def test_a_pack_that_does_not_verify_has_no_report(exported: Exported) -> None:
    record = next(name for name in exported.members if name.startswith("records/"))
    code, out = report(exported, str(exported.remade(exported.members | {record: exported.members[record].replace(b"e", b"f", 1)})))
    assert code == 5
    assert not out.exists()


def test_it_is_opened_where_that_is_asked_for(exported: Exported, monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[str] = []
    monkeypatch.setattr(click, "launch", opened.append)
    code, out = report(exported, str(exported.pack), "--open")
    assert code == 0
    assert opened == [out.resolve().as_uri()]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((), "Neither a pack nor a period is named"),
        (("--from", "2026-01-01"), "Neither a pack nor a period is named"),
        (("PACK", "--from", "2026-01-01"), "--from goes with the store"),
        (("PACK", "--sample", "3"), "--sample goes with the store"),
        (("nowhere.zip",), "No such file"),
    ],
)
def test_bad_input_is_named(words: tuple[str, ...], said: str, exported: Exported, capsys: pytest.CaptureFixture[str]) -> None:
    code, _ = report(exported, *(str(exported.pack) if each == "PACK" else each for each in words))
    assert code == 2
    assert said in capsys.readouterr().err
