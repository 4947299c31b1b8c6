"""Requests to GitLab: python-gitlab's transport under the forges' patience.

The token is known to python-gitlab alone: it stands in no URL, message or repr, and no redirect is followed with it.
"""

import json
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar, Final, TypeVar
from urllib.parse import urlsplit, urlunsplit

from changegate import __version__
from changegate.errors import ForgeError, InputError
from changegate.forges import answer
from changegate.forges.answer import UnreadableError
from changegate.forges.gitlab.faults import NEEDED, judge
from changegate.forges.patience import ONE_ANSWER, Patience, Reply, Retry

if TYPE_CHECKING:
    import requests
    from gitlab import Gitlab

OnRequest = Callable[[str, str, int, float], None]
"""Told of every exchange: method, URL, status (0: no answer), seconds."""

Parameters = Mapping[str, str | int]

_STATUS_PAGE: Final = "https://status.gitlab.com, or your server's own"
_PAGE: Final = 100
_MAX_PAGES: Final = 200
_AT_ONCE: Final = 8
_JOB_TOKEN: Final = "glcbt-"  # noqa: S105 - a prefix

T = TypeVar("T")
R = TypeVar("R")


class Answer(answer.Answer):
    """A value that GitLab gave."""

    __slots__ = ()
    forge: ClassVar = "GitLab"


class Client:
    """Asks the REST API (v4) of one GitLab server, and its GraphQL API. Safe to be used by several threads."""

    def __init__(
        self,
        token: str,
        *,
        api_url: str,
        of_job: bool = False,
        timeout: float = 60.0,
        now: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
        on_request: OnRequest = lambda _method, _url, _status, _seconds: None,
    ) -> None:
        """`api_url` is `https://HOST[/PATH]/api/v4`; `of_job` where the token is a job's own (CI_JOB_TOKEN), which reads that job and little else.

        Raises `InputError` where URL or token can't be right, `ForgeError` for a token that can't do.
        """
        self.root = check_url(api_url)
        """The address of the server."""
        self._token = token if of_job else check_token(token)
        self._of_job = of_job
        self.patience = Patience(timeout=timeout, now=now, sleep=sleep)
        self._now, self._on_request = now, on_request
        self._passing = threading.local()

    def __repr__(self) -> str:
        return f"Client({self.root!r})"

    def get(self, path: str, /, **parameters: str | int) -> Answer:
        """A REST resource. Raises `ForgeError`."""
        return Answer(self._ask("get", path, parameters, None).body)

    def list_all(self, path: str, /, by: str = "id", **parameters: str | int) -> list[Answer]:
        """Every item of a REST list, all its pages; `by` is what tells its items apart.

        Raises `UnreadableError` where an item comes twice or the pages hold another number than GitLab counts, `ForgeError` where one can't be had.
        """
        found: list[Answer] = []
        total = ""
        for items, counted in self.pages(path, **parameters):
            found += items
            total = counted
        _check_whole(path, found, by, total)
        return found

    def pages(self, path: str, /, **parameters: str | int) -> Iterator[tuple[list[Answer], str]]:
        """The pages of a REST list, and how many items GitLab counts in all (empty where it doesn't: above 10,000). Raises as `list_all`."""
        page = "1"
        for _ in range(_MAX_PAGES):
            reply = self._ask("get", path, {**parameters, "per_page": _PAGE, "page": page}, None)
            items = Answer({"list": reply.body}, path).items("list")
            total = reply.headers.get("x-total", "")
            yield items, total if total.isascii() and total.isdigit() else ""
            following = reply.headers.get("x-next-page", "")
            if not following:
                return
            if not items or not following.isdigit() or int(following) != int(page) + 1:
                break
            page = following
        raise UnreadableError(f"GitLab's list {path} doesn't end where it should", remedy="Deploy fewer changes at once, or run the job again.")

    def send(self, method: str, path: str, body: Mapping[str, Any]) -> Answer:
        """Make, change or delete a REST resource. A request whose answer was lost is sent again, so it may be done twice. Raises `ForgeError`."""
        return Answer(self._ask(method, path, {}, dict(body)).body)

    def query(self, document: str, variables: Mapping[str, Any]) -> Answer:
        """The `data` of a GraphQL query. Any error refuses it whole. Raises `ForgeError`."""
        body = self._ask("post", f"{self.root}/api/graphql", {}, {"query": document, "variables": dict(variables)}).body
        errors = body.get("errors") if isinstance(body, dict) else None
        if errors or not isinstance(body, dict) or not isinstance(body.get("data"), dict):
            said = "; ".join(str(each.get("message", "")) for each in errors if isinstance(each, dict))[:500] if isinstance(errors, list) else ""
            raise ForgeError(f"GitLab could not answer{': ' + said if said else ' by GraphQL'}", remedy=f"Run the job again. {NEEDED}")
        return Answer(body["data"])

    def gather(self, work: Callable[[T], R], items: Sequence[T]) -> list[R]:
        """`work` on each, several at once, in the given order. Raises the first error."""
        if len(items) < 2:
            return [work(each) for each in items]
        with ThreadPoolExecutor(min(_AT_ONCE, len(items))) as pool:
            return list(pool.map(work, items))

    @cached_property
    def _transport(self) -> "Gitlab":
        # Imported here: it costs a third of a second, which commands without GitLab need not pay.
        from gitlab import Gitlab

        own, given = (self._token, None) if self._of_job else (None, self._token)
        made = Gitlab(self.root, oauth_token=given, job_token=own, user_agent=f"changegate/{__version__}", keep_base_url=True)
        made.session.max_redirects = 0
        made.session.hooks["response"].append(self._keep)
        return made

    def _keep(self, response: "requests.Response", **_: Any) -> None:
        """python-gitlab tells of a failure without its headers, so each thread keeps the answer as it passes."""
        self._passing.response = response

    def _ask(self, method: str, path: str, parameters: Parameters, body: dict[str, Any] | None) -> Reply:
        return self.patience.ask(lambda: self._exchange(method, path, parameters, body), judge, forge="GitLab", status_page=_STATUS_PAGE)

    def _exchange(self, method: str, path: str, parameters: Parameters, body: dict[str, Any] | None) -> Reply | Retry:
        import requests
        from gitlab.exceptions import GitlabError

        began, status = self._now(), 0
        self._passing.response = None
        timeout = max(1.0, min(ONE_ANSWER, self.patience.time_left))
        try:
            with suppress(GitlabError, requests.exceptions.TooManyRedirects):  # the answer itself says it
                self._transport.http_request(
                    method, path, query_data=dict(parameters), post_data=body, timeout=timeout, obey_rate_limit=False, max_retries=0
                )
            response = self._passing.response
            if response is None:
                return Retry("python-gitlab gave no answer")
            status = response.status_code
            return Reply(status, {name.lower(): value for name, value in response.headers.items()}, _parse(response.text))
        except requests.exceptions.Timeout:
            return Retry(f"GitLab at {self.root} did not answer in time", heavy=True)
        except requests.exceptions.SSLError:
            raise ForgeError(
                "GitLab's certificate can't be verified",
                remedy="Set REQUESTS_CA_BUNDLE to the certificates of your network (on GitLab, the component's input ca-file).",
            ) from None
        except requests.exceptions.RequestException as cut:
            return Retry(f"the connection to GitLab at {self.root} broke ({type(cut).__name__})", heavy=True)
        finally:
            self._on_request(method.upper(), path, status, self._now() - began)


def check_url(api_url: str) -> str:
    """The server's address, from its API's. Raises `InputError`."""
    parts = urlsplit(api_url.rstrip("/"))
    example = "Pass it as https://HOST/api/v4, as CI_API_V4_URL has it."
    if parts.scheme not in {"https", "http"} or not parts.hostname or not parts.path.endswith("/api/v4"):
        raise InputError("The API URL of GitLab is not an http(s) address that ends in /api/v4", remedy=example)
    if parts.scheme == "http" and parts.hostname not in {"127.0.0.1", "::1", "localhost"}:
        raise InputError("The API URL of GitLab is not encrypted, and the token would be sent to it", remedy="Pass its https address.")
    if parts.username or parts.query or parts.fragment:
        raise InputError("The API URL of GitLab holds more than a host and a path", remedy=example)
    return urlunsplit(parts).removesuffix("/api/v4")


def check_token(token: str) -> str:
    """The token, if it can be one that reads approvals. Raises `InputError`, `ForgeError`."""
    if not token:
        raise ForgeError("no token for GitLab", remedy=NEEDED)
    if not token.isascii() or not token.isprintable() or " " in token:
        raise InputError("The token for GitLab holds characters that no token has", remedy="Pass the token alone, without spaces or line ends.")
    if token.startswith(_JOB_TOKEN):
        raise ForgeError("a CI_JOB_TOKEN can't read approvals, nor the versions of a merge request: nothing could be judged", remedy=NEEDED)
    return token


def _parse(text: str) -> Any:
    """The JSON of an answer, or None where it is none (an HTML page, a cut body)."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def _check_whole(path: str, found: list[Answer], by: str, total: str) -> None:
    named = [each.value.get(by) if isinstance(each.value, dict) else None for each in found]
    if None in named or len({str(each) for each in named}) != len(named):
        raise UnreadableError(f"GitLab's list {path} repeats an item, or holds one without {by}", remedy="Run the job again.")
    if total and total != str(len(found)):
        raise UnreadableError(f"GitLab's list {path} brought {len(found)} of {total}", remedy="Run the job again; if it stays, report it.")
