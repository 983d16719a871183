"""The ancestor as stages need it: the sprint whose weights a training starts from, and where DVC keeps them."""

from __future__ import annotations

from collections.abc import Iterator

from runner.domain.champion import ResolvedChampion
from runner.domain.evaluation import REFERENCE_TARGET
from runner.domain.records import Record


class Ancestor(Record, frozen=True, kw_only=True, omit_defaults=True):
    """What a sprint's training starts from: the judged weights of another sprint, as its record in git names them.

    Attributes:
        path: the weights in that sprint's folder: "weights/seed-0.safetensors".
        weights, selection: DVC's hashes of the folders `weights` and `selection`: the model, and what it was trained on.
        before: the ancestor's own, whose images it has seen too.
    """

    sprint: str
    path: str
    weights: str
    selection: str
    before: Ancestor | None = None

    @property
    def stored(self) -> ResolvedChampion:
        """The weights as a stored artefact, which is laid out and fetched as a champion's is."""
        return ResolvedChampion(
            sprint=self.sprint,
            tag="",
            commit="",
            target=REFERENCE_TARGET,
            path=self.path,
            digest=self.weights,
        )

    @property
    def line(self) -> Iterator[Ancestor]:
        """Itself, then those before it, the nearest first."""
        yield self
        if self.before is not None:
            yield from self.before.line
