"""How good a round's labels are: annotators beside one another, and beside the dataset's own labels of gold images."""

from __future__ import annotations

from collections.abc import Sequence

from runner.annotators.shapes import answered_objects
from runner.assessment.annotation_quality import Prices, Round, quality
from runner.domain.annotation_quality import AnnotationQuality
from runner.domain.labelling import GOLD_ARM, Answer, AnsweredObject, HandedOut
from runner.labelling.rounds import SprintRound


def measured(round_: SprintRound, handed: HandedOut, answers: Sequence[Answer]) -> AnnotationQuality:
    """What annotation.json says of the answers so far.

    Raises:
        FlywheelError: there are answers to gold images, and the dataset's labels cannot be read.
    """
    project = round_.project
    gold = _known_labels(round_, handed, {answer.key for answer in answers})
    measurable = Round.of(round_.sprint, project.task_spec, round_.images, answers, handed, gold)
    return quality(measurable, round_.annotation.quality, Prices.of(project.costs, measurable.task))


def _known_labels(
    round_: SprintRound, handed: HandedOut, answered: set[str]
) -> dict[str, Sequence[AnsweredObject]]:
    """The dataset's labels of the gold images that were answered, wherever these lie now; images without labels are none."""
    gold = {image.key for image in round_.images if image.arm == GOLD_ARM} & answered
    tasks = [task for task in handed.tasks if task.key in gold]
    if not tasks:
        return {}
    from runner.labelling.data_now import data_now
    from runner.stages import index

    root, project = round_.root, round_.project
    content = index.read_dataset(root / project.dataset.path, index.resolve(project))
    entries = {entry.path: entry for entry in content.entries if entry.labelled}
    places = {task.key: task.path for task in tasks}
    if not set(places.values()) <= entries.keys():  # renamed since
        data = data_now(root, project)
        found = {task.key: data.find(task.image_id, task.path) for task in tasks}
        places = {key: image.path for key, image in found.items() if image is not None}
    known: dict[str, Sequence[AnsweredObject]] = {}
    for task in tasks:
        entry = entries.get(places.get(task.key, ""))
        if entry is not None:
            known[task.image_id] = answered_objects(entry, task)
    return known
