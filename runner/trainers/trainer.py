"""What a spec, its plan and the train stage ask of every trainer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from runner.domain.records import Training
from runner.trainers.job import TrainingJob


class Trainer(Protocol):
    """The block `train` of a spec: its options, by which it is told from others (`framework`), and what it does.

    Attributes:
        framework: as `train.framework` names it, and the training record.
        weights_file: the file in the repository that training starts from; None for an architecture, and for a sprint.
        ancestor: the sprint whose model training starts from, or `champion`; None where it starts from something else.
        start: what training starts from, as the spec names it.
        epochs: passes over the training images, for the forecast.
        imgsz: side of the square input in pixels.
        seeds: one training each; the first is exported and judged.
    """

    @property
    def framework(self) -> str: ...

    @property
    def weights_file(self) -> str | None: ...

    @property
    def ancestor(self) -> str | None: ...

    @property
    def start(self) -> str: ...

    @property
    def epochs(self) -> int: ...

    @property
    def imgsz(self) -> int: ...

    @property
    def seeds(self) -> Sequence[int]: ...

    def train(self, job: TrainingJob) -> Training:
        """Trains one model per seed and writes each into `job.out`, with its `ModelRecord` beside it.

        Training starts from `job.base` where it is given. The record's `framework` says who opens the weights
        (`runner.models.FRAMEWORKS`) and what the epochs' values are called (`runner.trainers.TERMS`).

        Raises:
            FlywheelError: the model is unknown, unusable or for another task, a split is empty, the device is absent, or
                training diverged.
        """
        ...
