"""The session that everything asked of a forge goes through, against a server in this process."""

from __future__ import annotations

import gzip
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from runner.adapters.web import http
from runner.adapters.web.http import Http, HttpResponse, NoAnswer
from runner.adapters.web.retries import Patience, retry_after_s
from runner.domain.errors import FlywheelError

TOKEN = "ghs_secretsecretsecret"  # noqa: S105 - of nobody

Reply = tuple[int, dict[str, str], bytes]


@dataclass
class Server:
    """Gives the replies of a path in turn, the last one for ever, and remembers what it was asked."""

    url: str
    replies: dict[str, list[Reply | None]] = field(default_factory=dict)
    asked: list[tuple[str, str, str | None]] = field(
        default_factory=list
    )  # method, path and query, authorization
    bodies: list[bytes] = field(default_factory=list)

    def reply(self, path: str, *replies: Reply | None) -> None:
        self.replies[path] = list(replies)

    def next(self, path: str) -> Reply | None:
        replies = self.replies.get(path.partition("?")[0], [(404, {}, b"")])
        return replies.pop(0) if len(replies) > 1 else replies[0]


def started() -> tuple[Server, ThreadingHTTPServer]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def answer(self) -> None:
            length = int(self.headers.get("Content-Length", 0))
            server.bodies.append(self.rfile.read(length))
            server.asked.append((self.command, self.path, self.headers.get("Authorization")))
            reply = server.next(self.path)
            if reply is None:  # done, and the answer is lost
                self.close_connection = True
                return
            status, headers, body = reply
            self.send_response(status)
            for name, value in {"Content-Length": str(len(body)), **headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        do_GET = do_POST = do_PATCH = do_PUT = answer  # noqa: N815

        def log_message(self, *parts: Any) -> None:
            """Nothing on the terminal."""

    listening = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    listening.daemon_threads = True
    server = Server(f"http://127.0.0.1:{listening.server_address[1]}")
    threading.Thread(target=listening.serve_forever, args=(0.01,), daemon=True).start()
    return server, listening


@pytest.fixture
def server() -> Iterator[Server]:
    made, listening = started()
    yield made
    listening.shutdown()
    listening.server_close()


@pytest.fixture
def elsewhere() -> Iterator[Server]:
    made, listening = started()
    yield made
    listening.shutdown()
    listening.server_close()


@pytest.fixture
def slept() -> list[float]:
    return []


@pytest.fixture
def client(server: Server, slept: list[float]) -> Http:
    return patient(server, slept)


def patient(server: Server, slept: list[float], **changes: Any) -> Http:
    given: dict[str, Any] = {
        "attempts": 3,
        "sleep": slept.append,
        "now": lambda: 1000.0,
        "jitter": lambda: 0.0,
    }
    return Http(f"{server.url}/api/v3", TOKEN, patience=Patience(**{**given, **changes}))


def json(status: int = 200, body: bytes = b"{}", **headers: str) -> Reply:
    return status, {name.replace("_", "-"): value for name, value in headers.items()}, body


def test_a_request_goes_below_the_base_url_with_its_token_and_query(server: Server, client: Http) -> None:
    server.reply("/api/v3/a", json(body=b'{"x": "\xc3\xa9"}', X_One="1"))
    answer = client.request("GET", "a", query={"q": "a&b", "page": 2})
    assert (answer.status, answer.json(), answer.headers["x-one"]) == (200, {"x": "é"}, "1")
    assert server.asked == [("GET", "/api/v3/a?q=a%26b&page=2", f"Bearer {TOKEN}")]


def test_without_a_token_nothing_is_sent(server: Server) -> None:
    server.reply("/a", json())
    Http(server.url).request("GET", "a")
    assert server.asked == [("GET", "/a", None)]


def test_a_netrc_file_does_not_replace_the_token(
    server: Server, client: Http, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login someone password else\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    server.reply("/api/v3/a", json())
    client.request("GET", "a")
    assert server.asked[0][2] == f"Bearer {TOKEN}"


def test_another_scheme_stands_before_the_token(server: Server) -> None:
    server.reply("/x", (200, {}, b"{}"))
    Http(server.url, TOKEN, scheme="Token").request("GET", "x")
    assert server.asked == [("GET", "/x", f"Token {TOKEN}")]


def test_a_file_is_sent_as_a_form(server: Server, client: Http) -> None:
    server.reply("/api/v3/x", (201, {}, b"{}"))
    assert client.request("POST", "x", file=("a.jpg", b"\xff\xd8\r\n")).status == 201
    (body,) = server.bodies
    assert b'filename="a.jpg"\r\n' in body
    assert b"\r\n\r\n\xff\xd8\r\n\r\n--" in body


def test_what_is_no_json_is_none(server: Server, client: Http) -> None:
    server.reply("/api/v3/a", (502, {}, b"<html>"), (200, {}, b"<html>"))
    assert client.request("GET", "a").json() is None


@pytest.mark.parametrize("status", [502, 503, 504])
def test_a_gateways_error_is_asked_again_later_and_later(
    server: Server, client: Http, slept: list[float], status: int
) -> None:
    server.reply("/api/v3/a", json(status), json(status), json())
    assert client.request("GET", "a").status == 200
    assert slept == [0.5, 1.0]


@pytest.mark.parametrize("status", [400, 401, 403, 404, 409, 410, 422, 429, 500])
def test_other_errors_are_answers(server: Server, client: Http, slept: list[float], status: int) -> None:
    server.reply("/api/v3/a", json(status, b'{"message": "no"}'))
    answer = client.request("GET", "a")
    assert (answer.status, answer.json(), slept) == (status, {"message": "no"}, [])
    assert len(server.asked) == 1


def test_after_the_last_attempt_the_error_is_the_answer(server: Server, client: Http) -> None:
    server.reply("/api/v3/a", json(502, b"down"))
    assert client.request("GET", "a").body == b"down"
    assert len(server.asked) == 4


def test_a_write_is_not_repeated(server: Server, client: Http) -> None:
    server.reply("/api/v3/a", json(502), json())
    assert client.request("POST", "a", json={"body": "x"}).status == 502
    assert server.bodies == [b'{"body":"x"}']


def test_a_write_that_is_the_same_twice_is_repeated_whole(server: Server, client: Http) -> None:
    server.reply("/api/v3/a", json(502), None, json())
    assert client.request("PATCH", "a", json={"body": "x"}, repeatable=True).status == 200
    assert server.bodies == [b'{"body":"x"}'] * 3


def test_a_lost_answer_to_a_write_says_so_and_asks_once(server: Server, client: Http) -> None:
    server.reply("/api/v3/a", None)
    with pytest.raises(NoAnswer) as raised:
        client.request("POST", "a?key=secret", json={})
    assert str(raised.value) == (
        f"no answer to POST {server.url}/api/v3/a (ConnectionError)\n"
        "  hint: check the network, the proxy and the address, then run the same command again"
    )
    assert len(server.asked) == 1


def test_a_lost_answer_to_a_reading_is_asked_for_again(server: Server, client: Http) -> None:
    server.reply("/api/v3/a", None, json())
    assert client.request("GET", "a").status == 200


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize(
    "headers",
    [{"Retry_After": "7"}, {"X_RateLimit_Remaining": "0", "X_RateLimit_Reset": "1007"}],
)
@pytest.mark.parametrize("status", [403, 429])
def test_a_request_refused_for_its_rate_is_asked_again_when_the_server_says(
    server: Server, client: Http, slept: list[float], status: int, headers: dict[str, str], method: str
) -> None:
    server.reply("/api/v3/a", json(status, **headers), json())
    assert client.request(method, "a").status == 200
    assert slept == [7.0]


def test_the_waiting_has_an_end(server: Server, slept: list[float]) -> None:
    server.reply("/api/v3/a", json(403, Retry_After="50"))
    answer = patient(server, slept, attempts=100, wait_s=120.0).request("GET", "a")
    assert (answer.status, slept) == (403, [50.0, 50.0])


def test_jobs_that_wait_for_the_same_second_do_not_come_back_together(
    server: Server, slept: list[float]
) -> None:
    server.reply("/api/v3/a", json(429, Retry_After="7"), json())
    patient(server, slept, jitter=lambda: 0.25).request("GET", "a")
    assert slept == [7.25]


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"retry-after": "3"}, 3.0),
        ({"retry-after": "Thu, 01 Jan 1970 00:17:00 GMT"}, 20.0),
        ({"retry-after": "Thu, 01 Jan 1970 00:00:00 GMT"}, 0.0),
        ({"retry-after": "soon"}, None),
        ({"x-ratelimit-remaining": "0", "x-ratelimit-reset": "1030"}, 30.0),
        ({"x-ratelimit-remaining": "12", "x-ratelimit-reset": "1030"}, None),
        ({"x-ratelimit-remaining": "0"}, None),
    ],
)
def test_when_to_come_back_is_read_from_the_headers(headers: dict[str, str], seconds: float | None) -> None:
    assert retry_after_s(headers, 1000.0) == seconds


def test_a_server_that_is_not_there_is_no_answer(slept: list[float]) -> None:
    made, listening = started()
    listening.shutdown()
    listening.server_close()
    with pytest.raises(NoAnswer) as raised:
        patient(made, slept).request("POST", "a", json={})
    assert raised.value.message == f"no answer to POST {made.url}/api/v3/a (ConnectionError)"
    assert len(slept) == 3  # it was never reached, so that even a write may be tried again


def test_a_redirect_on_the_same_server_is_followed_with_the_token(server: Server, client: Http) -> None:
    server.reply("/api/v3/a", json(301, Location="/api/v3/b"))
    server.reply("/api/v3/b", json(body=b"[1]"))
    assert client.request("GET", "a").json() == [1]
    assert server.asked[1] == ("GET", "/api/v3/b", f"Bearer {TOKEN}")


def test_a_redirect_to_another_server_is_refused(server: Server, elsewhere: Server, client: Http) -> None:
    server.reply("/api/v3/a", json(302, Location=f"{elsewhere.url}/steal?sig=secret"))
    with pytest.raises(FlywheelError) as raised:
        client.request("GET", "a")
    assert raised.value.message == f"{server.url}/api/v3/a redirects to {elsewhere.url}"
    assert elsewhere.asked == []


def test_a_redirected_write_is_refused(server: Server, client: Http) -> None:
    server.reply("/api/v3/a", json(307, Location="/api/v3/b"))
    with pytest.raises(FlywheelError):
        client.request("POST", "a", json={})
    assert len(server.asked) == 1


def test_a_circle_of_redirects_ends(server: Server, client: Http) -> None:
    server.reply("/api/v3/a", json(302, Location="/api/v3/a"))
    with pytest.raises(FlywheelError) as raised:
        client.request("GET", "a")
    assert raised.value.message == f"{server.url}/api/v3/a redirects in a circle"


def test_an_address_of_another_server_is_not_asked(elsewhere: Server, client: Http) -> None:
    with pytest.raises(FlywheelError):
        client.request("GET", f"{elsewhere.url}/next")
    assert elsewhere.asked == []


def test_a_download_goes_to_the_storage_without_the_token(
    server: Server, elsewhere: Server, client: Http, tmp_path: Path
) -> None:
    server.reply("/api/v3/zip", json(302, Location=f"{elsewhere.url}/blob?sig=secret"))
    elsewhere.reply("/blob", (200, {}, b"PK content"))
    assert client.download("zip", tmp_path / "b.zip", max_bytes=100).status == 200
    assert (tmp_path / "b.zip").read_bytes() == b"PK content"
    assert elsewhere.asked == [("GET", "/blob?sig=secret", None)]


@pytest.mark.parametrize(
    "reply",
    [
        (200, {}, b"x" * 101),
        (200, {"Content-Length": "5000"}, b"x"),
        (200, {"Content-Encoding": "gzip"}, gzip.compress(b"0" * 1_000_000)),
    ],
    ids=["longer", "declared", "unpacked"],
)
def test_a_download_above_the_limit_leaves_the_old_file(
    server: Server, client: Http, tmp_path: Path, reply: Reply
) -> None:
    if reply[1].get("Content-Encoding"):
        reply = (200, {**reply[1], "Content-Length": str(len(reply[2]))}, reply[2])
    server.reply("/api/v3/zip", reply)
    (tmp_path / "b.zip").write_bytes(b"old")
    limit = 100 if not reply[1].get("Content-Encoding") else 10_000
    with pytest.raises(FlywheelError) as raised:
        client.download("zip", tmp_path / "b.zip", max_bytes=limit)
    assert raised.value.message == f"{server.url}/api/v3/zip is larger than {limit:,} bytes"
    assert [(path.name, path.read_bytes()) for path in tmp_path.iterdir()] == [("b.zip", b"old")]


def test_a_download_that_breaks_off_leaves_nothing(server: Server, client: Http, tmp_path: Path) -> None:
    server.reply("/api/v3/zip", (200, {"Content-Length": "50", "Connection": "close"}, b"short"))
    with pytest.raises(FlywheelError):
        client.download("zip", tmp_path / "b.zip", max_bytes=100)
    assert list(tmp_path.iterdir()) == []


def test_a_download_that_is_refused_is_an_answer_and_no_file(
    server: Server, client: Http, tmp_path: Path
) -> None:
    server.reply("/api/v3/zip", json(410, b'{"message": "expired"}'))
    answer = client.download("zip", tmp_path / "b.zip", max_bytes=100)
    assert (answer.status, answer.json(), list(tmp_path.iterdir())) == (410, {"message": "expired"}, [])


def test_an_answer_of_endless_size_is_refused(
    server: Server, client: Http, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http, "MAX_ANSWER_BYTES", 1000)
    server.reply("/api/v3/a", json(body=b"0" * 1001))
    with pytest.raises(FlywheelError) as raised:
        client.request("GET", "a")
    assert raised.value.message == f"{server.url}/api/v3/a is larger than 1,000 bytes"


def test_the_token_is_in_no_text(server: Server, client: Http) -> None:
    server.reply("/api/v3/a", None)
    with pytest.raises(NoAnswer) as raised:
        client.request("POST", "a", json={})
    texts = [repr(client), str(client), repr(vars(client)), repr(raised.value), str(raised.value)]
    assert not [text for text in texts if TOKEN in text]


def test_a_password_in_the_address_is_not_shown(slept: list[float]) -> None:
    made, listening = started()
    listening.shutdown()
    listening.server_close()
    base = made.url.replace("http://", "http://user:password@")
    with pytest.raises(NoAnswer) as raised:
        Http(base, patience=Patience(attempts=0)).request("GET", "a")
    assert "password" not in str(raised.value)


def test_an_answer_says_when_it_was_given_by_the_servers_clock() -> None:
    given = HttpResponse(200, {"date": "Fri, 01 Jan 2027 12:00:00 GMT"}, b"")
    assert given.date() == datetime(2027, 1, 1, 12, tzinfo=UTC)
    for headers in ({}, {"date": "yesterday"}, {"date": "Fri, 01 Jan 2027 12:00:00 -0000"}):
        assert HttpResponse(200, headers, b"").date() is None
