"""Contact sheets: images of any shape, in rows, with lines that fit."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from runner.adapters.pictures.contact_sheet import MARKED_PX, MAX_TILES, TILE_PX, Tile, contact_sheet
from runner.adapters.pictures.marks import COLOURS, Kind, Mark


def pixels(sheet: bytes) -> np.ndarray[tuple[int, int, int], np.dtype[np.uint8]]:
    import cv2

    return np.asarray(cv2.imdecode(np.frombuffer(sheet, np.uint8), cv2.IMREAD_COLOR), np.uint8)


def drawn(folder: Path, name: str, size_hw: tuple[int, int]) -> Path:
    import cv2

    cv2.imwrite(str(folder / name), np.full((*size_hw, 3), (0, 0, 200), np.uint8))
    return folder / name


def test_images_of_any_shape_stand_in_rows(tmp_path: Path) -> None:
    sizes = [(20, 600), (900, 30), (50, 50), (1500, 2000), (40, 40)]
    tiles = [
        Tile(file=drawn(tmp_path, f"{number}.png", size), lines=["x" * 90, "second"])
        for number, size in enumerate(sizes)
    ]
    sheet = contact_sheet(tiles, columns=4)
    seen = pixels(sheet)
    assert seen.shape == (2 * (TILE_PX + 44 + 6) + 6, 4 * (TILE_PX + 6) + 6, 3)
    middle = 6 + TILE_PX // 2
    for column in range(4):
        assert seen[middle, middle + column * (TILE_PX + 6)].tolist() == [0, 0, 200]
    assert seen[-20, -20].tolist() == [255, 255, 255]  # where there is no image
    assert contact_sheet(tiles, columns=4) == sheet


def test_what_cannot_be_read_is_an_empty_tile(tmp_path: Path) -> None:
    (tmp_path / "no.png").write_bytes(b"no")
    seen = pixels(contact_sheet([Tile(file=tmp_path / "no.png", lines=[])]))
    assert seen.shape == (TILE_PX + 12, TILE_PX + 12, 3)
    assert seen[6 + TILE_PX // 2, 6 + TILE_PX // 2].tolist() == [24, 24, 24]


def test_a_sheet_has_an_end(tmp_path: Path) -> None:
    file = drawn(tmp_path, "a.png", (20, 20))
    seen = pixels(contact_sheet([Tile(file=file, lines=[])] * (MAX_TILES + 9), columns=10))
    assert seen.shape[0] == MAX_TILES // 10 * (TILE_PX + 6) + 6


def test_marks_are_drawn_where_they_are_in_the_image(tmp_path: Path) -> None:
    file = drawn(tmp_path, "a.png", (800, 1200))
    kinds: tuple[Kind, ...] = ("truth", "ignored")
    marks = [
        Mark(kind=kind, text="cat" if kind == "truth" else "", box_xyxy=(left, 100, left + 300, 500))
        for kind, left in zip(kinds, (100, 800), strict=True)
    ]
    sheet = contact_sheet(
        [Tile(file=file, lines=["a.png"], marks=marks)], heading=["cats", "1 image"], tile_px=MARKED_PX
    )
    seen = pixels(sheet)
    assert seen.shape == (MARKED_PX + 22 + 12 + 44, MARKED_PX + 12, 3)
    top = 44 + 6 + (MARKED_PX - 200) // 2  # 1200×800 px are 300×200 here
    inside = seen[top : top + 200, 6 : 6 + MARKED_PX, ::-1]
    left, right = (
        (inside[:, half] == COLOURS[kind]).all(axis=-1)
        for half, kind in zip((slice(0, 150), slice(150, 300)), kinds, strict=True)
    )
    for found, (first, last) in ((left, (25, 100)), (right, (50, 125))):
        columns = np.flatnonzero(found.any(axis=0))
        assert abs(columns[0] - first) <= 2
        assert abs(columns[-1] - last) <= 2
