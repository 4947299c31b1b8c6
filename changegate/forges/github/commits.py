"""One commit, from GitHub's JSON. Pure but for further pages of authors and parents, which it asks for through `ask`."""

import re
from typing import Final

from changegate.facts import Commit, Trailer
from changegate.forges.caps import check_message, cut_line
from changegate.forges.github.answer import Answer, UnreadableError
from changegate.forges.github.pages import Ask, read_all
from changegate.forges.github.people import Vouched, read_author, read_co_authors, read_committer
from changegate.forges.github.queries import AUTHORS, PARENTS

_SHA: Final = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
_TRAILER: Final = re.compile(r"([A-Za-z0-9][A-Za-z0-9-]*)[ \t]*:[ \t]*(\S.*)")


def read_sha(answer: Answer, key: str) -> str:
    """A full object id."""
    sha = answer.text(key)
    if not _SHA.fullmatch(sha):
        raise UnreadableError(f"GitHub's answer holds no object id at {answer.where}.{key}", remedy="Check that the API URL is GitHub's.")
    return sha


def read_commit(ask: Ask, commit: Answer, host: str) -> Commit:
    """A commit with its people. Raises `UnreadableError` where its graph or message is not there; a person may be `Unavailable`."""
    message = check_message(commit.text("oid"), commit.text("message"))
    signature = commit.get("signature")
    vouched = Vouched(
        valid=signature is not None and signature.flag("isValid"),
        by_github=signature is not None and signature.flag("wasSignedByGitHub"),
    )
    authors = read_all(ask, commit, AUTHORS)
    if not authors:
        raise UnreadableError(f"GitHub names no author at {commit.where}", remedy="Run the job again; if it stays, ask GitHub's support.")
    return Commit(
        sha=read_sha(commit, "oid"),
        tree=read_sha(commit.at("tree"), "oid"),
        parents=tuple(read_sha(parent, "oid") for parent in read_all(ask, commit, PARENTS)),
        subject=subject_of(message),
        author=read_author(commit, vouched, host),
        committer=read_committer(commit, vouched, host),
        co_authors=read_co_authors(authors, host),
        verified=vouched.valid,
        trailers=trailers_of(message),
    )


def subject_of(message: str) -> str:
    """The first line of a commit message; only its beginning where it is very long."""
    return cut_line(message.strip("\n").split("\n", 1)[0].strip())


def trailers_of(message: str) -> tuple[Trailer, ...]:
    """The `Key: value` lines of the last paragraph, where it holds nothing else (git-interpret-trailers, without its leniency)."""
    paragraphs = re.split(r"\n[ \t]*\n", message.replace("\r\n", "\n").strip())
    found: list[Trailer] = []
    for line in paragraphs[-1].split("\n") if len(paragraphs) > 1 else ():
        match = _TRAILER.fullmatch(line.rstrip())
        if match:
            found.append(Trailer(key=match[1], value=match[2]))
        elif found and line[:1] in {" ", "\t"}:
            found[-1] = Trailer(key=found[-1].key, value=f"{found[-1].value} {line.strip()}")
        elif not line.startswith("(cherry picked from commit "):
            return ()
    return tuple(found)
