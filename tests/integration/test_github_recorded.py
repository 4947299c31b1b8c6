"""Reviews of real pull requests, as GitHub gave them, through the adapter's own reading.

The recordings are REST's; GraphQL, which the adapter asks, carries the same values under other names, so each is renamed field by field and
nothing is added but what REST lacks (whether the reviewer may write).
"""

import json
import os
from collections import Counter
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from changegate.facts import Identity, IdentityKind, Review, ReviewState, Unavailable
from changegate.forges.github.answer import Answer
from changegate.forges.github.translate import Source, read_reviews

FOLDER = Path(os.environ.get("CHANGEGATE_TEST_DATA", Path(__file__).parents[2].parent / "shared" / "data")) / "reviews"

pytestmark = pytest.mark.skipif(not FOLDER.is_dir(), reason=f"no recorded reviews at {FOLDER}: set CHANGEGATE_TEST_DATA to the folder that has them")


def as_graphql(review: dict[str, Any]) -> dict[str, Any]:
    user = review["user"]
    return {
        "id": str(review["id"]),
        "state": review["state"],
        "submittedAt": review["submitted_at"],
        "url": "",
        "authorCanPushToRepository": review["author_association"] in {"OWNER", "MEMBER", "COLLABORATOR"},
        "author": user and {"__typename": user["type"], "login": user["login"], "databaseId": user["id"]},
        "commit": {"oid": review["commit_id"]} if review["commit_id"] else None,
    }


def read(name: str) -> tuple[list[dict[str, Any]], tuple[Review, ...]]:
    recorded = json.loads((FOLDER / name).read_text(encoding="utf-8"))
    page = {"totalCount": len(recorded), "pageInfo": {"hasNextPage": False, "endCursor": None}, "nodes": [as_graphql(review) for review in recorded]}
    pull = Answer({"id": "PR", "reviews": page})
    return recorded, read_reviews(Source(lambda _document, _variables: pull, "systemd/systemd", "github.com", ""), pull)


@pytest.mark.parametrize("name", ["systemd-15556.json", "systemd-28565.json", "systemd-4191.json"])
def test_every_recorded_review_is_read(name: str) -> None:
    recorded, reviews = read(name)
    assert len(reviews) == len(recorded)
    for before, after in zip(recorded, reviews, strict=True):
        assert after.state.value == before["state"].lower().replace("_", "-")
        assert after.submitted_at == datetime.fromisoformat(before["submitted_at"])
        if before["user"] is None:
            assert isinstance(after.reviewer, Unavailable)
        else:
            assert isinstance(after.reviewer, Identity)
            assert after.reviewer.key == f"github:{before['user']['id']}"
            assert (after.reviewer.kind is IdentityKind.BOT) == (before["user"]["type"] == "Bot")


@pytest.mark.parametrize(("name", "approvals"), [("systemd-15556.json", 0), ("systemd-28565.json", 2), ("systemd-4191.json", 1)])
def test_what_they_say(name: str, approvals: int) -> None:
    states = Counter(review.state for review in read(name)[1])
    assert states[ReviewState.APPROVED] == approvals
