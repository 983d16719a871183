"""The champion's backbone: what the project's own model has learnt to see."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from runner.domain.options import Options
from runner.embeddings.source import Embedder, Setting, digest_of, runtime_version

if TYPE_CHECKING:
    from runner.adapters.models.model_record import ModelRecord

_VERSION = 1


class ChampionBackbone(Options, frozen=True, kw_only=True, tag_field="source", tag="champion"):
    """The champion's backbone: its last maps, averaged over their places."""

    @property
    def name(self) -> str:
        return "champion"

    def digest(self, setting: Setting) -> str:
        record, device = _record(setting.champion()), setting.device()
        return digest_of(
            "champion", _VERSION, record.state_digest, record.imgsz, device.kind, runtime_version("torch")
        )

    def open(self, setting: Setting) -> Embedder:
        from runner.adapters.models.embedding_backbone import BackboneEmbedder
        from runner.domain.errors import ExitCode, FlywheelError, Where
        from runner.models import framework_named

        weights = setting.champion()
        record = _record(weights)
        framework = framework_named(record.framework, weights)
        backbone = framework.backbone(weights, setting.device())
        if backbone is None:
            raise FlywheelError(
                f"a model of {record.framework} has no backbone that could be asked",
                where=Where(str(weights)),
                hint="name another source: embeddings: {source: lite0} in flywheel.yaml",
                exit_code=ExitCode.STAGE_FAILED,
            )
        return BackboneEmbedder(backbone, framework.decoder(record.spec).preprocess)


def _record(weights: Path) -> ModelRecord:
    from runner.adapters.models.model_record import ModelRecord
    from runner.domain.files import read_json

    return read_json(weights.with_suffix(".json"), ModelRecord)
