"""`select`: what a sprint's rules leave, and why one image is in or out. Nothing is run or written."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from runner.adapters.tables import duckdb
from runner.planning.explanation import Explanation, explain
from runner.planning.named_image import named_image
from runner.planning.situation import Situation
from runner.planning.split_steps import SplitSteps, split_steps
from runner.stages import select
from runner.stages.select import SelectParams
from runner.workflow.indexed import find_index
from runner.workflow.load import load_written

Say = Callable[[str], None]


def selection(root: Path, name: str | None, say: Say) -> SplitSteps:
    """What each rule of a sprint leaves of each split, by the spec as it is written now.

    Raises:
        ConfigurationErrors: flywheel.yaml or the spec is not valid.
        FlywheelError: there is no index, or the rules cannot be applied to it.
    """
    situation = load_written(root, name)
    found = find_index(root, situation.project, situation.name, say)
    params = _params(situation)
    return split_steps(found.files, params, situation.name, found.said, select.finder_of(root, params))


def explanation(root: Path, name: str | None, image: str, say: Say) -> Explanation:
    """Why an image is in a sprint or is not.

    Args:
        image: its path, the end of it, or its content hash.

    Raises:
        ConfigurationErrors: flywheel.yaml or the spec is not valid.
        FlywheelError: there is no index, no such image or several, or the rules cannot be applied.
    """
    situation = load_written(root, name)
    project = situation.project
    specs = [*project.slices, *situation.loaded.sprint.evaluate.slices]
    found = find_index(root, project, situation.name, say)
    table, _ = duckdb.load(found.files.images, ["path", "image_id"], [])
    row = named_image(image, table["path"].tolist(), table["image_id"].tolist(), project.dataset.path)
    params = _params(situation)
    return explain(found.files, params, specs, row, select.finder_of(root, params))


def _params(situation: Situation) -> SelectParams:
    return select.resolve(situation.project, situation.loaded.sprint.data)
