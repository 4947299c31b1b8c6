"""Whether a bot that the policy exempts made a change, all of it. Facts in, values out.

A name in a commit proves nothing: anybody can write it. What counts is the account by its number, and on every commit a signature
that the forge verified.
"""

from collections.abc import Iterable

from changegate.facts import Change, Commit, Identity, IdentityKind, Unavailable


def find_exempt_bot(change: Change, bots: Iterable[int]) -> Identity | None:
    """The bot, where all of this is known; else None. `bots` are the accounts of GitHub that may be one, by number.

    1. It opened the change, and is one of these.
    2. Every commit that the change has or had is its own, co-authors included; it or the forge committed it; nobody else is known to have pushed.
    3. The forge verified every commit. A person's commit on a bot's change, be it a merge, ends the exemption.
    """
    bot = change.author
    if isinstance(bot, Unavailable) or bot.kind is not IdentityKind.BOT or bot.key not in {f"github:{number}" for number in bots}:
        return None
    if isinstance(change.commits, Unavailable) or not change.commits:
        return None
    for people in (change.former, change.pushers):
        if isinstance(people, Unavailable) or any(isinstance(person, Unavailable) or person.key != bot.key for person in people):
            return None
    return bot if all(_is_its_own(commit, bot) for commit in change.commits) else None


def _is_its_own(commit: Commit, bot: Identity) -> bool:
    by_forge = not isinstance(commit.committer, Unavailable) and commit.committer.kind is IdentityKind.PLATFORM
    makers = (commit.author, *commit.co_authors, *(() if by_forge else (commit.committer,)))
    return commit.verified and all(not isinstance(person, Unavailable) and person.key == bot.key for person in makers)
