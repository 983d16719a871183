"""What is only in DVC's remote is brought into its cache, in any clone and in CI: fetched when that is asked for, else missed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from runner.adapters.dvc import metafiles, objects, repo
from runner.domain.ancestor import Ancestor
from runner.domain.champion import ResolvedChampion
from runner.domain.errors import ExitCode, FlywheelError, Where
from runner.domain.records import JUDGED
from runner.planning.situation import Situation
from runner.planning.stages import Work
from runner.record.catalogue import LOCK, PREDICTIONS_FOLDER, SELECTION, sprint_path
from runner.stages import ancestry, champion_data
from runner.stages import champion as champion_stage
from runner.stages.champion import recorded_predictions, stored_files

Say = Callable[[str], None]


def _every_member(folder: str, member: str) -> bool:
    return True


def require_unchanged(root: Path, path: str) -> None:
    """A file or folder is what its pointer records, where it has one: else what is made of it could not be made again.

    Raises:
        FlywheelError: it was edited and not added (exit code 3).
    """
    pointer = root / f"{path}.dvc"
    if pointer.is_file() and not repo.is_unchanged(root, pointer):
        raise FlywheelError(
            f"its files are not those that {path}.dvc records",
            where=Where(f"{path}/" if (root / path).is_dir() else path),
            hint=f"dvc add {path} (keeps the changes), or dvc checkout {path}.dvc (drops them)",
            exit_code=ExitCode.STAGE_FAILED,
        )


def require_champion(root: Path, champion: ResolvedChampion, *, pull: bool, say: Say) -> None:
    """The champion's model is fetched as data is: only when asked for.

    Raises:
        FlywheelError: it is not in DVC's cache, and was not to be fetched or could not be.
    """
    if stored_files(root, champion) is not None:
        return
    if not pull:
        raise champion_stage.not_here(champion)
    say(f"fetching the champion's model ({champion.tag}, {champion.target}) through DVC")
    shown = f"{sprint_path(champion.sprint)}/{champion.path}"
    fetch_folders(root, [champion.digest], shown, lambda folder, member: champion.holds(member))
    if stored_files(root, champion) is None:
        raise _not_in_remote(f"the champion's model ({champion.tag}, {champion.target})", shown)


def fetch_champion_data(root: Path, champion: ResolvedChampion, *, pull: bool, say: Say) -> None:
    """The champion's index and selection, for the checks that compare with them; without them those are not measured."""
    if not pull:
        return
    try:
        if champion_data.is_here(root, champion):
            return
        say(f"fetching the index and the selection of the champion ({champion.sprint}) through DVC")
        folders = champion_data.stored_folders(root, champion)
        names = {folders[name]: members for name, members in champion_data.WANTED.items() if name in folders}
        fetch_folders(
            root,
            list(names),
            sprint_path(champion.sprint),
            lambda folder, member: member in names.get(folder, ()),
        )
    except FlywheelError as error:
        say(f"not fetched: {error.message}")


def require_ancestor(root: Path, ancestor: Ancestor, *, pull: bool, say: Say) -> None:
    """The weights, and what they were trained on: fetched as data is, only when asked for.

    Raises:
        FlywheelError: they are not in DVC's cache, and were not to be fetched or could not be (exit code 3).
    """
    wanted = ancestry.absent(root, ancestor)
    if not wanted:
        return
    if not pull:
        raise ancestry.not_here(ancestor)
    shown = f"{sprint_path(ancestor.sprint)}/{ancestor.path}"
    say(f"fetching the model of {ancestor.sprint}, from which training starts, through DVC")
    fetch_folders(
        root,
        wanted,
        shown,
        lambda folder, member: folder != ancestor.weights or ancestor.stored.holds(member),
    )
    if ancestry.absent(root, ancestor):
        raise _not_in_remote(f"the model of {ancestor.sprint}, from which training starts,", shown)


def _not_in_remote(what: str, shown: str) -> FlywheelError:
    return FlywheelError(
        f"{what} is not in DVC's remote",
        where=Where(shown),
        hint="where it was made: dvc push",
        exit_code=ExitCode.STAGE_FAILED,
    )


def fetch_outputs(work: Work, *, say: Say) -> bool:
    """Brings what an earlier run wrote and pushed, so that its stages need not run again; whether there was any of it.

    It may be another sprint's run, which git tells of. What the remote lacks, or where there is none, runs as planned.
    """
    stored = {path: md5 for stage in work.plans for path, md5 in stage.stored.items()}
    recorded = [stage.recorded for stage in work.plans if stage.recorded is not None]
    if not stored and not recorded:
        return False
    if stored:
        say(f"fetching {', '.join(stored)} of an earlier run through DVC")
    try:
        objects.fetch_objects(work.root, list(stored.values()), work.shown)
        folders = [md5 for md5 in stored.values() if md5.endswith(".dir")]
        _refuse_outside(work, folders)
        _fetch_members(work.root, folders, work.shown)
    except FlywheelError as error:
        say(f"not fetched: {error.message}")
    known = metafiles.recorded_runs(work.root) if recorded else {}
    for key in recorded:
        metafiles.file_run(work.root, key, known[key])
    return True


def _refuse_outside(work: Work, folders: Sequence[str]) -> None:
    for md5 in folders:
        outside = metafiles.leads_outside(work.root, md5)
        if outside is not None:
            raise FlywheelError(
                f"a stored folder's listing names a file outside it: {outside!a}",
                where=Where(f"{work.shown}/{LOCK.name}"),
                hint=f"no run writes such a listing: find out who made it, and run again without --pull: {work.command}",
            )


def require_own_tables(root: Path, folder: Path, names: Sequence[str], *, pull: bool, say: Say) -> None:
    """What a sprint's stages wrote, in its folder.

    Raises:
        FlywheelError: they are only in DVC, and were not to be fetched or could not be.
    """
    stored = {
        path: md5
        for stage in metafiles.read_lock(folder / LOCK.name).values()
        for path, md5 in stage.outs.items()
    }
    absent = [name for name in names if name in stored and not (folder / name).exists()]
    if not absent:
        return
    if pull:
        missing = [stored[name] for name in absent if not metafiles.is_cached(root, stored[name])]
        if missing:
            say(f"fetching {', '.join(absent)} through DVC")
            fetch_folders(root, missing, sprint_path(folder.name))
        repo.check_out(root, [folder / name for name in absent])
        absent = [name for name in absent if not (folder / name).exists()]
    if absent:
        shown = ", ".join(f"{name}/" for name in absent)
        raise FlywheelError(
            f"{shown} {'is' if len(absent) == 1 else 'are'} not here, only in DVC",
            where=Where(sprint_path(folder.name)),
            hint="where it was run: dvc push" if pull else f"flywheel judge {folder.name} --pull",
            exit_code=ExitCode.STAGE_FAILED,
        )


def fetch_folders(
    root: Path, folders: Sequence[str], shown: str, which: Callable[[str, str], bool] = _every_member
) -> None:
    """Stored folders, by the hashes of their listings, with their files: those of which `which(folder, member)` holds.

    Raises:
        FlywheelError: DVC cannot reach its remote.
    """
    objects.fetch_objects(root, list(folders), shown)
    _fetch_members(root, folders, shown, which)


def _fetch_members(
    root: Path, folders: Sequence[str], shown: str, which: Callable[[str, str], bool] = _every_member
) -> None:
    members = {
        md5
        for folder in folders
        for member, md5 in (metafiles.cached_members(root, folder) or {}).items()
        if which(folder, member)
    }
    objects.fetch_objects(root, sorted(members), shown)


def require_predictions(situation: Situation, champion: ResolvedChampion, *, pull: bool, say: Say) -> None:
    """What the champion predicted on the same images, in DVC's cache.

    Raises:
        FlywheelError: it was evaluated on other images, or its predictions were not to be fetched or could not be.
    """
    root, name, task = situation.root, situation.name, situation.project.task_spec
    digest = SELECTION.read(situation.folder).split_digests[JUDGED]
    shown = f"{sprint_path(champion.sprint)}/{PREDICTIONS_FOLDER.name}"
    known = recorded_predictions(root, champion, task, digest, absent=True)
    if known is None:
        raise FlywheelError(
            f"the champion {champion.sprint} ({champion.tag}) was not evaluated on this test split: its model must run on it",
            where=Where(SELECTION.of(name)),
            hint=f"flywheel run {name} --pull",
            exit_code=ExitCode.STAGE_FAILED,
        )
    for _ in range(2 if pull else 0):  # the folder's listing names the table
        wanted = known.wanted(root)
        if wanted:
            say(f"fetching the champion's predictions ({champion.tag}, {champion.target}) through DVC")
            objects.fetch_objects(root, wanted, shown)
        known = recorded_predictions(root, champion, task, digest, absent=True) or known
    if known.table is None or known.wanted(root):
        raise FlywheelError(
            f"the champion's predictions ({champion.tag}, {champion.target}) are not "
            + ("in DVC's remote" if pull else "here, only their record is"),
            where=Where(shown),
            hint=f"where they were made: dvc push; or run its model: flywheel run {name} --pull"
            if pull
            else f"flywheel judge {name} --pull",
            exit_code=ExitCode.STAGE_FAILED,
        )
