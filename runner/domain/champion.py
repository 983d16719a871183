"""The champion as stages need it: whose model it is, and which stored artefact to run."""

from __future__ import annotations

from pathlib import PurePosixPath

from runner.domain.evaluation import REFERENCE_TARGET
from runner.domain.records import Record


class ResolvedChampion(Record, frozen=True, kw_only=True):
    """The artefact that the champion ships, as it was promoted.

    Attributes:
        tag: the registry's git tag; `commit` is what it names.
        target: what it ships: its first export, else the torch model.
        path: the artefact in its sprint's folder: "exports/onnx-fp32", "weights/seed-0.safetensors".
        digest: DVC's hash of the folder that holds it, `exports` or `weights`.
    """

    sprint: str
    tag: str
    commit: str
    target: str
    path: str
    digest: str

    def holds(self, member: str) -> bool:
        """Whether a file of the stored folder, by its path inside it, belongs to the artefact."""
        inside = PurePosixPath(self.path).relative_to(PurePosixPath(self.path).parts[0])
        # the record that says how to build a torch model lies beside its weights
        return member.startswith(
            f"{inside.with_suffix('')}." if self.target == REFERENCE_TARGET else f"{inside}/"
        )
