"""Sources of embeddings: one class per file, options and behaviour together. The union is what flywheel.yaml may name."""

from runner.embeddings.champion import ChampionBackbone
from runner.embeddings.lite0 import Lite0
from runner.embeddings.onnx import OnnxEmbedding
from runner.embeddings.source import Embedder, EmbeddingSource, Setting

AnySource = Lite0 | ChampionBackbone | OnnxEmbedding
"""A source's block of options."""

__all__ = ["AnySource", "Embedder", "EmbeddingSource", "Lite0", "Setting"]
