"""`simulate`: what policies of labelling would have cost and reached, on the project's own labels.

Models are measured on the val split, never on test: a strategy that is chosen by the test split suits it, and the verdicts of the
sprints that follow would be of images that had a say. Nothing of the project changes but `.flywheel/simulate/`.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import msgspec

from runner.annotators import tool_of
from runner.annotators.simulated import SimulatedAnnotator
from runner.domain.errors import FlywheelError, Where
from runner.domain.files import write_bytes, write_json
from runner.domain.nearest import suggestion
from runner.domain.simulation import SimulatedPolicy, SimulatedRun, Simulation
from runner.embeddings import Setting
from runner.labelling.simulating.data import SimulatedData
from runner.labelling.simulating.policies import policies
from runner.labelling.simulating.replay import Plan, Policy, compared, replayed, weakest_end
from runner.labelling.simulating.trainings import KEPT, Recipe, Trainings
from runner.planning.resolve import params_of
from runner.planning.situation import Situation
from runner.report.wording import count
from runner.stages import evaluate, train
from runner.strategies.mix import BatchOptions, Mix
from runner.tasks import TASKS
from runner.workflow.drawing.pooled import members_of
from runner.workflow.drawing.prepare import has_vectors
from runner.workflow.embedding import setting_of
from runner.workflow.load import load_written
from runner.workflow.locking import work_lock

Say = Callable[[str], None]
RECORD, PICTURE = "simulation.json", "simulation"


@dataclass(frozen=True, kw_only=True)
class Asked:
    """What a simulation is asked for; None: as the sprint has it, or the usual.

    Attributes:
        mixes: as they are typed. `start`: `size` when None.
        perfect: labels are those of the dataset.
    """

    mixes: Sequence[str] = ()
    rounds: int = 4
    size: int = 24
    start: int | None = None
    seeds: int = 3
    epochs: int | None = None
    imgsz: int | None = None
    metric: str | None = None
    target: float | None = None
    perfect: bool = False


@dataclass(frozen=True, kw_only=True)
class Simulated:
    """What was found; `folder`: where the record and the picture are, from the repository's top."""

    simulation: Simulation
    folder: str


def simulate(root: Path, name: str | None, asked: Asked, say: Say) -> Simulated:
    """Replays the rounds that are not kept yet, and writes simulation.json and its picture below `.flywheel/simulate/`.

    Raises:
        ConfigurationErrors: flywheel.yaml or the spec is not valid.
        FlywheelError: a policy cannot be replayed, the recipe starts from a model that has seen the hidden labels, the train split
            is too small or the dataset not here; another simulation is under way here; or a training failed.
    """
    situation = load_written(root, name)
    recipe, told = _recipe(situation, asked)

    @cache
    def setting() -> Setting:
        return setting_of(root, situation.project, pull=False, say=say)

    vectors = bool(asked.mixes) or has_vectors(situation.project, setting, say)
    chosen = policies(asked.mixes, situation.project, vectors=vectors)
    recipe = replace(recipe, members=_members(situation, chosen))
    tool = _tool(situation, asked)
    with (
        work_lock(root, KEPT.as_posix()),
        tempfile.TemporaryDirectory(prefix="flywheel-simulate-") as work,
    ):
        data = SimulatedData(situation, tool, Path(work))
        plan = _plan(situation, asked, data)
        say(_ahead(plan, len(chosen)))
        world = Trainings(situation, data, recipe, _options(situation, plan), setting)
        replays = replayed(world, chosen, plan, say)
        pool = len(data.pool)
    found = _found(situation, asked, recipe.metric, told, tool, plan, replays, pool)
    return Simulated(simulation=found, folder=_write(root, found))


def _ahead(plan: Plan, policies: int) -> str:
    work = (
        count(policies, "policy", "policies"),
        count(len(plan.seeds), "seed"),
        count(plan.rounds, "round"),
    )
    trainings = count(plan.trainings(policies), "training")
    return f"{', '.join(work)}: {trainings} at most; what is done is kept in {KEPT}/"


def _found(
    situation: Situation,
    asked: Asked,
    metric: str,
    told: dict[str, Any],
    tool: SimulatedAnnotator | None,
    plan: Plan,
    replays: Sequence[tuple[Policy, list[SimulatedRun]]],
    pool: int,
) -> Simulation:
    """The record, with each policy beside random."""
    target = asked.target if asked.target is not None else weakest_end(replays[0][1])
    beside_random = compared(replays, target, _written)
    return Simulation(
        sprint=situation.name,
        task=situation.project.task,
        metric=metric,
        target=target,
        target_given=asked.target is not None,
        pool=pool,
        start=plan.start,
        size=plan.size,
        rounds=plan.rounds,
        seeds=list(plan.seeds),
        recipe=told,
        annotators=[] if tool is None else msgspec.to_builtins(tool.annotators),
        currency=situation.project.costs.currency,
        policies=beside_random,
        notes=[*_notes(situation, [policy for policy, _ in replays]), *_at_once(beside_random[0])],
    )


def _write(root: Path, found: Simulation) -> str:
    from runner.report.simulated import picture

    folder = KEPT / found.sprint
    write_json(root / folder / RECORD, found)
    drawn = picture(found)
    write_bytes(root / folder / f"{PICTURE}.svg", drawn.svg)
    write_bytes(root / folder / f"{PICTURE}.png", drawn.png)
    return folder.as_posix()


def _written(mix: Mix) -> dict[str, Any]:
    told: dict[str, Any] = msgspec.to_builtins(mix)
    return told


def _recipe(situation: Situation, asked: Asked) -> tuple[Recipe, dict[str, Any]]:
    """How models are trained, and which options of that were set here.

    Raises:
        FlywheelError: training starts from a model that has seen the labels; an option is not valid; or there is no such metric.
    """
    trainer = situation.loaded.sprint.train
    if trainer.ancestor is not None:
        raise FlywheelError(
            f"the recipe starts from {trainer.ancestor}, a model that has seen the labels which are hidden here",
            where=Where(situation.loaded.path),
            hint="name a sprint whose training starts from `model`, as in: flywheel simulate 0001-first-model",
        )
    given = {"epochs": asked.epochs, "imgsz": asked.imgsz}
    told = {option: value for option, value in given.items() if value is not None}
    params = params_of(situation.stages, train.STAGE)
    try:
        options = msgspec.convert({**msgspec.to_builtins(params.trainer), **told}, type(params.trainer))
    except msgspec.ValidationError as error:
        raise FlywheelError(f"training with {told}: {error}", hint="--epochs 10 --imgsz 320") from None
    measured = params_of(situation.stages, evaluate.STAGE)
    metric = asked.metric or measured.optimizing
    known = TASKS[situation.project.task].metrics
    if metric not in known:
        raise FlywheelError(
            f"--metric {metric}: task {situation.project.task} has no such metric{suggestion(metric, known)}",
            hint=f"one of {', '.join(known)}",
        )
    recipe = Recipe(
        train=msgspec.structs.replace(params, trainer=options), evaluate=measured, metric=metric, members=()
    )
    return recipe, told


def _members(situation: Situation, chosen: Sequence[Policy]) -> list[str]:
    """What else looks at the pool than the first model.

    Raises:
        FlywheelError: an arm compares seeds, and the recipe has one.
    """
    members = sorted({member for policy in chosen for member in members_of(policy.mix)})
    if "seeds" in members and len(situation.loaded.sprint.train.seeds) < 2:
        raise FlywheelError(
            "the arm disagreement compares models of several seeds, and the recipe trains one",
            where=Where(situation.loaded.path),
            hint="train: {seeds: [0, 1], …}; or --mix '{random: 0.2, disagreement: {share: 0.8, between: flips}}'",
        )
    return members


def _tool(situation: Situation, asked: Asked) -> SimulatedAnnotator | None:
    """Who labels: the spec's simulated annotators, or those of the usual errors; None: nobody errs."""
    if asked.perfect:
        return None
    annotation = situation.loaded.sprint.annotation
    told = tool_of(annotation.tool) if annotation is not None and annotation.tool is not None else None
    return told if isinstance(told, SimulatedAnnotator) else SimulatedAnnotator()


def _plan(situation: Situation, asked: Asked, data: SimulatedData) -> Plan:
    """
    Raises:
        FlywheelError: the train split has too few images.
    """
    start = asked.start or asked.size
    wanted, there = start + asked.rounds * asked.size, len(data.pool)
    if wanted > there:
        raise FlywheelError(
            f"{asked.rounds} rounds of {asked.size} images after {start} are {wanted:,}, and the train split has {there:,} with labels",
            hint=_that_fits(asked.rounds, start, asked.size, there),
        )
    price = getattr(situation.project.costs.label, TASKS[situation.project.task].label)
    return Plan(
        start=start, size=asked.size, rounds=asked.rounds, seeds=list(range(asked.seeds)), price=price or None
    )


def _that_fits(rounds: int, start: int, size: int, there: int) -> str:
    """Options for `there` images: fewer rounds, or smaller ones where not one of these fits.

    >>> _that_fits(9, 4, 4, 16), _that_fits(10, 24, 24, 40), _that_fits(10, 24, 24, 5)
    ('--rounds 3', '--start 10 --size 3 --rounds 10', '--start 1 --size 1 --rounds 4')
    """
    if most := max(0, there - start) // size:
        return f"--rounds {most}"
    if there < 2:
        return "label more images: a simulation needs some to begin with, and some to draw"
    start = max(1, there // 4)
    size = max(1, (there - start) // rounds)
    return f"--start {start} --size {size} --rounds {min(rounds, there - start)}"


def _options(situation: Situation, plan: Plan) -> BatchOptions:
    """Those of the spec's batch, if it has one, but for what is asked for here: which images, and how many."""
    annotation = situation.loaded.sprint.annotation
    told = annotation.batch if annotation is not None else None
    return msgspec.structs.replace(told or BatchOptions(), size=plan.size, into="train", where=None, mix=None)


def _notes(situation: Situation, chosen: Sequence[Policy]) -> list[str]:
    notes = [
        "measured on val, by which training also picks its best epoch: the same for all policies, and a little too good for each",
        "annotators are shown no pre-annotations, and nobody labels an image twice",
    ]
    needs = [arm.strategy.needs for policy in chosen for arm in policy.mix.arms]
    if situation.project.embeddings.name == "champion" and any(need.vectors for need in needs):
        notes.append("embeddings are the champion's, which has seen labels that are hidden here")
    return notes


def _at_once(at_random: SimulatedPolicy) -> list[str]:
    """Where the images that all policies begin with are enough, none can need fewer."""
    at_once = sum(run.needed == run.rounds[0].labels for run in at_random.runs)
    if not at_once:
        return []
    return [
        f"in {at_once} of {count(len(at_random.runs), 'seed')} the first images reach the target, which all policies share: "
        "a higher --target, or fewer images with --start, tells more"
    ]
