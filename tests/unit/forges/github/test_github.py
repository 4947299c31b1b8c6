"""The adapter as a whole: that it is a forge, and what it costs to import."""

import subprocess
import sys

import pytest

from changegate.forges import Forge
from changegate.forges.github import GitHub
from changegate.forges.github.answer import Answer, UnreadableError


def test_it_is_a_forge() -> None:
    forge: Forge = GitHub("acme/shop", "token")
    assert forge.name == "github"


def test_pygithub_is_imported_only_when_github_is_asked() -> None:
    code = "import sys, changegate.forges.github as g; g.GitHub('a/b', 't'); sys.exit(bool({'github', 'requests'} & set(sys.modules)))"
    subprocess.run([sys.executable, "-P", "-c", code], check=True)


@pytest.mark.parametrize("moment", ["0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59-23:59", "now", ""])
def test_times_beyond_the_calendar(moment: str) -> None:
    with pytest.raises(UnreadableError):
        Answer({"at": moment}).time("at")
