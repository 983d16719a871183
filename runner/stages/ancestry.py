"""The model that a sprint fine-tunes: its weights and what it was trained on, from DVC's cache."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from runner.adapters.dvc import metafiles
from runner.domain.ancestor import Ancestor
from runner.domain.errors import ExitCode, FlywheelError, Where
from runner.domain.files import read_json
from runner.domain.records import JUDGED, Ancestry
from runner.record.catalogue import sprint_path
from runner.stages.champion import artefact, stored_files

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

LEARNT_FROM = ("train", "val")  # the best epoch is chosen on val
_MEMBER = "manifest.parquet"
_SHOWN = 3


def absent(root: Path, ancestor: Ancestor) -> list[str]:
    """What DVC's cache lacks of an ancestor and of those before it: hashes of stored folders."""
    weights = [] if stored_files(root, ancestor.stored) is not None else [ancestor.weights]
    seen = [one.selection for one in ancestor.line if manifest_of(root, one) is None]
    return [*weights, *seen]


def not_here(ancestor: Ancestor) -> FlywheelError:
    """The error where what DVC keeps of an ancestor is not in its cache."""
    return FlywheelError(
        f"the model of {ancestor.sprint}, from which training starts, is not here, only its record is",
        where=Where(f"{sprint_path(ancestor.sprint)}/{ancestor.path}"),
        hint="run again with --pull; where it was made: dvc push",
        exit_code=ExitCode.STAGE_FAILED,
    )


def weights_of(root: Path, ancestor: Ancestor) -> Path:
    """The weights as a file with its record beside it.

    Raises:
        FlywheelError: DVC's cache does not hold them.
    """
    if stored_files(root, ancestor.stored) is None:
        raise not_here(ancestor)
    return artefact(root, ancestor.stored)


def manifest_of(root: Path, ancestor: Ancestor) -> Path | None:
    """What the ancestor selected, in DVC's cache; None where it is not there."""
    return metafiles.cached_member(root, ancestor.selection, _MEMBER)


def require_unseen(root: Path, ancestor: Ancestor, manifest: Path) -> None:
    """What judges the sprint may not be what its model learnt from, however long ago.

    Args:
        manifest: of this sprint; images are told by their content.

    Raises:
        FlywheelError: images of its test split were trained on by an ancestor, or it is not known on what one was.
    """
    import numpy as np

    test, paths = _images(manifest, (JUDGED,))
    for one in ancestor.line:
        theirs = manifest_of(root, one)
        if theirs is None:
            raise not_here(one)
        learnt, _ = _images(theirs, LEARNT_FROM)
        shared = np.isin(test, learnt)
        if shared.any():
            names = ", ".join(map(str, paths[shared][:_SHOWN]))
            more = f" and {int(shared.sum()) - _SHOWN:,} more" if shared.sum() > _SHOWN else ""
            raise FlywheelError(
                f"the model of {one.sprint}, from which training starts, was trained on {int(shared.sum()):,} images of "
                f"this sprint's test split: {names}{more}",
                where=Where("train.from"),
                hint="keep them out of the test split, or start from a model that has not seen them",
                exit_code=ExitCode.STAGE_FAILED,
            )


def note(ancestor: Ancestor, weights: Path, classes: Sequence[str]) -> Ancestry:
    """What the record of a training says of where it started."""
    from runner.adapters.models.model_record import ModelRecord

    known = read_json(weights.with_suffix(".json"), ModelRecord).class_names
    return Ancestry(
        line=[one.sprint for one in ancestor.line],
        digest=ancestor.weights,
        carried=[name for name in classes if name in known],
        new=[name for name in classes if name not in known],
    )


def _images(manifest: Path, splits: Sequence[str]) -> tuple[NDArray[np.str_], NDArray[np.str_]]:
    """The ids and the paths of the selected images of some splits: two arrays `(N,)` of text."""
    import numpy as np

    from runner.adapters.tables.parquet import read_table

    table = read_table(manifest)
    wanted = np.isin(table["assigned"].astype(str), splits) & table["selected"].astype(bool)
    return table["image_id"][wanted].astype(str), table["path"][wanted].astype(str)
