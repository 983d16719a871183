"""A batch drawn from evidence: what the mix needs is read, images are drawn, and what they are expected to cost is counted."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from runner.annotators.annotator import DRAWN
from runner.assessment.quality_images import with_quality
from runner.config.annotation import Annotation
from runner.config.load import list_sprints
from runner.config.project import Project
from runner.domain.errors import FlywheelError, Where
from runner.domain.labelling import GOLD_ARM, Batch, BatchImage
from runner.embeddings import Setting
from runner.planning.champion import Champion
from runner.record.catalogue import BATCH_IMAGES, sprint_folder
from runner.record.digests import digest_of
from runner.record.labelling import read_batch
from runner.strategies.mix import BatchOptions, Mix
from runner.strategies.mixture import Budget, draw
from runner.strategies.pool import Pool, Predictions
from runner.tasks import TASKS
from runner.workflow.drawing.candidates import PoolTables, pool_tables
from runner.workflow.drawing.champion_facts import ChampionFacts
from runner.workflow.drawing.coverage import coverage, covered_columns
from runner.workflow.drawing.evidence import Evidence
from runner.workflow.drawing.pooled import needs_of, pool_of
from runner.workflow.drawing.vectors import Vectors

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True, kw_only=True)
class Drawing:
    """What a batch is drawn by, all of it looked up.

    Attributes:
        sprint: that asks for the labels. `annotation`: its spec's block, with a batch.
        mix: the spec's, or the usual one.
        champion: None where no arm asks for one.
        beside: the sprints whose batches are left out of the pool.
        compute_vectors: those that are missing; else a vector that is not kept is an error.
    """

    root: Path
    project: Project
    sprint: str
    annotation: Annotation
    mix: Mix
    champion: Champion | None
    evidence: Evidence
    setting: Callable[[], Setting]
    beside: Sequence[str] = ()
    compute_vectors: bool = True

    @property
    def options(self) -> BatchOptions:
        """Of the batch.

        Raises:
            FlywheelError: the spec asks for none.
        """
        if self.annotation.batch is None:
            raise FlywheelError(
                "the spec asks for no batch of images",
                where=Where(f"specs/{self.sprint}.yaml"),
                hint="as in: annotation: {strategy: boxes, batch: {size: 50}}",
            )
        return self.annotation.batch

    @cached_property
    def tables(self) -> PoolTables:
        """The images."""
        options, needs = self.options, needs_of(self.mix)
        columns = [*needs.columns, *covered_columns(self.project)]
        return pool_tables(self.project, self.evidence, options.where, columns, self._left_out())

    def draw(self) -> tuple[Batch, list[BatchImage]]:
        """The batch and its images, those that measure annotators included.

        Raises:
            FlywheelError: what the mix needs is not here, the budget reaches for nothing, or no image is left.
        """
        options, tables = self.options, self.tables
        vectors = Vectors(self.root, tables, self.setting, compute=self.compute_vectors)
        pool = self._pool(tables, vectors)
        drawn = draw(pool, options, self.mix, self.sprint, self._budget())
        images = drawn.images
        if self.annotation.quality is not None:
            images = with_quality(
                images,
                tables.labelled_images(),
                self.annotation.quality,
                sprint=self.sprint,
                seed=options.seed,
            )
        labels = self._labels(pool, drawn.positions, images)
        price = self._price()
        return Batch(
            sprint=self.sprint,
            into=options.into,
            champion=self.champion.sprint if self.champion else None,
            tag=self.champion.tag if self.champion else None,
            commit=self.champion.commit if self.champion else None,
            seed=options.seed,
            pool_images=len(pool),
            pool_digest=hashlib.sha256("\n".join(pool.image_ids).encode()).hexdigest(),
            evidence={**self.evidence.recorded, **vectors.recorded},
            arms=dict(Counter(image.arm for image in images)),
            labels=None if labels is None else round(labels, 2),
            price=None if labels is None or not price else round(labels * price, 2),
            currency=self.project.costs.currency,
            coverage=coverage(self.project, tables, drawn.positions),
            options=self._written(),
            beside=list(self.beside),
            beside_digests=self._beside_digests(),
            short=drawn.short,
        ), images

    def _written(self) -> dict[str, Any]:
        options: dict[str, Any] = msgspec.to_builtins(msgspec.structs.replace(self.options, mix=self.mix))
        return {name: value for name, value in options.items() if value is not None}

    def _left_out(self) -> frozenset[str]:
        """The contents that other sprints' batches hold."""
        return frozenset(
            image.image_id
            for sprint in self.beside
            for image in read_batch(sprint_folder(self.root, sprint))
            if image.arm != GOLD_ARM
        )

    def _beside_digests(self) -> dict[str, str]:
        files = [BATCH_IMAGES.of(sprint) for sprint in self.beside]
        return {file: digest_of(self.root / file) for file in files if (self.root / file).is_file()}

    def _pool(self, tables: PoolTables, vectors: Vectors) -> Pool:
        facts = ChampionFacts(self.root, self.project, self.champion)
        predictions = tables.predictions() if self.champion else None
        return pool_of(
            tables, vectors, self.mix, facts, predictions, self._expected(tables, predictions, facts)
        )

    def _expected(
        self, tables: PoolTables, predictions: Predictions | None, facts: ChampionFacts
    ) -> NDArray[np.float64] | None:
        """How many labels each image needs: what the champion predicts, by how much it finds too much or too little; where that is not
        known, as many as the labelled images have in the mean.
        """
        import numpy as np

        if not TASKS[self.project.task].ranked:
            return np.ones(len(tables.rows))
        if predictions is not None and (objects := facts.objects_per_prediction) is not None:
            counted = predictions.image[predictions.score >= facts.confidence]
            return np.asarray(np.bincount(counted, minlength=len(tables.rows)) * objects, np.float64)
        mean = tables.mean_labels()
        return None if mean is None else np.full(len(tables.rows), mean)

    def _price(self) -> float:
        price: float = getattr(self.project.costs.label, self._priced)
        return price

    @property
    def _priced(self) -> str:
        """Which price of `costs.label` a label that is drawn so has."""
        return TASKS[DRAWN[self.annotation.strategy]].label

    def _budget(self) -> Budget | None:
        """In money: second annotators and gold images are paid for too.

        Raises:
            FlywheelError: labels have no price.
        """
        budget, quality = self.annotation.budget, self.annotation.quality
        if budget is None:
            return None
        price = self._price()
        if not price and self.options.size is None:
            raise FlywheelError(
                f"a budget in money, and no price of a label: costs.label.{self._priced.removesuffix('_label')} is not set",
                where=Where("flywheel.yaml"),
                hint="as in: costs: {label: {box: 0.04}}; or say how many images: annotation.batch.size",
            )
        more = 1 + (quality.double_annotated + quality.gold if quality else 0)
        return Budget(money=budget.money, per_label=price * more) if price else None

    def _labels(self, pool: Pool, positions: Sequence[int], images: Sequence[BatchImage]) -> float | None:
        """Of all annotators; a gold image is labelled as the mean of the batch."""
        if pool.labels is None:
            return None
        own = [float(pool.labels[at]) for at in positions]
        gold = len(images) - len(own)
        paid = sum(labels * image.annotators for labels, image in zip(own, images, strict=False))
        return paid + gold * sum(own) / len(own)


def needs_champion(annotation: Annotation, mix: Mix) -> bool:
    """Whether the champion has to look at the pool: for an arm, or to tell what labels will cost."""
    needs = needs_of(mix)
    return needs.predictions or needs.difficulty or needs.failures or annotation.budget is not None


def other_batches(root: Path, sprint: str) -> list[str]:
    """The other sprints that have a batch: their images are not asked about twice."""
    return [name for name in list_sprints(root) if name != sprint and read_batch(sprint_folder(root, name))]


def changed_options(known: Batch, annotation: Annotation) -> list[str]:
    """The options of a batch that are not those that it was drawn by; a mix that the spec does not name is what it was."""
    options = annotation.batch or BatchOptions()
    then = msgspec.convert(known.options, BatchOptions)
    now = options if options.mix is not None else msgspec.structs.replace(options, mix=then.mix)
    return [name for name in BatchOptions.__struct_fields__ if getattr(then, name) != getattr(now, name)]
