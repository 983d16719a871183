"""CVAT for images and for video: shapes of images by name, or of the frames that tracks go through."""

from __future__ import annotations

from pathlib import Path
from typing import cast

import pytest
from PIL import Image

from runner.dataset.entries import LabelScheme, LayoutContent
from runner.domain.errors import FlywheelError
from runner.domain.task import TaskName
from runner.layouts.cvat import CvatLayout
from runner.layouts.discover import discover
from runner.scaffold.survey import survey_dataset

META = """<meta><task><size>2</size><labels>
<label><name>cat</name><type>any</type></label><label><name>dog</name><type>any</type></label>
<label><name>sunny</name><type>tag</type></label>
<label><name>person</name><type>skeleton</type></label>
<label><name>left_hand</name><type>points</type><parent>person</parent></label>
<label><name>right_hand</name><type>points</type><parent>person</parent></label>
</labels></task></meta>"""


def document(*lines: str, meta: str = META) -> str:
    return "\n".join(
        ["<?xml version='1.0'?>", f"<annotations><version>1.1</version>{meta}", *lines, "</annotations>"]
    )


def image(name: str, *shapes: str, more: str = 'width="20" height="10"') -> str:
    return f'<image id="0" name="{name}" {more}>\n' + "\n".join(shapes) + "\n</image>"


def box(label: str, *sides: float, more: str = "") -> str:
    written = " ".join(
        f'{name}="{side}"' for name, side in zip(("xtl", "ytl", "xbr", "ybr"), sides, strict=True)
    )
    return f'<box label="{label}" {written} {more}/>'


def dataset(folder: Path, text: str, *images: str, file: str = "annotations.xml") -> Path:
    folder.mkdir(exist_ok=True)
    (folder / file).write_text(text)
    for name in images:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (20, 10)).save(folder / name)
    return folder


def read(folder: Path, task: str = "detect", *classes: str, keypoints: int = 0) -> LayoutContent:
    names = classes or ("cat", "dog")
    scheme = LabelScheme(task=cast(TaskName, task), classes=names, keypoints=keypoints)
    return CvatLayout().read(folder, scheme)


POLYGON = '<polygon label="dog" points="1,1;5,1;5,5.5"/>'
MASK = '<mask label="cat" rle="1,2,1,2" left="3" top="2" width="2" height="3"/>'
SKELETON = """<skeleton label="person"><points label="right_hand" outside="0" occluded="1" points="5,6"/>
<points label="left_hand" outside="0" occluded="0" points="1,2"/></skeleton>"""


def test_every_task_takes_the_shapes_that_it_can(tmp_path: Path) -> None:
    turned = box("cat", 8, 4, 12, 6, more='rotation="90" occluded="1"')
    shapes = (turned, POLYGON, MASK, '<tag label="sunny"/>', SKELETON)
    dataset(tmp_path, document(image("a.png", *shapes)), "images/a.png")
    (boxes,) = read(tmp_path).entries
    assert [item.box_xyxy for item in boxes.objects] == [
        pytest.approx((9, 3, 11, 7)),
        (1, 1, 5, 5.5),
        (3, 2, 5, 5),
    ]
    assert [item.occluded for item in boxes.objects] == [True, False, False]
    assert boxes.declared_size == (20, 10)
    (outlines,) = read(tmp_path, "segment").entries
    assert [item.polygons for item in outlines.objects] == [((1, 1, 5, 1, 5, 5.5),), ()]
    mask = outlines.objects[1].mask
    assert mask is not None
    # Rows of the crop: .X / X. / XX, from column 3, row 2, in an image of 20 × 10.
    assert mask == (10, 20, (33, 2, 7, 1, 1, 1, 155))
    assert (
        outlines.label_problems[0]
        == "annotations.xml:10: a rotated box; task segment needs an outline or a mask"
    )
    (corners,) = read(tmp_path, "obb").entries
    assert [item.corners for item in corners.objects] == [pytest.approx((11, 3, 11, 7, 9, 7, 9, 3))]
    (points,) = read(tmp_path, "pose", "person", keypoints=2).entries
    assert [(item.box_xyxy, item.keypoints) for item in points.objects] == [
        ((1, 2, 5, 6), (1, 2, 2, 5, 6, 1))
    ]
    (tagged,) = read(tmp_path, "classify", "sunny").entries
    assert [(item.class_name, item.box_xyxy) for item in tagged.objects] == [("sunny", (0, 0, 1, 1))]


FAULTS = {
    "unknown class": (
        box("bird", 1, 1, 2, 2),
        '"bird" is not one of the project\'s classes; classes: cat, dog',
    ),
    "two points": ('<polygon label="cat" points="1,1;2,2"/>', "a polygon of 2 points: it has at least 3"),
    "no number": ('<box label="cat" xtl="x" ytl="1" xbr="2" ybr="3"/>', "<box>: xtl is no number: 'x'"),
    "missing": ('<box label="cat" ytl="1" xbr="2" ybr="3"/>', "<box> has no xtl"),
    "not finite": (box("cat", float("inf"), 1, 2, 2), "<box>: xtl is not finite"),
    "no pairs": ('<polygon label="cat" points="1 2 3"/>', "<polygon>: points is not `x,y;x,y;…`: '1 2 3'"),
    "short mask": (
        '<mask label="cat" rle="1,2" left="3" top="2" width="2" height="3"/>',
        "<mask>: the run lengths do not add up to 2×3 pixels of an image of 20×10",
    ),
    "mask outside": (
        '<mask label="cat" rle="0,4" left="19" top="2" width="2" height="2"/>',
        "the mask reaches to 21, 4, out of the image of 20×10 px",
    ),
    "empty mask": (
        '<mask label="cat" rle="4" left="1" top="2" width="2" height="2"/>',
        "the mask covers no pixel",
    ),
    "polyline": ('<polyline label="cat" points="1,1;2,2"/>', "a polyline encloses nothing: no task reads it"),
    "points": ('<points label="cat" points="1,1"/>', "points without a skeleton: no task reads them"),
    "cuboid": ('<cuboid label="cat"/>', "a cuboid is not read"),
    "ellipse": ('<ellipse label="cat"/>', "an ellipse is not read: draw it as a polygon or a mask"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_named_with_its_line_and_the_rest_is_read(tmp_path: Path, fault: str) -> None:
    written, said = FAULTS[fault]
    text = document(image("a.png", written, box("dog", 1, 1, 5, 5)), image("b.png", box("cat", 1, 1, 2, 2)))
    first, second = read(dataset(tmp_path, text, "images/a.png", "images/b.png")).entries
    assert first.label_problems == (f"annotations.xml:10: {said}",)
    assert [item.place for item in first.objects] == ["annotations.xml:11"]
    assert (len(second.objects), second.label_problems) == (1, ())


def test_subsets_are_splits_and_what_is_odd_about_images_is_said(tmp_path: Path) -> None:
    text = document(
        image("a.png", more='subset="Train"'),
        image("b.png", more='subset="default"'),
        image("c.png", more='subset="Test"'),
        image("a.png", box("cat", 1, 1, 2, 2), more='subset="Train"'),
        image("old/d.png"),
    )
    dataset(
        tmp_path, text, "images/Train/a.png", "images/default/b.png", "pictures/d.png", "images/more/e.png"
    )
    content = read(tmp_path)
    assert {entry.path: (entry.split, entry.labelled) for entry in content.entries} == {
        "images/Train/a.png": ("Train", True),
        "images/Test/c.png": ("Test", True),
        "images/default/b.png": (None, True),
        "images/more/e.png": (None, False),
        "pictures/d.png": (None, True),
    }
    assert [entry.label_problems for entry in content.entries if entry.label_problems] == [
        ("annotations.xml:18: it is about images/Train/a.png, as annotations.xml:9 is, whose labels count",)
    ]
    assert content.notes == [
        "annotations.xml:15: c.png: not in the dataset, as 1 of the 5 images of annotations.xml",
        "1 of 5 images of annotations.xml are not where it says; those of these names are taken: "
        "annotations.xml:21: old/d.png at pictures/d.png",
    ]


def test_an_image_with_two_tags_has_no_class(tmp_path: Path) -> None:
    text = document(image("a.png", '<tag label="cat"/>', '<tag label="dog"/>'), image("b.png"))
    first, second = read(dataset(tmp_path, text, "images/a.png", "images/b.png"), "classify").entries
    assert first.label_problems == ("annotations.xml:10: 2 classes for one image: cat, dog",)
    assert (first.labelled, second.labelled) == (True, False)


VIDEO_META = """<meta><task><size>6</size><mode>interpolation</mode><start_frame>0</start_frame><stop_frame>5</stop_frame>
<labels><label><name>cat</name></label></labels><original_size><width>20</width><height>10</height></original_size>
</task></meta>"""
FRAMES = [f"images/frame_{number:06}.PNG" for number in range(6)]


def shape(frame: int, *sides: float, outside: int = 0, keyframe: int = 1, more: str = "") -> str:
    state = f'frame="{frame}" outside="{outside}" occluded="0" keyframe="{keyframe}" {more}'
    return box("", *sides, more=state).replace('label="" ', "")


def track(*shapes: str, label: str = "cat") -> str:
    return f'<track id="0" label="{label}">\n' + "\n".join(shapes) + "\n</track>"


def boxes(content: LayoutContent) -> list[list[tuple[float, ...]]]:
    return [[item.box_xyxy for item in entry.objects] for entry in content.entries]


def test_keyframes_are_interpolated_until_the_object_is_outside(tmp_path: Path) -> None:
    text = document(
        track(shape(1, 0, 0, 2, 2), shape(3, 4, 0, 8, 2), shape(4, 4, 0, 8, 2, outside=1)),
        track(shape(5, 1, 1, 2, 2)),
        meta=VIDEO_META,
    )
    content = read(dataset(tmp_path, text, *FRAMES))
    assert boxes(content) == [[], [(0, 0, 2, 2)], [(2, 0, 5, 2)], [(4, 0, 8, 2)], [], [(1, 1, 2, 2)]]
    assert all(entry.labelled for entry in content.entries)
    assert [item.place for item in content.entries[2].objects] == ["annotations.xml:6"]
    assert content.entries[0].declared_size == (20, 10)


def test_the_last_keyframe_holds_until_the_end_but_written_frames_are_as_they_are(tmp_path: Path) -> None:
    sparse = track(shape(0, 0, 0, 2, 2), shape(2, 4, 0, 6, 2))
    dense = track(shape(0, 0, 0, 2, 2), shape(1, 1, 1, 3, 3, keyframe=0), shape(3, 4, 0, 6, 2, keyframe=0))
    content = read(dataset(tmp_path, document(sparse, meta=VIDEO_META), *FRAMES))
    assert boxes(content) == [[(0, 0, 2, 2)], [(2, 0, 4, 2)], *[[(4, 0, 6, 2)]] * 4]
    content = read(dataset(tmp_path, document(dense, meta=VIDEO_META)))
    assert boxes(content) == [[(0, 0, 2, 2)], [(1, 1, 3, 3)], [], [(4, 0, 6, 2)], [], []]


def test_boxes_turn_the_shorter_way_and_outlines_move_point_by_point(tmp_path: Path) -> None:
    turning = track(
        shape(0, 4, 4, 8, 6, more='rotation="350"'), shape(2, 4, 4, 8, 6, more='rotation="10"'),
        shape(3, 0, 0, 1, 1, outside=1),
    )  # fmt: skip
    moving = track(
        '<polygon frame="0" outside="0" keyframe="1" points="0,0;4,0;4,4"/>',
        '<polygon frame="2" outside="0" keyframe="1" points="2,2;6,2;6,6"/>',
        '<polygon frame="4" outside="1" keyframe="1" points="2,2;6,2;6,6"/>',
    )
    dataset(tmp_path, document(turning, moving, meta=VIDEO_META), *FRAMES)
    assert [item.box_xyxy for item in read(tmp_path).entries[1].objects] == [(4, 4, 8, 6), (1, 1, 5, 5)]
    outlines = [item for entry in read(tmp_path, "segment").entries for item in entry.objects]
    assert [item.polygons[0][:2] for item in outlines] == [(0, 0), (1, 1), (2, 2), (2, 2)]


def test_skeletons_are_tracked_point_by_point(tmp_path: Path) -> None:
    def skeleton(frame: int, x: int, outside: int = 0) -> str:
        points = "".join(
            f'<points label="{name}" keyframe="1" outside="{outside}" occluded="0" points="{x},{y}"/>'
            for name, y in (("left_hand", 1), ("right_hand", 5))
        )
        return f'<skeleton frame="{frame}" keyframe="1" z_order="0">{points}</skeleton>'

    meta = META.replace("<size>2</size>", "<size>6</size><mode>interpolation</mode>")
    text = document(
        track(skeleton(0, 0), skeleton(2, 4), skeleton(3, 4, outside=1), label="person"), meta=meta
    )
    content = read(dataset(tmp_path, text, *FRAMES), "pose", "person", keypoints=2)
    found = [[item.keypoints for item in entry.objects] for entry in content.entries]
    assert found[:4] == [[(0, 1, 2, 0, 5, 2)], [(2, 1, 2, 2, 5, 2)], [(4, 1, 2, 4, 5, 2)], []]


def test_frames_without_image_are_counted_and_images_of_other_names_taken_in_order(tmp_path: Path) -> None:
    text = document(track(shape(1, 0, 0, 2, 2), shape(2, 0, 0, 2, 2, outside=1)), meta=VIDEO_META)
    content = read(dataset(tmp_path / "few", text, *FRAMES[:2]))
    assert boxes(content) == [[], [(0, 0, 2, 2)]]
    assert content.notes == ["annotations.xml: 4 of its 6 frames have no image"]
    names = [f"images/{letter}.png" for letter in "abcdef"]
    content = read(dataset(tmp_path / "named", text, *names))
    assert [entry.path for entry in content.entries if entry.objects] == ["images/b.png"]
    assert content.notes == [
        "annotations.xml: no image is called frame_000000 and so on: the 6 images in images/ are taken for its frames, "
        "in the order of their names"
    ]


@pytest.mark.parametrize(
    ("shapes", "task", "classes", "said"),
    [
        ((box("dog", 1, 1, 5, 5), '<tag label="sunny"/>'), "detect", ["cat", "dog"], "1 image have a class"),
        ((POLYGON, MASK, box("cat", 1, 1, 2, 2)), "segment", ["cat", "dog"], "1 of 3 shapes are boxes"),
        ((box("cat", 1, 1, 9, 5, more='rotation="30.0"'),), "obb", ["cat", "dog"], "1 of 1 boxes are rotated"),
        ((box("cat", 1, 1, 9, 5, more='rotation="0.0"'), POLYGON), "detect", ["cat", "dog"], "1 of 2 shapes are outlines"),
        (('<tag label="sunny"/>',), "classify", ["cat", "dog", "sunny"], ""),
    ],
)  # fmt: skip
def test_init_tells_the_task_by_the_shapes(
    tmp_path: Path, shapes: tuple[str, ...], task: str, classes: list[str], said: str
) -> None:
    dataset(tmp_path, document(image("a.png", *shapes)), "images/a.png")
    found = discover(tmp_path)
    assert (found.layout, found.task, found.classes) == ("cvat", task, classes)
    assert found.objects
    assert not said or any(problem.startswith(said) for problem in found.problems)
    assert found.arrangement == "images listed in annotations.xml"


def test_the_skeleton_comes_from_the_label(tmp_path: Path) -> None:
    survey = survey_dataset(dataset(tmp_path, document(image("a.png", SKELETON)), "images/a.png"), None)
    assert (survey.layout, survey.task, survey.classes) == ("cvat", "pose", ["person"])
    assert survey.keypoints is not None
    assert (survey.keypoints.names, survey.keypoints.flip) == (["left_hand", "right_hand"], [1, 0])
    assert [len(entry.objects) for entry in survey.entries] == [1]


def test_of_several_files_those_named_are_read_and_a_file_of_another_kind_is_refused(tmp_path: Path) -> None:
    dataset(tmp_path, document(image("a.png", POLYGON)), "images/a.png", file="first.xml")
    dataset(tmp_path, document(image("a.png", MASK)), file="second.xml")
    scheme = LabelScheme(task="detect", classes=["cat", "dog"])
    (entry,) = CvatLayout(annotations=["second.xml"]).read(tmp_path, scheme).entries
    assert [item.class_name for item in entry.objects] == ["cat"]
    with pytest.raises(FlywheelError) as missing:
        CvatLayout(annotations=["third.xml"]).read(tmp_path, scheme)
    assert missing.value.hint == (
        "correct dataset.layout.annotations in flywheel.yaml; XML files of CVAT there: first.xml, second.xml"
    )
    (tmp_path / "third.xml").write_text("<annotation/>")
    with pytest.raises(FlywheelError, match="not CVAT's XML: its root is <annotation>, not <annotations>"):
        CvatLayout(annotations=["third.xml"]).read(tmp_path, scheme)
