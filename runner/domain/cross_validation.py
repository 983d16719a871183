"""What models trained on parts of the train split do on the parts that they never saw."""

from __future__ import annotations

from runner.domain.evaluation import Metrics
from runner.domain.records import Record


class Fold(Record, frozen=True, kw_only=True):
    """One fold, as it was dealt and trained.

    Attributes:
        images, objects, groups: that are held out; groups are images that go together.
        trained: images that its model was trained on.
        state_digest: of its weights.
    """

    fold: int
    images: int
    objects: int
    groups: int
    trained: int
    state_digest: str


class Folds(Record, frozen=True, kw_only=True):
    """How the train split was dealt to folds; folds.json.

    Attributes:
        k: folds. `seed`: of the deal.
        unit: what goes together: the column of `dataset.group_by`, else `image`; near-duplicates always do.
    """

    k: int
    seed: int
    unit: str
    folds: list[Fold]


class FoldMetrics(Record, frozen=True, kw_only=True):
    """What one fold's model reaches on the images that were held out from it."""

    fold: int
    images: int
    overall: Metrics


class CrossValidation(Record, frozen=True, kw_only=True):
    """The recipe, cross-validated; cross_validation.json.

    Attributes:
        metric: the optimizing one, which `mean` and `spread` are of.
        mean: of the folds' values, each counting as much; `spread`: their standard deviation (n - 1). None below two values.
        pooled: all folds' predictions measured together: confidences of several models are ranked as if they were one's.
        test: the sprint's own model on the test split, beside it.
        lacking: classes of which some fold holds no object, so that its number is a mean over fewer.
    """

    metric: str
    folds: list[FoldMetrics]
    mean: float | None = None
    spread: float | None = None
    pooled: Metrics
    test: float | None = None
    lacking: list[str] = []
