"""`flywheel ci pictures`: what a run leaves in git beside its report: its pictures, and the note that it looked.

Pictures lie on a branch of their own, where the comment on the pull request links to; looks at the test split on another one,
since they count also where the pull request is closed (`runner/pullrequests/looks.py`).

GitHub offers a job no upload. The branch holds one commit without history, so that it never gets larger than the pictures
that comments still show. Plots are drawn anew from report.json, as PNG: shown in comments, mails and on a phone alike, on
every server. Pictures of the gallery are decoded and written again.
"""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

from runner.adapters.git import trusted
from runner.adapters.git.access import Access
from runner.adapters.git.trusted import ATTEMPTS
from runner.adapters.pictures.redrawn import jpeg_again
from runner.domain.errors import ExitCode, FlywheelError
from runner.forges import open_forge
from runner.forges.environment import read_environment
from runner.forges.forge import Forge, PullRequest, WorkflowRun
from runner.pullrequests.bundles.bundle import Bundle
from runner.pullrequests.looks import BRANCH as LOOKS
from runner.pullrequests.looks import looks_of, note_looks
from runner.pullrequests.trusted_runs import HeadMoved, bundle_of, git_access, require_believed
from runner.record.catalogue import GALLERY_FOLDER, LABEL_NEXT_SHEET, PLOTS, REPORTS
from runner.report import plots

BRANCH = "flywheel-reports"
PULL = "pull-request"  # beside the pictures: whose they are, so that those of its older commits can go
_MESSAGE = "flywheel: pictures of reports [skip ci]"


def run(root: Path, *, run_id: int | None, variables: Mapping[str, str] | None = None) -> int:
    """Publishes the pictures of one run of sprint.yml.

    Raises:
        FlywheelError: the run is not believed, its bundle is refused, or the branch cannot be pushed (exit code 5).
    """
    if run_id is None:
        raise FlywheelError("which run?", hint="flywheel ci pictures --run-id N")
    environment = read_environment(os.environ if variables is None else variables)
    return publish(root, open_forge(environment), git_access(environment), run_id)


def publish(root: Path, forge: Forge, access: Access, run_id: int) -> int:
    """The job, with the forge given. Looks are noted whatever becomes of the pictures."""
    workflow_run = forge.workflow_run(run_id)
    try:
        return _show(root, forge, access, workflow_run)
    finally:
        _note_looks(root, forge, access, workflow_run)


def _show(root: Path, forge: Forge, access: Access, workflow_run: WorkflowRun) -> int:
    with tempfile.TemporaryDirectory() as temporary:
        try:
            pull = require_believed(forge, root, workflow_run, "sprint.yml", access=access)
        except HeadMoved as moved:
            _say(f"nothing to show: {moved.message}")
            return int(ExitCode.PASS)
        bundle = bundle_of(forge, root, workflow_run, pull, Path(temporary))
        if bundle is None:
            _say(f"run {workflow_run.id} left no bundle: nothing to show")
            return int(ExitCode.PASS)
        contents = _pictures(bundle, pull)
    changed = _push(root, contents, pull, access)
    done = "pushed to" if changed else "are on"
    _say(f"{len(contents)} pictures and notes of #{pull.number} {done} {BRANCH}")
    return int(ExitCode.PASS)


def _note_looks(root: Path, forge: Forge, access: Access, workflow_run: WorkflowRun) -> None:
    """Also where nothing is to be shown any more, since the pull request was closed or went on: somebody could have looked."""
    with tempfile.TemporaryDirectory() as temporary:
        try:
            pull = require_believed(forge, root, workflow_run, "sprint.yml", access=access, left_behind=True)
        except HeadMoved:
            return  # no pull request of this branch was ever proposed to the default branch
        bundle = bundle_of(forge, root, workflow_run, pull, Path(temporary))
        if bundle is None:
            return
        judged = [sprint for sprint in bundle.manifest.sprints if not bundle.failed(sprint)]
        noted = note_looks(root, looks_of(bundle.folder / REPORTS, judged), access)
    if noted:
        _say(f"looks at the test split noted on {LOOKS}: {noted}")


def _pictures(bundle: Bundle, pull: PullRequest) -> dict[str, bytes]:
    """The branch's files for this commit."""
    contents: dict[str, bytes] = {}
    for sprint in bundle.manifest.sprints:
        folder = f"{sprint}/{pull.head_sha}"
        report = bundle.report(sprint)
        drawn = {name: content for name, content in plots.render(report) if name.endswith(".png")}
        contents |= {f"{folder}/{PLOTS.name}/{name}": content for name, content in drawn.items()}
        for path in sorted((bundle.sprint_folder(sprint) / GALLERY_FOLDER.name).glob("*.jpg")):
            name = f"{GALLERY_FOLDER.name}/{path.name}"
            if GALLERY_FOLDER.holds(name):
                contents[f"{folder}/{name}"] = jpeg_again(path.read_bytes(), f"{sprint}/{name}")
        sheet = bundle.sprint_folder(sprint) / LABEL_NEXT_SHEET.name
        if sheet.is_file():
            contents[f"{folder}/{sheet.name}"] = jpeg_again(sheet.read_bytes(), f"{sprint}/{sheet.name}")
        contents[f"{folder}/{PULL}"] = f"{pull.number}\n".encode()
    return contents


def _push(root: Path, contents: Mapping[str, bytes], pull: PullRequest, access: Access) -> bool:
    """Replaces the branch by one commit with these files added; whether anything changed."""
    blobs = {path: trusted.write_blob(root, content) for path, content in contents.items()}
    for _ in range(ATTEMPTS):
        tip = trusted.fetch_branch(root, BRANCH, access)
        old = _superseded(root, tip, contents, pull) if tip is not None else []
        tree = trusted.tree_with(root, tip, {**dict.fromkeys(old), **blobs})
        if tip is not None and trusted.tree_of(root, tip) == tree:
            return False
        commit = trusted.commit_tree(root, tree, _MESSAGE, access)
        lease = f"refs/heads/{BRANCH}:{tip or ''}"
        if trusted.push_refs(root, [f"{commit}:refs/heads/{BRANCH}"], access, lease=lease):
            return True
    raise FlywheelError(
        f"{BRANCH} moved {ATTEMPTS} times while the pictures were pushed",
        hint="run the job again",
        exit_code=ExitCode.PUBLISH_FAILED,
    )


def _superseded(root: Path, tip: str, contents: Mapping[str, bytes], pull: PullRequest) -> list[str]:
    """What the branch holds of older commits of the same pull request, and of this one from an earlier attempt."""
    folders = {path.split("/")[0] for path in contents}
    paths = trusted.paths_of(root, tip)
    notes = [path for path in paths if path.count("/") == 2 and path.endswith(f"/{PULL}")]
    own = [
        path.removesuffix(PULL)
        for path in notes
        if path.split("/")[0] in folders and trusted.text_of(root, tip, path).strip() == str(pull.number)
    ]
    return [path for path in paths if path.startswith(tuple(own)) and path not in contents]


def _say(text: str) -> None:
    print(text, file=sys.stderr)
