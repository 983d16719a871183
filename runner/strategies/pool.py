"""What a strategy sees: the images of the pool, and what is known of them; and what it gives."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated, Any, Literal, Protocol, TypeVar

from msgspec import Meta

from runner.domain.errors import ExitCode, FlywheelError
from runner.selectors.ranks import drawing_order

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from runner.dataset.near_duplicates import Looks

T = TypeVar("T")
Share = Annotated[
    float,
    Meta(
        gt=0, le=100, description="Of the batch, as a part of all shares: 0.5 beside 0.3 and 0.2 is a half."
    ),
]
Member = Literal["seeds", "artefacts", "flips"]
"""Which other predictions of the same images there are: of models of other seeds, of other artefacts, of mirrored images."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Predictions:
    """What one model predicts on N images.

    Attributes:
        image: `(P,)` int, the position of each row's image.
        class_id: `(P,)` int. `score`: `(P,)` float in [0, 1].
        boxes_xyxy: `(P, 4)` float, pixels; of an image's class anything.
    """

    image: NDArray[np.int64]
    class_id: NDArray[np.int64]
    score: NDArray[np.float64]
    boxes_xyxy: NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """An image that the champion's last report shows among its worst.

    Attributes:
        path: relative to the dataset's folder.
        caption: what is wrong there.
    """

    path: str
    caption: str


@dataclass(frozen=True, kw_only=True)
class Pool:
    """N images that nobody labelled, in the order of their paths, and what is known of them; None: it was not asked for.

    Attributes:
        paths: relative to the dataset's folder. `image_ids`: of their content.
        classes: of the project, by their ids. `ranked`: predictions are objects; else each image has a class.
        confidence: from which on a prediction of a ranked task counts.
        columns: of the image index, by name, `(N,)` each: those that `metadata` needs.
        groups: `(N,)` of each image; None where the project names no groups.
        predictions: the champion's; None where there is no champion.
        others: further predictions, by what they are of, then by name.
        difficulty: `(K,)` of each class, 0 to 1: 1 − its average precision when the champion was judged (its recall, where images
            have classes); NaN where it was not measured.
        labelled_objects: `(K,)` objects (images) of each class in the train split.
        labels: `(N,)` how many labels each image is expected to need.
        vectors: `(N, D)` float32, of length 1. `labelled_vectors`: `(M, D)` of the images that have labels.
        looks: of the N images. `labelled_looks`: of those that have labels.
        failures: F of the champion's worst images, the worst first. `failure_vectors`: `(F, D)`.
    """

    paths: Sequence[str]
    image_ids: Sequence[str]
    classes: Sequence[str] = ()
    ranked: bool = True
    confidence: float = 0.25
    columns: Mapping[str, NDArray[Any]] = field(default_factory=dict)
    groups: Sequence[str] | None = None
    predictions: Predictions | None = None
    others: Mapping[Member, Mapping[str, Predictions]] = field(default_factory=dict)
    difficulty: NDArray[np.float64] | None = None
    labelled_objects: NDArray[np.int64] | None = None
    labels: NDArray[np.float64] | None = None
    vectors: NDArray[np.float32] | None = None
    labelled_vectors: NDArray[np.float32] | None = None
    looks: Looks | None = None
    labelled_looks: Looks | None = None
    failures: Sequence[Failure] = ()
    failure_vectors: NDArray[np.float32] | None = None

    def __len__(self) -> int:
        return len(self.paths)


@dataclass(frozen=True, slots=True, kw_only=True)
class Needs:
    """What a strategy reads of a pool, beside the images' paths and ids.

    Attributes:
        predictions: of the champion. `others`: of the models that they are compared with.
        difficulty, vectors, labelled_objects, failures: as `Pool` calls them.
        columns: of the image index.
    """

    predictions: bool = False
    others: Member | None = None
    difficulty: bool = False
    labelled_objects: bool = False
    vectors: bool = False
    failures: bool = False
    columns: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """An image that a strategy would have labelled.

    Attributes:
        position: in the pool.
        score: of the strategy's measure, which its options name; None where it has none.
        reason: in words, with the figures that decided.
    """

    position: int
    score: float | None
    reason: str


class Strategy(Protocol):
    """The options of one strategy, and its behaviour. Importing its module imports nothing heavy."""

    @property
    def needs(self) -> Needs:
        """What has to be known of the pool."""
        ...

    def choices(self, pool: Pool, taken: Sequence[int], want: int, seed: int) -> Iterator[Choice]:
        """The pool's images, the most wanted first; the same for the same pool. Whoever asks leaves out what may not be taken.

        Args:
            taken: the positions that other arms took already.
            want: how many are wanted; a strategy may rank that many only with care, and further ones roughly.

        Raises:
            FlywheelError: what it needs is not there.
        """
        ...


def required(value: T | None, what: str, hint: str) -> T:
    """What a strategy needs of a pool.

    Raises:
        FlywheelError: it is None (exit code 3).
    """
    if value is None:
        raise FlywheelError(f"the batch cannot be drawn: {what}", hint=hint, exit_code=ExitCode.STAGE_FAILED)
    return value


NO_CHAMPION = (
    "flywheel promote SPRINT; until then a mix of typicality, diversity, metadata and random needs no model"
)


def predictions_of(pool: Pool, strategy: str) -> Predictions:
    """The champion's.

    Raises:
        FlywheelError: there is no champion.
    """
    return required(
        pool.predictions, f"{strategy} needs a champion's predictions, and there is no champion", NO_CHAMPION
    )


def vectors_of(pool: Pool, strategy: str) -> NDArray[np.float32]:
    """Those of the pool's images.

    Raises:
        FlywheelError: nobody computed them.
    """
    return required(
        pool.vectors, f"{strategy} compares images by their vectors, and there are none", "flywheel embed"
    )


def highest_first(scores: NDArray[np.float64], pool: Pool, seed: int) -> list[int]:
    """Positions by descending score, those without one last; equal ones as the seed draws them: by path they would be of one scene.

    >>> import numpy as np
    >>> highest_first(np.array([0.5, np.nan, 0.9, 0.4]), Pool(paths="abcd", image_ids="abcd"), 0)
    [2, 0, 3, 1]
    """
    import numpy as np

    shown = np.where(np.isnan(scores), -np.inf, np.round(scores, 9))
    drawn = drawing_order(pool.image_ids, pool.paths, seed)
    order: list[int] = drawn[np.argsort(-shown[drawn], kind="stable")].tolist()
    return order
