"""What a framework gives of its models, so that no stage and no exporter knows one by name."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from msgspec import Struct, field

from runner.domain.records import Device
from runner.domain.task import TaskSpec

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from runner.adapters.models.decoding.decoder import Decoder
    from runner.adapters.models.embedding_backbone import Backbone
    from runner.adapters.models.inference import Predictor
    from runner.adapters.models.model_record import ModelRecord
    from runner.adapters.pictures.pixels import Pixels


class LoadedModel(Struct, frozen=True, kw_only=True):
    """A trained model in memory, to be exported.

    Attributes:
        module: the framework's own object, as `Framework.graph` takes it.
        record: what lies beside the weights.
        stride: of the model's coarsest level, pixels.
        full_precision: how the names of the operations begin that quantisation leaves as they are.
        own_metadata: what the framework's own exports say of themselves, for its tools; by its keys.
    """

    module: Any
    record: ModelRecord
    stride: int
    full_precision: tuple[str, ...] = ()
    own_metadata: Mapping[str, Any] = field(default_factory=dict)


class ActivationMapper(Protocol):
    """A model that can be asked where it looked."""

    def heat(
        self, image: Pixels, class_id: int, box_xyxy: tuple[float, float, float, float]
    ) -> NDArray[np.float32] | None:
        """What raised the score of a class at a box: `(H, W)` in [0, 1] over the image `(H, W, 3)` BGR; None for nothing."""
        ...


class Framework(Protocol):
    """Opens, runs and decodes the models that one framework trained, for each task that it has."""

    def load(self, weights: Path) -> LoadedModel:
        """The model in a weights file with its `ModelRecord` beside it.

        Raises:
            FlywheelError: a file is missing or damaged, or the two do not belong together.
        """
        ...

    def predictor(self, weights: Path, device: Device) -> Predictor:
        """The same model, ready to run: what artefacts are compared with. See `load` for what is raised."""
        ...

    def decoder(self, spec: TaskSpec) -> Decoder:
        """What stands before and behind the models of a task, trained or exported."""
        ...

    def graph(self, model: LoadedModel, opset: int | None) -> bytes:
        """The model as an ONNX graph with a fixed input of one image; the newest opset when None.

        Raises:
            FlywheelError: it cannot be written, or not in this opset.
        """
        ...

    def activation_mapper(self, weights: Path, device: Device) -> ActivationMapper | None:
        """Where the model looked; None where the framework cannot say. See `load` for what is raised."""
        ...

    def backbone(self, weights: Path, device: Device) -> Backbone | None:
        """The model without its head, for embeddings; None where it has no such part. See `load` for what is raised."""
        ...
