"""The labels of an image, of what its annotators answered."""

from __future__ import annotations

from collections.abc import Sequence

from runner.domain.labelling import Answer, AnsweredObject
from runner.domain.task import TaskSpec


def agreed(
    answers: Sequence[Answer], task: TaskSpec, size: tuple[int, int] | None = None
) -> list[AnsweredObject]:
    """What they agree on; of a single answer, all of it. Skipped ones say nothing.

    Args:
        task: the project's.
        size: (width, height) of the image, where it is known.
    """
    said = [answer for answer in answers if not answer.skipped]
    if len(said) < 2:
        return said[0].objects if said else []
    from runner.assessment.answered import UNKNOWN_SIZE
    from runner.assessment.consensus import consensus
    from runner.tasks import TASKS

    return consensus(
        said,
        TASKS[task.name](spec=task, operating_confidence=1.0),
        size_hw=size[::-1] if size else UNKNOWN_SIZE,
    )
