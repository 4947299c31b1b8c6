"""What a preview says just before the merge is what the gate says after it: of every change of the scenario table, by every control, on both forges.

Previews go over HTTP to the doubles, the gate through its command line.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import pytest
from doubles.serving import Double
from support.exhaustive import thin
from support.gating import gate, no_tracker, open_shop, without_waiting
from support.parity import SCENARIOS, Happens, approvals, evidence, landing, owners, ranges
from support.shops import SHOPS, Shop

from changegate.facts import Deployment, Run
from changegate.forges import Reviewing
from changegate.forges.github import GitHub
from changegate.forges.gitlab import GitLab
from changegate.preview import judge_open
from changegate.undone import REASON as UNDONE

Verdicts = Mapping[tuple[str, str], str]
"""For each change and control the reason."""

LATE: Final = "it is approved only after the merge"
DELETED: Final = "the account is deleted after the merge"
AFTERWARDS: Final[Mapping[Happens, tuple[str, str]]] = {
    approvals.approved_late: ("peer-approved: not-approved -> late-approval", LATE),
    approvals.approved_late_where_the_policy_takes_it: ("peer-approved: not-approved -> approved", LATE),
    approvals.approved_by_an_account_that_is_deleted: ("peer-approved: approved -> reviewer-unknown", DELETED),
    approvals.made_by_an_account_that_is_deleted: ("peer-approved: approved -> contributor-unknown", DELETED),
    evidence.a_check_that_runs: ("checks-passed: pending -> unfinished", "the gate asks for its end"),
    evidence.a_check_failed_on_what_landed: ("checks-passed: passed -> failed", "it ran on what landed"),
}
"""Where more becomes of a change by its merge or after it: what, and why."""
ON_GITLAB: Final[Mapping[Happens, tuple[str, str]]] = {
    approvals.rebased_onto_a_newer_base: ("peer-approved: newer-base -> stale-approval", "GitLab rebases before it merges, after the preview"),
}
NOW: Final = datetime(2027, 1, 1, tzinfo=UTC)


def preview(shop: Shop, server: Double, number: int) -> Verdicts:
    """What a preview says of an open change."""
    forge: Reviewing
    if shop.name == "github":
        forge = GitHub("acme/shop", shop.token, api_url=server.url)
    else:
        forge = GitLab("acme/shop", shop.token, workspace=None, api_url=f"{server.url}/api/v4")
    deployment = Deployment(forge=shop.name, repository="acme/shop", environment="production", head="", run=Run(id="1"))
    seen = judge_open(number, deployment, forge, policy_file=None, now=lambda: NOW, open_tracker=no_tracker)
    return {(finding.change or "", finding.control): finding.reason for finding in seen.decision.findings}


@pytest.mark.parametrize("happens", thin(list(SCENARIOS), every=4), ids=lambda happens: happens.__name__)
@pytest.mark.parametrize("name", SHOPS)
def test_the_gate_says_what_the_preview_said(
    name: str, happens: Happens, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    shop = open_shop(name, tmp_path, monkeypatch)
    foreseen: dict[tuple[str, str], str] = {}
    with shop.serve() as server:
        without_waiting(server, monkeypatch)
        kind = type(shop.change())
        merge: Any = kind.merge

        def look_and_merge(self: Any, *how: str, **more: str) -> Any:
            said = preview(shop, server, self.number)
            if not foreseen:
                shown = self.pull if shop.name == "github" else self.request
                shown.draft = True
                assert preview(shop, server, self.number) == said, "a draft is judged alike"
                shown.draft = False
            foreseen.update(said)
            return merge(self, *how, **more)

        monkeypatch.setattr(kind, "merge", look_and_merge)
        head = happens(shop)
        gated = gate(shop, server, monkeypatch, capsys, "--head", head or shop.repo.head)
    found = {(each["change"], each["control"]): each["reason"] for each in gated.report.get("findings", ())}
    compared = foreseen.keys() & found.keys()
    # What a later change took back isn't judged any more.
    compared = {key for key in compared if found[key] != UNDONE}
    differ = {
        f"{control}: {foreseen[each, control]} -> {found[each, control]}"
        for each, control in compared
        if foreseen[each, control] != found[each, control]
    }
    assert len(compared) == 4 or happens is not approvals.approved
    known = {**AFTERWARDS, **(ON_GITLAB if name == "gitlab" else {})}
    assert differ == ({known[happens][0]} if happens in known else set())


def test_the_whole_table_is_looked_at() -> None:
    assert {each.__name__ for each in (approvals, evidence, landing, owners, ranges)} == {each.__module__ for each in SCENARIOS}
