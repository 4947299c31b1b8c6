"""Records without names: whatever happens to a shop, nobody is named in its store, and the decision is the same and can be made again."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from support.bytes_of_stores import find_words, read_folder
from support.exhaustive import thin
from support.gating import gate, open_shop
from support.parity import SCENARIOS, Happens, approvals, evidence, landing, owners, ranges
from support.shops import SHOPS, Shop

from changegate.cli import run
from changegate.errors import ExitCode
from changegate.policy import EffectivePolicy, Policy, Privacy

PEOPLE = ("alice", "bob", "carol", "dave", "example.com", "noreply.github")
ACCOUNT = re.compile(rb'"id":"(?!#)[a-z-]+:[0-9]+"|(?:github|gitlab):[0-9]+')
"""An account's number, as a key or in a review's id."""
NOBODY = {b"github:49699333", b"github:19864447", b"github:41898282", b"github:1006", b"gitlab:1008"}
"""Bots (`updater` is the last two), and GitHub itself."""


@pytest.fixture(params=SHOPS)
def shop(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shop:
    return open_shop(request.param, tmp_path, monkeypatch)


@pytest.fixture
def hiding(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever a shop's policy says, it hides people besides."""
    plain: Callable[[Policy, str], EffectivePolicy] = Policy.for_environment

    def hide(policy: Policy, name: str) -> EffectivePolicy:
        return plain(policy, name).model_copy(update={"privacy": Privacy(pseudonymise_people=True)})

    monkeypatch.setattr(Policy, "for_environment", hide)


@pytest.mark.usefixtures("hiding")
@pytest.mark.parametrize("happens", thin(list(SCENARIOS), every=4), ids=lambda happens: happens.__name__)
def test_nobody_is_named_whatever_happens(shop: Shop, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], happens: Happens) -> None:
    head = happens(shop) or shop.repo.head
    with shop.serve() as server:
        gated = gate(shop, server, monkeypatch, capsys, "--head", head, "--names", "names.jsonl")
    assert gated.report["reasons"] or gated.code == ExitCode.ALLOWED, gated.error
    assert gated.code in {ExitCode.ALLOWED, ExitCode.BLOCKED, ExitCode.NOT_JUDGED}, gated.error
    assert not find_words(read_folder(Path("evidence")), PEOPLE)
    assert not [each for text in read_folder(Path("evidence")) for each in ACCOUNT.findall(text) if each not in NOBODY]
    assert run(["verify", "evidence"]) == 0
    assert run(["replay", head, "--store", "file:evidence"]) == 0


def test_every_scenario_is_in_the_table() -> None:
    assert {each.__name__ for each in (approvals, evidence, landing, owners, ranges)} == {each.__module__ for each in SCENARIOS}
