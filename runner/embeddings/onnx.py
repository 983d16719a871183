"""The team's own network, an ONNX file in the repository."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from msgspec import Meta, field

from runner.domain.options import NEUTRAL, Options, RelativePath
from runner.embeddings.source import Setting, digest_of, runtime_version

if TYPE_CHECKING:
    from runner.adapters.models.embedding_graph import GraphEmbedder

_VERSION = 1
Rgb = Annotated[list[Annotated[float, Meta(ge=-1000, le=1000)]], Meta(min_length=3, max_length=3)]
Positive = Annotated[float, Meta(gt=0, le=1000)]


class Normalise(Options, frozen=True, kw_only=True):
    """Red, green and blue in [0, 1] become `(value - mean) / std`."""

    mean: Annotated[
        Rgb, Meta(description="Of red, green and blue; ImageNet's when absent.", extra=NEUTRAL)
    ] = field(default_factory=lambda: [0.485, 0.456, 0.406])
    std: Annotated[
        Annotated[list[Positive], Meta(min_length=3, max_length=3)],
        Meta(description="Of red, green and blue; ImageNet's when absent.", extra=NEUTRAL),
    ] = field(default_factory=lambda: [0.229, 0.224, 0.225])


class OnnxEmbedding(Options, frozen=True, kw_only=True, tag_field="source", tag="onnx"):
    """The team's own network: one input of images `(1, 3, height, width)`, RGB."""

    path: Annotated[
        RelativePath,
        Meta(description="The ONNX file, with its weights in it.", extra=NEUTRAL),
    ]
    input: Annotated[
        Annotated[int, Meta(ge=16, le=2048)] | None,
        Meta(
            description="Side of the square that images are scaled to, pixels; what the file says when absent.",
            extra=NEUTRAL,
        ),
    ] = None
    fit: Annotated[
        Literal["stretch", "crop"],
        Meta(
            description="`stretch`: the whole picture, its aspect not kept. `crop`: the middle square of it.",
            extra=NEUTRAL,
        ),
    ] = "stretch"
    normalise: Annotated[
        Normalise, Meta(description="What is taken away from the colours, and divided by.")
    ] = Normalise()
    output: Annotated[
        Annotated[str, Meta(min_length=1, max_length=200)] | None,
        Meta(
            description="The output that is the vector, `(1, D)`, or maps that are averaged, `(1, D, h, w)`. Needed where "
            "there are several.",
            extra=NEUTRAL,
        ),
    ] = None

    @property
    def name(self) -> str:
        return f"onnx {self.path}"

    def digest(self, setting: Setting) -> str:
        import hashlib

        content = hashlib.sha256(self._content(setting)).hexdigest()
        options = (self.input, self.fit, self.normalise.mean, self.normalise.std, self.output)
        return digest_of("onnx", _VERSION, content, *options, runtime_version("openvino"))

    def open(self, setting: Setting) -> GraphEmbedder:
        from runner.adapters.models.embedding_graph import GraphEmbedder, NetworkInput
        from runner.adapters.models.foreign_graph import read_graph

        graph = read_graph(self._content(setting), Path(self.path), self.input, self.output)
        mean, std = self.normalise.mean, self.normalise.std
        inputs = NetworkInput(
            side_px=graph.side_px,
            fit=self.fit,
            mean=(mean[0], mean[1], mean[2]),
            deviation=(std[0], std[1], std[2]),
        )
        return GraphEmbedder(graph.model, inputs, setting.threads, graph.output)

    def _content(self, setting: Setting) -> bytes:
        from runner.domain.errors import ExitCode, FlywheelError, Where
        from runner.domain.files import read_error

        path = setting.root / self.path
        try:
            return path.read_bytes()
        except FileNotFoundError:
            tracked = (setting.root / f"{self.path}.dvc").is_file()
            raise FlywheelError(
                "the network of the embeddings is not here",
                where=Where(self.path),
                hint=f"dvc pull {self.path}.dvc"
                if tracked
                else "put the ONNX file there, or correct embeddings.path in flywheel.yaml",
                exit_code=ExitCode.STAGE_FAILED,
            ) from None
        except OSError as error:
            raise read_error(path, error) from error
