"""EfficientNet-Lite0 with ImageNet weights: what a project has from its first day, without a model of its own."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from runner.domain.options import Options
from runner.embeddings.source import Setting, digest_of, runtime_version

if TYPE_CHECKING:
    from runner.adapters.models.embedding_graph import GraphEmbedder, NetworkInput

FOLDER = ".flywheel/lite0"  # git-ignored; the network as OpenVINO reads it, written once
_VERSION = 1  # raised when what is computed of the same weights changes


class Lite0(Options, frozen=True, kw_only=True, tag_field="source", tag="lite0"):
    """EfficientNet-Lite0, trained on ImageNet: the extra `embed`."""

    @property
    def name(self) -> str:
        return "lite0"

    def digest(self, setting: Setting) -> str:
        from runner.adapters.models.efficientnet_lite import WEIGHTS_SHA256, weights_file

        weights_file()
        return digest_of("lite0", _VERSION, WEIGHTS_SHA256, runtime_version("openvino"))

    def open(self, setting: Setting) -> GraphEmbedder:
        from runner.adapters.models.embedding_graph import GraphEmbedder

        return GraphEmbedder(self._graph(setting), self.inputs(), setting.threads)

    def inputs(self) -> NetworkInput:
        """How images are fitted: the whole picture, since a copy may differ at its edges only."""
        from runner.adapters.models.efficientnet_lite import DEVIATION, MEAN, SIDE_PX
        from runner.adapters.models.embedding_graph import NetworkInput

        return NetworkInput(side_px=SIDE_PX, fit="stretch", mean=MEAN, deviation=DEVIATION)

    def _graph(self, setting: Setting) -> Path:
        """The network's file, written by the first who needs it.

        Raises:
            FlywheelError: the extra is not installed, or it cannot be written.
        """
        from filelock import FileLock

        from runner.adapters.models.efficientnet_lite import weights_file, write_graph
        from runner.domain.files import atomic_folder

        folder = setting.root / FOLDER / self.digest(setting)
        file = folder / "model.xml"
        if not file.is_file():
            folder.parent.mkdir(parents=True, exist_ok=True)
            with FileLock(folder.parent / ".lock"):
                if not file.is_file():
                    with atomic_folder(folder) as out:
                        write_graph(out / file.name, weights_file())
        return file
