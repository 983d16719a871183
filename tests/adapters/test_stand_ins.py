"""DVC, of a folder that is away: it takes it for what its pointer records, and writes the lock that it would have written."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

from projects import call

from runner.adapters.dvc import repo
from runner.adapters.dvc.metafiles import parse_pointer

PIPELINE = (
    "stages:\n  count:\n    cmd: echo counted >> counted\n    deps: [../../data]\n    outs: [counted]\n"
)


def test_the_lock_is_the_same_with_and_without_the_data(tmp_path: Path) -> None:
    root = tmp_path
    call(root, "git", "init", "-q")
    call(root, sys.executable, "-m", "dvc", "init", "-q")
    (root / "data" / "in").mkdir(parents=True)
    for name in ("a", "in/b"):
        (root / "data" / name).write_text(name)
    call(root, sys.executable, "-m", "dvc", "add", "-q", "data")
    folder = root / "reports" / "x"
    folder.mkdir(parents=True)
    (folder / "dvc.yaml").write_text(PIPELINE)
    events: list[tuple[str, str]] = []

    def run(**more: object) -> str:
        events.clear()
        repo.reproduce(root, folder / "dvc.yaml", lambda *event: events.append(event), **more)  # type: ignore[arg-type]
        return (folder / "dvc.lock").read_text()

    whole = run()
    pointer = parse_pointer((root / "data.dvc").read_bytes())
    shutil.rmtree(root / "data")
    assert run(absent={"data": pointer}) == whole
    assert events == [("count", "unchanged")]
    (folder / "dvc.lock").unlink()
    shutil.rmtree(root / ".dvc" / "cache" / "runs")
    assert run(absent={"data": pointer}) == whole
    assert events == [("count", "running")]
