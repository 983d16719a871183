"""Test images that a labelling round brought: drawn at random they are told, chosen by a strategy they are a finding."""

from __future__ import annotations

import json

from runner.domain.labelling import Batch, BatchImage
from runner.policy.brought import Brought, brought
from runner.policy.evidence import RecordedData, evidence_of


def batch(into: str, arms: dict[str, int]) -> Batch:
    return Batch(
        sprint="0002-x",
        into=into,  # type: ignore[arg-type]
        champion=None,
        tag=None,
        seed=0,
        pool_images=9,
        pool_digest="",
        evidence={},
        arms=arms,
    )


def image(name: str, arm: str) -> BatchImage:
    return BatchImage(key=name, path=f"images/{name}.jpg", image_id=name, arm=arm)


ROUNDS = [
    ("0002-x", batch("test", {"random": 2}), [image("a", "random"), image("b", "random")]),
    ("0003-y", batch("train", {"random": 1, "uncertainty": 2, "gold": 1}),
     [image("c", "random"), image("d", "uncertainty"), image("e", "uncertainty"), image("f", "gold")]),
]  # fmt: skip


def selection(digest: str, images: int) -> bytes:
    return json.dumps(
        {"splits": {"test": {"images": images, "objects": 9}}, "split_digests": {"test": digest}}
    ).encode()


def found(origin: Brought) -> list[str]:
    before = RecordedData(sprint="0001-a", selection=selection("one", 8), evaluation=None)
    after = RecordedData(sprint="0002-x", selection=selection("two", 10), evaluation=None)
    return [finding.message for finding in evidence_of(before, after, ("test",), origin)]


def test_random_images_of_a_batch_for_the_test_split_are_told_in_the_finding() -> None:
    origin = brought(["a", "b", "z"], ROUNDS)
    (message,) = found(origin)
    assert "8 images, 9 objects → 10 images, 9 objects" in message
    assert (
        "2 of its images come from the batch of 0002-x, drawn at random for the test split (flywheel verify 0002-x draws it again)"
        in message
    )


def test_images_that_a_strategy_chose_are_a_finding_of_their_own() -> None:
    origin = brought(["a", "c", "d", "f"], ROUNDS)
    changed, chosen = found(origin)
    assert "1 of its images" in changed
    assert chosen.startswith("1 test images were chosen by a labelling strategy, not at random: images/d.jpg")
    assert "(uncertainty of 0003-y)" in chosen


def test_of_other_images_nothing_is_said() -> None:
    assert found(brought(["z"], ROUNDS)) == found(Brought())
