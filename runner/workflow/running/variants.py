"""The variants of a sprint, made after it: stages of their own, cached as a sprint's are. One that fails fails nothing else."""

from __future__ import annotations

from collections.abc import Callable

from runner.config.variants import made_beside
from runner.domain.errors import FlywheelError
from runner.pipeline.compile import compile_pipeline
from runner.planning.edits import input_edits
from runner.planning.records import Action
from runner.planning.situation import Situation
from runner.planning.stages import UNCHANGED, Work, plan_stages
from runner.planning.variants import Variant
from runner.record.strangers import refuse_others
from runner.stages import champion, train
from runner.stages.kinds import VARIANT
from runner.workflow import fetching, fetching_data
from runner.workflow.executing.limits import Watch
from runner.workflow.executing.stages import run_stages
from runner.workflow.locking import work_lock

Say = Callable[[str], None]


def run_variants(situation: Situation, watch: Watch, *, pull: bool, say: Say) -> bool:
    """Brings every variant up to date, and tells whether there was anything to do. Why one was not made is said.

    Args:
        watch: of the whole run: its limits are the sprint's and its variants' together.
    """
    worked = False
    for name in made_beside(situation.loaded.sprint):
        if watch.reached is not None:
            say(f"warning: the variant {name} was not made: {watch.reached.name}")
            continue
        try:
            worked |= _run(Variant(situation, name), watch, pull=pull, say=say)
        except FlywheelError as error:
            worked = True
            say(f"warning: the variant {name} was not made: {error}")
    return worked


def _run(variant: Variant, watch: Watch, *, pull: bool, say: Say) -> bool:
    """
    Raises:
        FlywheelError: a model that it needs is not here, it is under way already, something else lies in its folder, or DVC refuses.
    """
    root, shown = variant.root, variant.shown
    refuse_others(variant.folder, shown, VARIANT.files, VARIANT.name)
    work = _planned(variant)
    if _is_made(work):
        return False
    say(f"{variant.name}: its variant {variant.variant}")
    with work_lock(root, shown):
        if pull and fetching.fetch_outputs(work, say=say):
            variant = variant.again()
            work = _planned(variant)
        if variant.champion is not None and champion.STAGE.name in work.runs:
            fetching.require_champion(root, variant.champion, pull=pull, say=say)
        if variant.ancestor is not None and train.STAGE.name in work.runs:
            fetching.require_ancestor(root, variant.ancestor, pull=pull, say=say)
        fetching_data.require_data(work, variant.project.dataset, pull=pull, say=say)
        compile_pipeline(variant.folder, variant.stages, variant.loaded.path)
        failure = run_stages(work, watch, say)
    if failure is not None:
        say(f"warning: the variant {variant.variant} was not made: {failure.stage}: {failure.message}")
    return True


def _planned(variant: Variant) -> Work:
    edited, _ = input_edits(variant.root, variant.stages)
    return Work(
        root=variant.root,
        folder=variant.folder,
        stages=variant.stages,
        plans=plan_stages(variant.stages, variant.workspace, edited),
        command=f"flywheel run {variant.name}",
    )


def _is_made(work: Work) -> bool:
    """Whether everything lies there as the stages wrote it."""
    return all(
        plan.action is Action.CACHED
        and plan.reasons == [UNCHANGED]
        and all((work.folder / path).exists() for path in stage.written)
        for stage, plan in zip(work.stages, work.plans, strict=True)
    )
