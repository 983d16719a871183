"""What YOLO's label files are for, told by their lines; and what is said where they could be read in another way."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from runner.domain.task import TaskName
from runner.layouts.yolo_files import read_data_yaml

SAMPLED_LABELS = 200  # label files that tell which task they are for
_BOX, _CORNERS = 5, 9  # numbers in a line


@dataclass(frozen=True, kw_only=True)
class LabelKind:
    """A task, and what to say about it: nothing where the labels can be read in one way only.

    `points` is how many key points the lines seem to have.
    """

    task: TaskName
    remark: str | None = None
    points: int = 0


def yolo_kind(folder: Path, labels: Sequence[str]) -> LabelKind:
    """What most lines of the label files are about."""
    if read_data_yaml(folder).get("kpt_shape"):
        return LabelKind(task="pose")
    step = -(-len(labels) // SAMPLED_LABELS)
    lines = [words for path in labels[::step] for words in words_of(folder / path)]
    lengths = Counter(map(len, lines))
    if points := _key_points(lines):
        return LabelKind(task="pose", points=points)
    corners, boxes = lengths[_CORNERS], lengths[_BOX]
    outlines = sum(count for length, count in lengths.items() if length >= 7 and length % 2)
    if corners == outlines and corners > lengths.total() - corners:
        # Lines of other lengths are flawed: none is an outline of more points.
        return LabelKind(
            task="obb",
            remark="every outline has four points, so they are read as rotated boxes (task obb); as outlines: "
            "--task segment, as upright boxes: --task detect",
        )
    if outlines > boxes:
        return LabelKind(task="segment")
    if outlines:
        return LabelKind(
            task="detect",
            remark=f"of some lines ({outlines} of {boxes + outlines} looked at) that are outlines the bounding box is "
            "taken; as outlines: --task segment",
        )
    return LabelKind(task="detect")


def words_of(path: Path) -> list[list[str]]:
    """The words of each line that has any."""
    lines = path.read_bytes().decode("utf-8-sig", errors="replace").splitlines()
    return [line.split() for line in lines if line.strip()]


def _key_points(lines: Sequence[Sequence[str]]) -> int:
    """How many key points with visibility all lines have after their box; 0 where they cannot be such.

    Outlines have coordinates where visibility is 0, 1 or 2, and seldom the same number of points.
    """
    lengths = {len(words) for words in lines}
    if len(lengths) != 1:
        return 0
    points, rest = divmod(lengths.pop() - _BOX, 3)
    flags = {word for words in lines for word in words[_BOX + 2 :: 3]}
    whole = {flag.removesuffix(".0").rstrip("0").rstrip(".") or "0" for flag in flags}
    return points if points > 0 and rest == 0 and whole <= {"0", "1", "2"} and "2" in whole else 0
