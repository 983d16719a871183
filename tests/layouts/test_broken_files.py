"""Whatever becomes of a label file's bytes: it is read or refused with a `FlywheelError`, and nothing else is raised."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import pytest

from runner.dataset.entries import LabelScheme
from runner.dataset.object_ids import object_ids
from runner.domain.errors import FlywheelError
from runner.layouts import LAYOUTS

VOC = """<annotation><filename>a.jpg</filename><size><width>20</width><height>10</height></size>
<object><name>cat</name><difficult>1</difficult><bndbox><xmin>1</xmin><ymin>2</ymin><xmax>5</xmax><ymax>6</ymax></bndbox></object>
</annotation>"""
CVAT = """<annotations><meta><task><size>2</size><labels><label><name>cat</name><type>any</type></label>
<label><name>person</name><type>skeleton</type></label><label><name>eye</name><parent>person</parent></label></labels></task></meta>
<image id="0" name="a.jpg" width="20" height="10"><box label="cat" xtl="1" ytl="2" xbr="5" ybr="6" rotation="10"/>
<polygon label="cat" points="1,1;5,1;5,5"/><mask label="cat" rle="1,2,1,2" left="3" top="2" width="2" height="3"/><tag label="cat"/>
<skeleton label="person"><points label="eye" outside="0" points="3,4"/></skeleton></image></annotations>"""
VIDEO = """<annotations><meta><task><size>3</size><mode>interpolation</mode><stop_frame>2</stop_frame></task></meta>
<track label="cat"><box frame="0" outside="0" keyframe="1" xtl="1" ytl="1" xbr="5" ybr="5" rotation="3"/>
<box frame="2" outside="0" keyframe="1" xtl="3" ytl="1" xbr="7" ybr="5"/></track><track label="cat">
<polygon frame="0" keyframe="1" points="1,1;5,1;5,5"/><polygon frame="2" outside="1" keyframe="1" points="1,1;5,1;5,5"/></track></annotations>"""
SIZED = {"original_width": 20, "original_height": 10}
EXPORT: list[dict[str, Any]] = [
    {"id": 1, "data": {"image": "/data/upload/1/12345678-a.jpg"}, "annotations": [
        {"id": 2, "completed_by": 1, "was_cancelled": False, "updated_at": "2026-01-01T00:00:00Z", "result": [
            {"id": "a", "type": "rectanglelabels", **SIZED,
             "value": {"x": 1, "y": 2, "width": 30, "height": 40, "rotation": 10, "rectanglelabels": ["cat"]}},
            {"id": "b", "type": "polygonlabels", **SIZED,
             "value": {"points": [[1, 1], [50, 1], [50, 50]], "closed": True, "polygonlabels": ["cat"]}},
            {"id": "c", "type": "brushlabels", "original_width": 2, "original_height": 2,
             "value": {"format": "rle", "rle": [0, 0, 0, 16, 57, 27, 255, 0, 0], "brushlabels": ["cat"]}},
            {"id": "k", "type": "keypointlabels", "parentID": "a", **SIZED,
             "value": {"x": 1, "y": 2, "width": 1, "keypointlabels": ["eye"]}},
            {"id": "d", "type": "choices", "value": {"choices": ["cat"]}}]}]},
    {"image": "a.jpg", "id": 5, "annotation_id": 3, "annotator": 1, "choice": "cat",
     "label": [{"x": 1, "y": 1, "width": 3, "height": 3, "rectanglelabels": ["cat"]}]},
]  # fmt: skip
SOUND = {
    "voc": ("voc", "a.xml", VOC),
    "cvat images": ("cvat", "a.xml", CVAT),
    "cvat video": ("cvat", "a.xml", VIDEO),
    "label studio": ("label-studio", "a.json", json.dumps(EXPORT)),
}
WILD = (b"-1", b"1e999", b"nan", b'""', b"null", b"[]", b"{}", b"999999999999", b"<a>", b"&amp;", b"")


def broken(text: str, chance: random.Random) -> bytes:
    """The text with bytes changed, cut out, repeated, or with numbers and words replaced."""
    content = bytearray(text.encode())
    for _ in range(chance.choice((1, 1, 2, 5))):
        at = chance.randrange(len(content))
        match chance.randrange(4):
            case 0:
                content[at] = chance.randrange(256)
            case 1:
                del content[at : at + chance.randrange(1, 12)]
            case 2:
                start = chance.randrange(len(content))
                content[at:at] = content[start : start + chance.randrange(1, 40)]
            case 3:
                end = next((end for end in range(at, len(content)) if content[end] in b'<>",]}'), at)
                content[at:end] = chance.choice(WILD)
    return bytes(content)


@pytest.mark.parametrize("name", SOUND)
def test_it_is_read_or_refused(tmp_path: Path, name: str) -> None:
    kind, file, text = SOUND[name]
    layout, chance = LAYOUTS[kind], random.Random(name)
    (tmp_path / "images").mkdir()
    for image in ("a.jpg", *(f"images/frame_{number:06}.PNG" for number in range(3))):
        (tmp_path / image).touch()
    read = refused = 0
    for _ in range(60):
        (tmp_path / file).write_bytes(broken(text, chance))
        for task in (None, *layout.tasks):
            try:
                found = layout.recognise(tmp_path, task)
                told = task or (found.task if found else layout.tasks[0])
                scheme = LabelScheme(task=told, classes=["cat", "person"], keypoints=1)
                for entry in layout.read(tmp_path, scheme).entries:
                    object_ids(entry.path, entry.objects)
                read += 1
            except FlywheelError:
                refused += 1
    assert read  # some changes leave it as it was
    assert read + refused == 60 * (1 + len(layout.tasks))
