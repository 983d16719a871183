"""Pictures of truth and prediction: their size, their colours, and that they can be repeated."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from runner.adapters.pictures.coco_masks import encode_mask
from runner.adapters.pictures.drawing import MAX_SIDE_PX, draw_activation, draw_lines, draw_marks, jpeg_bytes
from runner.adapters.pictures.marks import COLOURS, Kind, Line, Mark


def grey(height: int, width: int) -> NDArray[np.uint8]:
    return np.full((height, width, 3), 100, np.uint8)


def mark(kind: Kind, *box: float, text: str = "cat 0.90", **further: Any) -> Mark:
    return Mark(kind=kind, text=text, box_xyxy=(box[0], box[1], box[2], box[3]), **further)


def share(picture: NDArray[np.uint8], kind: Kind) -> float:
    """Which part of the picture has exactly a kind's colour."""
    return float((picture[..., ::-1] == COLOURS[kind]).all(axis=-1).mean())


@pytest.mark.parametrize(
    "size", [(10, 10), (64, 64), (480, 640), (640, 480), (3000, 4000), (50, 2000), (2000, 50)]
)
def test_the_longest_side_is_at_most_640_px(size: tuple[int, int]) -> None:
    height, width = size
    box = (width * 0.2, height * 0.2, width * 0.7, height * 0.8)
    heat = np.ones(size, np.float32)
    lines = [Line(kind="missed", text="a text that is much too long for a narrow picture " * 4)] * 2
    wrong = mark("background", *box)
    pictures = [
        draw_marks(grey(*size), [mark(kind, *box) for kind in COLOURS]),
        draw_marks(grey(*size), []),
        draw_lines(grey(*size), lines),
        draw_activation(grey(*size), heat, wrong, lines),
        draw_activation(grey(*size), heat, None, lines),
    ]
    for picture in pictures:
        assert picture.dtype == np.uint8
        assert max(picture.shape[:2]) <= MAX_SIDE_PX


def test_the_same_content_gives_the_same_bytes() -> None:
    marks = [mark("both", 10, 10, 60, 50), mark("truth", 12, 12, 62, 52, text="")]
    first, second = (jpeg_bytes(draw_marks(grey(90, 120), marks)) for _ in range(2))
    assert first == second
    assert first.startswith(b"\xff\xd8")


@pytest.mark.parametrize("kind", list(COLOURS))
def test_every_kind_is_drawn_in_its_own_colour(kind: Kind) -> None:
    picture = draw_marks(grey(600, 600), [mark(kind, 100, 100, 400, 400)])
    assert share(picture, kind) > 0.002
    for other in COLOURS:
        assert other == kind or share(picture, other) < 1e-4  # smoothed text


def test_a_label_is_dashed_so_that_a_prediction_below_it_is_seen() -> None:
    solid = draw_marks(grey(600, 600), [mark("correct", 100, 200, 400, 400, text="")])
    both = draw_marks(
        grey(600, 600),
        [mark("truth", 100, 200, 400, 400, text=""), mark("correct", 100, 200, 400, 400, text="")],
    )
    assert 0 < share(both, "correct") < share(solid, "correct")
    assert share(both, "truth") > 0


def test_masks_rotated_boxes_and_key_points_are_drawn_instead_of_and_beside_boxes() -> None:
    mask = np.zeros((600, 600), dtype=bool)
    mask[200:300, 200:300] = True
    box = (150.0, 150.0, 450.0, 450.0)
    plain = draw_marks(grey(600, 600), [mark("background", *box, text="")])
    masked = draw_marks(grey(600, 600), [mark("background", *box, text="", mask_rle=encode_mask(mask))])
    assert (masked[250, 250] != 100).any()  # filled
    assert (masked[151, 300] == 100).all()  # no box
    assert (plain[250, 250] == 100).all()
    corners = [300.0, 150.0, 450.0, 300.0, 300.0, 450.0, 150.0, 300.0]
    turned = draw_marks(grey(600, 600), [mark("background", *box, text="", corners=corners)])
    assert (turned[151, 151] == 100).all()
    points = [300.0, 300.0, 0.9, 350.0, 350.0, 0.1]
    posed = draw_marks(grey(600, 600), [mark("background", *box, text="", keypoints=points)])
    scale = (MAX_SIDE_PX - 44) / 600
    seen, unsure = (round(at * scale) for at in (300, 350))
    assert posed[seen, seen][::-1].tolist() == list(COLOURS["background"])
    assert (posed[unsure, unsure] == 100).all()


def test_marks_outside_the_image_do_no_harm() -> None:
    away = [mark("missed", -500, -500, -400, -400), mark("background", 900, 900, 990, 990)]
    for one in away:
        draw_activation(grey(100, 100), np.zeros((100, 100), np.float32), one, [])
    assert draw_marks(grey(100, 100), away).shape[1] <= MAX_SIDE_PX


def test_names_in_any_script_are_drawn() -> None:
    plain = draw_marks(grey(300, 300), [mark("missed", 50, 50, 250, 250, text="")])
    named = draw_marks(grey(300, 300), [mark("missed", 50, 50, 250, 250, text="Würfel Ω д")])
    assert (plain != named).any()


def test_names_do_not_cover_each_other() -> None:
    one = draw_marks(grey(600, 600), [mark("missed", 100, 100, 400, 400)])
    two = draw_marks(
        grey(600, 600), [mark("missed", 100, 100, 400, 400), mark("background", 100, 100, 400, 400)]
    )
    assert share(two, "missed") > 0.5 * share(one, "missed")
    assert share(two, "background") > 0.002


def test_heat_is_shown_beside_the_plain_surroundings() -> None:
    heat = np.zeros((400, 400), np.float32)
    heat[180:220, 180:220] = 1
    picture = draw_activation(grey(400, 400), heat, None, [])
    half = picture.shape[1] // 2
    middle = picture.shape[1] // 4
    assert (picture[middle, middle] == 100).all()
    assert picture[middle, half + middle].max() > 180


def test_the_name_of_a_rotated_box_stands_at_its_tip_and_not_at_the_corner_around_it() -> None:
    diamond = mark("missed", 100, 100, 300, 300, corners=[200, 100, 300, 200, 200, 300, 100, 200])
    picture = draw_marks(grey(480, 480), [diamond])[..., ::-1]
    named = np.argwhere((picture[:100] == COLOURS["missed"]).all(axis=-1))
    assert abs(named[:, 1].mean() - 200) < 5
    assert named[:, 0].min() >= 75
