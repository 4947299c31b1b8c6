#!/usr/bin/env python3
"""Verify a changegate evidence pack without changegate: Python 3.11 or later and `pip install cryptography`. It uses no network and writes nothing.

    python verify.py PACK.zip --fingerprint SHA256 [--fingerprint SHA256 ...]     (or the folder where it was unpacked; or --key FILE)

A pack brings keys along, but whoever made the pack could have put his own in. So the keys that signed are printed, and the verdict is "whole" only
under keys that you name: by fingerprint, or by a file that holds them (PEM), such as the trust file, both from their owner and not from the pack.

1. Every byte belongs to a member, every member is in the manifest with its SHA-256, and none is missing.
2. The log's key signed the checkpoints at both ends of the period; the older tree grown by the entries in the pack is the newer one (RFC 6962).
3. Every entry of the period is among those. Its record is here, signed (DSSE; Ed25519 or ECDSA P-256); a receipt (C2SP tlog-proof) proves its place.
4. The population's rows are exactly those records; the sample is what its seed draws; a name that is opened is the one that a record commits to.

Exit code: 0 whole · 2 can't say (no key named, or records signed by an identity: those need `changegate verify`) · 5 not whole.
Not shown by any pack: a deploy that never went through the gate, and keys that were revoked outside the entries in here.
"""

import argparse
import base64
import csv
import hashlib
import hmac
import io
import json
import os
import re
import stat
import struct
import sys
import zlib
from collections.abc import Iterable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, TypeAlias

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, EllipticCurvePublicKey

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*(/[A-Za-z0-9][A-Za-z0-9._-]*)*", re.ASCII)
Members: TypeAlias = dict[str, bytes]
GATE, REVOCATION = "https://changegate.dev/gate-decision/v1", "https://changegate.dev/key-revocation/v1"
MARGIN = timedelta(hours=25)  # an entry dated so long before another was appended before it: a record waits for its commit for a day at most
OUTCOME, ATTESTATION = "https://changegate.dev/deploy-outcome/v1", "https://changegate.dev/attestation/v1"

DAMAGED = (ArithmeticError, AttributeError, LookupError, OSError, RecursionError, TypeError, ValueError, struct.error, UnsupportedAlgorithm)


class Refused(Exception):
    """What doesn't hold."""


def need(holds: object, why: str) -> None:
    if not holds:
        raise Refused(why)


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text)


# 1. The file and its members.
def read_zip(data: bytes) -> Members:
    """Members are stored one after the other in one fixed form; the directory must be exactly what they make."""
    members: Members = {}
    directory, at = b"", 0
    while data[at : at + 4] == b"PK\3\4":
        size, length = struct.unpack_from("<IH", data, at + 22)
        name, body = data[at + 30 : at + 30 + length], data[at + 30 + length : at + 30 + length + size]
        sizes = struct.pack("<IIIHH", zlib.crc32(body), size, size, len(name), 0)
        need(data[at : at + 30] == b"PK\3\4\n\0" + bytes(6) + b"\x21\0" + sizes and len(body) == size, f"byte {at}: not a member as packs have them")
        text = name.decode("ascii")
        need(NAME.fullmatch(text) and text not in members, f"the member {text!a} comes twice, or leads out of the folder")
        directory += b"PK\1\2\x14\3\n\0" + bytes(6) + b"\x21\0" + sizes + bytes(6) + struct.pack("<II", 0o100644 << 16, at) + name
        members[text], at = body, at + 30 + len(name) + size
    count, span = len(members), len(directory)
    if count >= 0xFFFF:
        directory += struct.pack("<IQHHIIQQQQIIQI", 0x06064B50, 44, 0x032D, 45, 0, 0, count, count, span, at, 0x07064B50, 0, at + span, 1)
    directory += b"PK\5\6" + struct.pack("<HHHHIIH", 0, 0, min(count, 0xFFFF), min(count, 0xFFFF), span, at, 0)
    need(members and data[at:] == directory, f"byte {at} and after: not the directory of its members")
    return members


def read_folder(root: Path) -> Members:
    paths = [Path(folder, name) for folder, folders, files in os.walk(root) for name in folders + files]
    for path in paths:
        need(stat.S_ISREG(path.lstat().st_mode) or stat.S_ISDIR(path.lstat().st_mode), f"{path} is a link or no file")
    return {path.relative_to(root).as_posix(): path.read_bytes() for path in paths if path.is_file()}


def check_manifest(members: Members) -> None:
    for each in ("manifest.json", "manifest.json.sha256"):
        need(each in members, f"{each} is missing")
    need(members["manifest.json.sha256"] == f"{sha256(members['manifest.json'])}  manifest.json\n".encode(), "the manifest was changed")
    listed = json.loads(members["manifest.json"])["members"]
    names = {each["path"] for each in listed} | {"manifest.json", "manifest.json.sha256"}
    need(names == set(members) and len(listed) + 2 == len(members), f"missing or extra: {sorted(names ^ set(members))[:5]}")
    for each in listed:
        need(NAME.fullmatch(each["path"]) and each["sha256"] == sha256(members[each["path"]]), f"{each['path']} was changed")


# 2. Keys, checkpoints, the tree.
class Keys:
    """The keys that the pack names, and which of them signed anything."""

    def __init__(self, data: bytes) -> None:
        said = json.loads(data)
        self.by_id: dict[str, Any] = {sha256(der): serialization.load_der_public_key(der) for der in map(base64.b64decode, said["keys"])}
        self.logs, self.records, self.used = said["logs"], said["records"], dict[str, set[str]]()

    def verify(self, key_id: str, signature: bytes, signed: bytes, what: str) -> None:
        key = self.by_id[key_id]
        if isinstance(key, EllipticCurvePublicKey):
            key.verify(signature, signed, ECDSA(hashes.SHA256()))
        else:
            key.verify(signature, signed)
        self.used.setdefault(key_id, set()).add(what)

    def checkpoint(self, data: bytes) -> tuple[str, int, bytes]:
        """(origin, size, root) of a C2SP checkpoint that one of the log's keys signed."""
        text, _, lines = data.rpartition(b"\n\n")
        text += b"\n"
        origin, size, root = text.decode().split("\n")[:3]
        for line in lines.decode().splitlines():
            _, name, value = line.split(" ")
            raw = base64.b64decode(value, validate=True)
            for key_id in self.logs.get(origin, ()) if name == origin else ():
                key = self.by_id[key_id].public_bytes_raw()
                if hashlib.sha256(name.encode() + b"\n\1" + key).digest()[:4] == raw[:4]:
                    self.verify(key_id, raw[4:], text, "checkpoints")
                    return origin, int(size), base64.b64decode(root, validate=True)
        raise Refused(f"the checkpoint of {size} entries isn't signed by a key of the log {origin}")


def leaf(entry: bytes) -> bytes:
    return hashlib.sha256(b"\0" + entry).digest()


def node(left: bytes, right: bytes) -> bytes:
    return hashlib.sha256(b"\1" + left + right).digest()


def grow(size: int, frontier: Iterable[bytes], leaves: Iterable[bytes]) -> bytes:
    """The root of a tree, given by its perfect subtrees, with more leaves."""
    stack = list(frontier)
    need(len(stack) == size.bit_count(), "the tree before the period isn't one of its size")
    for top in leaves:
        rest = size
        while rest & 1:
            top, rest = node(stack.pop(), top), rest >> 1
        stack.append(top)
        size += 1
    root = stack[-1] if stack else hashlib.sha256(b"").digest()
    for left in reversed(stack[:-1]):
        root = node(left, root)
    return root


def climb(at: int, last: int, start: bytes, path: Iterable[bytes]) -> tuple[bytes, bytes]:
    """RFC 9162, 2.1.3.2 and 2.1.4.2: the root over what lies left of a node with it, and that over all."""
    left = whole = start
    for each in path:
        need(last, "a proof is too long")
        if at & 1 or at == last:
            left, whole = node(each, left), node(each, whole)
            while not at & 1 and at:
                at, last = at >> 1, last >> 1
        else:
            whole = node(whole, each)
        at, last = at >> 1, last >> 1
    need(last == 0, "a proof is too short")
    return left, whole


def check_log(members: Members, keys: Keys) -> tuple[dict[int, bytes], tuple[str, int, bytes]]:
    """The entries of the log's stretch in the pack, by index; and the newest checkpoint."""
    said = json.loads(members["log/range.json"])
    begin, end = said["begin"], said["end"]
    entries = members["log/entries.jsonl"].split(b"\n")
    need(entries.pop() == b"" and len(entries) == end - begin, "not as many entries as the stretch of the log has")
    frontier = [bytes.fromhex(each) for each in said["frontier"]]
    origin, size, root = keys.checkpoint(members["checkpoints/end"])
    need(size == end and grow(begin, frontier, map(leaf, entries)) == root, "the entries aren't those of the log")
    if begin:
        need(keys.checkpoint(members["checkpoints/begin"]) == (origin, begin, grow(begin, frontier, ())), "the log before the period is another")
    newest = keys.checkpoint(members["checkpoints/newest"])
    path = [bytes.fromhex(each) for each in said["consistency"]]
    need(newest[0] == origin and end <= newest[1], "the newest checkpoint is another log's, or older")
    if end == newest[1]:
        need(root == newest[2] and not path, "two roots for one size")
    else:
        first, rest = (root, path) if not end & (end - 1) else (path[0], path[1:])
        at, last = end - 1, newest[1] - 1
        while at & 1:
            at, last = at >> 1, last >> 1
        need(climb(at, last, first, rest) == (root, newest[2]), "the newest log doesn't continue that of the period")
    return dict(enumerate(entries, begin)), newest


# 3. Records.
def check_record(digest: str, members: Members, keys: Keys, newest: tuple[str, int, bytes]) -> tuple[int, bytes, Any, Any]:
    """Index, entry, card and predicate (None where an identity signed it) of a record; its place is proved by its receipt."""
    record, receipt = members[f"records/{digest}.json"], members[f"receipts/{digest}.tlog-proof"]
    head, _, checkpoint = receipt.partition(b"\n\n")
    title, extra, place, *path = head.decode("ascii").split("\n")
    need(title == "c2sp.org/tlog-proof@v1" and checkpoint == members["checkpoints/newest"], f"receipt {digest[:16]}: not under the newest checkpoint")
    entry, index = base64.b64decode(extra.removeprefix("extra "), validate=True), int(place.removeprefix("index "))
    card = json.loads(entry)
    root = climb(index, newest[1] - 1, leaf(entry), [base64.b64decode(each, validate=True) for each in path])[1]
    need(0 <= index < newest[1] and root == newest[2], f"record {digest[:16]} is not in the log where its receipt says")
    need(sha256(record) == digest == card["envelope"], f"record {digest[:16]} was changed")
    envelope = json.loads(record)
    if "verificationMaterial" in envelope:
        return index, entry, card, None
    payload, kind = base64.b64decode(envelope["payload"], validate=True), envelope["payloadType"]
    signed = b"DSSEv1 %d %b %d %b" % (len(kind), kind.encode(), len(payload), payload)
    known = [each for each in envelope["signatures"] if each["keyid"] in keys.records]
    need(known and kind == "application/vnd.in-toto+json", f"record {digest[:16]} isn't signed by a record key")
    for each in known:
        keys.verify(each["keyid"], base64.b64decode(each["sig"], validate=True), signed, "records")
        made, windows = moment(card["time"]), keys.records[each["keyid"]]
        inside = any((not low or moment(low) <= made) and (not high or made < moment(high)) for low, high in windows)
        need(inside, f"record {digest[:16]}: its key wasn't to be used at that time")
    statement = json.loads(payload)
    need(statement["predicateType"] == card["predicateType"] and statement["predicate"]["time"]["decided"] == card["time"], "an entry misleads")
    return index, entry, card, {**statement["predicate"], "signer": known[0]["keyid"]}


def check_records(members: Members, keys: Keys, entries: dict[int, bytes], newest: tuple[str, int, bytes]) -> dict[int, Any]:
    names = sorted(each[8:-5] for each in members if each.startswith("records/"))
    records = sorted((check_record(each, members, keys, newest) for each in names), key=lambda each: each[0])
    revoked: dict[str, int] = {}
    for index, entry, card, predicate in records:
        need(entries.get(index, entry) == entry, f"entry {index} is another in the log than in its receipt")
        if predicate:
            need(predicate["signer"] not in revoked, f"record {card['envelope'][:16]} is signed by a key that was revoked before")
            if card["predicateType"] == REVOCATION:
                revoked[predicate["key"]["keyId"]] = index
        if card["predicateType"] == ATTESTATION:
            need(sha256(members.get(f"attested/{card['facts']}", b"")) == card["facts"], "an attested file is missing or was changed")
            continue
        need("facts" not in card or sha256(members.get(f"facts/{card['facts']}.json", b"")) in {card["facts"], sha256(b"")}, "facts were changed")
    return {index: (card, predicate) for index, _, card, predicate in records}


# 4. The population and the sample.
def check_span(members: Members, entries: dict[int, bytes], newest: int) -> None:
    """No entry of the period stands before or after the stretch of the log in here. Says what period and places these are."""
    said, times = json.loads(members["population.csv.ipe.json"]), [moment(json.loads(entry)["time"]) for entry in entries.values()]
    begin, end, first = moment(said["from"]), moment(said["to"]), min(entries, default=newest)
    need(
        first == 0 or any(begin - each > MARGIN for each in times),
        f"the log in here begins with entry {first}: more of the period may stand before it",
    )
    goes_on, last = any(each - end > MARGIN for each in times), max(entries, default=newest - 1)
    need(last + 1 == newest or goes_on, f"the log in here ends with entry {last}: more of the period may stand after it")
    print(
        f"period      {said['from']} to before {said['to']}{'' if goes_on else f', known until {max(times, default=begin)}, the newest entry here'}"
    )
    for each in ("environments", "repositories"):
        print(f"{each:<13}{said[each] if said[each] == 'all' else f'only {said[each]!a}'}")


def check_population(members: Members, entries: dict[int, bytes], records: dict[int, Any]) -> list[str]:
    said = json.loads(members["population.csv.ipe.json"])
    need(said["sha256"] == sha256(members["population.csv"]), "the population was changed")
    begin, end, places, kind = moment(said["from"]), moment(said["to"]), [], said["population"]
    for index, entry in entries.items():
        card = json.loads(entry)
        asked = all(
            said[each] == "all" or card[name] in said[each] for each, name in (("environments", "environment"), ("repositories", "repository"))
        )
        if begin <= moment(card["time"]) < end and asked:
            need(index in records, f"entry {index} is of the period, and its record isn't in the pack")
            if card["predicateType"] == GATE:
                places.append(index)
    # The latest word on each deploy; records are in the log's order.
    ended = {card["about"]: card["decision"] for card, predicate in records.values() if predicate and card["predicateType"] == OUTCOME}
    expected: list[tuple[str, ...]] = []
    for index in places:
        card, predicate = records[index]
        if predicate is None:
            continue
        went = card["decision"] in ("allowed", "allowed-as-emergency") or not predicate["policy"]["enforced"]
        back = went and (predicate["range"]["outcome"] == "rollback" or ended.get(card["envelope"]) == "rolled-back")
        need(predicate["decision"]["verdict"] == card["decision"], f"entry {index} says another verdict than its record")
        urgent = went and (card["decision"] == "allowed-as-emergency" or predicate["decision"].get("emergency"))
        waived = predicate["decision"].get("waivers") or []
        short, tail = card["envelope"][:16], (card["envelope"], str(index), card["time"], card["environment"], card["commit"], card["decision"])
        if kind == "changes":
            expected += [(f"{short}:{each['id']}", *tail) for each in predicate["changes"] if went]
        elif kind == "waivers":
            expected += [(f"{short}:waiver-{number}", *tail) for number, _ in enumerate(waived, 1) if went]
        elif {"deploys": went, "rollbacks": back, "blocked": not went, "emergencies": urgent}[kind]:
            expected.append((short, *tail))
    rows = csv.DictReader(io.StringIO(members["population.csv"].decode(), newline=""), strict=True)
    found = [tuple(row[name] for name in ("id", "record", "log_index", "decided", "environment", "commit", "verdict")) for row in rows]
    by_key = {card["envelope"] for card, predicate in records.values() if predicate is not None}
    need([row for row in found if row[1] in by_key] == expected, "the population isn't what the period's records make")
    return [row[0] for row in found]


def check_sample(members: Members, units: list[str]) -> int:
    said = json.loads(members["sample.json"])
    need(
        said["sha256"] == sha256(members["population.csv"]) and said["units"] == len(units) == len(set(units)), "the sample is of another population"
    )
    drawn = sorted(units, key=lambda unit: (sha256(f"{said['seed']}\n{unit}".encode()), unit))[: said["size"]]
    need(drawn == said["sample"], "the sample isn't what its seed draws")
    return len(drawn)


def check_names(members: Members, records: dict[int, Any]) -> int:
    """Each line opens a token (HMAC-SHA-256 by its salt) that stands in a record or in facts in here."""
    held = json.dumps([predicate for _, predicate in records.values()]).encode() + b"".join(members[each] for each in members if "facts/" in each)
    lines = members["names.jsonl"].splitlines()
    for line in lines:
        said = json.loads(line)
        kind = re.match("p-|person:|sealed-", said["token"])
        need(kind and len(said["salt"]) == 64 and said["token"].encode() in held, "a name is opened that no record in here hides")
        digest = hmac.digest(bytes.fromhex(said["salt"]), f"{kind and kind[0]}\0{said['is']}".encode(), "sha256").hex()
        need(kind and said["token"] == kind[0] + digest[:32], f"{said['token'][:60]} doesn't stand for what names.jsonl says")
    return len(lines)


# 5. The verdict.
def named_keys(fingerprints: list[str], files: list[str]) -> set[str]:
    """What the auditor got elsewhere: fingerprints (SHA-256 of the key's DER form), or files that hold keys in PEM."""
    found = {each.lower().replace(":", "") for each in fingerprints}
    need(all(re.fullmatch("[0-9a-f]{64}", each) for each in found), "a fingerprint has 64 hexadecimal digits")
    for file in files:
        blocks = re.findall(r"-----BEGIN PUBLIC KEY-----(.+?)-----END PUBLIC KEY-----", Path(file).read_text(encoding="utf-8"), re.DOTALL)
        need(blocks, f"{file} holds no PEM public key")
        found |= {sha256(base64.b64decode("".join(block.split()), validate=True)) for block in blocks}
    return found


def check(pack: Path, named: set[str]) -> int:
    members = read_folder(pack) if pack.is_dir() else read_zip(pack.read_bytes())
    check_manifest(members)
    keys = Keys(members["keys.json"])
    entries, newest = check_log(members, keys)
    records = check_records(members, keys, entries, newest)
    check_span(members, entries, newest[1])
    units = check_population(members, entries, records)
    drawn = check_sample(members, units) if "sample.json" in members else 0
    opened = check_names(members, records) if "names.jsonl" in members else 0
    by_identity = sum(predicate is None for _, predicate in records.values())
    print(f"log         {newest[0]!a}: {newest[1]} entries, root {newest[2].hex()}")
    print(f"in here     {len(entries)} entries of the log, {len(records)} records; a population of {len(units)}, a sample of {drawn}")
    if opened:
        print(f"names       {opened} names and texts opened, each as the signed record commits to it")
    for key_id, what in sorted(keys.used.items()):
        print(f"signed by   {key_id} ({', '.join(sorted(what))}){'' if not named else ', named by you' if key_id in named else ', NOT named by you'}")
    if by_identity:
        print(f"? {by_identity} records are signed by an identity (Sigstore): verify them with `changegate verify`. The rest holds.")
    need(
        not named or set(keys.used) <= named,
        "a key that you didn't name signed parts of this pack: compare the fingerprint with its owner's, or name that key, too, if it is theirs",
    )
    if not named:
        print("? Whole in itself. Whether those keys are the right ones no pack can say: run again with --fingerprint or --key from their owner.")
    elif not by_identity:
        print("✓ WHOLE: every byte is as it was written, signed by the keys that you named")
    return 2 if by_identity or not named else 0


def main() -> int:
    parser = argparse.ArgumentParser(description="Verify a changegate evidence pack.")
    parser.add_argument("pack", nargs="?", default=str(Path(__file__).parent), help="the pack, or the folder where it was unpacked")
    parser.add_argument("--fingerprint", action="append", default=[], help="SHA-256 of a key that you believe, 64 hexadecimal digits")
    parser.add_argument("--key", action="append", default=[], metavar="FILE", help="a file with keys that you believe, such as the trust file")
    given = parser.parse_args()
    try:
        named = named_keys(given.fingerprint, given.key)
    except (Refused, OSError, ValueError) as error:
        parser.error(str(error))
    if not Path(given.pack).exists():
        parser.error(f"there is no {given.pack!a}: name the pack, or the folder where it was unpacked")
    try:
        return check(Path(given.pack), named)
    except Refused as error:
        print(f"✗ NOT WHOLE: {ascii(str(error))[1:-1]}", file=sys.stderr)
    except InvalidSignature:
        print("✗ NOT WHOLE: a signature doesn't hold over the bytes that it stands for", file=sys.stderr)
    except DAMAGED as error:
        print(f"✗ NOT WHOLE: damaged ({type(error).__name__}: {str(error)!a})", file=sys.stderr)
    return 5


if __name__ == "__main__":
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    sys.exit(main())
