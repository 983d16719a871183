"""Recognises that nothing changed since a sprint's last finished run: what DVC need not be asked, nor judged again."""

from __future__ import annotations

from pathlib import Path

import runner
from runner.domain.errors import FlywheelError
from runner.domain.files import read_json
from runner.pipeline.fingerprint import RunState, fingerprint, remember, state_path
from runner.planning.edits import inputs_of
from runner.planning.situation import Situation
from runner.record import digests
from runner.record.catalogue import DIGESTS, LOCK, PARAMS, PIPELINE, REPORT
from runner.workflow.judged_sprint import JudgedSprint


class LastRun:
    """The files of a sprint as its last finished run on this machine left them."""

    def __init__(self, situation: Situation) -> None:
        self._situation = situation
        self._root, self._folder = situation.root, situation.folder

    def same_stages(self) -> bool:
        """Whether everything that the stages read and wrote is as it was."""
        known = self._known()
        return known is not None and known.fingerprint == fingerprint(self._staged())

    def same_report(self) -> JudgedSprint | None:
        """What was reported, where everything that the report rests on is as it was too; else None."""
        known = self._known()
        if known is None or not known.reported or known.reported != fingerprint(self._reported()):
            return None
        report = REPORT.read(self._folder)
        return JudgedSprint(report=report, folder=self._folder.relative_to(self._root))

    def remember(self) -> None:
        """Records the files as they are now."""
        state = RunState(fingerprint=fingerprint(self._staged()), reported=fingerprint(self._reported()))
        remember(self._root, self._situation.name, state)

    def _known(self) -> RunState | None:
        path = state_path(self._root, self._situation.name)
        try:
            return read_json(path, RunState) if path.is_file() else None
        except FlywheelError:
            return None

    def _staged(self) -> list[Path]:
        stages = self._situation.stages
        return [
            *(self._root / path for path in inputs_of(stages)),
            *(self._folder / path for stage in stages for path in stage.written),
            *(self._folder / name for name in (PARAMS.name, PIPELINE.name, LOCK.name)),
        ]

    def _reported(self) -> list[Path]:
        """Another version of flywheel may judge and word otherwise, so its own files count."""
        project, loaded = self._situation.project, self._situation.loaded
        files = [self._root / file for file in digests.relied_on(self._root, project, loaded)]
        program = sorted(Path(runner.__file__).parent.rglob("*.py"))
        return [*files, self._folder / DIGESTS.name, *program]
