"""Which other image of the index shows the same as one, whatever the sprint's rules make of either."""

from __future__ import annotations

from pathlib import Path

from runner.dataset.manifest import Manifest
from runner.domain.records import Record

_NOT_THERE = "the index at hand has no thumbnails to compare"


class Lookalike(Record, frozen=True, kw_only=True):
    """An image that shows nearly the same.

    Attributes:
        split, selected: what the sprint's rules make of it.
        distance: in how many of 64 bits the perceptual hashes differ.
        identical: the files are the same, byte by byte.
    """

    path: str
    split: str | None
    selected: bool
    distance: int
    identical: bool


def lookalike(
    images: Path, thumbnails: Path | None, manifest: Manifest, row: int
) -> tuple[Lookalike | None, str]:
    """The image nearest to one, if any is near; else None, with the reason where it is not known.

    A file of the same content is nearest; then what the perceptual hashes find and the thumbnails confirm, as the checks do.
    """
    same = [at for at, image_id in enumerate(manifest.image_ids) if image_id == manifest.image_ids[row]]
    if others := [at for at in same if at != row]:
        return _told(manifest, others[0], distance=0, identical=True), ""
    if thumbnails is None:
        return None, _NOT_THERE
    import numpy as np

    from runner.adapters.tables.parquet import read_table
    from runner.dataset.near_duplicates import DEFAULT_DISTANCE, Looks, nearest

    table, seen = read_table(images, ["readable", "phash"]), read_table(thumbnails, ["path", "grey"])
    grey = dict(zip(seen["path"].tolist(), seen["grey"].tolist(), strict=True))
    rows = table["readable"].astype(bool).nonzero()[0].tolist()
    if row not in rows:
        return None, "the image cannot be read"
    looks = Looks(
        hashes=np.array([int(table["phash"][at]) for at in rows], dtype=np.uint64),
        thumbnails=np.array([np.frombuffer(grey[manifest.paths[at]], np.uint8) for at in rows]),
    )
    own = np.array([rows.index(row)])
    rest = np.delete(np.arange(len(rows)), own)
    found = nearest(looks.rows(own), looks.rows(rest), distance=DEFAULT_DISTANCE)
    if found.position[0] < 0:
        return None, ""
    at = rows[int(rest[found.position[0]])]
    return _told(manifest, at, distance=int(found.distance[0]), identical=False), ""


def _told(manifest: Manifest, row: int, *, distance: int, identical: bool) -> Lookalike:
    return Lookalike(
        path=manifest.paths[row],
        split=manifest.assigned[row],
        selected=manifest.rules[row] is None,
        distance=distance,
        identical=identical,
    )
