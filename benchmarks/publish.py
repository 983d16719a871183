"""From a bundle to its published comment and checks: the job `flywheel ci publish` against the emulated API.

Real HTTP on this machine, real git; the network's time comes on top. Needs Node 20 and `make node`.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

sys.path.append(str(Path(__file__).parents[1] / "tests"))
from comment_size import with_slices
from forges.emulator import Emulator, missing
from msgspec.structs import replace
from planted_bundle import SPRINT, Proposed, bundle_files, propose_sprint, zipped

from runner.record.report import SprintReport

ROUNDS = 7
JOB = {"actions": "read", "checks": "write", "contents": "read", "pull-requests": "write"}


def main() -> None:
    if why := missing():
        raise SystemExit(why)
    with tempfile.TemporaryDirectory() as temporary, Emulator.start() as github:
        folder = Path(temporary)
        proposed = propose_sprint(folder)
        print(f"{'published':<44} {'min s':>7} {'median s':>9} {'max s':>7} {'requests':>9}")
        for count in (3, 30, 300):
            archive = zipped(
                folder / f"{count}.zip", bundle_files([_about(with_slices(count), proposed)], proposed)
            )
            size = f"{archive.stat().st_size / 1024:.0f} kB zipped"
            _row(
                f"{count} slices ({size}), first time",
                github,
                lambda run, archive=archive: _seed(github, proposed, archive, run),
                proposed,
            )
            _row(
                f"{count} slices, the next run's update",
                github,
                lambda run, archive=archive: _next(github, proposed, archive, run),
                proposed,
            )


def _about(report: SprintReport, proposed: Proposed) -> SprintReport:
    return replace(report, spec=replace(report.spec, sha256=proposed.digest(f"specs/{SPRINT}.yaml")))


def _seed(github: Emulator, proposed: Proposed, archive: Path, run: int) -> None:
    """A repository in which nothing was published yet."""
    github.seed()
    _next(github, proposed, archive, run)


def _next(github: Emulator, proposed: Proposed, archive: Path, run: int) -> None:
    """A further run of the same commit."""
    github.pull(head_sha=proposed.head, base_sha=proposed.base)
    fields = {"path": ".github/workflows/sprint.yml", "event": "pull_request", "head_sha": proposed.head}
    about = {"head_branch": "more-dark", "head_repository": "acme/digits", "title": "More dark images"}
    github.change(runs=[{"id": run, "status": "completed", "conclusion": "success", **fields, **about}])
    github.add_artifact(run, "flywheel-bundle", archive)


def _row(name: str, github: Emulator, prepare: Callable[[int], None], proposed: Proposed) -> None:
    seconds = []
    asked = 0
    for number in range(ROUNDS + 1):
        run = 1000 + number
        prepare(run)
        github.forget()
        taken = _job(github, proposed, run)
        if number:  # the first round warms the file cache
            seconds.append(taken)
        asked = len(github.requests())
    shown = f"{min(seconds):>7.2f} {statistics.median(seconds):>9.2f} {max(seconds):>7.2f}"
    print(f"{name:<44} {shown} {asked:>9}")


def _job(github: Emulator, proposed: Proposed, run: int) -> float:
    """The whole process, as the workflow starts it."""
    command = [Path(sys.executable).parent / "flywheel", "ci", "publish"]
    started = time.perf_counter()
    result = subprocess.run(
        [*command, "--root", str(proposed.root), "--run-id", str(run)],
        env={"PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin", **github.variables(JOB)},
        capture_output=True,
        text=True,
        check=False,
    )
    taken = time.perf_counter() - started
    if result.returncode:
        raise SystemExit(f"the job failed: {result.stderr}")
    return taken


if __name__ == "__main__":
    main()
