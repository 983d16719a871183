"""`flywheel split`: which images train, validate and test, proposed from the index as of now. No image is moved."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from runner.adapters.tables import duckdb
from runner.adapters.tables.parquet import column_names, read_table
from runner.config.load import load_project
from runner.config.project import Project
from runner.config.sprint import MOST_VALUES, SliceSpec
from runner.dataset import splitting
from runner.dataset.near_duplicates import Looks, pairs_within
from runner.dataset.splitting import Spread, Stratum
from runner.domain.errors import FlywheelError
from runner.domain.image_set import DIGEST_BYTES, unpacked
from runner.domain.nearest import suggestion
from runner.domain.proposed_split import ProposedSplit, StratumShares
from runner.domain.records import SPLITS
from runner.evaluation.slices import value_text
from runner.planning.holdout_uses import recorded_uses, uses_on_branches
from runner.planning.project_index import ProjectIndex, project_index
from runner.workflow import written_splits

TEST = SPLITS.index("test")
_UNEVEN = 0.05  # of a stratum's share, from which on it is told
_NEAR = "nearly repeats a test image that a sprint was judged on"
_UNUSABLE = "not labelled, or not readable"


@dataclass(frozen=True, kw_only=True)
class SplitRequest:
    """What is asked for.

    Attributes:
        shares: of train, val and test, each above 0.
        by: further columns of the index whose values are spread evenly.
        unassigned: images that a split's condition holds for stay there.
        distance: in how many bits hashes of near-duplicates may differ.
        replace_test: test images that a sprint was judged on may move too.
        write: where to write it; None to only print.
        replace: what lies there may be replaced.
    """

    shares: Mapping[str, float]
    by: Sequence[str] = ()
    unassigned: bool = False
    distance: int = 4
    seed: int = 0
    replace_test: bool = False
    write: Path | None = None
    replace: bool = False


@dataclass(frozen=True, kw_only=True)
class _Images:
    """N labelled, readable images of the index.

    Attributes:
        rows: `(N,)` their rows in the index.
        now: `(N,)` int, the split whose condition holds; -1 for none.
        judged: `(N,)` bool: of a test split that a sprint was judged on.
    """

    index: ProjectIndex
    rows: NDArray[np.intp]
    columns: Mapping[str, NDArray[Any]]
    now: NDArray[np.intp]
    judged: NDArray[np.bool_]


def propose_split(root: Path, request: SplitRequest) -> ProposedSplit:
    """Proposes an assignment, and writes it where that is asked for.

    Raises:
        ConfigurationErrors: flywheel.yaml is not valid.
        FlywheelError: the dataset is not here; a column is not in the index; an image is in two splits; what was judged cannot
            be looked up; the file to write is there already; or nothing can be split.
    """
    project = load_project(root)
    if request.write is not None:
        written_splits.require_free(root, request.write, replace=request.replace)
    index = project_index(root, project)
    images = _images(root, project, index, request.by)
    near = _near(index, images, request.distance)
    clusters = splitting.joined(len(images.rows), [splitting.chains(_groups(images)), near])
    objects = read_table(index.objects, ["path", "class"])
    strata = _strata(project, images, objects, request.by)
    frozen = images.judged.any() and not request.replace_test
    fixed = np.full(len(images.rows), -1, np.intp)
    if request.unassigned:
        fixed = images.now.copy()
    if frozen:
        fixed[images.judged] = TEST
    shares = [request.shares[split] for split in SPLITS]
    closed = [split == TEST and bool(frozen) for split in range(len(SPLITS))]
    found = splitting.propose(clusters, strata, shares, fixed=fixed, closed=closed, seed=request.seed)
    _require_all(found.split)
    proposed = _told(request, images, found, clusters, strata, fixed, len(near[0]), index)
    if request.write is None:
        return proposed
    assigned = {
        path: SPLITS[split]
        for path, split in zip(images.columns["path"].tolist(), found.split.tolist(), strict=True)
        if split >= 0
    }
    lines = written_splits.write(root, project, request.write, assigned, index.images)
    return msgspec.structs.replace(proposed, written=request.write.as_posix(), lines=lines)


def _images(root: Path, project: Project, index: ProjectIndex, by: Sequence[str]) -> _Images:
    known = {name.lower(): name for name in column_names(index.images)}
    for name in (*by, *(column for spec in project.slices for column in spec.columns)):
        if name.lower() not in known:
            near = suggestion(name, list(known.values()), plural="columns")
            raise FlywheelError(f'there is no column "{name}" in the index{near}', hint="correct --by")
    wanted = [
        "path",
        "image_id",
        "group",
        "readable",
        "labelled",
        "phash",
        *(known[name.lower()] for name in by),
    ]
    wanted += [known[column.lower()] for spec in project.slices for column in spec.columns]
    conditions = [getattr(project.splits, split) for split in SPLITS]
    columns, masks = duckdb.load(index.images, list(dict.fromkeys(wanted)), conditions)
    usable = columns["readable"].astype(bool) & columns["labelled"].astype(bool)
    rows = np.flatnonzero(usable)
    if not len(rows):
        raise FlywheelError("there is no labelled image to split", hint="label some images first")
    now = np.full(len(usable), -1, np.intp)
    for at, mask in enumerate(masks):
        now[np.flatnonzero(mask)] = at
    used = _used(root)
    judged = np.array([_short(image) in used for image in columns["image_id"][rows].tolist()], np.bool_)
    return _Images(
        index=index,
        rows=rows,
        columns={name: values[rows] for name, values in columns.items()},
        now=now[rows],
        judged=judged,
    )


def _used(root: Path) -> frozenset[bytes]:
    """The images of every test split that a decision was taken on, here or on a branch.

    Raises:
        FlywheelError: what is recorded cannot be read: what was judged is then not known.
    """
    elsewhere, trouble = uses_on_branches(root)
    if trouble:
        raise FlywheelError(
            f"which test images were judged cannot be told: {trouble[0]}",
            hint="repair or delete that branch; or leave them out of account with --replace-test",
        )
    uses = [*(use for found in recorded_uses(root).values() for use in found), *elsewhere]
    return frozenset().union(*(unpacked(use.images) for use in uses if use.images))


def _short(image_id: str) -> bytes:
    return hashlib.sha256(image_id.encode()).digest()[:DIGEST_BYTES]


def _groups(images: _Images) -> list[str]:
    """Of an image by itself its path; the same file under two names is one group."""
    return [str(group) for group in images.columns["group"].tolist()]


def _near(index: ProjectIndex, images: _Images, distance: int) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Pairs of positions of near-duplicates, and of files with the same content."""
    seen = read_table(index.thumbnails, ["path", "grey"])
    grey_of = dict(zip(seen["path"].tolist(), seen["grey"].tolist(), strict=True))
    grey = [np.frombuffer(grey_of[path], np.uint8) for path in images.columns["path"].tolist()]
    looks = Looks(
        hashes=images.columns["phash"].astype(np.uint64),
        thumbnails=np.array(grey, np.uint8).reshape(len(grey), -1),
    )
    near = pairs_within(looks, distance=distance)
    same = splitting.chains(images.columns["image_id"].tolist())
    count = len(images.rows)
    pairs = np.unique(np.concatenate([near[0], same[0]]) * count + np.concatenate([near[1], same[1]]))
    return pairs // count, pairs % count


def _strata(
    project: Project, images: _Images, objects: Mapping[str, NDArray[Any]], by: Sequence[str]
) -> list[Stratum]:
    """All images, the objects of each class, the images of each slice and of each value of a column."""
    count = len(images.rows)
    position = {path: at for at, path in enumerate(images.columns["path"].tolist())}
    image = np.array([position.get(path, -1) for path in objects["path"].tolist()], np.intp)
    found = [Stratum(name=splitting.IMAGES, amount=np.ones(count))]
    for name in project.classes:
        rows = image[(objects["class"] == name) & (image >= 0)]
        found.append(
            Stratum(name=f"class {name}", amount=np.bincount(rows, minlength=count).astype(np.float64))
        )
    for spec in (*project.slices, *(SliceSpec(by=column) for column in by)):
        found += _of_slice(spec, images, image)
    return [stratum for stratum in found if stratum.amount.any()]


def _of_slice(spec: SliceSpec, images: _Images, image: NDArray[np.intp]) -> list[Stratum]:
    count = len(images.rows)
    if spec.where is not None:
        mask = duckdb.condition_mask(images.index.images, spec.where)[images.rows]
        return [Stratum(name=spec.name or spec.where, amount=mask.astype(np.float64))]
    if spec.objects is not None:
        rows = image[duckdb.condition_mask(images.index.objects, spec.objects) & (image >= 0)]
        amount = np.bincount(rows, minlength=count).astype(np.float64)
        return [Stratum(name=spec.name or spec.objects, amount=amount)]
    names = {name.lower(): name for name in images.columns}
    columns = {name: images.columns[names[name.lower()]].tolist() for name in spec.columns}
    texts = [
        ", ".join(f"{name}={value_text(value)}" for name, value in zip(columns, values, strict=True))
        for values in zip(*columns.values(), strict=True)
    ]
    known, codes, counts = np.unique(np.array(texts), return_inverse=True, return_counts=True)
    frequent = np.argsort(-counts, kind="stable")[: spec.max or MOST_VALUES].tolist()
    return [Stratum(name=str(known[at]), amount=(codes == at).astype(np.float64)) for at in frequent]


def _require_all(split: NDArray[np.intp]) -> None:
    missing = [name for at, name in enumerate(SPLITS) if not (split == at).any()]
    if missing:
        raise FlywheelError(
            f"nothing is left for {' and '.join(missing)}: there are too few clusters of groups and near-duplicates",
            hint="bring images of other groups, or ask for a smaller distance: --near 0",
        )


def _told(
    request: SplitRequest,
    images: _Images,
    found: splitting.Proposal,
    clusters: NDArray[np.intp],
    strata: Sequence[Stratum],
    fixed: NDArray[np.intp],
    near: int,
    index: ProjectIndex,
) -> ProposedSplit:
    sizes = np.bincount(clusters)
    objects = sum(
        (stratum.amount for stratum in strata if stratum.name.startswith("class ")), np.zeros(len(clusters))
    )
    outside = len(read_table(index.images, ["path"])["path"]) - len(images.rows)
    left_out = {_NEAR: int((found.split < 0).sum()), _UNUSABLE: outside}
    shares = found.spreads[0].shares
    told = [_shares(spread, shares) for spread in found.spreads]
    return ProposedSplit(
        asked=dict(request.shares),
        images={name: int((found.split == at).sum()) for at, name in enumerate(SPLITS)},
        objects={name: int(objects[found.split == at].sum()) for at, name in enumerate(SPLITS)},
        clusters=len(sizes),
        largest=int(sizes.max()),
        near_duplicates=near,
        left_out={reason: number for reason, number in left_out.items() if number},
        kept={name: number for at, name in enumerate(SPLITS) if (number := int((fixed == at).sum()))},
        judged=int(images.judged.sum()),
        strata=told,
        unbalanced=[
            _uneven(each, request.shares, stay=bool((fixed >= 0).any()))
            for each in told
            if (each.deviation or 0) > _UNEVEN
        ],
        seed=request.seed,
    )


def _shares(spread: Spread, of_images: NDArray[np.float64]) -> StratumShares:
    there = spread.total > 0
    return StratumShares(
        name=spread.name,
        total=spread.total,
        shares={name: round(float(spread.shares[at]), 6) for at, name in enumerate(SPLITS)} if there else {},
        clusters=spread.clusters,
        deviation=round(float(np.abs(spread.shares - of_images).max()), 6) if there else None,
    )


def _uneven(stratum: StratumShares, asked: Mapping[str, float], *, stay: bool) -> str:
    if stratum.clusters < 2 / min(asked.values()):
        reason = f"it is in {stratum.clusters} cluster{'s' if stratum.clusters != 1 else ''} only"
    else:
        reason = "other classes and slices pull the other way"
    if stay:
        reason = "some of it stays where it is"
    listed = ", ".join(f"{name} {share:.0%}" for name, share in stratum.shares.items())
    return f"{stratum.name}: {listed}: {reason}"
