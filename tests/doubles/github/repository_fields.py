"""Fields of a repository that GitHub demands and no test looks at."""

URLS = {
    **{f"{each}_url": each for each in ("contributors", "deployments", "downloads", "events", "forks", "hooks", "languages", "merges")},
    **{f"{each}_url": each for each in ("stargazers", "subscribers", "subscription", "tags", "teams")},
    "archive_url": "{archive_format}{/ref}",
    "assignees_url": "assignees{/user}",
    "blobs_url": "git/blobs{/sha}",
    "branches_url": "branches{/branch}",
    "collaborators_url": "collaborators{/collaborator}",
    "comments_url": "comments{/number}",
    "commits_url": "commits{/sha}",
    "compare_url": "compare/{base}...{head}",
    "contents_url": "contents/{+path}",
    "git_commits_url": "git/commits{/sha}",
    "git_refs_url": "git/refs{/sha}",
    "git_tags_url": "git/tags{/sha}",
    "issue_comment_url": "issues/comments{/number}",
    "issue_events_url": "issues/events{/number}",
    "issues_url": "issues{/number}",
    "keys_url": "keys{/key_id}",
    "labels_url": "labels{/name}",
    "milestones_url": "milestones{/number}",
    "notifications_url": "notifications{?since,all,participating}",
    "pulls_url": "pulls{/number}",
    "releases_url": "releases{/id}",
    "statuses_url": "statuses/{sha}",
    "trees_url": "git/trees{/sha}",
}
COUNTS = ("forks", "forks_count", "network_count", "open_issues", "open_issues_count", "size", "stargazers_count", "subscribers_count")
FLAGS = ("disabled", "fork", "has_discussions", "has_downloads", "has_pages", "has_projects", "has_wiki", "is_template")
