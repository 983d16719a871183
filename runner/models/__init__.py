"""Trained models, opened, run and decoded by framework and task: one file per framework. Imports nothing heavy."""

from __future__ import annotations

from pathlib import Path

from runner.domain.errors import ExitCode, FlywheelError, Where
from runner.models.framework import ActivationMapper, Framework, LoadedModel
from runner.models.ultralytics import UltralyticsModels

FRAMEWORKS: dict[str, Framework] = {"ultralytics": UltralyticsModels()}


def framework_named(name: str, path: Path) -> Framework:
    """The framework that a model's record names.

    Args:
        path: the model's, for the message.

    Raises:
        FlywheelError: this version of flywheel has none of that name (exit code 3).
    """
    if name not in FRAMEWORKS:
        raise FlywheelError(
            f'the model was trained with "{name}", which this version of flywheel cannot run',
            where=Where(str(path)),
            hint=f"use the version of flywheel that trained it; this one has {', '.join(FRAMEWORKS)}",
            exit_code=ExitCode.STAGE_FAILED,
        )
    return FRAMEWORKS[name]


def framework_of(weights: Path) -> Framework:
    """The framework of a weights file, by the record beside it.

    Raises:
        FlywheelError: the record is missing or damaged, or names a framework that this version has not.
    """
    from runner.adapters.models.model_record import ModelRecord
    from runner.domain.files import read_json

    return framework_named(read_json(weights.with_suffix(".json"), ModelRecord).framework, weights)


__all__ = ["FRAMEWORKS", "ActivationMapper", "Framework", "LoadedModel", "framework_named", "framework_of"]
