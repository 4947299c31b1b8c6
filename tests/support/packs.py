"""Evidence packs of a made log, and packs that were edited since."""

from pathlib import Path
from typing import NamedTuple

from changegate.audit.pack import archive, manifest, standalone
from changegate.cli import run
from changegate.signing import Signer
from changegate.trust import Trust, format_trust
from support import deploylog

PERIOD = ("--from", "2026-03-04", "--to", "2026-03-05")
DRAWN = ("--sample", "4", "--seed", "a seed")


class Exported(NamedTuple):
    folder: Path
    pack: Path
    members: dict[str, bytes]

    def remade(self, members: dict[str, bytes]) -> Path:
        """A pack of these members, its manifest made to fit."""
        target = self.folder / "other.zip"
        inner = {name: content for name, content in members.items() if name not in {manifest.MANIFEST, manifest.DIGEST}}
        listed = manifest.format_manifest([manifest.member(name, content) for name, content in inner.items()])
        with target.open("wb") as file:
            writer = archive.Writer(file)
            for name, content in {**inner, manifest.MANIFEST: listed, manifest.DIGEST: manifest.format_digest(listed)}.items():
                writer.add(name, content)
            writer.close()
        return target

    def raw(self, data: bytes) -> Path:
        target = self.folder / "other.zip"
        target.write_bytes(data)
        return target


def make(folder: Path, trust: Trust | None = None, *words: str, count: int = 29, changes: int = 1, signer: Signer = deploylog.RECORD_KEY) -> Exported:
    store = folder / "evidence"

    def put(key: str, data: bytes) -> None:
        (store / key).parent.mkdir(parents=True, exist_ok=True)
        (store / key).write_bytes(data)

    deploylog.write(put, deploylog.deploys(count, changes=changes, signer=signer))
    (folder / "trust.yml").write_bytes(format_trust(trust or deploylog.trust()))
    return export(folder, *(words or DRAWN))


def export(folder: Path, *words: str, out: str = "pack.zip") -> Exported:
    named = ("--store", f"file:{folder / 'evidence'}", "--trust", str(folder / "trust.yml"), "--out", str(folder / out))
    assert run(["audit", "export", *PERIOD, *named, *words]) == 0
    return Exported(folder, folder / out, standalone.read_zip((folder / out).read_bytes()))
