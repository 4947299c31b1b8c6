"""Without psycopg."""

import sys

import pytest

from changegate.errors import InputError
from changegate.stores import open_store


def test_without_psycopg_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name.startswith("changegate.stores.postgres.")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(InputError, match="psycopg") as caught:
        open_store("postgresql://db/evidence")
    assert "changegate[postgres]" in caught.value.remedy
