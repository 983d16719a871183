"""How good a round's labels are, measured again from its answers: no model is trained below the spec's limit, so nobody may write it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec

from runner.assessment.annotation_quality import Prices, Round, quality
from runner.config.load import LoadedSprint
from runner.config.project import Project
from runner.domain.annotation_quality import AnnotationQuality, failures
from runner.domain.labelling import GOLD_ARM
from runner.record.catalogue import HANDED_OUT, QUALITY, sprint_folder
from runner.record.differences import json_difference
from runner.record.labelling import read_answers, read_batch
from runner.workflow.verifying.batch_again import BatchAgain

# By the prices that flywheel.yaml had when it was pulled.
_PRICED = ("cost", "currency")
# By the labels that the dataset had of gold images then: whoever is told to look at these again may have corrected them since.
_OF_GOLD = (
    *("gold", "gold_recall", "gold_precision", "gold_iou"),
    *("annotators", "classes", "ceilings", "review", "review_images"),
)


def quality_again(root: Path, project: Project, loaded: LoadedSprint) -> BatchAgain:
    """Measures the answers of a sprint again; nothing for a sprint whose labels were not measured.

    Prices are not compared, and where gold images were answered only what does not rest on their labels is, which is said: such a file
    is not among those that were made again.
    """
    folder, found = sprint_folder(root, loaded.name), BatchAgain(how="measured")
    file = QUALITY.of(loaded.name)
    with found.finding_errors(file):
        stored = QUALITY.read_if_there(folder)
        if stored is None:
            return found
        images, answers = read_batch(folder), read_answers(folder)
        known = {image.key for image in images if image.arm == GOLD_ARM} & {answer.key for answer in answers}
        measurable = Round.of(
            loaded.name, project.task_spec, images, answers, HANDED_OUT.read_if_there(folder)
        )
        again = quality(measurable, prices=Prices.of(project.costs, measurable.task))
        again = msgspec.structs.replace(again, limit=stored.limit, failed=failures(again, stored.limit))
        if again == stored:
            found.rebuilt.append(QUALITY.name)
        left_out = (*_PRICED, *(_OF_GOLD if known else ()))
        if difference := json_difference(_compared(stored, left_out), _compared(again, left_out)):
            found.find(file, difference)
        if known:
            found.notes.append(
                f"{file} was measured again without its gold images: their labels may have been corrected since"
            )
    return found


def _compared(quality: AnnotationQuality, left_out: tuple[str, ...]) -> dict[str, Any]:
    told: dict[str, Any] = msgspec.to_builtins(quality)
    for annotator in told["annotators"]:
        annotator.pop("cost", None)
    return {name: value for name, value in told.items() if name not in left_out}
