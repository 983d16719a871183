"""Files behind http URLs, by a server on this machine; those of `memory` and `file` are fetched in tests/layouts/test_manifest.py."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from runner.adapters.web.remote_files import RemoteFile, fetch_files

CONTENT = bytes(range(256)) * 9000  # 2.3 MB: several chunks


class _Quiet(SimpleHTTPRequestHandler):
    def do_GET(self) -> None:
        if self.path == "/secret.png":
            self.send_error(403)
        else:
            super().do_GET()

    def log_message(self, *parts: object) -> None:
        """Nothing on the terminal."""


@pytest.fixture
def url(tmp_path: Path) -> Iterator[str]:
    served = tmp_path / "served"
    (served / "a b").mkdir(parents=True)
    (served / "a b" / "x.png").write_bytes(CONTENT)
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Quiet, directory=str(served)))
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    yield f"http://localhost:{server.server_address[1]}"
    server.shutdown()
    server.server_close()


def test_files_behind_http_are_fetched_whole_or_named(url: str, tmp_path: Path) -> None:
    digest = hashlib.sha256(CONTENT).hexdigest()
    wanted = {
        "x.png": RemoteFile(url=f"{url}/a%20b/x.png", target=tmp_path / "x.png", sha256=digest),
        "none.png": RemoteFile(url=f"{url}/none.png", target=tmp_path / "none.png"),
        "secret.png": RemoteFile(url=f"{url}/secret.png", target=tmp_path / "secret.png"),
        "other.png": RemoteFile(url=f"{url}/a%20b/x.png", target=tmp_path / "other.png", sha256="0" * 64),
    }
    absent, refused, other = fetch_files(list(wanted.values()))
    assert absent == f"{url}/none.png: file not found"
    assert refused.startswith(f"{url}/secret.png: ClientResponseError: 403")
    assert other == (f"{url}/a%20b/x.png: its SHA-256 is {digest}, not {'0' * 64}")
    assert sorted(path.name for path in tmp_path.glob("*.png")) == ["x.png"]
    assert (tmp_path / "x.png").read_bytes() == CONTENT


def test_a_server_that_is_not_there_is_named(tmp_path: Path) -> None:
    gone = "http://localhost:9/x.png"
    (problem,) = fetch_files([RemoteFile(url=gone, target=tmp_path / "x.png")])
    assert problem.startswith(f"{gone}: ")
    assert "ClientConnectorError" in problem
