"""A rollback plan, told from boilerplate."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from changegate.plan import Verdict, find_sections, read_plan

HEADINGS = ("Rollback plan", "Rollback", "Plan de retour")
TEMPLATE = """## What
<!-- What does this change do? -->
## Rollback plan
Revert the merge commit and redeploy the previous release.
- [ ] The steps were tried
"""
VERSIONS = ("v1.4.0", "2026-11-02", "3f2a91c0b1d2e3f4a5b6c7d8e9f0a1b2c3d4e5f6")

CASES = [
    ("no text", "", Verdict.ABSENT),
    ("no such section", "## What\nIt rounds prices up.", Verdict.ABSENT),
    ("a word in the text is no section", "We need no rollback plan here because we are good.", Verdict.ABSENT),
    ("a section with steps", "## Rollback plan\nRedeploy the last release, then clear the price cache.", Verdict.SPECIFIC),
    ("any level", "#### rollback PLAN\nRedeploy the last release, clear the cache.", Verdict.SPECIFIC),
    ("closing hashes", "## Rollback plan ##\nRedeploy the last release, clear the cache.", Verdict.SPECIFIC),
    ("underlined", "Rollback plan\n=============\nRedeploy the last release, clear the cache.", Verdict.SPECIFIC),
    ("bold", "**Rollback plan:**\nRedeploy the last release, clear the cache.", Verdict.SPECIFIC),
    ("a label line", "Rollback plan:\n  Redeploy the last release, clear the cache.", Verdict.SPECIFIC),
    ("a trailer", "Fix it.\n\nRollback: switch the flag new-prices off", Verdict.SPECIFIC),
    ("a trailer with a dash", "Fix it.\n\nRollback-plan: switch the flag new-prices off", Verdict.SPECIFIC),
    ("another language, as the policy says", "## Plan de retour\nRedéployer la version précédente puis vider le cache.", Verdict.SPECIFIC),
    ("a heading with a colon", "## Rollback plan:\nSwitch the flag new-prices off.", Verdict.SPECIFIC),
    ("the section ends at the next of its level", "## Rollback plan\n\n## Notes\nThere is a lot to say about this.", Verdict.EMPTY),
    ("deeper headings belong to it", "## Rollback plan\n### Steps\nSwitch the flag new-prices off.", Verdict.SPECIFIC),
    ("the second section counts, too", "## Rollback\nn/a\n## Rollback plan\nSwitch the flag new-prices off.", Verdict.SPECIFIC),
    ("empty", "## Rollback plan\n", Verdict.EMPTY),
    ("only punctuation", "## Rollback plan\n---\n...\n", Verdict.EMPTY),
    ("only a comment", "## Rollback plan\n<!-- Redeploy the last release and clear the cache. -->", Verdict.EMPTY),
    ("an open comment hides the rest", "## Rollback plan\n<!-- Redeploy the last release and clear the cache.", Verdict.EMPTY),
    ("a heading in a comment", "<!--\n## Rollback plan\nRedeploy the last release and clear the cache.\n-->", Verdict.ABSENT),
    ("a heading in a code fence", "```\n## Rollback plan\nRedeploy the last release and clear the cache.\n```", Verdict.ABSENT),
    ("only trailers follow", "Rollback plan:\n\nReviewed-by: Bob Reviewer <bob@example.com>\nTicket: SHOP-12 prices round up", Verdict.EMPTY),
    ("n/a", "## Rollback plan\nn/a", Verdict.BOILERPLATE),
    ("none, padded", "## Rollback plan\nNone at all!", Verdict.BOILERPLATE),
    ("no rollback needed, padded", "Rollback: No rollback is needed.", Verdict.BOILERPLATE),
    ("git revert HEAD", "Rollback: `git revert HEAD`", Verdict.BOILERPLATE),
    ("we can just revert the PR", "Rollback: We can just revert the PR", Verdict.BOILERPLATE),
    ("see the ticket", "Rollback: please see the ticket", Verdict.BOILERPLATE),
    ("a mashed keyboard", "Rollback: asdf qwer zxcv", Verdict.BOILERPLATE),
    ("a test of its own words", "Rollback: test the old price list, then switch to it", Verdict.SPECIFIC),
    ("git revert, then a step", "Rollback: git revert HEAD, then purge the cache", Verdict.SPECIFIC),
    ("N.A.", "## Rollback plan\nN.A.", Verdict.BOILERPLATE),
    ("none", "## Rollback plan\n_None._", Verdict.BOILERPLATE),
    ("TODO", "## Rollback plan\nTODO", Verdict.BOILERPLATE),
    ("revert alone", "Rollback: revert", Verdict.BOILERPLATE),
    ("revert this PR", "## Rollback plan\nRevert this PR.", Verdict.BOILERPLATE),
    ("just revert it", "## Rollback plan\n- Just revert it!", Verdict.BOILERPLATE),
    ("one stock phrase a line", "## Rollback plan\nn/a\nrevert this PR\nTBD", Verdict.BOILERPLATE),
    ("a placeholder", "## Rollback plan\nDescribe here how to roll this back.", Verdict.BOILERPLATE),
    ("a question nobody answered", "## Rollback plan\nHow can this change be rolled back?", Verdict.BOILERPLATE),
    ("the template's own text", TEMPLATE, Verdict.TEMPLATE),
    ("the template's own text, ticked", TEMPLATE.replace("[ ]", "[x]"), Verdict.TEMPLATE),
    (
        "the template's own text in other dress",
        "### ROLLBACK plan\n> revert the **merge commit**, and redeploy the previous release!",
        Verdict.TEMPLATE,
    ),
    ("the template's text and steps of its own", TEMPLATE + "\nThen restore table prices from the snapshot.", Verdict.SPECIFIC),
    ("two words", "Rollback: flag off", Verdict.TOO_SHORT),
    ("a version deployed before", "Rollback: v1.4.0", Verdict.NAMES_VERSION),
    ("a version deployed before, in words", "## Rollback plan\nBack to v1.4.0.", Verdict.NAMES_VERSION),
    ("a commit deployed before", "Rollback: 3f2a91c", Verdict.NAMES_VERSION),
    ("too little of a commit id", "Rollback: 3f2a91", Verdict.TOO_SHORT),
    ("a version that was never deployed", "Rollback: v9.9.9", Verdict.TOO_SHORT),
    ("part of a version's name", "Rollback: v1.4", Verdict.TOO_SHORT),
]


@pytest.mark.parametrize(("description", "verdict"), [pytest.param(*case[1:], id=case[0]) for case in CASES])
def test_table(description: str, verdict: Verdict) -> None:
    assert read_plan(description, headings=HEADINGS, templates=(TEMPLATE,), versions=VERSIONS, min_words=3).verdict is verdict


@given(st.text(alphabet=st.sampled_from(list("#*-=`<!> \nRollbackpnv1.4:")), max_size=300))
def test_any_text_is_read(description: str) -> None:
    plan = read_plan(description, headings=HEADINGS, templates=(description,), versions=VERSIONS, min_words=3)
    assert plan.verdict in set(Verdict) - {Verdict.SPECIFIC}, "a description equal to its template says nothing of its own"


def test_a_huge_description_is_read_in_bounded_time() -> None:
    hostile = "## Rollback plan\n# a" + " " * 60_000 + "b\n" + "<!--" * 50_000 + "<" * 50_000 + "**" * 50_000
    assert read_plan(hostile, headings=HEADINGS, templates=(hostile,), versions=(), min_words=3).verdict is not Verdict.SPECIFIC


def test_every_section_is_found() -> None:
    assert [text.strip() for text in find_sections("# Rollback\none\n# Rollback plan\ntwo", HEADINGS)] == ["one", "two"]
