"""The published schemas are those that the models make."""

import json
from pathlib import Path

import pytest

from changegate.cli.policy import _SCHEMAS

FOLDER = Path(__file__).parents[3] / "schema"


@pytest.mark.parametrize("name", _SCHEMAS)
def test_a_published_schema_is_the_models_own(name: str) -> None:
    assert json.loads((FOLDER / f"{name}.v1.json").read_text(encoding="utf-8")) == _SCHEMAS[name](), "run `make schema`"


def test_no_schema_is_left_over() -> None:
    assert {path.name for path in FOLDER.glob("*.json")} == {f"{name}.v1.json" for name in _SCHEMAS}
