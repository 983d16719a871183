"""One set of labels from several annotators' answers to one image: what most of them say, and what they dispute."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import msgspec
import numpy as np
from numpy.typing import NDArray

from runner.assessment.answered import UNKNOWN_SIZE, LabelSet, Said, SizeHW
from runner.domain.labelling import Answer, AnsweredObject
from runner.evaluation.robust_mean import robust_mean
from runner.tasks.task import Task

_SETTLED = 2 / 3
"""Of the annotators' weights: what so many say, or so many deny, is not disputed."""
_ROUNDING = 1e-9


@dataclass(frozen=True, kw_only=True)
class Dispute:
    """An object about which annotators differ.

    Attributes:
        item: as the consensus has it, or would have it.
        kept: whether it is in the consensus.
        why: in words: who says what.
    """

    item: AnsweredObject
    kept: bool
    why: str


@dataclass(frozen=True, kw_only=True)
class Merged:
    """What becomes of several answers to one image."""

    objects: list[AnsweredObject]
    disputed: list[Dispute]


def consensus(
    answers: Sequence[Answer],
    task: Task,
    *,
    size_hw: SizeHW = UNKNOWN_SIZE,
    weights: Mapping[str, float] | None = None,
) -> list[AnsweredObject]:
    """The objects that annotators of one image agree on. See `merged`."""
    return merged(answers, task, size_hw=size_hw, weights=weights).objects


def merged(
    answers: Sequence[Answer],
    task: Task,
    *,
    size_hw: SizeHW = UNKNOWN_SIZE,
    weights: Mapping[str, float] | None = None,
) -> Merged:
    """What the annotators of one image agree on, and what they dispute.

    An object is kept where annotators of at least half of the weight drew it: of two annotators, one is enough, for what is
    overlooked is more frequent than what is invented. Its class has the most weight; its box, corners and key points are robust
    means; its outline is that of the annotator who is most like the others. A single answer is taken as it is.

    Args:
        answers: to one image, in any order; skipped ones say nothing.
        task: of the project: how alike two objects are.
        size_hw: of the image in pixels.
        weights: of annotators, above 0; 1 of those who are not named.
    """
    said = sorted((answer for answer in answers if not answer.skipped), key=lambda answer: answer.annotator)
    if len(said) < 2:
        return Merged(objects=[item for answer in said for item in answer.objects], disputed=[])
    trust = np.array([(weights or {}).get(answer.annotator, 1.0) for answer in said])
    sets = [
        LabelSet(image="", source=answer.annotator, objects=answer.objects, size_hw=size_hw)
        for answer in said
    ]
    table = Said.of(sets, task)
    found = [
        _merge(table, np.flatnonzero(table.groups == group), trust) for group in range(_count(table.groups))
    ]
    return Merged(objects=[one.item for one in found if one.kept], disputed=[one for one in found if one.why])


def _count(groups: NDArray[np.int64]) -> int:
    return int(groups.max(initial=-1)) + 1


def _merge(said: Said, rows: NDArray[np.int64], trust: NDArray[np.float64]) -> Dispute:
    """One object from those of several annotators; `why` is empty where nobody disputes it."""
    weights = trust[said.place[rows]]
    drew = float(weights.sum() / trust.sum())
    votes: dict[str, float] = {}
    for row, weight in zip(rows.tolist(), weights.tolist(), strict=True):
        name = said.object(row).class_name
        votes[name] = votes.get(name, 0.0) + weight
    middle = _medoid(said, rows, weights)
    most = max(votes.values())
    leading = [name for name, weight in votes.items() if weight >= most - _ROUNDING]
    middle_class = said.object(middle).class_name
    class_name = middle_class if middle_class in leading else leading[0]
    called = [row for row in rows.tolist() if said.object(row).class_name == class_name]
    if middle not in called:
        middle = called[0]
    return Dispute(
        item=_mean(said, rows, weights, said.object(middle), class_name),
        kept=drew >= 0.5 - _ROUNDING,
        why=_why(said, rows, drew, most / float(weights.sum())),
    )


def _medoid(said: Said, rows: NDArray[np.int64], weights: NDArray[np.float64]) -> int:
    """The row that is most like the others; of equal ones that of the most weight, then the first."""
    if len(rows) < 3:  # of two, each is as like the other
        return int(rows[int(np.argmax(weights))])
    one, other = (part.ravel() for part in np.meshgrid(rows, rows, indexing="ij"))
    alike = said.similarity(one, other).reshape(len(rows), len(rows))
    np.fill_diagonal(alike, 0.0)
    scores = np.round(alike @ weights / np.maximum(weights.sum() - weights, _ROUNDING), 9)
    return int(rows[max(range(len(rows)), key=lambda at: (scores[at], weights[at], -at))])


def _mean(
    said: Said,
    rows: NDArray[np.int64],
    weights: NDArray[np.float64],
    middle: AnsweredObject,
    class_name: str,
) -> AnsweredObject:
    objects = [said.object(row) for row in rows.tolist()]
    left, top, right, bottom = robust_mean(np.array([item.box for item in objects]), weights).tolist()
    corners = [_turned(item.corners, middle.corners) for item in objects]
    mean: dict[str, object] = {"class_name": class_name}
    if not middle.polygons:  # an outline has its own hull
        mean["box"] = (left, top, right, bottom)
    if middle.corners and all(corners):
        mean["corners"] = robust_mean(np.array(corners), weights).tolist()
    if middle.keypoints:
        mean["keypoints"] = _mean_points([item.keypoints for item in objects], weights, middle.keypoints)
    return msgspec.structs.replace(middle, **mean)


def _turned(corners: Sequence[float], like: Sequence[float]) -> list[float]:
    """The same four corners in the order, and from the corner on, that are nearest to `like`."""
    if len(corners) != len(like) or not corners:
        return []
    points, wanted = np.array(corners).reshape(-1, 2), np.array(like).reshape(-1, 2)
    ways = [np.roll(way, turn, axis=0) for way in (points, points[::-1]) for turn in range(len(points))]
    return [float(value) for value in min(ways, key=lambda way: float(np.square(way - wanted).sum())).ravel()]


def _mean_points(
    drawn: Sequence[Sequence[float]], weights: NDArray[np.float64], middle: Sequence[float]
) -> list[float]:
    """Each point where those that labelled it have it, as visible as most of them say; unlabelled where most left it out."""
    whole = [at for at, points in enumerate(drawn) if len(points) == len(middle)]
    points = np.array([drawn[at] for at in whole]).reshape(len(whole), -1, 3)
    trust = weights[whole]
    result: list[float] = []
    for point in range(points.shape[1]):
        votes = [float(trust[points[:, point, 2] == state].sum()) for state in (0, 1, 2)]
        labelled = points[:, point, 2] > 0
        if votes[0] > votes[1] + votes[2]:
            result += [0.0, 0.0, 0.0]
            continue
        x, y = robust_mean(points[labelled, point, :2], trust[labelled]).tolist()
        result += [x, y, 2.0 if votes[2] >= votes[1] else 1.0]
    return result


def _why(said: Said, rows: NDArray[np.int64], drew: float, called: float) -> str:
    """Who says what, where less than two thirds agree."""
    by = {said.sets[int(said.place[row])].source: said.object(row).class_name for row in rows.tolist()}
    parts = []
    if 1 - _SETTLED + _ROUNDING < drew < _SETTLED - _ROUNDING:
        others = [one.source for one in said.sets if one.source not in by]
        parts.append(f"drawn by {', '.join(by)}, not by {', '.join(others)}")
    if called < _SETTLED - _ROUNDING:
        parts.append(", ".join(f"{source} says {name}" for source, name in by.items()))
    return "; ".join(parts)
