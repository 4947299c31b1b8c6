"""GitHub's and GitLab's issues as a tracker's: the doubles of the forges answer, for repositories that hold nothing but issues."""

import re
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs, urlsplit

from doubles import github, gitlab
from doubles.github import graphql, state
from doubles.gitlab import rest
from doubles.gitlab import state as gitlab_state
from doubles.serving import Asked, Reply
from doubles.trackers import TOKEN, Issue, Tracker


class GitHubIssuesServer(Tracker):
    """GitHub, with these repositories in sight."""

    def __init__(self, *projects: str) -> None:
        super().__init__(*projects)
        self.hub = github.Hub()
        self.alice = self.hub.user("alice")
        self.repositories = {project: self.hub.repository(project, writers=(self.alice,)) for project in projects}

    def issue(self, key: str, **differs: Any) -> Issue:
        """An issue of that number; where no such repository is in sight, it is out of it, too."""
        made = super().issue(key, **{"status": "OPEN"} | differs)
        project, _, number = key.rpartition("#")
        if project in self.repositories and not made.hidden:
            at = datetime.fromisoformat(made.created).astimezone(UTC)
            self.repositories[project].issues[int(number)] = state.Issue(int(number), made.title, at, made.status, author=self.alice)
        return made

    def answer(self, asked: Asked, token: str) -> Reply:
        """What GitHub would answer."""
        if token != TOKEN:
            return Reply(401, {"message": "Bad credentials", "documentation_url": "https://docs.github.com/rest", "status": "401"}, {})
        if (asked.method, asked.path) != ("POST", "/graphql"):
            return Reply(404, {"message": "Not Found"}, {})
        return Reply(200, graphql.execute(self.hub, frozenset({"issues", "contents", "pull_requests"}), asked.body, "github.com", self.alice), {})


class GitLabIssuesServer(Tracker):
    """GitLab, with these projects in sight."""

    def __init__(self, *projects: str) -> None:
        super().__init__(*projects)
        self.hub = gitlab.Hub()
        self.alice = self.hub.user("alice")
        self.hub.tokens[TOKEN] = self.alice
        self.projects = {project: self.hub.project(project, developers=(self.alice,)) for project in projects}

    def issue(self, key: str, **differs: Any) -> Issue:
        """An issue of that number; where no such project is in sight, it is out of it, too."""
        made = super().issue(key, **{"status": "opened", "type": "issue"} | differs)
        project, _, number = key.rpartition("#")
        if project in self.projects:
            at = datetime.fromisoformat(made.created)
            self.projects[project].issues[int(number)] = gitlab_state.Issue(
                self.hub.next_id(), int(number), made.title, at, made.status, made.hidden, author=self.alice, type=made.type
            )
        return made

    def answer(self, asked: Asked, token: str) -> Reply:
        """What GitLab would answer."""
        parts = urlsplit(asked.path)
        query = {name: ",".join(values) if name.endswith("[]") else values[-1] for name, values in parse_qs(parts.query).items()}
        # Links to what is shown are https, as on a server of one's own.
        return rest.answer(self.hub, token, asked.method, re.sub("^/api/v4", "", parts.path), query, asked.body, "https://gitlab.example.com")
