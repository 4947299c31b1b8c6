"""The generated part of docs/control-matrix.md is what `changegate audit matrix` prints; docs/attest.md names every type and every part."""

from pathlib import Path

from changegate.attestation import Kind
from changegate.audit import mapping, matrix

DOCS = Path(__file__).parents[2] / "docs"


def test_the_matrix_on_the_page_is_the_one_that_is_printed() -> None:
    page = (DOCS / "control-matrix.md").read_text(encoding="utf-8")
    assert page.partition("<!-- matrix -->\n")[2] == matrix.format_markdown(matrix.build(owners={}, settings={})), (
        "write it anew: what stands after the mark is what `changegate audit matrix` prints"
    )


def test_every_control_and_reason_is_on_the_page() -> None:
    page = (DOCS / "control-matrix.md").read_text(encoding="utf-8")
    assert all(f"`{control}`" in page for control in mapping.ids())
    assert all(f"| `{control}` | `{reason}` |" in page for control, found in mapping.REASONS.items() for named in found.values() for reason in named)


def test_every_type_is_documented() -> None:
    page = (DOCS / "attest.md").read_text(encoding="utf-8")
    assert [kind for kind in Kind if f"`{kind}`" not in page] == []
