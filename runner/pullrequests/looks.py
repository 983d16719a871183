"""Notes every run's look at the test split in git, on a branch of its own: a look counts whether or not it is merged.

The branch `flywheel-looks` holds `reports/<sprint>/uses.json`, as every branch does, and grows by a commit per run. So whoever
counts uses on branches counts these too, and needs neither the forge nor a file of another form. A job notes its run's looks
once its bundle is believed: what a stranger's run says is not noted.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec

from runner.adapters.git import repository, trusted
from runner.adapters.git.access import Access
from runner.domain.errors import ExitCode, FlywheelError
from runner.domain.files import encode_json
from runner.domain.verdict import SplitUse
from runner.planning.holdout_uses import require_sound
from runner.record.catalogue import EVALUATION, REPORTS, USES

BRANCH = "flywheel-looks"
_MESSAGE = "flywheel: looks at the test split [skip ci]"


def looks_of(reports: Path, sprints: Sequence[str]) -> dict[str, list[SplitUse]]:
    """The uses that these sprints' newest evaluations are, by sprint, each with its images.

    Args:
        reports: the folder with the sprints' folders.

    Raises:
        FlywheelError: a file does not hold uses.
    """
    uses_of = {}
    for sprint in sprints:
        uses, evaluation = reports / sprint / USES.name, reports / sprint / EVALUATION.name
        if uses.is_file() and evaluation.is_file():
            digest = hashlib.sha256(evaluation.read_bytes()).hexdigest()
            known = USES.read(uses.parent)
            images = {use.split_digest: use.images for use in known if use.images}
            uses_of[sprint] = [
                msgspec.structs.replace(use, images=images.get(use.split_digest, ""))
                for use in known
                if use.evaluation_digest == digest
            ]
    return {sprint: uses for sprint, uses in uses_of.items() if uses}


def note_looks(root: Path, looks: Mapping[str, Sequence[SplitUse]], access: Access) -> int:
    """Puts looks on the forge's branch, on top of what is there, and returns how many were not there yet.

    Raises:
        FlywheelError: the branch holds something else than uses, or cannot be pushed (exit code 5).
    """
    if not looks:
        return 0
    top = f"{repository.folder_in_repository(root)}{REPORTS}"
    for _ in range(trusted.ATTEMPTS):
        tip = trusted.fetch_branch(root, BRANCH, access)
        blobs, new = {}, 0
        for sprint, uses in looks.items():
            path = f"{top}/{sprint}/{USES.name}"
            known = _known(root, tip, path)
            missing = [use for use in uses if all(_key(use) != _key(other) for other in known)]
            if missing:
                blobs[path] = trusted.write_blob(root, encode_json(_together(known, missing)))
                new += len(missing)
        if not blobs:
            return 0
        tree = trusted.tree_with(root, tip, blobs)
        commit = trusted.commit_tree(root, tree, _MESSAGE, access, parent=tip)
        lease = None if tip is not None else f"refs/heads/{BRANCH}:"
        if trusted.push_refs(root, [f"{commit}:refs/heads/{BRANCH}"], access, lease=lease):
            trusted.fetch_branch(root, BRANCH, access)
            return new
    raise FlywheelError(
        f"{BRANCH} moved {trusted.ATTEMPTS} times while the looks were pushed",
        hint="run the job again",
        exit_code=ExitCode.PUBLISH_FAILED,
    )


def _known(root: Path, tip: str | None, path: str) -> list[SplitUse]:
    content = repository.read_file(root, tip, path) if tip is not None else None
    if content is None:
        return []
    try:
        known = msgspec.json.decode(content, type=list[SplitUse])
        require_sound(known)
    except (msgspec.MsgspecError, UnicodeDecodeError, ValueError) as error:
        raise FlywheelError(
            f"{path} on {BRANCH} holds no uses of the test split: {error}",
            hint=f"put the branch back to its last commit that does: git log origin/{BRANCH} -- {path}",
            exit_code=ExitCode.PUBLISH_FAILED,
        ) from error
    return known


def _key(use: SplitUse) -> tuple[str, str]:
    return use.split_digest, use.evaluation_digest


def _together(known: Sequence[SplitUse], more: Sequence[SplitUse]) -> list[SplitUse]:
    """Both, with the images of each split said once."""
    told = {use.split_digest for use in known if use.images}
    added = []
    for use in more:
        added.append(msgspec.structs.replace(use, images="") if use.split_digest in told else use)
        told.add(use.split_digest)
    return [*known, *added]
