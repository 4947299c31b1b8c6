"""The log's text and binary formats: published examples, round trips, refusals by name, and nothing but our own errors out of any bytes."""

import base64
import json
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.evidence import BEGIN, KEY, ORIGIN, MemoryStore, append, key_of, log_in, record
from support.vectors import vectors

from changegate import canonical
from changegate.errors import FormatError, VerificationError
from changegate.evidence import card, checkpoint, commit, edge, index_object, log_object, log_policy, merkle, note, proof, reader, statement, tiles
from changegate.evidence.card import Card
from changegate.signing.keys import PrivateKey

# Published in C2SP's signed-note and tlog-checkpoint, and with tessera's test log.
NOTE_KEY = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k"
NOTE = (
    "This is an example message.\n\n— example.com/foo Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=\n"
).encode()
COSIGNED = (
    "example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n\n"
    "— example.com/behind-the-sofa Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zhcyv2q1gGzGku9nTo+zyWE+xeMcTOAYQ8=\n"
    "— witness.example.com/w1 jWbPPwAAAABkGFDLEZMHwSRaJNiIDoe9DYn/zXcrtPHeolMI5OWXEhZCB9dlrDJsX3b2oyin1nPZqhf5nNo0xUe+mbIUBkBIfZ+qnA==\n"
).encode()
TESSERA_KEY = "example.com/log/testdata+33d7b496+AeHTu4Q3hEIMHNqc6fASMsq3rKNx280NI+oO5xCFkkSx"


def test_the_published_note_verifies_and_comes_back() -> None:
    key = note.parse_verifier_key(NOTE_KEY)
    parsed = note.parse_note(NOTE)
    assert note.verify(parsed, [key]) == {key}
    assert note.format_note(parsed) == NOTE
    assert note.format_verifier_key(key) == NOTE_KEY


def test_the_published_checkpoint_is_read() -> None:
    parsed = checkpoint.parse(COSIGNED)
    assert (parsed.origin, parsed.size) == ("example.com/behind-the-sofa", 20852163)
    assert len(note.parse_note(COSIGNED).signatures) == 2
    assert note.format_note(note.parse_note(COSIGNED)) == COSIGNED


def test_a_changed_note_is_refused() -> None:
    with pytest.raises(VerificationError, match="doesn't hold"):
        note.verify(note.parse_note(NOTE.replace(b"example message", b"exbmple message")), [note.parse_verifier_key(NOTE_KEY)])


def test_unknown_signatures_say_nothing_and_a_known_bad_one_refuses_the_note() -> None:
    other = PrivateKey.generate()
    signed = note.sign("text\n", "example.com/a", KEY)
    also = note.sign("text\n", "example.com/a", other)
    both = note.Note(signed.text, signed.signatures + also.signatures)
    ours, theirs = note.verifier_key("example.com/a", KEY.public_key), note.verifier_key("example.com/a", other.public_key)
    assert note.verify(both, [ours]) == {ours}
    assert note.verify(both, [ours, theirs]) == {ours, theirs}
    with pytest.raises(VerificationError, match="no trusted key"):
        note.verify(also, [ours])
    bad = note.Note(signed.text, (*signed.signatures, replace(also.signatures[0], value=bytes(64))))
    assert note.verify(bad, [ours]) == {ours}
    with pytest.raises(VerificationError, match="doesn't hold"):
        note.verify(bad, [ours, theirs])


def cosign(text: str, name: str, signer: PrivateKey, at: int = 1_700_000_000) -> tuple[note.VerifierKey, note.NoteSignature]:
    key = note.VerifierKey(name, note.COSIGNATURE, signer.public_key.public_bytes_raw())
    value = at.to_bytes(8, "big") + signer.sign(f"cosignature/v1\ntime {at}\n{text}".encode())
    return key, note.NoteSignature(name, key.key_id, value)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\n",
        b"text\n",
        b"text\n\n",
        b"text\n\nx\n",
        b"text\n\n\xe2\x80\x94 a AAAAAAA=",
        b"\xff\n\n\xe2\x80\x94 a AAAAAAA=\n",
        b"te\x01xt\n\n\xe2\x80\x94 a AAAAAAA=\n",
        b"te\rxt\n\n\xe2\x80\x94 a AAAAAAA=\n",
        b"text\n\n\xe2\x80\x94  AAAAAAA=\n",
        b"text\n\n\xe2\x80\x94 a+b AAAAAAA=\n",
        b"text\n\n\xe2\x80\x94 a AAAA\n",
        b"text\n\n\xe2\x80\x94 a AAAAAAB=\n",
        b"text\n\n\xe2\x80\x94 a AAAAAAA\n",
        b"text\n\n- a AAAAAAA=\n",
        b"text\n\n\xe2\x80\x94 a AAAAAAA= \n",
        b"x\n\n" + b"\xe2\x80\x94 a AAAAAAA=\n" * 101,
    ],
)
def test_bytes_that_are_no_note_are_refused(data: bytes) -> None:
    with pytest.raises(FormatError):
        note.parse_note(data)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "a",
        "a+b",
        "a+00000000+AAAA",
        NOTE_KEY.replace("530d903a", "530d903b"),
        NOTE_KEY.replace("530d903a", "530D903A"),
        NOTE_KEY + "=",
        " " + NOTE_KEY,
    ],
)
def test_text_that_is_no_verifier_key_is_refused(text: str) -> None:
    with pytest.raises(FormatError):
        note.parse_verifier_key(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "o\n1\n",
        "o\n01\nAAAA\n",
        "o\n-1\nAAAA\n",
        "o\n1\nAAAA\n",
        "o\n1\n" + "A" * 43 + "B\n",
        "o\n0\n" + "A" * 43 + "=\n",
        "o\n1\n" + "A" * 43 + "=",
        "o\n1\n" + "A" * 43 + "=\n\n",
        "\n1\n" + "A" * 43 + "=\n",
        "o\n99999999999999999999\n" + "A" * 43 + "=\n",
        "o\n١\n" + "A" * 43 + "=\n",
    ],
)
def test_text_that_is_no_checkpoint_is_refused(text: str) -> None:
    with pytest.raises(FormatError):
        checkpoint.parse_text(text)


def test_checkpoints_come_back_with_their_extension_lines() -> None:
    whole = checkpoint.Checkpoint(ORIGIN, 7, bytes(range(32)), ("more", "and more"))
    assert checkpoint.parse_text(checkpoint.format_text(whole)) == whole


def test_tesseras_log_verifies() -> None:
    folder = vectors() / "tessera" / "log"
    policy = log_policy.parse(f"log {TESSERA_KEY}\nquorum none\n")
    store = MemoryStore({str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()})
    previous = None
    for size in range(8):
        found = reader.LogReader(store, policy, (folder / f"checkpoint.{size}").read_bytes())
        assert found.size == size
        entries = [found.entry(index) for index in range(size)]
        assert entries == [b"one", b"two", b"three", b"four", b"five", b"six", b"seven"][:size]
        grown, objects = edge.Edge().grow(entries, [merkle.leaf_hash(each) for each in entries])
        assert grown.frontier().root() == found.root
        assert all(store.objects[path] == data for path, data in objects.items())
        for index in range(size):
            receipt = proof.parse_receipt(proof.format_receipt(found.prove(index)))
            receipt.verify(merkle.leaf_hash(entries[index]), policy)
        if previous:
            found.verify_extends(previous)
        previous = found.checkpoint
    with pytest.raises(FormatError):
        found.card(0)


@pytest.mark.parametrize("size", [0, 1, 2, 255, 256, 257, 300, 511, 512, 513])
def test_an_edge_grows_the_same_however_entries_come(size: int) -> None:
    entries = [b"%d" % i for i in range(size)]
    hashes = [merkle.leaf_hash(each) for each in entries]
    whole, objects = edge.Edge().grow(entries, hashes)
    assert whole.frontier() == merkle.Frontier().extend(hashes)
    assert set(objects) == {tile.path for tile in tiles.tiles_between(0, size)}
    for first in (0, 1, 100, 255, 256, 257):
        if first <= size:
            begun, _ = edge.Edge().grow(entries[:first], hashes[:first])
            grown, gained = begun.grow(entries[first:], hashes[first:])
            assert grown == whole
            assert set(gained) == {tile.path for tile in tiles.tiles_between(first, size)}
            assert gained.items() <= objects.items()
    assert whole.objects().items() <= objects.items()


def test_the_tiles_of_a_large_tree_are_those_of_the_specification() -> None:
    """70,000 entries: the example in "Partial Tiles"."""
    found = [tile for tile in tiles.tiles_between(0, 70_000) if not tile.bundle]
    widths = {level: [tile.width for tile in found if tile.level == level] for level in range(3)}
    assert widths == {0: [256] * 273 + [112], 1: [256, 17], 2: [1]}
    assert tiles.Tile(0, 1234067).path == "tile/0/x001/x234/067"


@pytest.mark.parametrize(
    "path",
    [
        "tile/0/0",
        "tile/00/000",
        "tile/0/000.p/0",
        "tile/0/000.p/256",
        "tile/0/x000/001",
        "tile/0/1000",
        "tile/64/000",
        "tile/0/000.p/01",
        "tile/entries/001/001",
        "tile/0/000/",
        "",
    ],
)
def test_a_path_that_is_no_tiles_is_refused(path: str) -> None:
    with pytest.raises(FormatError):
        tiles.parse_path(path)


@given(st.integers(0, 7), st.integers(0, 10**12), st.integers(1, 256), st.booleans())
def test_tile_paths_come_back(level: int, index: int, width: int, bundle: bool) -> None:
    tile = tiles.Tile(0 if bundle else level, index, width, bundle)
    assert tiles.parse_path(tile.path) == tile


@given(st.lists(st.binary(max_size=300), max_size=10))
def test_bundles_come_back(entries: list[bytes]) -> None:
    assert tiles.parse_bundle(tiles.format_bundle(entries), len(entries)) == tuple(entries)


VKEYS = [note.format_verifier_key(note.verifier_key(f"log{i}", key_of(i + 10).public_key)) for i in range(2)]
WITNESSES = [key_of(i + 20) for i in range(3)]
WKEYS = [note.format_verifier_key(cosign("", f"w{i}", key)[0]) for i, key in enumerate(WITNESSES)]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "no log line"),
        ("quorum none\n", "no log line"),
        (f"log {VKEYS[0]}\n", "no quorum"),
        (f"log {VKEYS[0]}\nquorum none\nquorum none\n", "second quorum"),
        (f"log {VKEYS[0]}\nlog {VKEYS[0]}\nquorum none", "twice"),
        (f"log {WKEYS[0]}\nquorum none", "type 0x04"),
        (f"log {VKEYS[0]}\nwitness w {VKEYS[1]}\nquorum none", "type 0x01"),
        (f"log {VKEYS[0]}\nquorum w", "isn't defined"),
        (f"log {VKEYS[0]}\nwitness none {WKEYS[0]}\nquorum none", "taken"),
        (f"log {VKEYS[0]}\nwitness w {WKEYS[0]}\ngroup g 2 w\nquorum g", "threshold"),
        (f"log {VKEYS[0]}\nwitness w {WKEYS[0]}\ngroup g 0 w\nquorum g", "threshold"),
        (f"log {VKEYS[0]}\nwitness w {WKEYS[0]}\ngroup g any w w\nquorum g", "member already"),
        (f"log {VKEYS[0]}\ngroup g any w\nquorum g", "isn't defined"),
        (f"log {VKEYS[0]}\ngroup g any none\nquorum g", "isn't defined"),
        (f"log {VKEYS[0]}\nwitness w {WKEYS[0]}\ngroup g any\nquorum w", "not a log"),
        (f"log {VKEYS[0]}\nquorum none\rx", "control"),
        ("logs x\n", "line 1"),
        (f"log {VKEYS[0]}\nwitness w {WKEYS[0]}\ngroup g ٢ w\nquorum g", "threshold"),
    ],
)
def test_a_policy_that_is_none_is_refused_by_line(text: str, said: str) -> None:
    with pytest.raises(FormatError, match=said):
        log_policy.parse(text)


@pytest.mark.parametrize(
    ("quorum", "cosigners", "enough"),
    [
        ("none", (), True),
        ("w0", (), False),
        ("w0", (0,), True),
        ("w0", (1,), False),
        ("two", (0, 1), False),
        ("two", (1, 2), True),
        ("both", (1, 2), False),
        ("both", (0, 1, 2), True),
        ("both", (0, 1), False),
    ],
)
def test_the_quorum_decides(quorum: str, cosigners: tuple[int, ...], enough: bool) -> None:
    names = [f"w{i}" for i in range(3)]
    text = f"# who\n \tlog {note.format_verifier_key(note.verifier_key(ORIGIN, KEY.public_key))} https://example.com/\n"
    text += "".join(f"witness {name} {key}\n" for name, key in zip(names, WKEYS, strict=True))
    groups = {"two": "group two all w1 w2\n", "both": "group two 2 w1 w2\ngroup both all w0 two\n"}
    policy = log_policy.parse(text + groups.get(quorum, "") + f"quorum {quorum}\n")
    body = checkpoint.format_text(checkpoint.Checkpoint(ORIGIN, 1, bytes(32)))
    signed = note.sign(body, ORIGIN, KEY)
    extra = tuple(cosign(body, f"w{i}", WITNESSES[i])[1] for i in cosigners)
    data = note.format_note(note.Note(body, signed.signatures + extra))
    if enough:
        assert policy.verify(data).size == 1
    else:
        with pytest.raises(VerificationError, match="quorum"):
            policy.verify(data)


def test_witnesses_alone_or_another_origin_do_not_make_a_checkpoint() -> None:
    policy = log_policy.parse(f"log {note.format_verifier_key(note.verifier_key(ORIGIN, KEY.public_key))}\nwitness w0 {WKEYS[0]}\nquorum none\n")
    body = checkpoint.format_text(checkpoint.Checkpoint(ORIGIN, 1, bytes(32)))
    with pytest.raises(VerificationError, match="none that the policy lists"):
        policy.verify(note.format_note(note.Note(body, (cosign(body, "w0", WITNESSES[0])[1],))))
    other = checkpoint.format_text(checkpoint.Checkpoint("example.com/other", 1, bytes(32)))
    with pytest.raises(VerificationError, match="none that the policy lists"):
        policy.verify(note.format_note(note.sign(other, ORIGIN, KEY)))
    key, signature = cosign(body, "w0", WITNESSES[0])
    signed = note.sign(body, ORIGIN, KEY)
    wrong = replace(signature, value=(1).to_bytes(8, "big") + signature.value[8:])
    with pytest.raises(VerificationError, match="doesn't hold"):
        policy.verify(note.format_note(note.Note(body, (*signed.signatures, wrong))))
    assert key.kind == note.COSIGNATURE


TEXT = st.text(st.characters(min_codepoint=0x20, exclude_categories=["Cs"]), min_size=1, max_size=40)
HEX = st.binary(min_size=32, max_size=32).map(bytes.hex)
CARDS = st.builds(
    Card,
    HEX,
    TEXT,
    TEXT,
    TEXT,
    TEXT,
    TEXT,
    st.datetimes(min_value=BEGIN.replace(tzinfo=None)).map(lambda at: at.isoformat() + "Z"),
    HEX,
    st.none() | HEX,
    st.none() | HEX,
)


@given(CARDS)
def test_cards_come_back_and_are_canonical(each: Card) -> None:
    leaf = card.format_card(each)
    assert card.parse_card(leaf) == each
    assert canonical.dumps(json.loads(leaf)) == leaf


@pytest.mark.parametrize(
    "change",
    [
        {"envelope": "AB" * 32},
        {"envelope": "ab"},
        {"key": ""},
        {"facts": "x"},
        {"about": "x"},
        {"commit": ""},
        {"repository": "a\nb"},
        {"time": "2026-03-01T12:00:00+00:00"},
        {"time": "2026-02-30T12:00:00Z"},
        {"time": "2026-03-01"},
        {"time": "2026-03-01T12:00:60Z"},
        {"decision": ""},
    ],
)
def test_a_card_that_is_none_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(FormatError):
        replace(record(1)[0], **change)


def test_a_card_too_long_for_an_entry_or_not_canonical_is_refused() -> None:
    with pytest.raises(FormatError, match="more than an entry"):
        card.format_card(replace(record(1)[0], repository="x" * 70_000))
    leaf = card.format_card(record(1)[0])
    for bad in (
        leaf + b" ",
        b" " + leaf,
        leaf.replace(b":", b": ", 1),
        leaf.replace(b"{", b'{"a":1,', 1),
        b"[" * 60_000,
        leaf.replace(b"acme", b"\xff"),
    ):
        with pytest.raises(FormatError):
            card.parse_card(bad)


def test_receipts_and_commits_come_back() -> None:
    store = MemoryStore()
    writer = log_in(store)
    for number in range(10):
        receipt = append(writer, number)
        data = proof.format_receipt(receipt)
        assert proof.parse_receipt(data) == receipt
        assert proof.format_receipt(proof.parse_receipt(data)) == data
        plain = replace(receipt, extra=None)
        assert proof.parse_receipt(proof.format_receipt(plain)) == plain
        stored = store.objects[f"commit/{number + 1:03d}"]
        assert commit.format_commit(commit.parse_commit(stored)) == stored


RECEIPT = proof.format_receipt(append(log_in(MemoryStore()), 1))
COMMITTED = MemoryStore()
append(log_in(COMMITTED), 1)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"@v1", b"@v2"),
        (b"index 0", b"index 00"),
        (b"index 0", b"index -1"),
        (b"index 0\n", b""),
        (b"index 0\n", b"index 0\nAAAA\n"),
        (b"extra ", b"extra  "),
        (b"index 0\n", b"index 0\n" + (b"A" * 43 + b"=\n") * 64),
        (b"\n\n", b"\n"),
    ],
)
def test_bytes_that_are_no_receipt_are_refused(old: bytes, new: bytes) -> None:
    assert old in RECEIPT
    with pytest.raises(FormatError):
        proof.parse_receipt(RECEIPT.replace(old, new, 1))


def text_parser(parse: Callable[[str], object]) -> Callable[[bytes], object]:
    return lambda data: parse(data.decode("utf-8", "surrogateescape"))


PARSERS: dict[str, tuple[Callable[[bytes], object], bytes]] = {
    "note": (note.parse_note, NOTE),
    "checkpoint": (checkpoint.parse, COSIGNED),
    "checkpoint text": (text_parser(checkpoint.parse_text), COSIGNED[:80]),
    "verifier key": (text_parser(note.parse_verifier_key), NOTE_KEY.encode()),
    "policy": (text_parser(log_policy.parse), f"log {NOTE_KEY}\nquorum none\n".encode()),
    "receipt": (proof.parse_receipt, RECEIPT),
    "card": (card.parse_card, card.format_card(record(1)[0])),
    "commit": (commit.parse_commit, COMMITTED.objects["commit/001"]),
    "bundle": (lambda data: tiles.parse_bundle(data, 3), tiles.format_bundle([b"one", b"two", b"three"])),
    "tile": (lambda data: tiles.parse_tile(data, 1), bytes(32)),
    "tile path": (text_parser(tiles.parse_path), b"tile/0/x001/000.p/5"),
    "log object": (log_object.parse_log_object, COMMITTED.objects["log.json"]),
    "index object": (index_object.parse_index_object, b"12\n"),
    "facts": (reader.decompress, next(data for key, data in COMMITTED.objects.items() if key.startswith("facts/"))),
    "statement": (
        lambda data: statement.differences(statement.parse(data), record(1)[0]),
        b'{"_type":"https://in-toto.io/Statement/v1","predicateType":"x"}',
    ),
    "time": (text_parser(card.parse_time), b"2026-03-01T12:00:00.123456Z"),
}


@pytest.mark.parametrize("name", PARSERS)
@given(data=st.data())
def test_any_bytes_give_a_value_or_our_own_error(name: str, data: st.DataObject) -> None:
    parse, good = PARSERS[name]
    mutated = st.tuples(st.integers(0, len(good)), st.integers(0, 5), st.binary(max_size=6)).map(
        lambda cut: good[: cut[0]] + cut[2] + good[cut[0] + cut[1] :]
    )
    tried = data.draw(st.one_of(st.binary(max_size=200), mutated, st.text(max_size=100).map(lambda text: text.encode("utf-8", "surrogatepass"))))
    with suppress(FormatError, VerificationError):
        parse(tried)


def test_facts_must_be_one_whole_gzip_member() -> None:
    whole = next(data for key, data in COMMITTED.objects.items() if key.startswith("facts/"))
    assert reader.decompress(whole) == record(1)[2]
    for bad in (whole[:-1], whole + whole, whole + b"x", b"", base64.b64encode(whole)):
        with pytest.raises(FormatError):
            reader.decompress(bad)
