"""Variables of the environment that look like settings and are none: one that is misspelt would be ignored without a word."""

import difflib
from collections.abc import Mapping
from typing import Final

SETTINGS: Final = frozenset(
    "CHANGEGATE_" + name
    for name in (
        *("GITHUB_ISSUES_TOKEN", "GITHUB_ISSUES_USER", "GITLAB_ISSUES_TOKEN", "GITLAB_ISSUES_USER"),
        *("JIRA_TOKEN", "JIRA_USER", "LINEAR_TOKEN", "LINEAR_USER", "SERVICENOW_TOKEN", "SERVICENOW_USER"),
        *("AGREED_BY", "EMERGENCY", "INCIDENT", "ISSUE"),
        *(
            "API_URL",
            "ARTIFACT",
            "BASE",
            "BRANCH",
            "CHANGE",
            "COVERAGE",
            "DEBUG",
            "DOTENV",
            "ENVIRONMENT",
            "ENVIRONMENT_URL",
            "FINISHED",
            "FORGE",
            "FORMAT",
        ),
        *(
            "HEAD",
            "JUNIT",
            "KEY_PASSPHRASE",
            "LOG_KEY",
            "LOG_KEY_PASSPHRASE",
            "NAME",
            "NAMES",
            "NOTE",
            "NO_CHECK",
            "NO_COMMENT",
            "ORIGIN",
            "OWNER",
            "PERIOD",
        ),
        *(
            "POLICY",
            "POLICY_PATH",
            "PROVENANCE",
            "REASON",
            "RECEIPT",
            "RECORD",
            "RECORD_ID",
            "REPOSITORY",
            "SIGNING_KEY",
            "SIGSTORE_CONFIG",
            "STARTED",
            "STORE",
        ),
        *("SUBMIT_ONLY", "SUMMARY", "TEST_RESULTS", "TIMEOUT", "TIMESTAMP_URL", "TOKEN", "TRUST", "URL", "WORKSPACE"),
    )
)
"""What options and secrets are read from."""
_OUTPUTS: Final = frozenset({"CHANGEGATE_REASONS"})
"""What an earlier job's dotenv report sets, where it is like a setting."""
_ALIKE: Final = 0.93


def find_misspelt(environment: Mapping[str, str]) -> dict[str, str]:
    """Names that are no settings and much like one that isn't set, each with that one. Other names below CHANGEGATE_ are the pipeline's own."""
    strangers = sorted(name for name in environment if name.startswith("CHANGEGATE_") and name not in SETTINGS | _OUTPUTS)
    unset = [name for name in sorted(SETTINGS) if name not in environment]
    found = {name: difflib.get_close_matches(name, unset, n=1, cutoff=_ALIKE) for name in strangers}
    return {name: close[0] for name, close in found.items() if close}
