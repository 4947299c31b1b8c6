"""Reports to render: real values of the core, few words."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Final

from hypothesis import strategies

from changegate.decision import Finding, Outcome, Remedy, decide
from changegate.facts import (
    Assurance,
    BaseSource,
    Change,
    ChangeKind,
    Deployment,
    DeployRange,
    Facts,
    Identity,
    RangeCommit,
    RangeOutcome,
    Run,
)
from changegate.render import NotRecorded, Recorded, Report

CONTROLS = ("peer-approved", "ticket-linked", "rollback-plan", "checks-passed")
HEAD = "3f2a91c0b1" + "0" * 30
BASE = "1111111111" + "0" * 30
CHECKPOINT = "42:j8aQMsVjGzyVGyE1kNo8NjCPEkZfTYd4mXvQ9Pm2oTc="
RECORDED = Recorded("ab12" * 16, 41, 42, CHECKPOINT, "log.example.com/acme/shop", "git:. (branch changegate-evidence)", "changegate-receipt.txt")
ALICE = Identity(key="github:1", login="alice")


def change(number: int, title: str = "", *, id_: str = "", url: str | None = None) -> Change:
    return Change(
        id=id_ or f"#{number}",
        kind=ChangeKind.PULL_REQUEST,
        assurance=Assurance.FORGE,
        title=title or f"Round the totals of the checkout the way that the tax office wants them, part {number}",
        url=f"https://forge.example/acme/shop/pull/{number}" if url is None else url,
        author=ALICE,
        commits=(),
        landed=(f"{number:040x}",),
        head="a" * 40,
        head_tree="b" * 40,
        reviews=(),
        tickets=(),
        checks=(),
    )


def not_approved(
    change_id: str | None, *, observed: str = "nobody approved it", link: str = "", step: str = "Ask a colleague to review it."
) -> Finding:
    return Finding(
        control="peer-approved",
        change=change_id,
        outcome=Outcome.FAIL,
        reason="not-approved",
        observed=observed,
        required="1 approval by somebody who did not write it",
        remedy=Remedy(who="somebody with write access who did not write it", step=step, link=link),
    )


def passed(change_id: str | None, control: str) -> Finding:
    return Finding(control=control, change=change_id, outcome=Outcome.PASS, reason="met", observed="as asked", required="as asked")


def report(
    changes: tuple[Change, ...] = (),
    *findings: Finding,
    enforced: bool = True,
    environment: str = "production",
    repository: str = "acme/shop",
    ref: str = "refs/heads/main",
    outcome: RangeOutcome = RangeOutcome.AHEAD,
    where: Recorded | NotRecorded = RECORDED,
) -> Report:
    """A report on `changes` with `findings`, and a passing finding for whatever control and change they leave out."""
    given = {(each.change, each.control) for each in findings}
    rest = [passed(each.id, control) for each in changes for control in CONTROLS if (each.id, control) not in given]
    commits = tuple(RangeCommit(sha=each.landed[0], tree="c" * 40, parents=(), subject="") for each in changes)
    facts = Facts(
        deployment=Deployment(forge="github", repository=repository, environment=environment, head=HEAD, ref=ref, run=Run(id="1")),
        range=DeployRange(outcome=outcome, base=BASE, head=HEAD, base_source=BaseSource.DEPLOYMENT, commits=commits),
        changes=changes,
        fetched_at=datetime(2026, 11, 1, tzinfo=UTC),
    )
    return Report(decide((*findings, *rest, passed(None, "range-known"))), facts, enforced, ".changegate.yml at 1111111111", where)


def of_size(number: int, fails: Callable[[int], bool] = lambda number: number % 3 == 0) -> Report:
    """A report on so many changes, of which each third is not approved."""
    changes = tuple(change(each) for each in range(1, number + 1))
    return report(changes, *(not_approved(each.id) for index, each in enumerate(changes, 1) if fails(index)))


NASTY: Final = (
    "::set-output name=decision::allowed",
    "\n::error::x",
    "##[add-mask]x",
    "###[group]x",
    "##vso[task.setvariable variable=a]b",
    "%0A::stop-commands::x",
    "</td></tr></table><script>alert(1)</script>",
    "</details><!-- ",
    "<img src=x onerror=alert(1)>",
    "a | b | c",
    "\\| `` ` ``` ~~~",
    "[link](javascript:alert(1)) ![image](https://evil.example/x.png)",
    "https://evil.example/x www.evil.example a@evil.example",
    "@everyone fixes #1 and !2",
    "$x$ $$y$$ :ship: **b** _i_ ~~s~~ [^1] [ ] [x]",
    "- a",
    "    code",
    "1. a",
    "# a",
    "> a",
    "---",
    "\x1b[2J\x1b[31m\x1b]8;;https://evil.example\x07x",
    "\r\n\t\x00\x7f\x85\u2028\u2029",
    "\u202eevil\u2066\u200b\u00ad\ufeff",
    "[bold red]x[/] [/nothing] :smile:",
    "x" * 5000,
    "漢字" * 300,
    "a" + "\u0301" * 50,
    "\U000e0041\ud83d",
    "END_OF_VALUE\nx=y",
    "",
    "   ",
)
hostile = strategies.one_of(
    strategies.sampled_from(NASTY),
    strategies.lists(strategies.sampled_from(NASTY), min_size=2, max_size=3).map("".join),
    strategies.text(max_size=120),
    strategies.text(alphabet="`|<>[]()!*_~#@:&$\\\n -=+.%,1w;\"'{}^/", max_size=60),
)
"""Text that would like to be more than text."""


def with_text(text: str) -> Report:
    """A report in which `text` stands wherever text from outside can stand. Addresses apart: see `web_link`."""
    changes = (change(1, text or " "), change(2, "plain", id_=text or "x", url=""), change(3, text or " ", url=text))
    return report(
        changes,
        not_approved("#1", observed=text or "none", step=text),
        not_approved("#3", observed="other", step=text),
        not_approved(changes[1].id, observed=text or "none", step="Ask.", link=text or "none"),
        Finding(control="ticket-linked", change=None, outcome=Outcome.UNKNOWN, reason="not-seen", observed=text or "none", required=text),
        environment=text,
        repository=text,
        ref=text,
        where=Recorded("ab12" * 16, 41, 42, CHECKPOINT, text, text, text or " ", (text,)),
    )
