"""What `changegate init` proposes for a repository: files to write, and what is left to do by hand. A look at the repository in, texts out. Pure.

Nothing that deploys is edited: the gate's step is shown, for whoever knows the workflow to put it in. Sources: "Workflow syntax for GitHub Actions",
"Creating a pull request template for your repository" (docs.github.com); "Description templates", "CI/CD components" (docs.gitlab.com).
"""

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Final, NamedTuple
from urllib.parse import urlsplit

from changegate.doctor import workflow_file
from changegate.doctor.gitlab import ci_file
from changegate.errors import FormatError
from changegate.plan import find_sections
from changegate.policy import FILE_NAME
from changegate.tickets import ReferenceKind, find_references

NEWEST: Final = 500
"""How many of the newest commits are looked at for keys of tickets."""
_OFTEN: Final = 3
"""In how many of them a project's keys must stand."""
_GITHUB_TEMPLATES: Final = re.compile(r"(?:\.github/|docs/)?pull_request_template(?:\.md|\.txt)?", re.IGNORECASE)
_GITLAB_TEMPLATE: Final = ".gitlab/merge_request_templates/Default.md"
_WORKFLOW: Final = re.compile(r"\.github/workflows/[^/]+\.ya?ml")
_PREVIEW: Final = ".github/workflows/changegate-preview.yml"
GITLAB_FILE: Final = ".gitlab-ci.yml"
_HEADINGS: Final = ("Rollback plan", "Rollback", "Roll-back plan", "Back-out plan", "Backout plan")
_SECTION: Final = "## Rollback plan\n\n<!-- How is this undone, and how does one see that it worked? Steps, or the version to return to. -->\n"


class Repository(NamedTuple):
    """What was looked at."""

    origin: str
    """The address of the remote `origin`; empty without one."""
    paths: frozenset[str]
    """Every file that git keeps track of."""
    files: Mapping[str, bytes]
    """The content of those that `is_wanted` names."""
    subjects: tuple[str, ...]
    """Of the newest commits."""


class Place(NamedTuple):
    """A job that deploys."""

    file: str
    job: str
    environment: str


class File(NamedTuple):
    """A file to write."""

    path: str
    before: str | None
    """None where there is none yet."""
    after: str


class Proposal(NamedTuple):
    """What to do."""

    forge: str
    found: tuple[str, ...]
    """What was seen, in words."""
    files: tuple[File, ...]
    steps: tuple[str, ...]
    """What only people can do, in order; some hold lines to copy."""


def is_wanted(path: str) -> bool:
    """Whether a file's content is looked at."""
    return path in (FILE_NAME, GITLAB_FILE, _GITLAB_TEMPLATE) or bool(_WORKFLOW.fullmatch(path) or _GITHUB_TEMPLATES.fullmatch(path))


def propose(repository: Repository, policy: str, *, version: str) -> Proposal:
    """What to write and to do. `policy` is the text of a policy with every default; `version` the one of changegate to run."""
    forge, projects = find_forge(repository), find_projects(repository.subjects)
    places, unread = _find_places(repository, forge)
    environment = next((each.environment for each in places if each.environment), "production")
    files = [*_policy(repository, policy, forge, projects), *_template(repository, forge)]
    if forge == "github" and _PREVIEW not in repository.paths:
        files.append(File(_PREVIEW, None, _preview(environment, version)))
    found = tuple(_found(repository, forge, projects, places, unread))
    return Proposal(forge, found, tuple(files), tuple(_steps(forge, projects, places, environment, version)))


def find_forge(repository: Repository) -> str:
    """`github`, `gitlab`, or `git` where neither the remote nor the files tell."""
    host = _host(repository.origin)
    for forge in ("github", "gitlab"):
        if host == f"{forge}.com" or forge in host.split("."):
            return forge
    if GITLAB_FILE in repository.paths:
        return "gitlab"
    return "github" if any(_WORKFLOW.fullmatch(path) for path in repository.paths) else "git"


def _host(address: str) -> str:
    """Of a URL, or of git's short form `user@host:path`."""
    short = re.fullmatch(r"(?:[^@/]+@)?([A-Za-z0-9.-]+):(?!//).*", address)
    try:
        return (short[1] if short else urlsplit(address).hostname or "").lower()
    except ValueError:
        return ""


def find_projects(subjects: tuple[str, ...]) -> tuple[str, ...]:
    """The tracker projects whose keys stand in several of these commits, the most frequent first; `UTF-8` and its like are none."""
    named = [{each.key.partition("-")[0] for each in find_references(subject) if each.kind is ReferenceKind.KEY} for subject in subjects[:NEWEST]]
    counts = Counter(project for each in named for project in each)
    return tuple(project for project, count in counts.most_common(10) if count >= _OFTEN)


def _find_places(repository: Repository, forge: str) -> tuple[list[Place], list[str]]:
    """The jobs with an environment; and why a file couldn't be read."""
    places, unread = list[Place](), list[str]()
    for path, data in sorted(repository.files.items()):
        try:
            if forge == "github" and _WORKFLOW.fullmatch(path):
                places += [Place(path, job.id, job.environment) for job in workflow_file.parse(path, data).jobs if job.environment]
            elif forge == "gitlab" and path == GITLAB_FILE:
                places += [Place(path, job.name, job.environment) for job in ci_file.parse(data) if job.environment and job.action in ("", "start")]
        except FormatError as error:
            unread.append(error.message)
    return places, unread


def _policy(repository: Repository, policy: str, forge: str, projects: tuple[str, ...]) -> Iterator[File]:
    if FILE_NAME in repository.paths:
        return
    text = policy
    if forge != "git":
        text = re.sub(r"(?m)^assurance: asserted\b", "assurance: forge   ", text)
    if projects:
        text = text.replace("projects: []  ", f"projects: [{', '.join(projects)}]  ", 1).replace("forge-issues: false", "forge-issues: true ", 1)
        # Nobody looks the keys up yet, so that the forge can't vouch for them.
        text = text.replace("assurance: forge   ", "assurance: asserted", 1)
    yield File(FILE_NAME, None, text)


def _template(repository: Repository, forge: str) -> Iterator[File]:
    if forge == "git":
        return
    default = ".github/pull_request_template.md" if forge == "github" else _GITLAB_TEMPLATE
    there = sorted(path for path in repository.files if (_GITHUB_TEMPLATES.fullmatch(path) if forge == "github" else path == default))
    texts = {path: repository.files[path].decode("utf-8", "replace") for path in there}
    if any(True for text in texts.values() for _ in find_sections(text, _HEADINGS)):
        return
    path = next(iter(there), default)
    before = texts.get(path)
    yield File(path, before, (f"{before.rstrip()}\n\n" if before and before.strip() else "") + _SECTION)


def _preview(environment: str, version: str) -> str:
    return f"""\
# Shows on each pull request what its deploy would be stopped for. Pin the action by commit.
name: changegate preview
on:
  pull_request:
    types: [opened, reopened, synchronize, edited, ready_for_review]
  pull_request_review:
    types: [submitted, dismissed]
permissions: {{}}
concurrency:
  group: preview-${{{{ github.event.pull_request.number }}}}
  cancel-in-progress: true
jobs:
  preview:
    runs-on: ubuntu-24.04
    permissions:
      checks: write
      contents: read
      deployments: read
      issues: read
      pull-requests: write
      statuses: read
    steps:
      - uses: changegate/changegate/actions/preview@v{version}
        with:
          change: ${{{{ github.event.pull_request.number }}}}
          environment: {_quoted(environment)}
"""


def _quoted(text: str) -> str:
    """A name that was read, as a scalar of YAML."""
    return "'" + text.replace("'", "''") + "'"


def _found(repository: Repository, forge: str, projects: tuple[str, ...], places: list[Place], unread: list[str]) -> Iterator[str]:
    host = f" ({_host(repository.origin)})" if repository.origin else ""
    yield {"github": "GitHub", "gitlab": "GitLab", "git": "no forge: git alone"}[forge] + host
    yield f"tracker projects in commit subjects: {', '.join(projects)}" if projects else "no keys of a tracker in commit subjects"
    for each in places:
        yield f"a job that deploys: {each.job} in {each.file}, environment {each.environment or 'without a name'}"
    if not places and forge != "git":
        yield "no job with an environment"
    if FILE_NAME in repository.paths:
        yield f"a policy, {FILE_NAME}, which stays as it is"
    for why in unread:
        yield f"not read: {why}"


def _steps(forge: str, projects: tuple[str, ...], places: list[Place], environment: str, version: str) -> Iterator[str]:
    keys = "Make a signing key outside of the repository: changegate keys generate --out ../changegate-key.pem --trust ../changegate-trust.yml"
    if forge == "git":
        yield keys
        yield "Gate a deploy: changegate gate --base COMMIT-THAT-IS-LIVE --signing-key ../changegate-key.pem"
        return
    where = [f"{each.file}, job {each.job}" for each in places] or ["the workflow that deploys" if forge == "github" else GITLAB_FILE]
    yield keys
    if forge == "github":
        yield f"Put it as the secret CHANGEGATE_SIGNING_KEY into the environment {environment} (Settings → Environments), then delete the file."
        yield f"Let the gate run before the deploy ({'; '.join(where)}): these permissions, this step.\n{_gate_step(environment, version)}"
        yield f"Settings → Environments → {environment}: only the deployed branch may deploy. Settings → Rules: no direct push to it, no force push."
    else:
        yield "Put it as the variable CHANGEGATE_SIGNING_KEY, and a project access token (Developer, api) as CHANGEGATE_TOKEN: masked, protected."
        yield f"Let the gate run before the deploy ({'; '.join(where)}): include it, and let the deploy need it.\n{_gate_job(environment)}"
        yield "Settings → Repository: protect the deployed branch from pushes. Settings → CI/CD: nobody may use pipeline variables."
    if projects:
        yield f"Have tickets of {', '.join(projects)} looked up: name the tracker under `trackers` in {FILE_NAME}, then set `assurance: forge`."
    yield f"See what can still be gone around: changegate doctor --environment {environment}"


def _gate_step(environment: str, version: str) -> str:
    return f"""\
permissions:
  contents: write        # read the code; append to the branch changegate-evidence
  pull-requests: read
  issues: read
  checks: read
  statuses: read
  deployments: read
steps:
  - uses: changegate/changegate@v{version}   # before the step that deploys; pin it by commit
    with:
      environment: {_quoted(environment)}
      signing-key: ${{{{ secrets.CHANGEGATE_SIGNING_KEY }}}}"""


def _gate_job(environment: str) -> str:
    return f"""\
include:
  - component: $CI_SERVER_FQDN/changegate/changegate/gate@COMMIT   # the full commit of the release, twice
    inputs:
      commit: COMMIT
      environment: {_quoted(environment)}
# and in the job that deploys:
needs: [changegate]"""
