"""Paths in flywheel.yaml and specs: the files that they must name."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from runner.config.explain import SchemaProblem
from runner.config.node import Node
from runner.domain.paths import is_tracked_by_dvc, path_problem
from runner.domain.task import TaskName
from runner.trainers import TRAINERS, UltralyticsTrainer


def dataset_problems(project: Node, root: Path) -> Iterator[SchemaProblem]:
    """Of flywheel.yaml's paths: the dataset and its metadata."""
    dataset, metadata = project.get("dataset", "path"), project.get("dataset", "metadata")
    if dataset.text:
        if message := path_problem(root, dataset.text):
            yield SchemaProblem(path=dataset.path, message=message)
        else:
            yield from _dataset_is_tracked(dataset, root)
    if (remote := project.get("dataset", "remote")).value is not None and _layout_name(project) != "manifest":
        yield SchemaProblem(
            path=remote.path,
            message="images can stay elsewhere only where a manifest names them",
            hint="write layout: manifest, or take `remote` out (docs/remote-data.md)",
        )
    if metadata.text:
        if message := path_problem(root, metadata.text):
            yield SchemaProblem(path=metadata.path, message=message)
        elif not (root / metadata.text).is_file() and _must_be_here(root, metadata.text):
            yield SchemaProblem(path=metadata.path, message=f"{metadata.text} does not exist")


def _layout_name(project: Node) -> str | None:
    layout = project.get("dataset", "layout")
    return layout.text or layout.get("format").text


def embedding_problems(project: Node, root: Path) -> Iterator[SchemaProblem]:
    """Of the team's own network for embeddings."""
    path = project.get("embeddings", "path")
    if not path.text:
        return
    if message := path_problem(root, path.text):
        yield SchemaProblem(path=path.path, message=message)
    elif not (root / path.text).is_file() and _must_be_here(root, path.text):
        yield SchemaProblem(path=path.path, message=f"{path.text} does not exist")


def spec_path_problems(sprint: Node, root: Path, task: TaskName | None) -> Iterator[SchemaProblem]:
    """Of a spec's paths: the guidelines and the weights."""
    guidelines, train = sprint.get("annotation", "guidelines"), sprint.get("train")
    if guidelines.text:
        if message := path_problem(root, guidelines.text):
            yield SchemaProblem(path=guidelines.path, message=message)
        elif not (root / guidelines.text).is_file():
            yield SchemaProblem(path=guidelines.path, message=f"{guidelines.text} does not exist")
    # Where the framework is missing or misspelt, which the schema says, the usual one is meant.
    trainer, model = TRAINERS.get(train.get("framework").text or "", UltralyticsTrainer), train.get("model")
    if model.text and (problem := trainer.model_problem(root, model.text, task)):
        yield SchemaProblem(path=model.path, message=problem[0], hint=problem[1])


def _dataset_is_tracked(dataset: Node, root: Path) -> Iterator[SchemaProblem]:
    folder = (dataset.text or "").rstrip("/")
    if (root / f"{folder}.dvc").is_file():
        return
    hint = (
        f"dvc add {folder}"
        if (root / folder).is_dir()
        else f"put the dataset into {folder}/, then: dvc add {folder}"
    )
    yield SchemaProblem(
        path=dataset.path, message=f"{folder}.dvc does not exist: the dataset is not tracked", hint=hint
    )


def _must_be_here(root: Path, text: str) -> bool:
    """Whether a missing file is an error: not where DVC would bring it and has not been asked to."""
    if not is_tracked_by_dvc(root, text):
        return True
    return (root / text).parent.is_dir() and any((root / text).parent.iterdir())
