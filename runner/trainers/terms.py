"""What a framework calls the values of an epoch, in standard terms: `Epoch.values` keeps the framework's own names."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

from msgspec import Struct

from runner.domain.task import TaskName


class EpochValue(Struct, frozen=True, kw_only=True):
    """One value of an epoch.

    Attributes:
        key: the framework's own name, the key in `Epoch.values`.
        split: what it was measured on.
        name: what is measured, in words: `box`, `mAP50-95 of masks`.
        loss: a loss, not a metric.
        metric: of the metrics that one model is preferred to another by: its name in `Metrics`; None for the others.
    """

    key: str
    split: Literal["train", "val"]
    name: str
    loss: bool
    metric: str | None = None

    @property
    def title(self) -> str:
        """`val mAP50-95`, `train box`."""
        return f"{self.split} {self.name}"


class TrainingTerms:
    """Of a framework that this version does not know: its names are shown as they are, and none is preferred.

    Attributes:
        license: what the framework's licence asks of the weights trained with it, as model hubs call it.
    """

    license = "other"

    def value(self, key: str) -> EpochValue | None:
        """What one of the framework's names means; None for what is no loss and no metric, such as a learning rate."""
        group, _, name = key.rpartition("/")
        split: Literal["train", "val"] = "train" if group == "train" else "val"
        return EpochValue(key=key, split=split, name=name, loss=name.endswith("loss"))

    def model_cost(self, model: str) -> float:
        """How much a model computes beside the smallest of its family, by its name in a spec; 1 where that does not tell."""
        return 1.0

    def values(self, keys: Iterable[str]) -> list[EpochValue]:
        """Those of the names that mean something, in their order."""
        return [value for value in map(self.value, keys) if value is not None]

    def preferred(self, keys: Iterable[str]) -> EpochValue | None:
        """The metric that the framework itself prefers a model by, among these names."""
        return next((value for value in self.values(keys) if value.metric), None)

    def columns(self, task: TaskName, keys: Iterable[str]) -> dict[str, str]:
        """The columns of plots/training.csv by the framework's names: the task's usual metric first, losses last."""
        return {key: key.replace("/", "_") for key in sorted(keys)}
