"""The evidence pack: what is exported verifies by both verifiers; whatever was changed since is refused by both, by name, never by a traceback."""

import hashlib
import io
import json
import re
import shutil
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support import deploylog
from support.evidence import KEY, key_of
from support.packs import DRAWN, PERIOD, Exported, export, make

from changegate.audit import sampling
from changegate.audit.pack import archive, standalone
from changegate.audit.scan import Scan, scan
from changegate.cli import run
from changegate.cli.auditpack import KINDS
from changegate.evidence.reader import LogReader
from changegate.signing.keys import EcdsaPrivateKey, format_public, key_id
from changegate.trust import RecordKey, Trust, format_trust


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Exported:
    return make(tmp_path_factory.mktemp("pack"))


def verify(pack: Path, folder: Path) -> int:
    return run(["verify", str(pack), "--trust", str(folder / "trust.yml")])


def verify_alone(pack: Path, *words: str) -> int:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("sys.argv", ["verify.py", str(pack), *words])
        return standalone.main()


def own_key(folder: Path) -> tuple[str, str, str, str]:
    """What verify.py needs: the record keys of the trust file by the file, the log's by its fingerprint."""
    return "--key", str(folder / "trust.yml"), "--fingerprint", key_id(KEY.public_key)


def test_both_verifiers_find_it_whole(exported: Exported, capsys: pytest.CaptureFixture[str]) -> None:
    assert verify(exported.pack, exported.folder) == 0
    assert "✓ WHOLE" in capsys.readouterr().out
    assert verify_alone(exported.pack, *own_key(exported.folder)) == 0
    assert "✓ WHOLE" in capsys.readouterr().out


def test_the_same_question_gives_the_same_bytes_and_an_older_checkpoint_gives_them_later(exported: Exported, tmp_path: Path) -> None:
    assert export(exported.folder, *DRAWN, out="again.zip").pack.read_bytes() == exported.pack.read_bytes()
    (tmp_path / "newest").write_bytes(exported.members["checkpoints/newest"])
    later = make(tmp_path, None, *DRAWN, "--checkpoint", str(tmp_path / "newest"), count=40)
    different = {name for name in later.members if later.members[name] != exported.members.get(name)}
    assert different <= {"population.csv.ipe.json", "manifest.json", "manifest.json.sha256"}  # the store's address is another


def test_it_holds_the_period_and_no_more(exported: Exported) -> None:
    rows = exported.members["population.csv"].decode().splitlines()[1:]
    said = json.loads(exported.members["population.csv.ipe.json"])
    assert said["rows"] == len(rows)
    assert said["sha256"] == hashlib.sha256(exported.members["population.csv"]).hexdigest()
    drawn = json.loads(exported.members["sample.json"])
    assert drawn["sample"] == list(sampling.draw((row.partition(",")[0] for row in rows), 4, "a seed"))
    facts = [name for name in exported.members if name.startswith("facts/")]
    assert 1 <= len(facts) <= 4
    whole = json.loads(exported.members["log/range.json"])
    assert 0 < whole["begin"] < whole["end"] < whole["newest"]


@pytest.mark.parametrize(("first", "last"), [(0, 20), (20, 50), (12, 28)], ids=["the end left out", "the beginning left out", "both"])
def test_a_pack_that_is_cut_at_signed_checkpoints_is_not_whole(
    exported: Exported, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], first: int, last: int
) -> None:
    """By an exporter that shows a part of the period only: its records, its population and its stretch of the log agree with each other."""

    def scan_some(reader: LogReader, begin: datetime, end: datetime) -> Scan:
        found = scan(reader, begin, end)
        found.dated = [each for each in found.dated if first <= each[0] < last]
        shown = {card.envelope for _, card in found.dated}
        found.about = [each for each in found.about if each[1].about in shown and each[0] < last]
        found.before, found.after = max(first, found.before or 0), min(last - 1, found.after or last)
        return found

    monkeypatch.setattr("changegate.audit.pack.export.scan", scan_some)
    cut = export(exported.folder, out="cut.zip")
    capsys.readouterr()
    assert cut.members["population.csv"].count(b"\n") < exported.members["population.csv"].count(b"\n")
    assert (verify(cut.pack, exported.folder), verify_alone(cut.pack, *own_key(exported.folder))) == (5, 5)
    assert capsys.readouterr().err.count("more of the period may stand") == 2


def test_a_pack_made_before_its_period_is_over_says_how_far_it_goes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    early = make(tmp_path, count=13)
    capsys.readouterr()
    assert verify(early.pack, tmp_path) == 0
    until = re.search(r"until +(\S+),", capsys.readouterr().out)
    assert verify_alone(early.pack, *own_key(tmp_path)) == 0
    assert until is not None
    assert f"known until {until[1].replace('T', ' ')}" in capsys.readouterr().out


def test_both_verifiers_name_the_places_that_a_pack_is_of(exported: Exported, capsys: pytest.CaptureFixture[str]) -> None:
    some = export(exported.folder, "--environment", "staging", out="staging.zip")
    capsys.readouterr()
    assert verify(some.pack, exported.folder) == 0
    assert "environments: only staging; repositories: all" in capsys.readouterr().out
    assert run(["verify", str(some.pack), "--trust", str(exported.folder / "trust.yml"), "--format", "json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert (said["environments"], said["repositories"]) == (["staging"], "all")
    assert verify_alone(some.pack, *own_key(exported.folder)) == 0
    assert "environments only ['staging']" in capsys.readouterr().out


def test_the_unpacked_folder_verifies_too_and_nothing_may_lie_in_it(exported: Exported, tmp_path: Path) -> None:
    folder = tmp_path / "unpacked"
    for name, content in exported.members.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    assert verify(folder, exported.folder) == 0
    assert verify_alone(folder, *own_key(exported.folder)) == 0
    (folder / "more").write_text("")
    assert (verify(folder, exported.folder), verify_alone(folder, *own_key(exported.folder))) == (5, 5)
    (folder / "more").unlink()
    target = next((folder / "records").iterdir())
    shutil.copy(target, tmp_path / "elsewhere")
    target.unlink()
    assert (verify(folder, exported.folder), verify_alone(folder, *own_key(exported.folder))) == (5, 5)
    target.symlink_to(tmp_path / "elsewhere")
    assert (verify(folder, exported.folder), verify_alone(folder, *own_key(exported.folder))) == (5, 5)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_a_pack_with_any_byte_changed_is_refused_by_both(exported: Exported, capsys: pytest.CaptureFixture[str], data: st.DataObject) -> None:
    whole = exported.pack.read_bytes()
    at = data.draw(st.integers(0, len(whole) - 1))
    flip = data.draw(st.integers(1, 255))
    other = exported.raw(whole[:at] + bytes([whole[at] ^ flip]) + whole[at + 1 :])
    expected = {2, 5} if at < 2 else {5}  # a file that doesn't begin as a zip is no pack at all
    assert verify(other, exported.folder) in expected
    assert verify_alone(other, *own_key(exported.folder)) == 5
    assert "Traceback" not in capsys.readouterr().err


def without(prefix: str) -> Callable[[dict[str, bytes]], dict[str, bytes]]:
    """One member of that beginning is left out, and for a record its receipt."""

    def change(members: dict[str, bytes]) -> dict[str, bytes]:
        name = [each for each in members if each.startswith(prefix)][2 if prefix == "records/" else 0]
        gone = {name, name.replace("records/", "receipts/").replace(".json", ".tlog-proof")}
        return {each: content for each, content in members.items() if each not in gone}

    return change


def put(name: str, edit: Callable[[bytes], bytes]) -> Callable[[dict[str, bytes]], dict[str, bytes]]:
    def change(members: dict[str, bytes]) -> dict[str, bytes]:
        found = next(each for each in members if each.startswith(name))
        assert edit(members[found]) != members[found]
        return members | {found: edit(members[found])}

    return change


def less_a_row(table: bytes) -> bytes:
    return b"".join(table.splitlines(keepends=True)[:-1])


def fitted(members: dict[str, bytes]) -> dict[str, bytes]:
    """A row is gone, and header and sample were made to fit."""
    table = less_a_row(members["population.csv"])
    digest = {"sha256": hashlib.sha256(table).hexdigest()}
    header, drawn = json.loads(members["population.csv.ipe.json"]), json.loads(members["sample.json"])
    units = [row.partition(",")[0] for row in table.decode().splitlines()[1:]]
    drawn |= digest | {"units": len(units), "sample": sampling.draw(units, 4, "a seed")}
    header |= digest | {"rows": len(units)}
    return members | {
        "population.csv": table,
        "population.csv.ipe.json": (json.dumps(header, indent=1) + "\n").encode(),
        "sample.json": (json.dumps(drawn, indent=1) + "\n").encode(),
    }


TAMPERED: Mapping[str, Callable[[dict[str, bytes]], dict[str, bytes]]] = {
    "a record left out": without("records/"),
    "a receipt left out": without("receipts/"),
    "the entries left out": without("log/entries"),
    "a checkpoint left out": without("checkpoints/begin"),
    "the keys left out": without("keys.json"),
    "a record edited": put("records/", lambda data: data.replace(b'"payload":"e', b'"payload":"f', 1)),
    "a signature edited": put("records/", lambda data: data.replace(b'"sig":"', b'"sig":"AA', 1)),
    "facts edited": put("facts/", lambda data: data.replace(b"alice", b"carol").replace(b"bob", b"dave")),
    "an entry edited": put("log/entries.jsonl", lambda data: data.replace(b"allowed", b"blocked", 1)),
    "an entry left out": put("log/entries.jsonl", lambda data: data.partition(b"\n")[2]),
    "the proof edited": put("log/range.json", lambda data: data.replace(b'"consistency": [\n  "', b'"consistency": [\n  "00', 1)),
    "the range edited": put("log/range.json", lambda data: data.replace(b'"begin": ', b'"begin": 1', 1)),
    "a row left out": put("population.csv", less_a_row),
    "a row left out, all made to fit": fitted,
    "another seed": put("sample.json", lambda data: data.replace(b"a seed", b"b seed")),
    "another period": put("population.csv.ipe.json", lambda data: data.replace(b"2026-03-04", b"2026-03-03", 1)),
    "a period that is none": put("population.csv.ipe.json", lambda data: data.replace(b"2026-03-04", b"2026-99-04", 1)),
    "the begin instead of the end": lambda members: members | {"checkpoints/end": members["checkpoints/begin"]},
}


@pytest.mark.parametrize("what", TAMPERED)
def test_a_pack_that_was_edited_and_its_manifest_too_is_refused_by_both(what: str, exported: Exported, capsys: pytest.CaptureFixture[str]) -> None:
    other = exported.remade(TAMPERED[what](exported.members))
    assert verify(other, exported.folder) == 5
    assert "changegate: " in (said := capsys.readouterr().err)
    assert "bug" not in said
    assert verify_alone(other, *own_key(exported.folder)) == 5


@pytest.mark.parametrize("name", ["README.txt", "verify.py", "policies/", "keys.json"])
def test_what_follows_from_the_records_is_made_again_and_compared(name: str, exported: Exported, capsys: pytest.CaptureFixture[str]) -> None:
    other = exported.remade(put(name, lambda data: data.replace(b"e", b"E", 1))(exported.members))
    assert verify(other, exported.folder) == 5
    assert "isn't what the records in the pack make" in capsys.readouterr().err


def test_the_checkpoints_of_another_log_are_refused(exported: Exported, tmp_path: Path) -> None:
    other = make(tmp_path, count=27, changes=2)
    mixed = exported.members | {name: other.members[name] for name in other.members if name.startswith(("checkpoints/", "log/"))}
    assert verify(exported.remade(mixed), exported.folder) == 5
    assert verify_alone(exported.remade(mixed), *own_key(exported.folder)) == 5


def test_keys_are_never_taken_from_the_pack(exported: Exported, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert verify_alone(exported.pack) == 2
    assert "no pack can say" in capsys.readouterr().out
    assert verify_alone(exported.pack, "--fingerprint", "a" * 64) == 5
    assert "NOT named by you" in (said := capsys.readouterr()).out
    assert "a key that you didn't name" in said.err
    stranger = deploylog.trust()
    stranger = stranger.model_copy(update={"record_keys": (RecordKey(key=format_public(key_of(9).public_key)),)})
    (tmp_path / "trust.yml").write_bytes(format_trust(stranger))
    assert verify(exported.pack, tmp_path) == 5
    with pytest.raises(SystemExit) as stopped:
        verify_alone(exported.pack, "--fingerprint", "short")
    assert stopped.value.code == 2


def test_ecdsa_records(tmp_path: Path) -> None:
    signer = EcdsaPrivateKey.generate()
    made = make(tmp_path, deploylog.trust(signer), count=20, signer=signer)
    assert verify(made.pack, tmp_path) == 0
    assert verify_alone(made.pack, *own_key(tmp_path)) == 0


def rotated(until: datetime) -> Trust:
    """The trust file after a rotation of the log's key."""
    before = deploylog.trust()
    return before.model_copy(update={"record_keys": (*before.record_keys, RecordKey(key=format_public(KEY.public_key), until=until))})


def test_while_an_old_key_may_still_sign_its_packs_are_whole(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    made = make(tmp_path, rotated(datetime.now(UTC) + timedelta(hours=24)))
    assert "--received" not in capsys.readouterr().err
    assert verify(made.pack, made.folder) == 0


def test_once_the_old_key_ended_its_packs_need_the_day_on_which_they_were_received(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    made = make(tmp_path, rotated(datetime(2026, 4, 1, 12, tzinfo=UTC)))
    assert "say when he had it (--received)" in capsys.readouterr().err
    assert verify(made.pack, made.folder) == 5
    assert "a key that had ended by" in capsys.readouterr().err
    for day, code in (("2026-03-31", 0), ("2026-04-01T11:59:59Z", 0), ("2026-04-01", 5), ("2026-04-02", 5), ("2999-01-01", 2), ("soon", 2)):
        assert run(["verify", str(made.pack), "--trust", str(tmp_path / "trust.yml"), "--received", day]) == code, day
    assert run(["verify", f"file:{tmp_path / 'evidence'}", "--trust", str(tmp_path / "trust.yml"), "--received", "2026-03-31"]) == 2


def test_attested_files_are_in_it_and_verified(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.chdir(tmp_path)
    assert run(["keys", "generate"]) == 0
    Path("review.pdf").write_bytes(b"who may do what")
    log = ("--store", "file:evidence", "--signing-key", "changegate-key.pem")
    claim = ("--type", "incident", "--period", "2026-01-01..2026-03-31", "--owner", "carol", "--control", "incident-reviewed")
    assert run(["attest", *claim, "--file", "review.pdf", *log]) == 0
    today = datetime.now(UTC)
    period = ("--from", f"{today - timedelta(days=1):%Y-%m-%d}", "--to", f"{today + timedelta(days=1):%Y-%m-%d}")
    assert run(["audit", "export", *period, "--store", "file:evidence", "--out", "pack.zip"]) == 0
    made = Exported(tmp_path, tmp_path / "pack.zip", standalone.read_zip(Path("pack.zip").read_bytes()))
    (tmp_path / "trust.yml").write_bytes(Path("changegate-trust.yml").read_bytes())
    [attested] = [name for name in made.members if name.startswith("attested/")]
    assert made.members[attested] == b"who may do what"
    fingerprint = ("--key", "changegate-trust.yml")
    assert (verify(made.pack, tmp_path), verify_alone(made.pack, *fingerprint)) == (0, 0)
    for edit in (without("attested/"), put(attested, lambda _: b"who may do more")):
        pack = made.remade(edit(made.members))
        assert (verify(pack, tmp_path), verify_alone(pack, *fingerprint)) == (5, 5)
        assert "attest" in capsys.readouterr().err


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("place", [(), ("--environment", "production"), ("--from", "2020-01-01", "--to", "2020-01-02")], ids=["all", "one", "none"])
def test_every_population_and_filter(exported: Exported, kind: str, place: tuple[str, ...]) -> None:
    made = export(exported.folder, "--kind", kind, *place, out="kind.zip")
    assert place or kind in {"emergencies", "waivers"} or made.members["population.csv"].count(b"\n") > 1
    assert verify(made.pack, made.folder) == 0
    # Where nothing is in the pack, no record key signed anything, and that is no reason to refuse it.
    assert verify_alone(made.pack, *own_key(made.folder)) == 0


def test_given_files_are_in_it(exported: Exported, tmp_path: Path) -> None:
    (tmp_path / "found.json").write_text("{}\n")
    (tmp_path / "minutes.txt").write_text("We met.\n")
    made = export(
        exported.folder, *DRAWN, "--reconciliation", str(tmp_path / "found.json"), "--attach", str(tmp_path / "minutes.txt"), out="given.zip"
    )
    assert (made.members["reconciliation.json"], made.members["attachments/minutes.txt"]) == (b"{}\n", b"We met.\n")
    assert verify(made.pack, made.folder) == 0


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["audit", "export", *PERIOD, "--out", "p.zip", "--sample", "3"], "--sample and --seed go together"),
        (["audit", "export", "--from", "2026-03-05", "--to", "2026-03-01", "--out", "p.zip"], "the period ends before it begins"),
        (["audit", "export", *PERIOD, "--out", "nowhere/p.zip"], "nowhere"),
        (["verify", "trust.yml"], "no evidence pack and no store"),
        (["verify", "p", "--share", "1%"], "is empty or isn't there"),
    ],
)
def test_bad_input_is_named(
    words: list[str], said: str, exported: Exported, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(exported.folder)
    monkeypatch.setenv("CHANGEGATE_TRUST", "trust.yml")
    monkeypatch.setenv("CHANGEGATE_STORE", "file:evidence")
    assert run(words) == 2
    assert said in capsys.readouterr().err


def test_the_script_is_printed(capsysbinary: pytest.CaptureFixture[bytes]) -> None:
    assert run(["audit", "verifier"]) == 0
    assert capsysbinary.readouterr().out == Path(standalone.__file__).read_bytes()


def test_a_pack_from_nowhere_is_read_with_bounds() -> None:
    with pytest.raises(Exception, match="no evidence pack"):
        archive.read(io.BytesIO(b"PK\x03\x04" + b"\xff" * 60))


def test_the_stand_alone_verifier_tells_a_wrong_name_from_tampering(tmp_path: Path, exported: Exported, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        verify_alone(tmp_path / "no-such-pack.zip")
    assert ended.value.code == 2
    assert "there is no " in capsys.readouterr().err
    assert verify_alone(exported.pack, "--fingerprint", "0" * 64) == 5
    said = capsys.readouterr().err
    assert "NOT WHOLE: a key that you didn't name signed parts of this pack: compare the fingerprint" in said
