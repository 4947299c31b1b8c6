"""How a repository on GitHub is set up, for `changegate doctor`. It only reads: every request is a GET or a query."""

from changegate.forges.github.client import Client
from changegate.forges.github.range import Repository
from changegate.forges.github.settings.access import read_repository, read_token, token_kind
from changegate.forges.github.settings.branches import read_branch
from changegate.forges.github.settings.environments import read_environment
from changegate.forges.github.settings.files import read_files
from changegate.settings import Settings, Wanted

__all__ = ["read_settings", "token_kind"]


def read_settings(client: Client, given: Repository, wanted: Wanted, kind: tuple[str, bool]) -> Settings:
    """Everything that the token shows. Raises `ForgeError` where the repository itself can't be seen."""
    state, answer = read_repository(client, given)
    owner, _, name = state.name.partition("/")
    repository = Repository(owner, name)
    branch = wanted.branch or state.default_branch
    return Settings(
        token=read_token(client, repository, answer, branch, kind),
        repository=state,
        branch=read_branch(client, repository, branch),
        evidence=read_branch(client, repository, wanted.evidence_branch) if wanted.evidence_branch else None,
        environment=read_environment(client, repository, wanted.environment),
        files=read_files(client, repository, branch, wanted.policy_path),
    )
