"""Requests to GitHub: PyGithub's transport under one policy for retries and time (ADR 0020).

A passing fault is tried again, a lasting one is a `ForgeError`; no request starts after the total time is up. The token is known to
PyGithub's requester alone: it stands in no URL, message or repr.
"""

import json
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit, urlunsplit

from changegate import __version__
from changegate.errors import ForgeError, InputError
from changegate.forges.github.answer import Answer, graft
from changegate.forges.github.faults import explain_refusal, judge_status, permission_remedy
from changegate.forges.patience import ONE_ANSWER, Patience, Reply, Retry

if TYPE_CHECKING:
    from github.Requester import Requester

OnRequest = Callable[[str, str, int, float], None]
"""Told of every exchange: method, URL, status (0: no answer), seconds."""

_NO_CONTENT: Final = 204


class Client:
    """Asks GitHub's REST and GraphQL APIs.

    `timeout` bounds the seconds of all requests and waits together, counted by `now` from the first request.
    """

    def __init__(
        self, token: str, *, api_url: str, timeout: float, now: Callable[[], float], sleep: Callable[[float], None], on_request: OnRequest
    ) -> None:
        parts = urlsplit(api_url.rstrip("/"))
        if parts.scheme not in {"https", "http"} or not parts.hostname:
            raise InputError("The API URL of GitHub is not an http(s) address", remedy="Pass https://api.github.com or https://HOST/api/v3.")
        if parts.scheme == "http" and parts.hostname not in {"127.0.0.1", "::1", "localhost"}:
            raise InputError("The API URL of GitHub is not encrypted, and the token would be sent to it", remedy="Pass its https address.")
        if parts.username or parts.query or parts.fragment:
            raise InputError("The API URL of GitHub holds more than a host and a path", remedy="Pass https://api.github.com or https://HOST/api/v3.")
        if not token:
            raise ForgeError("no token for GitHub", remedy="Set CHANGEGATE_TOKEN, or the action's input `token`. " + permission_remedy())
        if not token.isascii() or not token.isprintable() or " " in token:
            raise InputError("The token for GitHub holds characters that no token has", remedy="Pass the token alone, without spaces or line ends.")
        self._token = token
        self._api_url = urlunsplit(parts)
        self._patience = Patience(timeout=timeout, now=now, sleep=sleep)
        self._now = now
        self._on_request = on_request
        self._transport: Requester | None = None

    def __repr__(self) -> str:
        return f"Client({self._api_url!r})"

    def query(self, document: str, variables: Mapping[str, Any] | None = None) -> Answer:
        """The `data` of a GraphQL query, refusals in their places. Raises `ForgeError`."""
        url = self._requester().graphql_url
        return graft(self._ask("POST", url, {"query": document, "variables": dict(variables or {})}), explain_refusal)

    def get(self, path: str, parameters: Mapping[str, str | int]) -> Answer:
        """A REST resource. Raises `ForgeError`."""
        query = "&".join(f"{name}={value}" for name, value in parameters.items())
        return Answer(self._ask("GET", f"{path}?{query}", None))

    def send(self, method: str, path: str, body: Mapping[str, Any]) -> Answer:
        """Make, change or delete a REST resource. A request whose answer was lost is sent again, so it may be done twice. Raises `ForgeError`."""
        return Answer(self._ask(method, path, dict(body)))

    def clock(self) -> datetime | None:
        """What GitHub's clock shows, as its newest answer said; None before the first."""
        return self._patience.clock()

    def wait(self, seconds: float) -> bool:
        """Sleep, if that leaves time for another request; else say False."""
        return self._patience.wait(seconds)

    def _requester(self) -> "Requester":
        if self._transport is None:
            # Imported here: it costs a quarter of a second, which commands without GitHub need not pay.
            from github import Auth, Github

            self._transport = Github(
                base_url=self._api_url,
                auth=Auth.Token(self._token),
                user_agent=f"changegate/{__version__}",
                timeout=max(1, min(ONE_ANSWER, int(self._patience.timeout))),
                retry=None,  # ours, below: PyGithub's sleeps by itself for as long as a rate limit lasts
                seconds_between_requests=None,
                seconds_between_writes=None,
            ).requester
        return self._transport

    def _ask(self, method: str, url: str, body: dict[str, Any] | None) -> Any:
        return self._patience.ask(lambda: self._exchange(method, url, body), _judge, forge="GitHub", status_page="https://www.githubstatus.com").body

    def _exchange(self, method: str, url: str, body: dict[str, Any] | None) -> Reply | Retry:
        import requests

        began = self._now()
        status = 0
        try:
            status, headers, text = self._requester().requestJson(method, url, input=body)
            return Reply(status, headers, _parse(text))
        except requests.exceptions.Timeout:
            return Retry(f"GitHub at {self._api_url} did not answer in time", heavy=True)
        except requests.exceptions.SSLError:
            raise ForgeError("GitHub's certificate can't be verified", remedy="Set REQUESTS_CA_BUNDLE to the certificates of your network.") from None
        except requests.exceptions.RequestException as cut:
            return Retry(f"the connection to GitHub at {self._api_url} broke ({type(cut).__name__})", heavy=True)
        except RuntimeError:  # PyGithub, on a redirect that it won't follow
            raise ForgeError("GitHub redirects to another host", remedy="Pass the API URL by its present name.") from None
        finally:
            self._on_request(method, url, status, self._now() - began)


def _judge(reply: Reply) -> Retry | ForgeError | None:
    verdict = judge_status(reply.status, reply.headers, reply.body)
    if verdict is None and reply.body is None and reply.status != _NO_CONTENT:
        return Retry("GitHub's answer is not JSON")
    return verdict


def _parse(text: str) -> Any:
    """The JSON of an answer, or None where it is none (an HTML page, a cut body)."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None
