"""Zips files and uploads them by version 4 of the artifact protocol: create, one block, the list of blocks, finalize.

Like the action: hidden files are left out, a single file lies at the top, a folder's content below it.
Source: https://github.com/actions/toolkit/tree/main/packages/artifact
"""

from __future__ import annotations

import base64
import io
import json
import os
import sys
import urllib.request
import zipfile
from pathlib import Path

SERVICE = "twirp/github.actions.results.api.v1.ArtifactService"


def main() -> int:
    place = Path(os.environ["PLACE"])
    files = [place] if place.is_file() else sorted(path for path in place.rglob("*") if path.is_file())
    top = place.parent if place.is_file() else place
    names = {path.relative_to(top).as_posix(): path for path in files}
    shown = {
        name: path for name, path in names.items() if not any(part[0] == "." for part in name.split("/"))
    }
    if not shown:
        print(f"No files were found with the provided path: {place}")
        return int(os.environ["ABSENT"] == "error")
    upload(os.environ["NAME"], zipped(shown))
    return 0


def zipped(files: dict[str, Path]) -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, path in files.items():
            archive.write(path, name)
    return target.getvalue()


def upload(name: str, content: bytes) -> None:
    run, job = ids(os.environ["ACTIONS_RUNTIME_TOKEN"])
    of_job = {"workflow_run_backend_id": run, "workflow_job_run_backend_id": job, "name": name}
    url = call("CreateArtifact", {**of_job, "version": 4})["signedUploadUrl"]
    request("PUT", f"{url}&comp=block&blockid=MDAwMA==", content)
    request("PUT", f"{url}&comp=blocklist", b"<BlockList><Latest>MDAwMA==</Latest></BlockList>")
    call("FinalizeArtifact", {**of_job, "size": str(len(content))})


def ids(token: str) -> tuple[str, str]:
    """The run and the job, from the scope `Actions.Results:RUN:JOB` of the runtime's token."""
    payload = token.split(".")[1]
    claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    scope = next(scope for scope in claims["scp"].split() if scope.startswith("Actions.Results:"))
    _, run, job = scope.split(":")
    return run, job


def call(method: str, message: dict[str, object]) -> dict[str, str]:
    url = f"{os.environ['ACTIONS_RESULTS_URL'].rstrip('/')}/{SERVICE}/{method}"
    answer: dict[str, str] = json.loads(request("POST", url, json.dumps(message).encode()))
    return answer


def request(method: str, url: str, body: bytes) -> bytes:
    headers = {
        "Authorization": f"Bearer {os.environ['ACTIONS_RUNTIME_TOKEN']}",
        "Content-Type": "application/json",
    }
    asked = urllib.request.Request(url, data=body, headers=headers, method=method)  # noqa: S310 - act's own server
    with urllib.request.urlopen(asked, timeout=60) as answer:  # noqa: S310
        content: bytes = answer.read()
    return content


if __name__ == "__main__":
    sys.exit(main())
