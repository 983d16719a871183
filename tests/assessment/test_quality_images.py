"""Which images of a batch are labelled twice, and which known ones are handed out with it."""

from __future__ import annotations

from runner.assessment.quality_images import Labelled, with_quality
from runner.config.annotation import QualityOptions
from runner.domain.labelling import GOLD_ARM, BatchImage, task_key

BATCH = [
    BatchImage(
        key=task_key("0002-x", f"pool-{n}"), path=f"images/pool/{n}.jpg", image_id=f"pool-{n}", arm="random"
    )
    for n in range(40)
]
KNOWN = [Labelled(f"images/train/{n}.jpg", f"train-{n}") for n in range(30)]


def drawn(options: QualityOptions, known: list[Labelled] = KNOWN, seed: int = 0) -> list[BatchImage]:
    return with_quality(BATCH, known, options, sprint="0002-x", seed=seed)


def test_shares_are_of_the_batch() -> None:
    images = drawn(QualityOptions(double_annotated=0.1, gold=0.05))
    assert [image.annotators for image in images].count(2) == 4
    gold = [image for image in images if image.arm == GOLD_ARM]
    assert images[: len(BATCH)] != BATCH
    assert [image.path for image in images[: len(BATCH)]] == [image.path for image in BATCH]
    assert images[len(BATCH) :] == gold
    assert len(gold) == 2
    assert all(image.key == task_key("0002-x", image.image_id) for image in gold)


def test_the_seed_and_the_content_decide() -> None:
    options = QualityOptions(double_annotated=0.2, gold=0.2)
    assert drawn(options) == drawn(options, known=KNOWN[::-1])
    assert drawn(options) != drawn(options, seed=1)
    more = drawn(options, known=[*KNOWN, Labelled("images/train/z.jpg", "one more")])
    gold = {image.image_id for image in drawn(options) if image.arm == GOLD_ARM}
    assert len(gold & {image.image_id for image in more}) >= len(gold) - 1


def test_nothing_is_asked_where_nothing_is_wanted() -> None:
    assert drawn(QualityOptions()) == BATCH
    assert with_quality([], KNOWN, QualityOptions(double_annotated=1, gold=1), sprint="0002-x", seed=0) == []
    assert drawn(QualityOptions(gold=0.5), known=[]) == BATCH


def test_no_image_is_handed_out_twice() -> None:
    known = [
        *KNOWN[:3],
        Labelled("images/train/copy.jpg", "train-0"),
        Labelled("images/train/p.jpg", "pool-3"),
    ]
    gold = [image for image in drawn(QualityOptions(gold=1), known=known) if image.arm == GOLD_ARM]
    assert sorted(image.image_id for image in gold) == ["train-0", "train-1", "train-2"]
    assert {image.path for image in gold} == {
        "images/train/0.jpg",
        "images/train/1.jpg",
        "images/train/2.jpg",
    }
