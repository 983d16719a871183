"""What a labelling round leaves in the folder of the sprint that asks for it: which images were picked and why, and what was answered."""

from __future__ import annotations

import hashlib
from typing import Any, Literal

from runner.domain.records import Record

CONTROL_ARM = "random"  # images that no strategy picked: what labelling gains by itself
GOLD_ARM = "gold"  # images whose labels are known: they measure annotators, and are never merged
ArmName = str  # of `annotation.batch.mix`, or `gold`

Outcome = Literal["accepted", "moved", "relabelled", "added"]
"""What became of a pre-annotation, or that there was none: `accepted` as it stood, `moved` with its class kept, `relabelled` wherever
it then lay; `added` by the annotator."""


def task_key(sprint: str, image_id: str) -> str:
    """Of the task that an image of a sprint's batch becomes: 16 hexadecimal digits, the same however often it is drawn.

    Whatever a tool does to names and ids, an answer is found by it.

    >>> task_key("0002-dark", "a" * 64)
    '1e373d24e00c1d11'
    """
    return hashlib.sha256(f"{sprint}\n{image_id}".encode()).hexdigest()[:16]


class BatchImage(Record, frozen=True, kw_only=True):
    """One image of a batch: a row of batch.csv.

    Attributes:
        key: of its task, whatever the tool: 16 hexadecimal digits of the SHA-256 of `<sprint>\\n<image_id>`. Idempotency rests on it.
        path: relative to the dataset's folder, when the batch was drawn.
        image_id: of its content; an image that was renamed since is found by it.
        arm: what picked it; `random` is the control arm.
        annotators: how many are to label it independently.
        score: of the arm's measure; None where the arm has none.
        reason: in words, with the figures that decided.
    """

    key: str
    path: str
    image_id: str
    arm: ArmName
    annotators: int = 1
    score: float | None = None
    reason: str = ""


class SliceCoverage(Record, frozen=True, kw_only=True):
    """How many images of a slice the batch has, and the pool."""

    slice: str
    batch: int
    pool: int


class Batch(Record, frozen=True, kw_only=True):
    """What batch.csv was drawn from; batch.json.

    Attributes:
        sprint: that asks for the labels.
        into: the split that the images go to once they are labelled.
        champion, tag, commit: the sprint of the model that scored the pool, its tag in the registry and the commit that it names;
            None where none was needed.
        evidence: what the picks rest on: a file's path → DVC's hash of its content; `embeddings/<source>` → SHA-256 of the vectors.
        pool_images, pool_digest: what was drawn from: how many images satisfy the batch's condition, and a SHA-256 of their contents.
        arms: images of each arm. `control` of them are in the control arm.
        labels: how many labels are expected, by what the champion predicts there; of two annotators, both.
        price: of those labels, in the project's currency; None where the project names no price.
        coverage: of each slice of the project, of whole images.
        options: of `annotation.batch`, as a spec writes them; with the mix that was drawn by, where the spec names none.
        beside: the sprints whose own batches were left out of the pool. `beside_digests`: the path of each of their batch.csv →
            its SHA-256 then.
        short: arms that found fewer images than their share, by how many.
    """

    sprint: str
    into: Literal["train", "test"]
    champion: str | None
    tag: str | None
    seed: int
    pool_images: int
    pool_digest: str
    evidence: dict[str, str]
    arms: dict[str, int]
    labels: float | None = None
    price: float | None = None
    currency: str = "EUR"
    coverage: list[SliceCoverage] = []
    commit: str | None = None
    options: dict[str, Any] = {}
    beside: list[str] = []
    beside_digests: dict[str, str] = {}
    short: dict[str, int] = {}


class Proposal(Record, frozen=True, kw_only=True):
    """A pre-annotation as the annotator was shown it; lengths are fractions of the image's size.

    Attributes:
        box: x_min, y_min, x_max, y_max; of an image's class, the whole image.
        score: the champion's confidence, 0 to 1.
    """

    class_name: str
    box: tuple[float, float, float, float]
    score: float
    polygons: list[list[float]] = []
    keypoints: list[float] = []
    corners: list[float] = []


class AnsweredObject(Record, frozen=True, kw_only=True):
    """One object as an annotator left it; lengths are fractions of the image's size.

    Attributes:
        box: x_min, y_min, x_max, y_max, or the hull of its shape; of an image's class, the whole image.
        polygons: outlines, each x, y, x, y, …
        keypoints: x, y, visibility (0, 1, 2) of each point.
        corners: x, y of an oriented box's four corners.
        proposal: the place among the answer's `proposals` of what it was made from; None where it was added.
    """

    class_name: str
    box: tuple[float, float, float, float]
    outcome: Outcome
    polygons: list[list[float]] = []
    keypoints: list[float] = []
    corners: list[float] = []
    proposal: int | None = None


class HandedTask(Record, frozen=True, kw_only=True):
    """One image as it was handed out.

    Attributes:
        key, path, image_id, annotators: as in the batch.
        width, height: in pixels, turned by EXIF.
        proposals: what annotators are shown, the likeliest first.
    """

    key: str
    path: str
    image_id: str
    width: int
    height: int
    annotators: int = 1
    proposals: list[Proposal] = []


class HandedOut(Record, frozen=True, kw_only=True):
    """The tasks of a batch as they were handed out; handed-out.json. What is shown does not change any more.

    Attributes:
        tool: as in `Answer`.
        tag: of the champion that made the proposals; None where there are none.
        min_confidence: from which on a prediction was shown.
        guidelines: SHA-256 of the guidelines' file; None without any.
    """

    sprint: str
    tool: str
    strategy: str
    tag: str | None = None
    min_confidence: float | None = None
    guidelines: str | None = None
    tasks: list[HandedTask] = []


class Answer(Record, frozen=True, kw_only=True):
    """What one annotator said of one image: a line of answers.jsonl, sorted by path and annotator.

    Attributes:
        annotator: a pseudonym or an account's name, as the tool gives it; never an address.
        skipped: looked at, and not labelled.
        seconds: that the annotator took, as the tool measured it; None where the tool does not.
        guidelines: SHA-256 of the guidelines' file as it was when the tasks were handed out; None without any.
        tool: `label-studio`, `cvat`, `coco`, `yolo`, `simulated`.
        proposals: what was shown. One that no object names was deleted.
    """

    key: str
    path: str
    image_id: str
    annotator: str
    tool: str
    skipped: bool = False
    seconds: float | None = None
    guidelines: str | None = None
    proposals: list[Proposal] = []
    objects: list[AnsweredObject] = []
