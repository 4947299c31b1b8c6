"""Where the published vectors lie that no one here wrote."""

import os
from pathlib import Path

import pytest

_REPOSITORY = Path(__file__).parents[2]


def vectors() -> Path:
    """The folder of published vectors. Skips the module, saying what is missing, where a checkout has none."""
    folder = Path(os.environ.get("CHANGEGATE_TEST_DATA") or _REPOSITORY.parent / "shared" / "data")
    if not (folder / "merkle").is_dir():
        pytest.skip(
            f"no published vectors at {folder}: set CHANGEGATE_TEST_DATA to the folder that has merkle/ and tessera/", allow_module_level=True
        )
    return folder
