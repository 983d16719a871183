"""HTTP to one server: retries that cannot repeat a write, redirects that carry no token away, answers of bounded size.

Proxies and certificate authorities come from the environment, as `requests` reads them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from email.utils import parsedate_to_datetime
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple
from urllib.parse import urljoin, urlsplit

import msgspec
import requests
from requests.adapters import HTTPAdapter
from requests.auth import AuthBase

from runner.adapters.web.retries import Courtesy, Patience
from runner.domain.errors import ExitCode, FlywheelError
from runner.domain.files import atomic_path

MAX_ANSWER_BYTES = 32 * 2**20  # of JSON; GitHub's pages of 100 take about 1 MB
MAX_REDIRECTS = 5
CHUNK_BYTES = 2**16
REST_S = 4.0
REPEATABLE = frozenset({"GET", "HEAD", "PUT", "DELETE"})  # twice is once
REDIRECTS = frozenset({301, 302, 303, 307, 308})


class HttpResponse(NamedTuple):
    """A server's answer. Header names are lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def date(self) -> datetime | None:
        """When it was given, by the server's clock; None where it does not say."""
        try:
            date = parsedate_to_datetime(self.headers["date"])
        except (KeyError, ValueError):
            return None
        return date if date.tzinfo is not None else None

    def json(self) -> Any:
        """The body as plain JSON values; None where it is none (an error page)."""
        try:
            return msgspec.json.decode(self.body)
        except msgspec.DecodeError:
            return None


class NoAnswer(FlywheelError):  # noqa: N818 - what happened
    """The server was not reached, or its answer was lost: what was asked may have been done."""


class Http:
    """A session with one server.

    Args:
        base_url: what every path is below; no other host is asked but where the server redirects to.
        token: sent to that server alone, and shown nowhere.
        scheme: what stands before it in the header Authorization.
        headers: of every request.
    """

    def __init__(
        self,
        base_url: str,
        token: str | None = None,
        *,
        scheme: str = "Bearer",
        headers: Mapping[str, str] = MappingProxyType({}),
        patience: Patience | None = None,
    ) -> None:
        self.base_url = base_url.rstrip("/")
        self._patience = patience or Patience()
        self._token = _Bearer(token, scheme)
        self._careful = _session(headers, self._patience, REPEATABLE)
        self._insistent = _session(headers, self._patience, None)

    def __repr__(self) -> str:
        return f"Http({self.base_url!r})"

    def now(self) -> float:
        """The Unix time that waiting is counted from."""
        return self._patience.now()

    def rest(self) -> None:
        """A moment before one looks what became of a lost write: a server may need it to know that itself."""
        self._patience.sleep(REST_S * (0.5 + self._patience.jitter()))

    def request(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str | int] = MappingProxyType({}),
        json: object = None,
        file: tuple[str, bytes] | None = None,
        repeatable: bool = False,
    ) -> HttpResponse:
        """One request below the base URL; the answer's status is the caller's to judge.

        GET, HEAD, PUT and DELETE are tried again after a lost connection and after 502, 503 and 504; others only where
        `repeatable` says that doing it twice is doing it once. A request that was refused for its rate (403 or 429 with
        Retry-After, or with no requests left) was not done, so any is tried again, as late as the server says.

        Args:
            path: below the base URL; or a whole URL of the same server (the next page of a list).
            json: sent as such.
            file: a name and its content, sent as a form's file in place of JSON.

        Raises:
            NoAnswer: the server was not reached, or its answer was lost or is larger than `MAX_ANSWER_BYTES`.
            FlywheelError: it redirects to another server.
        """
        url = self._below(path)
        body = None if json is None else _Body("application/json", msgspec.json.encode(json))
        if file is not None:
            body = _form(*file)
        for _ in range(MAX_REDIRECTS):
            with self._send(method, url, query, body, repeatable) as response:
                target = _redirect(response)
                if target is None:
                    content = b"".join(self._chunks(response, url, MAX_ANSWER_BYTES))
                    return HttpResponse(response.status_code, _headers(response), content)
            if _origin(target) != _origin(self.base_url) or method not in ("GET", "HEAD"):
                raise _failed(f"{self._shown(url)} redirects to {_shown_origin(target)}")
            url, query = target, {}
        raise _failed(f"{self._shown(url)} redirects in a circle")

    def download(self, path: str, destination: Path, *, max_bytes: int) -> HttpResponse:
        """A file below the base URL, written last and whole; nothing is left where it fails.

        The server may redirect to a storage of its own; the token is not sent there.

        Returns:
            The answer, without its body; nothing was written unless its status is 200.

        Raises:
            NoAnswer: the server was not reached, or the connection broke.
            FlywheelError: the file is larger than `max_bytes`, or a redirect leaves https.
        """
        url = self._below(path)
        for _ in range(MAX_REDIRECTS):
            with self._send("GET", url, {}, None, False) as response:
                target = _redirect(response)
                if target is None:
                    if response.status_code != 200:
                        content = b"".join(self._chunks(response, url, MAX_ANSWER_BYTES))
                        return HttpResponse(response.status_code, _headers(response), content)
                    self._write(response, destination, url, max_bytes)
                    return HttpResponse(200, _headers(response), b"")
            if urlsplit(self.base_url).scheme == "https" and urlsplit(target).scheme != "https":
                raise _failed(f"{self._shown(url)} redirects to an address without https")
            url = target
        raise _failed(f"{self._shown(url)} redirects in a circle")

    def _below(self, path: str) -> str:
        if "://" not in path:
            return f"{self.base_url}/{path.lstrip('/')}"
        if _origin(path) != _origin(self.base_url):
            raise _failed(f"{_shown_origin(path)} is not {_shown_origin(self.base_url)}")
        return path

    def _shown(self, url: str) -> str:
        """A URL for people: a query may hold a signature, and what precedes an @ a password."""
        return _shown_origin(url) + urlsplit(url).path

    @contextmanager
    def _send(
        self, method: str, url: str, query: Mapping[str, str | int], body: _Body | None, repeatable: bool
    ) -> Iterator[requests.Response]:
        """One request without following redirects. The retries happen inside, in urllib3."""
        own = _origin(url) == _origin(self.base_url)
        session = self._insistent if repeatable else self._careful
        try:
            response = session.request(
                method,
                url,
                params=query,
                data=None if body is None else body.content,
                headers={} if body is None else {"Content-Type": body.type},
                auth=self._token if own else _Bearer(None),  # an auth of our own: requests would ask ~/.netrc
                timeout=self._patience.timeout_s,
                allow_redirects=False,
                stream=True,
            )
        except (requests.RequestException, ValueError) as error:
            raise self._lost(method, url, error) from None  # the error's own text holds the whole URL
        with response:
            yield response

    def _chunks(self, response: requests.Response, url: str, limit: int) -> Iterator[bytes]:
        size = 0
        try:
            for chunk in response.iter_content(CHUNK_BYTES):
                size += len(chunk)  # as decoded: a small answer can unpack to gigabytes
                if size > limit:
                    raise _failed(f"{self._shown(url)} is larger than {limit:,} bytes")
                yield chunk
        except requests.RequestException as error:
            raise self._lost(response.request.method or "GET", url, error) from None

    def _write(self, response: requests.Response, destination: Path, url: str, max_bytes: int) -> None:
        declared = response.headers.get("Content-Length", "")
        if declared.isdigit() and int(declared) > max_bytes:
            raise _failed(f"{self._shown(url)} is larger than {max_bytes:,} bytes")
        with atomic_path(destination) as temporary, temporary.open("wb") as file:
            for chunk in self._chunks(response, url, max_bytes):
                file.write(chunk)

    def _lost(self, method: str, url: str, error: Exception) -> NoAnswer:
        reason = type(error).__name__
        return NoAnswer(
            f"no answer to {method} {self._shown(url)} ({reason})",
            hint="check the network, the proxy and the address, then run the same command again",
            exit_code=ExitCode.PUBLISH_FAILED,
        )


class _Body(NamedTuple):
    type: str
    content: bytes


def _form(name: str, content: bytes) -> _Body:
    """A form with one file; its name is plain text without quotes."""
    from urllib3.filepost import encode_multipart_formdata

    body, kind = encode_multipart_formdata({"file": (name, content)})
    return _Body(kind, body)


class _Bearer(AuthBase):
    def __init__(self, token: str | None, scheme: str = "Bearer") -> None:
        self._token = token
        self._scheme = scheme

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        if self._token:
            request.headers["Authorization"] = f"{self._scheme} {self._token}"
        return request


def _session(
    headers: Mapping[str, str], patience: Patience, methods: frozenset[str] | None
) -> requests.Session:
    retries = Courtesy(patience.attempts, allowed_methods=methods, raise_on_status=False)
    retries.patience = patience
    session = requests.Session()
    session.headers.update({"User-Agent": "flywheel-vision", **headers})
    for scheme in ("https://", "http://"):
        session.mount(scheme, HTTPAdapter(max_retries=retries))
    return session


def _redirect(response: requests.Response) -> str | None:
    """Where an answer sends us."""
    location = response.headers.get("Location")
    if response.status_code not in REDIRECTS or not location:
        return None
    return urljoin(response.url, location)


def _headers(response: requests.Response) -> Mapping[str, str]:
    return {name.lower(): value for name, value in response.headers.items()}


def _origin(url: str) -> tuple[str, str, int]:
    parts = urlsplit(url)
    return parts.scheme, parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80)


def _shown_origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"


def _failed(message: str) -> FlywheelError:
    return FlywheelError(message, exit_code=ExitCode.PUBLISH_FAILED)
