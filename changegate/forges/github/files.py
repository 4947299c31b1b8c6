"""The files that a pull request changes, all of them. GraphQL names no renamed file's old path, so they come from REST.

Source: REST "List pull requests files", which gives 3,000 at most, a hundred a page.
"""

from typing import Final

from changegate.errors import ForgeError
from changegate.facts import ChangedFile, Known, Unavailable
from changegate.forges.caps import check_files
from changegate.forges.github.answer import Answer, UnreadableError
from changegate.forges.github.client import Client
from changegate.forges.github.range import Repository

_PAGE: Final = 100
_STATUSES: Final = frozenset({"added", "removed", "modified", "renamed", "copied", "changed", "unchanged"})


def fetch_files(client: Client, repository: Repository, number: int, holder: Answer) -> Known[tuple[ChangedFile, ...]]:
    """Every file of the pull request, as many as GitHub counts. One request for each hundred."""
    try:
        count = check_files(f"#{number}", holder.at("pull").number("changedFiles"))
        path = f"/repos/{repository.owner}/{repository.name}/pulls/{number}/files"
        files: dict[str, ChangedFile] = {}
        for page in range(1, -(-count // _PAGE) + 1):
            listed = Answer({"files": client.get(path, {"per_page": _PAGE, "page": page}).value}, f"#{number}").items("files")
            files.update((each.text("filename"), _read_file(each)) for each in listed)
        if len(files) != count:
            raise UnreadableError(
                f"GitHub lists {len(files)} of the {count} files of #{number}", remedy="Run the job again; if it stays, ask GitHub's support."
            )
        return tuple(files.values())
    except ForgeError as gap:
        return Unavailable(why=gap.message, remedy=gap.remedy)


def _read_file(answer: Answer) -> ChangedFile:
    status = answer.text("status")
    if status not in _STATUSES:
        raise UnreadableError(f"GitHub reports a changed file of the unknown status {status}", remedy="Update changegate.")
    was = answer.text("previous_filename") if status == "renamed" else ""
    return ChangedFile(path=answer.text("filename"), was=was, removed=status == "removed")
