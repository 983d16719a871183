"""Pictures of drawn images: one sheet of thumbnails, for people to look at."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from runner.domain.labelling import BatchImage

TILE_PX, COLUMNS, _SHOWN = 144, 8, 15  # a tile's side, tiles in a row, characters below a tile


def sheet(dataset: Path, groups: Sequence[Sequence[BatchImage]], names: Sequence[str] = ()) -> bytes:
    """A JPEG of images in the order in which they were drawn: the arm, its score and the end of the file's name below each.

    Args:
        dataset: the folder that their paths are relative to.
        groups: each begins a row of its own.
        names: of the groups, below their images; none where there is one group.
    """
    from runner.adapters.pictures.contact_sheet import Tile, contact_sheet

    tiles: list[Tile] = []
    for number, images in enumerate(groups):
        tiles += [Tile(file=None, lines=[])] * (-len(tiles) % COLUMNS)
        named = [_end(names[number])] if names else []
        tiles += [
            Tile(file=dataset / image.path, lines=[*named, _drawn_by(image), _end(image.path)])
            for image in images
        ]
    return contact_sheet(tiles, COLUMNS, tile_px=TILE_PX, jpeg=True)


def _drawn_by(image: BatchImage) -> str:
    return image.arm if image.score is None else f"{image.arm} {image.score:.3f}"


def _end(name: str) -> str:
    return name if len(name) <= _SHOWN else f"…{name[1 - _SHOWN :]}"
