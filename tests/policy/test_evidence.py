"""What only the data shows."""

from __future__ import annotations

import json

import pytest
from policy.mutations import evaluation, selection

from runner.policy.evidence import RecordedData, evidence_of


def _messages(
    own_selection: str | None = None,
    own_evaluation: str | None = None,
    *,
    before: tuple[str | None, str | None] = (selection(), evaluation()),
    frozen: tuple[str, ...] = ("test",),
) -> list[str]:
    reference = RecordedData(sprint="0001-first", selection=_bytes(before[0]), evaluation=_bytes(before[1]))
    own = RecordedData(
        sprint="0002-night",
        selection=_bytes(own_selection or selection()),
        evaluation=_bytes(own_evaluation or evaluation()),
    )
    return [finding.message for finding in evidence_of(reference, own, frozen)]


def _bytes(text: str | None) -> bytes | None:
    return text.encode() if text is not None else None


OTHER = {"train": "r9", "val": "v9", "test": "t9"}


def test_the_same_records_show_nothing() -> None:
    assert _messages() == []


def test_fewer_test_images_are_counted() -> None:
    splits = {name: {"images": 70, "objects": 180} for name in OTHER}
    assert _messages(selection(split_digests=OTHER, splits=splits)) == [
        "the images or labels of test are not those that 0001-first was judged on (80 images, 200 objects → 70 images, "
        "180 objects): its results and these are of different data"
    ]


def test_other_labels_on_as_many_objects_are_seen() -> None:
    assert _messages(selection(split_digests=OTHER)) == [
        "the images or labels of test are not those that 0001-first was judged on (80 images, 200 objects, but other "
        "ones or other labels): its results and these are of different data"
    ]


def test_only_frozen_splits_may_not_change() -> None:
    changed = selection(split_digests={"train": "r9", "val": "v9", "test": "t1"})
    assert _messages(changed) == []
    assert [
        message.split(" of ")[1].split()[0] for message in _messages(changed, frozen=("val", "train"))
    ] == [
        "val",
        "train",
    ]


def test_a_slice_with_other_members_of_the_same_split() -> None:
    assert _messages(own_evaluation=evaluation(dark=(12, 30))) == [
        "slice dark (brightness < 0.25) has 12 images, 30 objects of the same test split; when 0001-first was judged it "
        "had 30 images, 90 objects: what describes the images was changed"
    ]


def test_a_value_that_no_image_has_any_more() -> None:
    assert _messages(own_evaluation=evaluation(cameras=("east",))) == [
        "slice camera=west (\"camera\" = 'west') has no images any more of the same test split; when 0001-first was "
        "judged it had 40 images, 100 objects: what describes the images was changed"
    ]


def test_other_members_of_a_slice_that_has_as_many() -> None:
    assert _messages(own_evaluation=evaluation(members={"dark": "m2"})) == [
        "slice dark (brightness < 0.25) has 30 images, 90 objects of the same test split, but other ones; when 0001-first "
        "was judged it had 30 images, 90 objects: what describes the images was changed"
    ]
    without = json.loads(evaluation())
    del without["slice_members"]
    assert _messages(own_evaluation=json.dumps(without)) == []


def test_the_same_images_in_other_groups() -> None:
    groups = {"train": "g1", "val": "g2", "test": "g9"}
    assert _messages(selection(group_digests=groups)) == [
        "the images of test are those of 0001-first, but in other groups: what describes them was changed. Intervals rest "
        "on groups, and so does the check that no group is in two splits"
    ]
    assert _messages(selection(group_digests={})) == []
    moved = selection(group_digests=groups, split_digests={"train": "r1", "val": "v1", "test": "t9"})
    assert len(_messages(moved)) == 1  # other test images, which have other groups


def test_slices_of_another_test_split_are_not_compared() -> None:
    own = json.loads(evaluation(dark=(1, 1)))
    assert _messages(own_evaluation=json.dumps({**own, "split_digest": "t9"})) == []


def test_a_slice_of_another_definition_is_the_specs_business() -> None:
    changed = evaluation(dark=(12, 30)).replace("brightness < 0.25", "brightness < 0.2")
    assert _messages(own_evaluation=changed) == []


def test_without_a_record_there_is_nothing_to_compare() -> None:
    assert _messages(selection(split_digests=OTHER), before=(None, None)) == []


@pytest.mark.parametrize("content", ["no json", "[]", "", "{}"])
def test_a_record_that_cannot_be_read_is_not_the_same(content: str) -> None:
    assert _messages(selection(), before=(content, "[]")) == [
        "the record of 0001-first on the base branch cannot be read: whether the images and labels of test are those that it "
        "was judged on is not known"
    ]


def _parts(**changed: str) -> dict[str, list[str]]:
    return {split: [changed.get(split, "i1 g1"), "", "i2 g2"] for split in ("train", "val", "test")}


def test_images_that_were_there_before_in_other_groups_show_beside_new_ones() -> None:
    def messages(parts: dict[str, list[str]]) -> list[str]:
        own = selection(group_parts=parts, split_digests={"train": "r2", "val": "v1", "test": "t1"})
        return _messages(own, before=(selection(group_parts=_parts()), evaluation()))

    assert messages(_parts(train="i1 g9")) == [
        "images of train that are those of 0001-first are in other groups: what describes them was changed. Intervals rest "
        "on groups, and so does the check that no group is in two splits"
    ]
    assert messages(_parts(train="i9 g9")) == []  # a new image's group
    assert messages(_parts()) == messages({}) == []


def test_metadata_of_frozen_images_that_says_something_else() -> None:
    def messages(split: str, before: dict[str, str], now: dict[str, str]) -> list[str]:
        known, own = (selection(metadata_digests={split: columns}) for columns in (before, now))
        return _messages(own, before=(known, evaluation()))

    assert messages("test", {"a": "1", "b": "1"}, {"a": "2", "c": "1"}) == [
        "the metadata says something else of the same images of test than when 0001-first was judged: a, b. Slices and the "
        "weak regions that are searched for come from it"
    ]
    assert messages("test", {"a": "1"}, {"a": "1", "new": "2"}) == []
    assert messages("train", {"a": "1"}, {"a": "2"}) == []
