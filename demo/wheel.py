"""Turns the wheel on the demo, unattended: `make wheel`.

Only commands that a team would type, each printed before it runs: a first model; then, turn by turn, what to label next, the answers of the simulated
annotator, a new model, its verdict, its promotion. All of it happens in a clone of this repository, build/wheel: nothing here changes but
DVC's cache, which both share, so that a run that was killed does not train again what was trained.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / "build" / "wheel"
FIRST = "0001-first-model"
PASSED, GATE_NOT_PASSED = 0, 1
REASON = "the demo goes on with whatever is better than nothing"
AUTHOR = {
    f"GIT_{who}_{what}": value
    for who in ("AUTHOR", "COMMITTER")
    for what, value in (("NAME", "flywheel demo"), ("EMAIL", "demo@localhost"))
}


def main() -> int:
    """Runs the turns; the exit code is 0 where all of them ended, whatever their verdicts."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--turns", type=int, default=3, metavar="N", help="models that are trained (3)")
    turns = parser.parse_args().turns
    began = time.monotonic()
    prepare()
    sprint = FIRST
    for turn in range(1, turns + 1):
        heading(f"turn {turn} of {turns}")
        if turn > 1:
            asked = labelled_next()
            if asked is None:
                break
            sprint = asked
        flywheel("run", sprint, may_fail=True)
        commit(f"Record of {sprint}")
        promote(sprint)
    heading("what it came to")
    flywheel("status")
    flywheel("next", sprint)
    say(
        f"\nThe curve and all the rest: build/wheel/reports/{sprint}/report.md, and its pictures in plots/ there."
    )
    say(f"{turns} turns took {(time.monotonic() - began) / 60:.1f} minutes.")
    return PASSED


def prepare() -> None:
    """A clone of what is committed, with the first sprint alone, and the data."""
    if git("status", "--porcelain", "--untracked-files=no", folder=ROOT, shown=False).stdout.strip():
        say("(changes that are not committed are not part of it: the wheel turns in a clone)")
    if FOLDER.exists():
        say("(removing build/wheel of the last time; what it trained is kept in DVC's cache)")
        shutil.rmtree(FOLDER)
    FOLDER.parent.mkdir(exist_ok=True)
    git("clone", "--quiet", str(ROOT), str(FOLDER), folder=ROOT, shown=False)
    # No remote and no tag: the registry is this clone's own, and nobody holds the stage.
    git("remote", "remove", "origin", shown=False)
    tags = git("tag", shown=False).stdout.split()
    if tags:
        git("tag", "--delete", *tags, shown=False)
    git("switch", "--quiet", "--force-create", "main", shown=False)
    for path in sorted((FOLDER / "specs").glob("*.yaml")):
        if path.stem != FIRST:
            path.unlink()
    shutil.rmtree(FOLDER / "reports", ignore_errors=True)
    commit("The wheel begins with the first sprint alone")
    # Both work on one cache; the remote that sprints push to stays the clone's own.
    (ROOT / ".dvc" / "cache").mkdir(exist_ok=True)
    (FOLDER / ".dvc" / "cache").symlink_to(ROOT / ".dvc" / "cache")
    call("dvc", "pull", "--quiet", "data.dvc")


def labelled_next() -> str | None:
    """What to label next is asked, drawn, answered and merged; the sprint that it is for. None where nothing is left to label."""
    flywheel("next")
    say("\n(whatever is recommended, the demo labels: that is what turns the wheel)")
    written = flywheel(
        "next", "--write", "--option", "label", "--format", "json", may_fail=True, captured=True
    )
    if written.returncode != PASSED:
        say("(nothing is left that labels would help)")
        return None
    sprint = str(json.loads(written.stdout)["sprint"])
    flywheel("batch", sprint)
    git("switch", "--quiet", "--create", sprint)
    commit(f"Propose {sprint}: its spec, its batch, and what the batch was drawn from")
    flywheel("plan", sprint)
    flywheel("annotate", "push", sprint)
    flywheel("annotate", "pull", sprint)
    git("switch", "--quiet", "main")
    git("merge", "--quiet", "--no-ff", "--message", f"Merge {sprint}", sprint)
    return sprint


def promote(sprint: str) -> None:
    """A sprint that passed takes the stage; an open question is accepted, as a maintainer would; a failed gate keeps it."""
    asked = flywheel("promote", sprint, "--dry-run", may_fail=True, captured=True)
    approvals = re.findall(r"--approve \S+", asked.stdout)
    if approvals:  # it says which findings wait, and how they are approved
        words = [word for option in approvals for word in option.split()]
        flywheel("promote", sprint, *words, "--reason", REASON, may_fail=True)
    else:
        flywheel("promote", sprint, may_fail=True)


def heading(text: str) -> None:
    """A line that divides the turns."""
    say(f"\n━━━ {text} {'━' * max(0, 70 - len(text))}")


def say(text: str) -> None:
    """Prints, in order with what the commands print."""
    print(text, flush=True)


def commit(message: str) -> None:
    """Commits whatever changed."""
    git("add", "--all", shown=False)
    if git("status", "--porcelain", shown=False).stdout.strip():
        git("commit", "--quiet", "--message", message, shown=False)


def git(*words: str, folder: Path = FOLDER, shown: bool = True) -> subprocess.CompletedProcess[str]:
    """Runs git."""
    return call("git", *words, folder=folder, shown=shown)


def flywheel(*words: str, may_fail: bool = False, captured: bool = False) -> subprocess.CompletedProcess[str]:
    """Runs flywheel. A gate that is not passed is a result.

    Args:
        may_fail: any exit code is an answer.
        captured: what it prints is for this script.
    """
    accepted = None if may_fail else (PASSED, GATE_NOT_PASSED)
    return call("flywheel", *words, accepted=accepted, captured=captured)


def call(
    *words: str,
    folder: Path = FOLDER,
    shown: bool = True,
    captured: bool = False,
    accepted: tuple[int, ...] | None = (PASSED,),
) -> subprocess.CompletedProcess[str]:
    """Runs a command, printed as one would type it; what it prints is printed too, unless it is captured.

    Raises:
        SystemExit: it failed.
    """
    if shown:
        say(f"\n$ {shlex.join(words)}")
    quiet = captured or not shown
    environment = {
        **os.environ,
        **AUTHOR,
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
    }
    done = subprocess.run(
        words, cwd=folder, env=environment, text=True, check=False, stdout=subprocess.PIPE if quiet else None
    )
    if accepted is not None and done.returncode not in accepted:
        raise SystemExit(f"{re.sub(r'[^ -~]', '', words[0])} ended with {done.returncode}: see above")
    return done


if __name__ == "__main__":
    raise SystemExit(main())
