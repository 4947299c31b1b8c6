"""The printed reports: sane in pages, nothing cut off, heads repeated, addresses printed, all of the sample. Usage: check_pdf.py FOLDER."""

import re
import subprocess
import sys
import zipfile
from html import unescape
from pathlib import Path

PAGES = {"3": range(3, 7), "5000": range(50, 420)}
"""An overview of two or three pages, then the population, and a page or two for each change that is followed."""
_PAGE = re.compile(r'<page width="([0-9.]+)" height="([0-9.]+)">(.*?)</page>', re.DOTALL)
_WORD = re.compile(r'<word xMin="([0-9.]+)" yMin="[0-9.]+" xMax="([0-9.]+)" yMax="[0-9.]+">(.*?)</word>')
_MARGIN = 20.0
"""Less than the style sheet's, in points: a word beyond is cut off."""


def main(folder: Path) -> int:
    for name, pages in PAGES.items():
        found = _PAGE.findall(_read(folder / name / "printed.pdf"))
        assert len(found) in pages, f"{name}: {len(found)} pages"
        texts = []
        for number, (width, _, body) in enumerate(found, 1):
            words = [(float(left), float(right), unescape(word)) for left, right, word in _WORD.findall(body)]
            cut = [word for left, right, word in words if left < _MARGIN or right > float(width) - _MARGIN]
            assert not cut, f"{name}, page {number}: {cut[:5]} run out of the page"
            texts.append(" ".join(word for *_, word in words))
        _check_population(name, texts)
        _check_followed(folder / name, texts)
        print(f"{name}: {len(found)} pages")
    return 0


def _check_population(name: str, texts: list[str]) -> None:
    """Each page of the table begins with its head."""
    first = next(at for at, text in enumerate(texts) if "The population (changes)" in text)
    last = next(at for at, text in enumerate(texts) if "Changes followed from ticket to deploy" in text)
    bare = [at + 1 for at in range(first, last + 1) if "Environment Decision Ended Author" not in texts[at] and "#" in texts[at]]
    assert not [page for page in bare if page != last + 1], f"{name}: no head on pages {bare}"


def _check_followed(folder: Path, texts: list[str]) -> None:
    """Each change of the sample begins a page, and says by its address where it leads."""
    with zipfile.ZipFile(folder / "pack.zip") as pack:
        page = pack.read("report.html").decode("utf-8")
    changes = re.findall(r'<h3 id="change-\d+" tabindex="-1">(?:<a href="([^"]+)"[^>]*>)?([^<]+)', page)
    assert changes
    for address, change in changes:
        begun = [text for text in texts if text.startswith(unescape(change))]
        assert begun, f"{folder.name}: no page begins with {change}"
        assert not address or any(unescape(address) in text.replace(" ", "") for text in begun), f"{folder.name}: {address} isn't printed"


def _read(pdf: Path) -> str:
    return subprocess.run(["pdftotext", "-bbox", str(pdf), "-"], check=True, capture_output=True).stdout.decode("utf-8")


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
