"""The paths that a merge request touches. Source: "Merge requests API", list merge request diffs."""

from changegate.facts import ChangedFile
from changegate.forges.answer import UnreadableError
from changegate.forges.caps import check_files
from changegate.forges.gitlab.client import Answer, Client


def read_files(client: Client, path: str, detail: Answer) -> tuple[ChangedFile, ...]:
    """Every path of the merge request at `path`, as many as GitLab counts. Raises `UnreadableError`, `ForgeError`.

    `detail` is the merge request by itself. Where it has more files than the server keeps, its `changes_count` ends in a plus, and the list is cut.
    """
    change, count = f"!{detail.number('iid')}", detail.text("changes_count")
    if not (count.isascii() and count.isdigit()):
        raise UnreadableError(
            f"GitLab lists only some of the files of {change} ({count or 'no'} changes)", remedy="Bring it in by several smaller changes."
        )
    due = check_files(change, int(count))
    files = client.list_all(f"{path}/diffs", by="new_path")
    if len(files) != due:
        raise UnreadableError(
            f"GitLab lists {len(files)} of the {due} files of {change}", remedy="Run the job again; if it stays, ask GitLab's support."
        )
    return tuple(map(_read_file, files))


def _read_file(answer: Answer) -> ChangedFile:
    path, before = answer.text("new_path"), answer.text("old_path")
    return ChangedFile(path=path, was=before if before != path else "", removed=answer.flag("deleted_file"))
