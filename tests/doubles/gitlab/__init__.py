"""A GitLab server for tests: stateful, over real HTTP, with the answers of its published REST description."""

from doubles.gitlab.server import GitLabServer
from doubles.gitlab.state import READER_TOKEN, TOKEN, Hub, Project, Request, User, job_token

__all__ = ["READER_TOKEN", "TOKEN", "GitLabServer", "Hub", "Project", "Request", "User", "job_token"]
