"""Requests to trackers, as JSON, under one policy for retries, time and size. Credentials go to the policy's own host and nowhere else."""

import base64
import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final
from urllib.parse import urlsplit

import requests
from urllib3.exceptions import HTTPError

from changegate import __version__
from changegate.errors import ForgeError
from changegate.facts import Lookup
from changegate.forges.patience import ONE_ANSWER, Patience, Reply, Retry, read_seconds

MAX_BYTES: Final = 16 * 1024 * 1024
_PIECE: Final = 64 * 1024
_PASSED_ON: Final = frozenset({400, 404})
"""Answers that a tracker's own file reads."""
_LOGIN_PAGE: Final = 2
"""How often an answer that is no JSON is asked for again: a sign-in page stays one."""


class TrackerError(ForgeError):
    """The tracker can't be asked; `lookup` says whose fault it is."""

    def __init__(self, message: str, lookup: Lookup, *, remedy: str) -> None:
        super().__init__(message, remedy=remedy)
        self.lookup = lookup


class Client:
    """Asks one tracker. `timeout` bounds the seconds of all requests and waits together, from the first request on."""

    def __init__(
        self,
        name: str,
        url: str,
        authorization: str,
        *,
        timeout: float,
        now: Callable[[], float],
        sleep: Callable[[float], None],
        on_request: Callable[[str, str, int, float], None],
    ) -> None:
        self.name, self._url, self._now, self._on_request = name, url.rstrip("/"), now, on_request
        self._patience = Patience(timeout=timeout, now=now, sleep=sleep)
        self._session = requests.Session()
        # A callable, or requests would look into ~/.netrc and put what it finds in the header's place.
        self._session.auth = lambda request: _authorized(request, authorization)
        self._unreadable = 0

    def __repr__(self) -> str:
        return f"Client({self._url!r})"

    def get(self, path: str, query: Mapping[str, str | Sequence[str]] | None = None) -> Reply:
        """A resource; 400 and 404 are answers, too. Raises `TrackerError`."""
        return self._ask("GET", path, query, None)

    def post(self, path: str, body: Mapping[str, Any]) -> Reply:
        """A search or a query; as `get`. It changes nothing, so that it may be sent twice."""
        return self._ask("POST", path, None, body)

    def _ask(self, method: str, path: str, query: Mapping[str, str | Sequence[str]] | None, body: Mapping[str, Any] | None) -> Reply:
        host = urlsplit(self._url).hostname or ""
        try:
            return self._patience.ask(lambda: self._exchange(method, path, query, body), self._judge, forge=self.name, status_page=host)
        except TrackerError:
            raise
        except ForgeError as error:
            raise TrackerError(error.message, Lookup.DOWN, remedy=error.remedy) from error

    def _exchange(self, method: str, path: str, query: Mapping[str, str | Sequence[str]] | None, body: Mapping[str, Any] | None) -> Reply | Retry:
        began, status = self._now(), 0
        # A proxy of the network is used as everywhere; see REQUESTS_CA_BUNDLE for its certificates.
        settings = self._session.merge_environment_settings(self._url, proxies={}, stream=True, verify=None, cert=None)
        try:
            prepared = self._session.prepare_request(requests.Request(method, self._url + path, params=query, json=body, headers=_HEADERS))
            with self._session.send(prepared, timeout=ONE_ANSWER, allow_redirects=False, **settings) as response:
                status = response.status_code
                content = b"" if response.is_redirect else self._read(response)
                return Reply(status, {name.lower(): value for name, value in response.headers.items()}, _parse(content))
        except requests.exceptions.SSLError:
            remedy = "Set REQUESTS_CA_BUNDLE to the certificates of your network (on GitLab, the component's input ca-file)."
            raise TrackerError(f"the certificate of {self.name} can't be verified", Lookup.DOWN, remedy=remedy) from None
        except requests.exceptions.Timeout:
            return Retry(f"{self.name} did not answer in time")
        except (requests.exceptions.RequestException, HTTPError, OSError) as cut:
            return Retry(f"the connection to {self.name} broke ({type(cut).__name__})")
        finally:
            self._on_request(method, self._url + path, status, self._now() - began)

    def _read(self, response: requests.Response) -> bytes:
        """Its bytes, as long as there is time: one that drips would else never end."""
        content = b""
        while piece := response.raw.read1(_PIECE):
            content += piece
            if len(content) > MAX_BYTES or self._patience.time_left <= 0:
                raise TrackerError(
                    f"an answer of {self.name} is larger than {MAX_BYTES // 1024 // 1024} MiB, or takes too long",
                    Lookup.DOWN,
                    remedy="Run the job again later; --timeout gives more room.",
                )
        return content

    def _judge(self, reply: Reply) -> Retry | ForgeError | None:
        status, asked = reply.status, read_seconds(reply.headers.get("retry-after"))
        if status == 401 or (status == 403 and "captcha" in reply.headers.get("x-authentication-denied-reason", "").lower()):
            return TrackerError(f"{self.name} doesn't accept the credentials ({status})", Lookup.CREDENTIALS, remedy="")
        if _is_anonymous(reply):
            return TrackerError(f"{self.name} doesn't accept the credentials, and answers as to anybody ({status})", Lookup.CREDENTIALS, remedy="")
        spent = reply.headers.get("x-ratelimit-remaining", "").strip() == "0"  # GitHub's, with a 403
        if status == 403 and asked is None and not spent:
            return TrackerError(f"{self.name} refuses the account ({status})", Lookup.FORBIDDEN, remedy="")
        if status in {403, 429} or status >= 500:
            return Retry(f"{self.name} answered {status}", asked)
        if 300 <= status < 400:
            where = urlsplit(reply.headers.get("location", "")).hostname or "another page"
            return TrackerError(f"{self.name} redirects to {where}: is it a sign-in page, or another address?", Lookup.CREDENTIALS, remedy="")
        if status < 300 or status in _PASSED_ON:
            return self._judge_body(reply)
        return TrackerError(f"{self.name} answered {status}", Lookup.DOWN, remedy="")

    def _judge_body(self, reply: Reply) -> Retry | ForgeError | None:
        if isinstance(reply.body, dict | list):
            return None
        self._unreadable += 1
        why = f"{self.name} answers something else than JSON, such as a sign-in or maintenance page"
        return Retry(why) if self._unreadable <= _LOGIN_PAGE else TrackerError(why, Lookup.DOWN, remedy="")


def _is_anonymous(reply: Reply) -> bool:
    """Whether Jira let nobody in, and answers all the same: what an expired token can't see looks as if it weren't there.

    Jira names the reason of a login and, in Data Center, the account. Of several reasons one is good where a proxy tried another login first.
    """
    reasons = {each.strip() for each in reply.headers.get("x-seraph-loginreason", "").upper().split(",")}
    failed = bool(reasons & {"AUTHENTICATED_FAILED", "AUTHENTICATION_DENIED"}) and "OK" not in reasons
    return failed or reply.headers.get("x-ausername", "").strip().lower() == "anonymous"


_HEADERS: Final = {"Accept": "application/json", "Accept-Encoding": "identity", "User-Agent": f"changegate/{__version__}"}


def authorize(user: str, token: str, *, bare: bool = False) -> str:
    """The header: user and token together (RFC 7617), else the token alone; `bare` as it is, where a tracker has it so."""
    if user:
        return "Basic " + base64.b64encode(f"{user}:{token}".encode()).decode("ascii")
    return token if bare else f"Bearer {token}"


def _authorized(request: requests.PreparedRequest, authorization: str) -> requests.PreparedRequest:
    request.headers["Authorization"] = authorization
    return request


def _parse(content: bytes) -> Any:
    try:
        return json.loads(content)
    except (ValueError, RecursionError):
        return None
