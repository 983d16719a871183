"""What a batch is drawn by, looked up: the champion where an arm asks for one, the scoring of the pool, and the usual mix."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path

from runner.config.annotation import Annotation
from runner.config.project import Project
from runner.domain.errors import FlywheelError
from runner.embeddings import Setting
from runner.planning.champion import Champion
from runner.strategies.mix import BatchOptions, Mix, usual_mix
from runner.workflow.drawing.drawing import Drawing, needs_champion, other_batches
from runner.workflow.drawing.evidence import evidence_in
from runner.workflow.drawing.pooled import members_of
from runner.workflow.embedding import setting_of
from runner.workflow.holder import known_champion
from runner.workflow.scoring import require_pool, run_scoring

Say = Callable[[str], None]


def prepared(
    root: Path, project: Project, sprint: str, annotation: Annotation, *, pull: bool, say: Say
) -> Drawing:
    """Scores the pool as far as the batch asks for that, and gives what draws it.

    Raises:
        FlywheelError: there is no pool; an arm asks for a champion and there is none; the data or a model is not here.
    """
    require_pool(project)

    @cache
    def setting() -> Setting:
        return setting_of(root, project, pull=pull, say=say)

    champion = known_champion(root, project)
    options = annotation.batch or BatchOptions()
    mix = options.mix or mix_of(project, options, champion, setting, say)
    if options.mix is not None and not mix.has_control:
        say(
            "warning: the mix has no random share: what its arms gain cannot be told apart from what labelling gains by itself "
            "(a control arm: mix: {random: 0.2, …})"
        )
    asked = champion if needs_champion(annotation, mix) else None
    folder = run_scoring(root, project, asked, others=members_of(mix) if asked else (), pull=pull, say=say)
    return Drawing(
        root=root,
        project=project,
        sprint=sprint,
        annotation=annotation,
        mix=mix,
        champion=asked,
        evidence=evidence_in(root, folder),
        setting=setting,
        beside=other_batches(root, sprint),
    )


def mix_of(
    project: Project,
    options: BatchOptions,
    champion: Champion | None,
    setting: Callable[[], Setting],
    say: Say,
) -> Mix:
    """The mix of a batch that names none; without embeddings where those cannot be had."""
    vectors = options.into == "test" or has_vectors(project, setting, say)
    return usual_mix(champion=champion is not None, vectors=vectors, into=options.into)


def has_vectors(project: Project, setting: Callable[[], Setting], say: Say) -> bool:
    """Whether images can be compared by embeddings here; where not, it is said."""
    try:
        project.embeddings.digest(setting())
    except FlywheelError as error:
        say(
            f"note: images cannot be compared by embeddings, so the mix is one without: {error.message} ({error.hint})"
        )
        return False
    return True
