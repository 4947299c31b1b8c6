"""Packs of records without names: verified as any other, silent unless names are asked for, and a name that is opened is the one that was signed."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from support.bytes_of_stores import decoded, find_words, read_folder
from support.gating import gate, open_shop
from support.packs import Exported
from support.parity import ALICE
from support.shops import Shop

from changegate.audit.pack import standalone
from changegate.cli import run
from changegate.errors import ExitCode
from changegate.openings import Kind, commit, find_tokens, format_openings, parse_openings

PEOPLE = ("alice", "bob", "carol", "dave", "example.com")
POLICY = "version: 1\nprivacy: {pseudonymise-people: true}\n"
TODAY = datetime.now(UTC)
PERIOD = ("--from", f"{TODAY - timedelta(days=1):%Y-%m-%d}", "--to", f"{TODAY + timedelta(days=1):%Y-%m-%d}")
STORE = ("--store", "file:evidence")


def deploy(shop: Shop, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], author: str, by: str, *names: str) -> str:
    """A change is made, approved, merged and deployed; the id of its record."""
    shop.change(author=author).push(author, {f"{author}.py": b"1"}).check().approve(by).merge(author)
    with shop.serve() as server:
        gated = gate(shop, server, monkeypatch, capsys, "--head", shop.repo.head, *names)
        assert gated.code == ExitCode.ALLOWED, gated.error
        record: str = gated.report["record"]["id"]
        monkeypatch.setenv("GITHUB_WORKFLOW", f"Deploy for {author}")
        monkeypatch.setenv("GITHUB_SERVER_URL", f"https://{author}.example.com")
        ended = (
            "--record",
            record,
            "--repository",
            "acme/shop",
            "--forge",
            "git",
            "--reason",
            "as carol wanted",
            "--url",
            f"https://{author}.example",
        )
        assert run(["outcome", "success", *ended, *STORE, "--signing-key", "changegate-key.pem"]) == 0
        shop.deploy()
    return record


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shop:
    made = open_shop("github", tmp_path, monkeypatch)
    made.repo.push("main", author=ALICE, files={".changegate.yml": POLICY})
    made.deploy()
    return made


@pytest.fixture
def records(shop: Shop, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> tuple[str, str]:
    names = ("--names", "names.jsonl")
    return deploy(shop, monkeypatch, capsys, "alice", "bob", *names), deploy(shop, monkeypatch, capsys, "carol", "bob", *names)


def export(folder: Path, *words: str) -> Exported:
    assert run(["audit", "export", *PERIOD, *STORE, "--out", "pack.zip", *words]) == 0
    return Exported(folder, folder / "pack.zip", standalone.read_zip((folder / "pack.zip").read_bytes()))


def verify(pack: Path) -> tuple[int, int]:
    """What both verifiers say."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("sys.argv", ["verify.py", str(pack), "--key", "changegate-trust.yml"])
        return run(["verify", str(pack)]), standalone.main()


def named_in(made: Exported) -> set[str]:
    return find_words((each for data in made.members.values() for each in decoded(data)), PEOPLE)


@pytest.mark.usefixtures("records")
def test_a_pack_names_nobody_unless_that_is_asked_for(tmp_path: Path) -> None:
    made = export(tmp_path)
    assert verify(made.pack) == (0, 0)
    assert "names.jsonl" not in made.members
    assert not named_in(made)
    assert not find_words(read_folder(Path("evidence")), (*PEOPLE, "wanted"))


@pytest.mark.usefixtures("records")
def test_all_names_that_are_known_go_along_and_prove_themselves(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    made = export(tmp_path, "--names", "names.jsonl", "--reveal", "all")
    assert verify(made.pack) == (0, 0)
    assert "opened, each as the signed record commits to it" in capsys.readouterr().out
    assert {"alice", "bob", "carol"} <= {each.value for each in parse_openings(made.members["names.jsonl"])}
    assert all(name in made.members["report.html"].decode() for name in ("alice", "bob", "carol"))
    assert "alice" not in made.members["population.csv"].decode()


def test_the_names_of_the_sample_alone(records: tuple[str, str], tmp_path: Path) -> None:
    made = export(tmp_path, "--names", "names.jsonl", "--reveal", "sample", "--sample", "1", "--seed", "a seed")
    assert verify(made.pack) == (0, 0)
    (unit,) = json.loads(made.members["sample.json"])["sample"]
    drawn, other = ("alice", "carol") if unit.startswith(records[0]) else ("carol", "alice")
    opened = {each.value for each in parse_openings(made.members["names.jsonl"])}
    assert {drawn, "bob"} <= opened
    assert other not in opened
    assert named_in(made) & {"alice", "bob", "carol"} == {drawn, "bob"}


def other_value(data: bytes) -> bytes:
    return data.replace(b'"alice"', b'"mallory"')


def other_token(data: bytes) -> bytes:
    """An opening that is true by itself, of a token that nobody signed."""
    return format_openings(sorted((*parse_openings(data), commit(Kind.NAME, "alice", bytes(32)))))


@pytest.mark.usefixtures("records")
@pytest.mark.parametrize("edit", [other_value, other_token, lambda data: data.replace(b'"is"', b'"si"'), lambda _: b"no names\n"])
def test_names_that_were_edited_are_refused_by_both(edit: Callable[[bytes], bytes], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    made = export(tmp_path, "--names", "names.jsonl", "--reveal", "all")
    names = edit(made.members["names.jsonl"])
    assert names != made.members["names.jsonl"]
    assert verify(made.remade(made.members | {"names.jsonl": names})) == (5, 5)
    assert "Traceback" not in capsys.readouterr().err


def test_a_record_is_opened_for_whoever_has_the_names(records: tuple[str, str], capsys: pytest.CaptureFixture[str]) -> None:
    capsys.readouterr()
    assert run(["show", records[0], *STORE]) == 0
    hidden = capsys.readouterr().out
    assert run(["show", records[0], *STORE, "--names", "names.jsonl"]) == 0
    shown = capsys.readouterr().out
    assert not find_words([hidden.encode()], PEOPLE)
    assert {"alice", "bob"} <= find_words([shown.encode()], PEOPLE)
    assert run(["show", records[0], *STORE, "--names", "names.jsonl", "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert {"alice", "bob"} <= set(said["names"].values())
    assert not find_words([json.dumps(said["statement"]).encode()], PEOPLE)
    assert said["names"].keys() <= find_tokens(json.dumps(said["statement"]))


def test_who_is_erased_from_the_names_is_known_no_more_and_others_are(records: tuple[str, str], capsys: pytest.CaptureFixture[str]) -> None:
    kept = [line for line in Path("names.jsonl").read_text().splitlines(keepends=True) if "alice" not in line]
    Path("names.jsonl").write_text("".join(kept))
    capsys.readouterr()
    assert run(["show", records[0], *STORE, "--names", "names.jsonl"]) == 0
    assert find_words([capsys.readouterr().out.encode()], ("alice", "bob")) == {"bob"}
    assert run(["verify", "evidence"]) == 0


def test_the_page_of_a_pack_without_names_is_opened_by_whoever_has_them(records: tuple[str, str], tmp_path: Path) -> None:
    made = export(tmp_path)
    assert records
    assert run(["audit", "report", "pack.zip", "-o", "plain.html"]) == 0
    assert run(["audit", "report", "pack.zip", "-o", "named.html", "--names", "names.jsonl"]) == 0
    assert run(["audit", "report", *PERIOD, *STORE, "-o", "stored.html", "--names", "names.jsonl"]) == 0
    assert Path("plain.html").read_bytes() == made.members["report.html"]
    assert "alice" in Path("named.html").read_text()
    assert "alice" in Path("stored.html").read_text()


def test_without_a_place_for_the_names_nothing_is_recorded(shop: Shop, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    shop.change().push("alice").check().approve("bob").merge()
    with shop.serve() as server:
        gated = gate(shop, server, monkeypatch, capsys, "--head", shop.repo.head)
        assert (gated.code, "where does what opens them go?" in gated.error) == (ExitCode.USAGE, True)
        assert not Path("evidence", "checkpoint").exists()
        assert gate(shop, server, monkeypatch, capsys, "--head", shop.repo.head, "--names", "no/such/folder").code == ExitCode.USAGE
        assert not Path("evidence", "checkpoint").exists()
        assert gate(shop, server, monkeypatch, capsys, "--head", shop.repo.head, "--names", "/dev/null").code == ExitCode.ALLOWED


def test_the_names_are_for_their_owner_alone(records: tuple[str, str]) -> None:
    assert records
    assert Path("names.jsonl").stat().st_mode & 0o077 == 0


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--reveal", "all"), "--reveal all, and no names"),
        (("--reveal", "sample", "--names", "names.jsonl"), "--reveal sample, and no sample"),
        (("--reveal", "all", "--names", "nowhere.jsonl"), "No such file"),
    ],
)
def test_bad_input_is_named(records: tuple[str, str], words: tuple[str, ...], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert records
    assert run(["audit", "export", *PERIOD, *STORE, "--out", "p.zip", *words]) == 2
    assert said in capsys.readouterr().err
