"""Which batches a judged sprint asks for: one for train, and one for each slice whose open gates more test images decide."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any, Literal

from runner.config.load import LoadedSprint
from runner.config.project import Project
from runner.domain.verdict import Outcome, Verdict
from runner.record.label_next import NextBatch
from runner.record.recommendation import Option, Recommendation
from runner.tasks import TASKS

USUAL = 48  # images for train, where nothing is recommended
Into = Literal["train", "test"]


def next_batches(
    project: Project,
    loaded: LoadedSprint,
    verdict: Verdict,
    recommendation: Recommendation | None,
    condition: Callable[[str | None], str | None],
) -> list[NextBatch]:
    """The batches as they would be asked for, none drawn yet.

    Args:
        condition: of a slice by its name: what makes it of images; None where objects make it.
    """
    options = {option.action: option for option in recommendation.options} if recommendation else {}
    chosen = recommendation.action if recommendation else None
    found = [_for_train(project, loaded, options.get("label"), chosen, condition)]
    for slice_name, gates in _undecided(verdict).items():
        words = [words for words, _ in gates]
        size = max(images for _, images in gates)
        where = condition(slice_name)
        if slice_name is not None and where is None:
            trouble = "its slice is made of objects, which nobody knows of before they are labelled"
            found.append(NextBatch(into="test", gates=words, slice=slice_name, size=size, trouble=trouble))
            continue
        option = options.get("label_test")
        written = option is not None and option.slice == slice_name and option.images == size
        found.append(
            NextBatch(
                into="test",
                gates=words,
                slice=slice_name,
                where=where,
                size=size,
                command=_command(loaded.name, "label_test", chosen) if written else "",
                spec="" if written else spec_block(strategy_of(project, loaded), size, "test", where),
            )
        )
    return found


def strategy_of(project: Project, loaded: LoadedSprint) -> Any:
    """What annotators draw: as the sprint's own labels were drawn."""
    annotation = loaded.sprint.annotation
    return annotation.strategy if annotation else TASKS[project.task].strategies[0]


def spec_block(strategy: str, size: int, into: Into, where: str | None) -> str:
    """A spec's block `annotation`, as one line of YAML.

    >>> spec_block("boxes", 37, "test", "brightness < 0.25")
    'annotation: {strategy: boxes, batch: {size: 37, into: test, where: "brightness < 0.25"}}'
    """
    options = [f"size: {size}", f"into: {into}"]
    options += [f"where: {json.dumps(where, ensure_ascii=False)}"] if where else []
    return f"annotation: {{strategy: {strategy}, batch: {{{', '.join(options)}}}}}"


def _for_train(
    project: Project,
    loaded: LoadedSprint,
    option: Option | None,
    chosen: str | None,
    condition: Callable[[str | None], str | None],
) -> NextBatch:
    """What `next` would write; where it has no such option, a batch of the usual size from the whole pool."""
    if option is None or not option.images:
        spec = spec_block(strategy_of(project, loaded), USUAL, "train", None)
        return NextBatch(into="train", size=USUAL, spec=spec)
    return NextBatch(
        into="train",
        slice=option.slice,
        where=condition(option.slice),
        size=option.images,
        command=_command(loaded.name, "label", chosen),
    )


def _command(sprint: str, action: str, chosen: str | None) -> str:
    return f"flywheel next {sprint} --write" + ("" if action == chosen else f" --option {action}")


def _undecided(verdict: Verdict) -> Mapping[str | None, list[tuple[str, int]]]:
    """Slice → its gates that are not passed and the further test images that would decide each."""
    found: dict[str | None, list[tuple[str, int]]] = {}
    for gate in verdict.gates:
        if gate.outcome is Outcome.PASS or gate.further is None or not gate.further.images:
            continue
        words = f"{gate.gate} for class {gate.class_name}" if gate.class_name else gate.gate
        own = found.setdefault(gate.further.slice, [])
        if (words, gate.further.images) not in own:
            own.append((words, gate.further.images))
    return found
