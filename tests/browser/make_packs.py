"""Evidence packs to look at in a browser, of real logs: one of 3 changes, one of 5,000. Usage: make_packs.py FOLDER."""

import shutil
import sys
import zipfile
from datetime import timedelta
from pathlib import Path

from support import deploylog

from changegate.cli import run
from changegate.trust import format_trust

SIZES = {"3": (3, 1, "2"), "5000": (3300, 3, "25")}
"""Deploys, changes in each, size of the sample. A seventh of the deploys is blocked, and some go to staging."""


def main(folder: Path) -> int:
    shutil.rmtree(folder, ignore_errors=True)
    for name, (deploys, changes, sample) in SIZES.items():
        here = folder / name
        here.mkdir(parents=True)

        def put(key: str, content: bytes, here: Path = here) -> None:
            place = here / "evidence" / key
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(content)

        deploylog.write(put, deploylog.deploys(deploys, changes=changes, step=timedelta(hours=2)), batch=64)
        (here / "trust.yml").write_bytes(format_trust(deploylog.trust()))
        pack = here / "pack.zip"
        common = ("--store", str(here / "evidence"), "--trust", str(here / "trust.yml"))
        asked = ("--from", "2026-01-01", "--to", "2027-12-31", "--sample", sample, "--seed", "a seed")
        if code := run(["audit", "export", *asked, *common, "--out", str(pack)]):
            return code
        with zipfile.ZipFile(pack) as file:
            (here / "report.html").write_bytes(file.read("report.html"))
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
