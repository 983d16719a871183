"""A confusion matrix read for what matters: the pairs and the classes that are confused most."""

from __future__ import annotations

from dataclasses import dataclass

from runner.domain.error_analysis import ConfusionMatrix

SHOWN_CLASSES = 15
_TOP = 10


@dataclass(frozen=True, kw_only=True)
class Confusion:
    """One pair: `count` of `total` objects of `truth` were predicted as `prediction`."""

    truth: str
    prediction: str
    count: int
    total: int
    truth_is_background: bool
    prediction_is_background: bool

    @property
    def share(self) -> float:
        return self.count / self.total if self.total else 0.0


def background_index(matrix: ConfusionMatrix) -> int | None:
    """The row and column of what is no object; None for classification."""
    return len(matrix.labels) - 1 if matrix.background else None


def top_confusions(matrix: ConfusionMatrix, most: int = _TOP) -> list[Confusion]:
    """The largest counts off the diagonal, the largest first.

    >>> matrix = ConfusionMatrix(labels=["a", "b"], counts=[[5, 2], [0, 9]])
    >>> [(pair.truth, pair.prediction, pair.count, pair.total) for pair in top_confusions(matrix)]
    [('a', 'b', 2, 7)]
    """
    labels, background = matrix.labels, background_index(matrix)
    pairs = [
        (-count, row, column)
        for row, counts in enumerate(matrix.counts)
        for column, count in enumerate(counts)
        if row != column and count > 0
    ]
    return [
        Confusion(
            truth=labels[row],
            prediction=labels[column],
            count=-negative,
            total=sum(matrix.counts[row]),
            truth_is_background=row == background,
            prediction_is_background=column == background,
        )
        for negative, row, column in sorted(pairs)[:most]
    ]


def most_confused(matrix: ConfusionMatrix, most: int = SHOWN_CLASSES) -> ConfusionMatrix:
    """The part of the matrix that a picture can hold: the most confused classes, in their order, and the background.

    >>> matrix = ConfusionMatrix(labels=["a", "b", "c"], counts=[[5, 0, 2], [0, 9, 0], [1, 0, 3]])
    >>> most_confused(matrix, 2).labels
    ['a', 'c']
    """
    background = background_index(matrix)
    classes = [index for index in range(len(matrix.labels)) if index != background]

    def confused(index: int) -> tuple[int, int]:
        column = sum(row[index] for row in matrix.counts)
        return (-(sum(matrix.counts[index]) + column - 2 * matrix.counts[index][index]), index)

    kept = sorted(sorted(classes, key=confused)[:most]) + ([] if background is None else [background])
    return ConfusionMatrix(
        labels=[matrix.labels[index] for index in kept],
        counts=[[matrix.counts[row][column] for column in kept] for row in kept],
        background=matrix.background,
    )
