"""What the git store says when a server refuses it, and that no credential is ever in it."""

import base64
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from support.evidence import append, log_in
from support.githttp import GitServer

from changegate.errors import StoreError
from changegate.stores.git import GitStore


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    folder = tmp_path / "evidence.git"
    subprocess.run(["git", "init", "--quiet", "--bare", str(folder)], check=True)
    for setting in ("uploadpack.allowFilter", "http.receivepack"):
        subprocess.run(["git", "-C", str(folder), "config", setting, "true"], check=True)
    return folder


def test_a_token_from_the_environment_works_and_a_wrong_one_is_refused_by_name(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with GitServer(repository.parent, token="s3cret") as url:
        with pytest.raises(StoreError, match="authentication failed"):
            append(log_in(GitStore(f"{url}/evidence.git")), 1)
        for token, works in (("wrong", False), ("s3cret", True)):
            header = base64.b64encode(f"x-access-token:{token}".encode()).decode()
            monkeypatch.setenv("GIT_CONFIG_COUNT", "1")
            monkeypatch.setenv("GIT_CONFIG_KEY_0", f"http.{url}/.extraheader")
            monkeypatch.setenv("GIT_CONFIG_VALUE_0", f"AUTHORIZATION: basic {header}")
            if works:
                assert append(log_in(GitStore(f"{url}/evidence.git")), 1).index == 0
            else:
                with pytest.raises(StoreError, match="authentication failed") as caught:
                    append(log_in(GitStore(f"{url}/evidence.git")), 1)
                assert header not in caught.value.message


def test_no_right_to_push_is_said_and_no_credential_is_shown(repository: Path) -> None:
    with GitServer(repository.parent, read_only=True) as url:
        store = GitStore(url.replace("://", "://bob:s3cret@") + "/evidence.git")
        assert "s3cret" not in store.url
        with pytest.raises(StoreError, match="no permission to push") as caught:
            append(log_in(store), 1)
        assert "s3cret" not in caught.value.message


def hook(text: str) -> Callable[[Path], None]:
    def install(repository: Path) -> None:
        path = repository / "hooks" / "pre-receive"
        path.parent.mkdir(exist_ok=True)
        path.write_text(f"#!/bin/sh\n{text}\n")
        path.chmod(0o755)

    return install


@pytest.mark.parametrize(
    "said", ["GH006: Protected branch update failed", "GitLab: You are not allowed to push code to protected branches on this project."]
)
def test_a_protected_branch_is_said(repository: Path, said: str) -> None:
    hook(f"echo '{said}' >&2; exit 1")(repository)
    with pytest.raises(StoreError, match="the branch is protected"):
        append(log_in(GitStore(str(repository))), 1)


def test_a_repository_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="the repository was not found"):
        append(log_in(GitStore(str(tmp_path / "none.git"))), 1)


def test_hooks_and_settings_of_the_workspace_are_never_run(repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    workspace = tmp_path / "workspace"
    subprocess.run(["git", "init", "--quiet", str(workspace)], check=True)
    trap = workspace / ".git" / "hooks"
    trap.mkdir(exist_ok=True)
    for name in ("pre-push", "reference-transaction", "post-index-change"):
        (trap / name).write_text(f"#!/bin/sh\ntouch {tmp_path}/sprung\n")
        (trap / name).chmod(0o755)
    monkeypatch.chdir(workspace)
    monkeypatch.setenv("GIT_DIR", str(workspace / ".git"))
    monkeypatch.setenv("GIT_TEMPLATE_DIR", str(workspace / ".git"))
    assert append(log_in(GitStore(str(repository))), 1).index == 0
    assert not (tmp_path / "sprung").exists()
    assert not (workspace / ".git" / "refs" / "changegate").exists()


def test_contents_that_cannot_be_fetched_are_an_error_and_never_absent(repository: Path) -> None:
    append(log_in(GitStore(str(repository))), 1)
    with GitServer(repository.parent) as url:
        store = GitStore(f"{url}/evidence.git")
        assert "commit/001" in store.list("")
    with pytest.raises(StoreError):
        store.read("commit/001")
    with pytest.raises(StoreError):
        store.create("commit/001", b"other")
    assert GitStore(str(repository)).read("commit/001") != b"other"
