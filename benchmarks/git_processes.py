"""How many git processes each command starts, and how many of them ask the same thing again.

In a project with a promoted first sprint and a judged second one. A program called `git` at the front of PATH writes down
what it was asked and becomes the real one.

    python benchmarks/git_processes.py                        builds the project first: two short trainings
    python benchmarks/git_processes.py PROJECT [FLYWHEEL]     in a copy of one that is there, with another version's program
"""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
BIN = Path(sys.executable).parent
FIRST, SECOND = "0001-tiny", "0002-next"
COMMANDS = {
    "validate": [],
    "plan": [SECOND],
    "run": [SECOND],  # nothing to do
    "report": [SECOND],
    "judge": [SECOND],
    "verify": [SECOND],
    "status": [],
    "promote": [SECOND, "--dry-run"],
}


def main() -> None:
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        project = Path(sys.argv[1]) if len(sys.argv) > 1 else build(folder / "project")
        flywheel = Path(sys.argv[2]) if len(sys.argv) > 2 else BIN / "flywheel"
        print(f"{'command':<20} {'git processes':>13} {'different':>9}")
        for command, arguments in COMMANDS.items():
            asked = count(folder / command, project, [str(flywheel), command, *arguments])
            words = " ".join([command, *(word for word in arguments if word.startswith("-"))])
            print(f"{words:<20} {len(asked):>13} {len(set(asked)):>9}", flush=True)


def build(folder: Path) -> Path:
    """The project: its first sprint promoted, its second run and committed."""
    from projects import make_project, named
    from promoting import add_sprint

    make_project(folder)
    named(folder)
    for command in (
        [str(BIN / "flywheel"), "run", FIRST],
        ["git", "add", "-A"],
        ["git", "commit", "-q", "-m", "The first sprint's record"],
        [str(BIN / "flywheel"), "promote", FIRST],
    ):
        subprocess.run(command, cwd=folder, check=True, capture_output=True)
    add_sprint(folder)
    return folder


def count(copy: Path, project: Path, command: list[str]) -> list[str]:
    """What git was asked by a command in a copy of the project, in order."""
    shutil.copytree(project, copy, symlinks=True)
    if "run" in command:  # what is copied is not what the last run left: it is looked at once
        subprocess.run(command, cwd=copy, check=True, capture_output=True)
    real, log, programs = shutil.which("git"), copy.with_suffix(".log"), copy.with_suffix(".bin")
    programs.mkdir()
    log.touch()
    program = programs / "git"
    program.write_text(
        # what it is asked on stdin counts too: one process may answer many questions
        f'#!/bin/sh\nasked=$(mktemp); cat > "$asked"\n'
        f'echo "$* $(cksum < "$asked")" >> {shlex.quote(str(log))}\n'
        f'{real} "$@" < "$asked"; status=$?; rm "$asked"; exit $status\n'
    )
    program.chmod(0o755)
    path = f"{programs}{os.pathsep}{BIN}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        command, cwd=copy, env={**os.environ, "PATH": path}, stdin=subprocess.DEVNULL, capture_output=True
    )
    if done.returncode not in (0, 1):  # 1: a gate that was not passed
        raise SystemExit(f"{' '.join(command)} failed: {done.stderr.decode()}")
    return log.read_text().splitlines()


if __name__ == "__main__":
    main()
