"""What became of pre-annotations: each object of an answer is paired with the one that it was made from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from msgspec.structs import replace

from runner.domain.labelling import AnsweredObject, Outcome, Proposal

Box = tuple[float, float, float, float]
SAME = 2e-3  # of the image's side: a tool rounds to pixels, or to per cent
LEAST_IOU = 0.3  # below, an object is another one


def with_outcomes(
    objects: Sequence[AnsweredObject],
    proposals: Sequence[Proposal],
    made_from: Mapping[int, int] | None = None,
) -> list[AnsweredObject]:
    """The objects, each with what became of its pre-annotation.

    Args:
        objects: of one answer; their outcomes are not looked at.
        proposals: what the annotator was shown.
        made_from: the proposals of those objects of which the tool says it, both by their places. Others are paired by what
            they overlap: those of one class first, the best pairs first.
    """
    pairs = dict(made_from or {})
    taken = set(pairs.values())
    candidates = sorted(
        (-_sameness(item, proposals[at]), item.class_name != proposals[at].class_name, number, at)
        for number, item in enumerate(objects)
        if number not in pairs
        for at in range(len(proposals))
        if at not in taken and _overlap(item, proposals[at]) >= LEAST_IOU
    )
    for _, _, number, at in candidates:
        if number not in pairs and at not in taken:
            pairs[number] = at
            taken.add(at)
    return [_with_outcome(item, proposals, pairs.get(number)) for number, item in enumerate(objects)]


def is_as_sent(objects: Sequence[AnsweredObject], proposals: Sequence[Proposal]) -> bool:
    """Whether an answer holds the pre-annotations and nothing else; an empty one where nothing was proposed does."""
    return len(objects) == len(proposals) and all(item.outcome == "accepted" for item in objects)


def iou(one: Box, other: Box) -> float:
    """Intersection over union of two boxes, in [0, 1]; 0 of two without area.

    >>> iou((0, 0, 0.5, 1), (0, 0, 1, 1))
    0.5
    """
    width = min(one[2], other[2]) - max(one[0], other[0])
    height = min(one[3], other[3]) - max(one[1], other[1])
    shared = max(width, 0.0) * max(height, 0.0)
    union = (one[2] - one[0]) * (one[3] - one[1]) + (other[2] - other[0]) * (other[3] - other[1]) - shared
    return shared / union if union > 0 else 0.0


def _sameness(item: AnsweredObject, proposal: Proposal) -> float:
    """How well they lie on one another; one of the same class counts as nearer than any of another."""
    return _overlap(item, proposal) + (item.class_name == proposal.class_name)


def _overlap(item: AnsweredObject, proposal: Proposal) -> float:
    """Of their boxes; of skeletons also of what their points span: CVAT keeps no other box of them."""
    spans = [points_hull(shape.keypoints) for shape in (item, proposal)]
    return max(iou(item.box, proposal.box), iou(spans[0], spans[1]))


def points_hull(keypoints: Sequence[float]) -> Box:
    """The box around the labelled points of a skeleton; without area where there are none."""
    points = [
        (x, y) for x, y, seen in zip(keypoints[::3], keypoints[1::3], keypoints[2::3], strict=True) if seen
    ]
    if not points:
        return (0.0, 0.0, 0.0, 0.0)
    across, down = [x for x, _ in points], [y for _, y in points]
    return (min(across), min(down), max(across), max(down))


def _with_outcome(
    item: AnsweredObject, proposals: Sequence[Proposal], proposal: int | None
) -> AnsweredObject:
    if proposal is None:
        return replace(item, outcome="added", proposal=None)
    made_from = proposals[proposal]
    alike = _lies_alike(item, made_from)
    outcome: Outcome = "accepted" if alike else "moved"
    if item.class_name != made_from.class_name:
        outcome = "relabelled"
    if not alike:
        return replace(item, outcome=outcome, proposal=proposal)
    return AnsweredObject(  # as it was shown: a tool rounds
        class_name=item.class_name,
        box=made_from.box,
        outcome=outcome,
        polygons=made_from.polygons or item.polygons,
        keypoints=made_from.keypoints or item.keypoints,
        corners=made_from.corners or item.corners,
        proposal=proposal,
    )


def _lies_alike(item: AnsweredObject, proposal: Proposal) -> bool:
    """Whether nothing was moved by more than what tools round."""
    rows: list[tuple[Sequence[float], Sequence[float]]] = [(item.box, proposal.box)]
    if proposal.keypoints:
        rows = [(_seen(item.keypoints), _seen(proposal.keypoints))]
        if not _near(item.box, points_hull(item.keypoints)):  # a box of its own
            rows.append((item.box, proposal.box))
    if proposal.polygons:
        if len(item.polygons) != len(proposal.polygons):
            return False
        rows += zip(item.polygons, proposal.polygons, strict=True)
    if proposal.corners:
        return _corners_alike(item.corners, proposal.corners)
    return all(_near(one, other) for one, other in rows)


def _seen(keypoints: Sequence[float]) -> list[float]:
    """Points as tools keep them: those that are not labelled have no place, and whether one is hidden is not said."""
    points = zip(keypoints[::3], keypoints[1::3], keypoints[2::3], strict=True)
    return [value for x, y, visible in points for value in ((x, y, 1.0) if visible else (0.0, 0.0, 0.0))]


def _corners_alike(one: Sequence[float], other: Sequence[float]) -> bool:
    """Whichever corner is named first."""
    turns = [[*one[at:], *one[:at]] for at in range(0, len(one), 2)]
    return any(_near(turned, other) for turned in turns)


def _near(one: Sequence[float], other: Sequence[float]) -> bool:
    return len(one) == len(other) and all(
        abs(first - second) <= SAME for first, second in zip(one, other, strict=True)
    )
