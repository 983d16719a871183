"""The dataset: of what DVC tracks and this machine lacks, the files that stages will look at are fetched, and no others."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from runner.adapters.dvc import metafiles, objects
from runner.adapters.dvc.cache_objects import set_aside
from runner.adapters.dvc.metafiles import pointer_md5
from runner.config.project import Dataset
from runner.dataset.partial import lay_out, part_folder
from runner.domain.errors import ExitCode, FlywheelError, Where
from runner.planning.edits import inputs_of
from runner.planning.resolve import ResolvedStage
from runner.planning.stages import Work
from runner.planning.used_files import missing, used_files
from runner.report.plan_words import megabytes
from runner.workflow.fetching_objects import require_objects

Say = Callable[[str], None]
_SHOWN = 5


def require_inputs(
    root: Path, dataset: str, stages: Sequence[ResolvedStage], *, pull: bool, say: Say
) -> None:
    """What stages read beside the dataset and that none of them writes: weights, metadata.

    Raises:
        FlywheelError: one is not here, and was not to be fetched or could not be (exit code 3); DVC does not track the dataset.
    """
    if pointer_md5(root / f"{dataset}.dvc") is None:
        raise FlywheelError(
            f"{dataset}.dvc is missing: the dataset is not tracked by DVC",
            where=Where("flywheel.yaml"),
            hint=f"dvc add {dataset}, then commit {dataset}.dvc",
        )
    for path in inputs_of(stages):
        pointer = f"{path}.dvc"
        if path == dataset or (root / path).exists() or not (root / pointer).is_file():
            continue
        if not pull:
            raise _not_here(
                "the file is not here, only its pointer is",
                path,
                f"dvc pull {pointer}, or run again with --pull",
            )
        say(f"fetching {path} through DVC")
        objects.pull(root, pointer)


def require_data(work: Work, dataset: Dataset, *, pull: bool, say: Say) -> None:
    """The files of the dataset that the stages will look at; all of them where it is not known which those are.

    Raises:
        FlywheelError: some are not here, and were not to be fetched or could not be, or are other files than were added.
    """
    is_here = (work.root / dataset.path).exists()
    if is_here and dataset.remote is None:
        return
    used = used_files(work.root, work.folder, work.stages, work.plans)
    if used.sizes is not None and not used.sizes:
        return
    if not is_here and dataset.remote is not None:
        _require_all(work.root, dataset.path, "its manifest says where the images are", pull=pull, say=say)
    elif not is_here and used.sizes is None:
        _require_all(work.root, dataset.path, used.why, pull=pull, say=say)
    elif not is_here and used.sizes:
        _Part(work, dataset.path, used.sizes, say).require(pull=pull)
    if dataset.remote is not None:
        require_objects(work.root, dataset, used.sizes, work.command, pull=pull, say=say)


def _require_all(root: Path, dataset: str, why: str, *, pull: bool, say: Say) -> None:
    if not pull:
        raise _not_here(
            f"the dataset is not here, and all of it is needed: {why}",
            f"{dataset}/",
            f"dvc pull {dataset}.dvc, or run again with --pull",
        )
    say(f"fetching {dataset}/ through DVC: {why}")
    objects.pull(root, f"{dataset}.dvc")


class _Part:
    """Some files of a dataset that is not here."""

    def __init__(self, work: Work, dataset: str, sizes: dict[str, int], say: Say) -> None:
        self.work, self.dataset, self.sizes, self.say = work, dataset, sizes, say
        self.root, self.pointer = work.root, f"{dataset}.dvc"
        self.md5 = pointer_md5(work.root / self.pointer) or ""

    def require(self, *, pull: bool) -> None:
        """They are where stages look for them."""
        part = part_folder(self.root, self.md5)
        if all((part / path).is_file() for path in self.sizes):
            return
        if pull and metafiles.cached_members(self.root, self.md5) is None:
            faults = objects.fetch_of(self.root, self.pointer, [self.md5])
            objects.refuse_faults(faults, {f"{self.dataset}/": self.md5}, self.pointer)
        objects.require_inside(self.root, self.md5, self.pointer)
        listing = metafiles.cached_members(self.root, self.md5)
        absent = missing(self.root, self.md5, self.sizes, listing)
        if absent and not pull:
            size = megabytes(sum(self.sizes[path] for path in absent))
            raise _not_here(
                f"the dataset is not here, and {len(absent):,} of its files are needed ({size})",
                f"{self.dataset}/",
                f"{self.work.command} --pull fetches these, dvc pull {self.dataset}.dvc all of it",
            )
        members = self._members(listing or {})
        if absent:
            self._fetch({path: members[path] for path in absent})
        spoiled = lay_out(self.root, self.md5, members)
        if spoiled:
            self._mend({path: members[path] for path in spoiled}, pull=pull, fetched=set(absent))

    def _members(self, listing: Mapping[str, str]) -> dict[str, str]:
        unknown = sorted(self.sizes.keys() - listing.keys())
        if unknown:
            raise FlywheelError(
                f"the index names {unknown[0]!a}, which {self.dataset}.dvc does not record",
                where=Where(f"{self.dataset}.dvc"),
                hint=f"dvc pull {self.dataset}.dvc, then run again: the index is built anew",
                exit_code=ExitCode.STAGE_FAILED,
            )
        return {path: listing[path] for path in self.sizes}

    def _fetch(self, wanted: Mapping[str, str]) -> None:
        size = megabytes(sum(self.sizes[path] for path in wanted))
        self.say(f"fetching {len(wanted):,} files of {self.dataset}/ through DVC ({size})")
        faults = objects.fetch_of(self.root, self.pointer, list(wanted.values()))
        objects.refuse_faults(
            faults, {f"{self.dataset}/{path}": md5 for path, md5 in wanted.items()}, self.pointer
        )

    def _mend(self, spoiled: Mapping[str, str], *, pull: bool, fetched: set[str]) -> None:
        """What the cache held before may have been spoiled here: it is fetched once more. What came like that is refused."""
        place = set_aside(self.root, spoiled.values())
        if pull and not fetched & spoiled.keys():
            self._fetch(spoiled)
            spoiled = {path: spoiled[path] for path in lay_out(self.root, self.md5, spoiled)}
            if not spoiled:
                return
            place = set_aside(self.root, spoiled.values())
        held = "as the remote has them" if pull else "in DVC's cache"
        shown = ", ".join(list(spoiled)[:_SHOWN])
        raise FlywheelError(
            f"{len(spoiled):,} files are not what their hashes name, {held}: {shown}",
            where=Where(f"{self.dataset}/{next(iter(spoiled))}"),
            hint=f"they were put aside ({place}) and not used; "
            + (
                "remove these objects from the remote, and where the data was added: "
                f"dvc push {self.dataset}.dvc"
                if pull
                else f"{self.work.command} --pull fetches them again"
            ),
            exit_code=ExitCode.STAGE_FAILED,
        )


def _not_here(message: str, where: str, hint: str) -> FlywheelError:
    return FlywheelError(message, where=Where(where), hint=hint, exit_code=ExitCode.STAGE_FAILED)
