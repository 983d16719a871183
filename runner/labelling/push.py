"""`annotate push`: the tasks of a batch go to the tool, with what the champion predicts."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from runner.annotators.annotator import DRAWN
from runner.domain.errors import ExitCode, FlywheelError, Where
from runner.domain.labelling import GOLD_ARM, HandedOut, HandedTask, Proposal
from runner.labelling.data_now import DataNow, data_now
from runner.labelling.insertion import inserter_of
from runner.labelling.proposals import proposals
from runner.labelling.rounds import Say, SprintRound, guidelines_digest, open_round
from runner.record.annotated import Pushed
from runner.record.catalogue import BATCH_IMAGES, HANDED_OUT
from runner.workflow.locking import work_lock

SHOWN = 3


def push(root: Path, name: str | None, *, say: Say) -> Pushed:
    """Hands the batch out; what the tool has already is not handed out again.

    Raises:
        FlywheelError: there is no batch or no tool, the dataset is not here, labels could not be merged later, or the tool
            cannot be reached.
    """
    round_ = open_round(root, name)
    inserter_of(round_.project)  # better refused now than once labels were paid for
    with work_lock(root, f"annotate/{round_.sprint}"):
        data = data_now(root, round_.project)
        _refuse_straddling(round_, data)
        handed = round_.handed or _handed_out(round_, data)
        HANDED_OUT.write(round_.folder, handed)
        with_tool = round_.with_tool(handed, data, finished=False, say=say)
        said = [*round_.tool.push(with_tool), *_nothing_proposed(round_, handed)]
        where = [line.replace(f"{root}/", "") for line in said]
    return Pushed(
        sprint=round_.sprint,
        tool=round_.tool.name,
        tasks=len(with_tool.files),
        proposals=sum(len(task.proposals) for task in handed.tasks),
        where=where,
        missing=[task.path for task in handed.tasks if task.key not in with_tool.files],
    )


def _handed_out(round_: SprintRound, data: DataNow) -> HandedOut:
    """The tasks, with what annotators are going to be shown."""
    found = {image.key: data.find(image.image_id, image.path) for image in round_.images}
    sizes = {
        image.path: (now.width, now.height)
        for image in round_.images
        if (now := found[image.key]) is not None
    }
    prelabel, batch = round_.annotation.prelabel, round_.batch
    same_task = DRAWN[round_.annotation.strategy] == round_.project.task
    shown: dict[str, list[Proposal]] = {}
    if prelabel is not None and batch.champion is not None and same_task:
        shown = proposals(
            round_.root,
            round_.project,
            batch,
            sizes,
            min_confidence=prelabel.min_confidence,
            exact=round_.annotation.strategy == "masks",
        )
    tasks = [
        HandedTask(
            key=image.key,
            path=image.path,
            image_id=image.image_id,
            width=sizes[image.path][0],
            height=sizes[image.path][1],
            annotators=image.annotators,
            proposals=[] if image.arm == GOLD_ARM else shown.get(image.path, []),
        )
        for image in sorted(round_.images, key=lambda image: image.path)
        if image.path in sizes
    ]
    if not tasks:
        raise FlywheelError(
            "no image of the batch is in the dataset",
            where=Where(BATCH_IMAGES.of(round_.sprint)),
            hint=f"fetch the data it was drawn from: dvc checkout {round_.project.dataset.path}.dvc",
            exit_code=ExitCode.STAGE_FAILED,
        )
    return HandedOut(
        sprint=round_.sprint,
        tool=round_.tool.name,
        strategy=round_.annotation.strategy,
        tag=batch.tag if shown else None,
        min_confidence=prelabel.min_confidence if prelabel and shown else None,
        guidelines=guidelines_digest(round_),
        tasks=tasks,
    )


def _nothing_proposed(round_: SprintRound, handed: HandedOut) -> list[str]:
    """Why annotators are shown nothing, where the spec wants them to be."""
    if round_.annotation.prelabel is None or any(task.proposals for task in handed.tasks):
        return []
    drawn, task = DRAWN[round_.annotation.strategy], round_.project.task
    if drawn != task:
        return [
            f"nothing is proposed: the champion predicts for task {task}, and {round_.annotation.strategy} are drawn"
        ]
    if round_.batch.champion is None:
        return ["nothing is proposed: no champion scored the pool when the batch was drawn"]
    return [
        f"nothing is proposed: the champion is nowhere as sure as {round_.annotation.prelabel.min_confidence:g}"
    ]


def _refuse_straddling(round_: SprintRound, data: DataNow) -> None:
    """Images of a group that another split has already would leak, whatever is labelled on them.

    Raises:
        FlywheelError: with the first of them.
    """
    into = round_.batch.into
    leaking = [
        f"{now.path} (group {now.group}, of {', '.join(sorted(splits))})"
        for image in round_.images
        if image.arm != GOLD_ARM
        and (now := data.find(image.image_id, image.path)) is not None
        and (splits := data.straddled(now.group, into))
    ]
    if leaking:
        raise FlywheelError(
            f"{len(leaking)} images of the batch cannot go into {into}, since others of their group are elsewhere: "
            f"{_some(leaking)}",
            where=Where(BATCH_IMAGES.of(round_.sprint)),
            hint=f"draw it anew: flywheel batch {round_.sprint} --redraw",
        )


def _some(names: Sequence[str]) -> str:
    more = f", and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return ", ".join(names[:SHOWN]) + more
