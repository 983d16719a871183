"""`flywheel embed --source champion`: the backbone of a model that really was trained and promoted."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
from projects import flywheel, make_tag

ASKED = ("embed", "--source", "champion", "--format", "json")


def test_the_champions_backbone_embeds_every_image_once_and_finds_the_like(project: Path) -> None:
    nobody = flywheel(project, *ASKED)
    assert (nobody.returncode, nobody.stdout) == (3, "")
    assert "there is no champion to embed with" in nobody.stderr

    make_tag(project, "tiny-digits#prod#1")
    first = json.loads(flywheel(project, *ASKED, check=True).stdout)
    images = sorted(path.name for path in (project / "data" / "images").rglob("*.jpg"))
    assert (first["source"], first["images"], first["unreadable"]) == ("champion", len(images), 0)
    assert first["new"] == first["contents"] > 0
    assert first["numbers"] == 256  # the channels of yolo11n's last backbone maps
    again = json.loads(flywheel(project, *ASKED, check=True).stdout)
    assert again == first | {"new": 0}

    (one, *_) = sorted((project / "data" / "images" / "train").iterdir())
    asked = ("similar", str(one.relative_to(project)), "--source", "champion", "--format", "json")
    near = json.loads(flywheel(project, *asked, check=True).stdout)["nearest"]
    cosines = [each["cosine"] for each in near]
    assert cosines == sorted(cosines, reverse=True)
    assert np.all(np.abs(cosines) <= 1 + 1e-6)
    assert f"images/train/{one.name}" not in [each["path"] for each in near]
