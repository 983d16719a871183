"""The columns of a Parquet manifest: a row per image, its labels in lists with an entry per object.

| column | type | holds |
|---|---|---|
| `uri` | text | the image: a path relative to the dataset's folder, or a URL that fsspec opens (`s3://…`, `file://…`) |
| `split` | text | its split; null: none |
| `labelled` | true or false | someone has looked at it; without the column, where `label` or `classes` is not null |
| `width`, `height` | whole number | of the image in pixels |
| `sha256` | text | of the file's bytes: 64 hexadecimal digits |
| `md5`, `etag`, `size` | text, text, whole number | what else tells the bytes of a URL when it is fetched; they are metadata too |
| `label` | text | classify: the image's class |
| `classes` | list of text | the class of each object; empty: there is none |
| `boxes` | list of 4 numbers | x_min, y_min, x_max, y_max of each object |
| `corners` | list of 8 numbers | obb: x, y of the four corners of each object |
| `polygons` | list of lists of numbers | segment: the outlines x, y, x, y, … of each object |
| `masks` | struct of `size` (height, width) and `counts` (text) | segment: COCO's compressed run lengths of each object |
| `keypoints` | list of numbers | pose: x, y, visibility (0, 1, 2) of each point of each object; `boxes` has its box |
| `areas` | number | pose: square pixels of each object |
| `crowd`, `difficult`, `truncated`, `occluded` | true or false | of each object |

Columns of objects are lists; an entry may be null where another column holds the object's shape, and a list that is there has as
many entries as `classes`. All lengths are pixels from the image's upper left corner. Any other column is metadata of the image.

The file's own key-value metadata may hold `flywheel.classes` and `flywheel.keypoints`: JSON lists of names, in their order.
"""

from __future__ import annotations

FILE = "manifest.parquet"
URI = "uri"
LABEL = "label"
CLASSES = "classes"
FLAGS = ("crowd", "difficult", "truncated", "occluded")
OBJECT_LISTS = ("boxes", "corners", "polygons", "masks", "keypoints", "areas", *FLAGS)
IMAGE_COLUMNS = ("split", "labelled", "width", "height", "sha256")
OWN_COLUMNS = (URI, *IMAGE_COLUMNS, LABEL, CLASSES, *OBJECT_LISTS)
"""What is not metadata."""

CLASSES_KEY = "flywheel.classes"
KEYPOINTS_KEY = "flywheel.keypoints"
