"""What is wrong with `annotation.batch` beyond its schema: shares, columns, a pool that is not there, a test set that a model chooses."""

from __future__ import annotations

from collections.abc import Iterator

from runner.config.columns import Columns, column_problems, condition_problems
from runner.config.explain import SchemaProblem
from runner.config.node import Node
from runner.domain.labelling import CONTROL_ARM


def batch_problems(
    annotation: Node, images: Columns, *, has_pool: bool, has_groups: bool
) -> Iterator[SchemaProblem]:
    """Args:
    images: the columns of the image index.
    has_pool: whether flywheel.yaml names a pool. `has_groups`: whether it names a column of groups.
    """
    batch = annotation.get("batch")
    if not isinstance(batch.value, dict):
        return
    if not has_pool:
        yield SchemaProblem(
            path=batch.path,
            message="there is no pool to draw from: flywheel.yaml has no `splits.pool`",
            hint="say which images are not labelled yet, as in: splits: {pool: \"split = 'pool'\"}",
            at_key=True,
        )
    if batch.get("size").value is None and annotation.get("budget", "money").value is None:
        yield SchemaProblem(
            path=batch.path, message="how many images? Add `size`, or `annotation.budget.money`", at_key=True
        )
    if batch.get("per_group").value is not None and not has_groups:
        yield SchemaProblem(
            path=batch.get("per_group").path,
            message="flywheel.yaml names no groups: add `group_by` to `dataset`, or take `per_group` out",
            at_key=True,
        )
    yield from condition_problems(batch.get("where"), images)
    yield from column_problems(batch.get("mix", "metadata", "column"), images)
    yield from _mix_problems(batch)


def _mix_problems(batch: Node) -> Iterator[SchemaProblem]:
    mix = batch.get("mix")
    if not isinstance(mix.value, dict):
        return
    if batch.get("into").text == "test" and (
        chosen := [name for name, _ in mix.items() if name != CONTROL_ARM]
    ):
        yield SchemaProblem(
            path=mix.get(chosen[0]).path,
            message=f"images for the test split are drawn at random: {', '.join(chosen)} would make a test set that the model chose",
            hint="write `mix: {random: 1}`, or leave `mix` out; `where` narrows the pool to a slice",
            at_key=True,
        )
    if not mix.value:
        yield SchemaProblem(
            path=mix.path, message="a mix has at least one arm, as in: mix: {random: 1}", at_key=True
        )
