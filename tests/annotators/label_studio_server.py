"""Label Studio's own server, where `make label-studio` has installed it: started from a copy of its migrated data folder."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests

HOME = Path(os.environ.get("FLYWHEEL_LABEL_STUDIO", Path.home() / ".cache" / "flywheel-label-studio"))
TOKEN = "0123456789abcdef0123456789abcdef01234567"  # noqa: S105 - of a server that lives as long as the test
UP_WITHIN_S = 120


def absent() -> str:
    """Why it cannot be started; empty where it can."""
    if (HOME / "venv" / "bin" / "label-studio").is_file() and (HOME / "template").is_dir():
        return ""
    return f"Label Studio is not in {HOME} (812 MB): make label-studio installs it there"


@dataclass(frozen=True)
class Account:
    """An annotator: asks the server in their own name."""

    url: str
    token: str

    def ask(self, method: str, path: str, **arguments: Any) -> Any:
        headers = {"Authorization": f"Token {self.token}"}
        answer = requests.request(method, f"{self.url}{path}", headers=headers, timeout=30, **arguments)
        assert answer.ok, f"{method} {path}: {answer.status_code} {answer.text[:400]}"
        return answer.json() if answer.content else None

    def second(self) -> Account:
        """Another annotator, invited and signed up as people are."""
        invited = self.ask("GET", "/api/invite")["invite_url"]
        session = requests.Session()
        page = f"{self.url}{invited}"
        session.get(page, timeout=30)
        form = {
            "email": "second@localhost.test",
            "password": "flywheel-test-2",
            "csrfmiddlewaretoken": session.cookies["csrftoken"],
        }
        signed = session.post(page, data=form, headers={"Referer": page}, timeout=30)
        assert signed.ok
        found = session.get(f"{self.url}/api/current-user/token", timeout=30).json()
        return Account(self.url, found["token"])


@contextmanager
def server(folder: Path) -> Iterator[Account]:
    """A server on this machine's loopback, without a call to anywhere else; its first annotator."""
    data = folder / "label-studio"
    shutil.copytree(HOME / "template", data)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(data / "home"),
        "LATEST_VERSION_CHECK": "false",
        "COLLECT_ANALYTICS": "false",
        "SENTRY_DSN": "",
        "FRONTEND_SENTRY_DSN": "",
        "LABEL_STUDIO_BASE_DATA_DIR": str(data),
        "LABEL_STUDIO_USERNAME": "fly@localhost",
        "LABEL_STUDIO_PASSWORD": "flywheel-test",
        "LABEL_STUDIO_USER_TOKEN": TOKEN,
        "LABEL_STUDIO_ENABLE_LEGACY_API_TOKEN": "true",
    }
    command = [str(HOME / "venv/bin/label-studio"), "start", "--no-browser", "--internal-host", "127.0.0.1"]
    command += ["--port", str(port), "--data-dir", str(data), "--log-level", "ERROR"]
    with (folder / "label-studio.log").open("wb") as log:
        process = subprocess.Popen(
            command, env=environment, stdout=log, stderr=subprocess.STDOUT, start_new_session=True
        )
        try:
            _wait(f"http://127.0.0.1:{port}/health", process)
            yield Account(f"http://127.0.0.1:{port}", TOKEN)
        finally:
            process.terminate()
            process.wait(timeout=30)


def _wait(health: str, process: subprocess.Popen[bytes]) -> None:
    until = time.monotonic() + UP_WITHIN_S
    while time.monotonic() < until:
        assert process.poll() is None, "Label Studio's server ended"
        try:
            if requests.get(health, timeout=5).ok:
                return
        except requests.RequestException:
            time.sleep(0.3)
    raise AssertionError(f"Label Studio did not answer within {UP_WITHIN_S} s")
