"""Makes a sprint's metrics, verdict and report again, from what is stored beside them and nothing else.

No model and no image is read: neither torch nor the dataset is needed.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import msgspec

from runner.config.load import LoadedSprint
from runner.config.project import Project
from runner.domain.files import encode_json
from runner.domain.verdict import SplitUse
from runner.planning import holdout
from runner.record.catalogue import REPORT, REPORT_PAGE, USES, VERDICT, files, sprint_path
from runner.report import markdown
from runner.report.build import build
from runner.stages import evaluate
from runner.stages.kinds import SPRINT
from runner.stages.measuring import EvaluateParams
from runner.stages.stage import StageContext
from runner.workflow.judging.collect import Sources, collect
from runner.workflow.judging.derived import derived_again

REMADE = tuple(file.name for file in files(lambda file: file.remade))


@dataclass(frozen=True, kw_only=True)
class RecordedSprint:
    """A sprint's folder as it was committed, and the configuration it was made with.

    Attributes:
        champion: the sprint that it was compared with. `champion_unknown`: why it could not be looked up, as the verdict says.
    """

    root: Path
    folder: Path
    project: Project
    loaded: LoadedSprint
    champion: str | None
    champion_unknown: str = ""


@contextmanager
def evaluated_again(recorded: RecordedSprint, params: EvaluateParams) -> Iterator[Path]:
    """Yields a temporary folder, laid out as the sprint's, with a new evaluation of the stored predictions.

    Raises:
        FlywheelError: a stored table cannot be read, or does not fit the parameters.
    """
    written = {Path(path).parts[0] for path in (*evaluate.STAGE.outs, *evaluate.STAGE.records)}
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary) / recorded.folder.name
        folder.mkdir()
        for path in recorded.folder.iterdir():
            if path.name not in (*written, *REMADE):
                (folder / path.name).symlink_to(path.resolve())
        evaluate.run(StageContext(root=recorded.root, folder=folder), params)
        yield folder


@dataclass(frozen=True, kw_only=True)
class ReportedAgain:
    """verdict.json, report.json and report.md of an evaluation, and the records that were made with the report.

    Attributes:
        files: by their names. `derived`: those that rest on other sprints' records too.
        notes: which of the latter could not be made again, and why.
    """

    files: dict[str, bytes]
    derived: dict[str, bytes]
    notes: list[str]


def reported_again(recorded: RecordedSprint, folder: Path) -> ReportedAgain:
    """Everything that judging and reporting write, of an evaluation in `folder`.

    Raises:
        FlywheelError: a record cannot be read.
    """
    sources = Sources(
        root=recorded.root,
        folder=folder,
        project=recorded.project,
        loaded=recorded.loaded,
        fresh=frozenset(stage.name for stage in SPRINT.stages),
        champion=recorded.champion,
        champion_unknown=recorded.champion_unknown,
        uses=_uses(recorded.folder, folder),
    )
    inputs = collect(sources)
    report = build(inputs)
    again = list(derived_again(sources, inputs))
    return ReportedAgain(
        files={
            VERDICT.name: encode_json(inputs.verdict),
            REPORT.name: encode_json(report),
            REPORT_PAGE.name: markdown.render(report, plots="plots").encode(),
        },
        derived={name: content for name, content, _ in again if content is not None},
        notes=[
            f"{sprint_path(recorded.loaded.name)}/{name} was not made again: {why}"
            for name, content, why in again
            if content is None
        ],
    )


def _uses(stored: Path, rebuilt: Path) -> list[SplitUse]:
    """The recorded uses; an evaluation that is not the recorded one is judged as that one was."""
    uses = USES.read_if_there(stored) or []
    before, now = holdout.evaluation_digest(stored), holdout.evaluation_digest(rebuilt)
    if any(use.evaluation_digest == now for use in uses):
        return uses
    return [
        msgspec.structs.replace(use, evaluation_digest=now) for use in uses if use.evaluation_digest == before
    ]
