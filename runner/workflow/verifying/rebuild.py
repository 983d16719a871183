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
from runner.record.catalogue import REPORT, REPORT_PAGE, USES, VERDICT, files
from runner.report import markdown
from runner.report.build import build
from runner.stages import evaluate
from runner.stages.kinds import SPRINT
from runner.stages.measuring import EvaluateParams
from runner.stages.stage import StageContext
from runner.workflow.judging.collect import Sources, collect

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


def reported_again(recorded: RecordedSprint, folder: Path) -> dict[str, bytes]:
    """verdict.json, report.json and report.md of an evaluation in `folder`.

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
    return {
        VERDICT.name: encode_json(inputs.verdict),
        REPORT.name: encode_json(report),
        REPORT_PAGE.name: markdown.render(report, plots="plots").encode(),
    }


def _uses(stored: Path, rebuilt: Path) -> list[SplitUse]:
    """The recorded uses; an evaluation that is not the recorded one is judged as that one was."""
    uses = USES.read_if_there(stored) or []
    before, now = holdout.evaluation_digest(stored), holdout.evaluation_digest(rebuilt)
    if any(use.evaluation_digest == now for use in uses):
        return uses
    return [
        msgspec.structs.replace(use, evaluation_digest=now) for use in uses if use.evaluation_digest == before
    ]
