"""`judge`: a sprint judged against the champion of today, from stored predictions: no training, no image, no torch."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import msgspec

from runner.adapters.dvc import metafiles, repo
from runner.adapters.dvc.repo import StageCommandFailed
from runner.config.load import LoadedSprint
from runner.config.project import Project
from runner.domain.champion import ResolvedChampion
from runner.domain.errors import ExitCode, FlywheelError, Where
from runner.domain.files import encode_json, read_json, write_bytes
from runner.domain.records import StageFailure
from runner.pipeline.compile import compile_pipeline
from runner.planning.ancestor import resolve_ancestor
from runner.planning.champion import resolve_champion
from runner.planning.incumbent import incumbent, recorded_champion
from runner.planning.records import Action, StagePlan
from runner.planning.resolve import ResolvedStage, stages_of
from runner.planning.stages import plan_stages
from runner.planning.workspace import Repository
from runner.record.catalogue import (
    CHAMPION_FOLDER,
    DIGESTS,
    FAILURE,
    LOCK,
    OUTCOMES_FOLDER,
    PIPELINE,
    SELECTION,
    STORED_AND_DIGESTED,
    TERMS,
    sprint_folder,
    sprint_path,
)
from runner.record.differences import table_difference
from runner.stages.champion import recorded_predictions
from runner.workflow.judged_sprint import JudgedSprint
from runner.workflow.judging import stale
from runner.workflow.judging.report import DRAWN, JUDGING, write_report
from runner.workflow.judging.stale import Merge
from runner.workflow.last_run import LastRun
from runner.workflow.load import load_written
from runner.workflow.locking import sprint_lock
from runner.workflow.terms import read_terms, under_terms, with_evidence

Say = Callable[[str], None]

SPLIT = "test"
# Of the sprint itself; the champion's predictions are looked for where they were made.
_NEEDED = tuple(
    file.name for file in STORED_AND_DIGESTED if not file.optional and file is not CHAMPION_FOLDER
)


def judge_again(
    root: Path, name: str | None, *, pull: bool, say: Say, merge: Merge | None = None
) -> JudgedSprint:
    """Compares a finished sprint with the champion of today, under the base's terms of today, and reports again.

    What its stages `select`, `train`, `export` and `predict` wrote stays as it is, and so does the gallery.

    Args:
        merge: what brought the sprint to this branch; by the branch's history when None.

    Raises:
        ConfigurationErrors: flywheel.yaml or the spec is not valid.
        FlywheelError: the sprint has not run as its spec says, its predictions or the champion's are not here, or the
            champion was evaluated on another test split (exit code 3).
    """
    written, found = load_written(root, name)
    folder = sprint_folder(root, found.name)
    with sprint_lock(root, found.name):
        champion = resolve_champion(root, incumbent(root, written, found))
        _renew_terms(root, folder, champion, merge)
        project, loaded = under_terms(root, written, found)
        stages = stages_of(project, loaded, champion, resolve_ancestor(root, project, loaded))
        _require_finished(root, loaded, _plans(root, folder, stages))
        _require_here(root, folder, pull=pull, say=say)
        if champion is None:
            shutil.rmtree(folder / CHAMPION_FOLDER.name, ignore_errors=True)
        else:
            _require_predictions(root, folder, project, champion, pull=pull, say=say)
        known = DIGESTS.read(folder) if (folder / DIGESTS.name).is_file() else {}
        compile_pipeline(folder, stages, f"specs/{loaded.name}.yaml")
        against = f"{champion.sprint} ({champion.tag})" if champion else "no champion"
        say(f"{loaded.name}: judged again, against {against}, from stored predictions")
        _evaluate(root, folder, loaded.name, [stage.name for stage in stages], loaded.sprint.primary_target)
        _renew_terms(root, folder, champion, merge)  # other slices show other things
        outcome = write_report(root, project, loaded, None)
        _keep_absent(root, loaded.name, known)
        LastRun(root, project, loaded, stages).remember()
    return outcome


def _renew_terms(root: Path, folder: Path, champion: ResolvedChampion | None, merge: Merge | None) -> None:
    """Where the sprint was judged under a base's terms, those of today take their place."""
    recorded = read_terms(folder)
    if recorded is None:
        return
    terms = with_evidence(root, folder, stale.terms_now(root, folder.name, merge))
    if not stale.terms_changed(recorded, terms):
        terms = msgspec.structs.replace(recorded, evidence=terms.evidence)
    renewed = stale.renewed(folder.name, recorded, terms, recorded_champion(folder), champion)
    if renewed != recorded:
        TERMS.write(folder, renewed)


def _plans(root: Path, folder: Path, stages: Sequence[ResolvedStage]) -> list[StagePlan]:
    return plan_stages(stages, Repository(root, folder))


def _require_finished(root: Path, loaded: LoadedSprint, plans: Sequence[StagePlan]) -> None:
    """Nothing but the comparison may be out of date.

    Raises:
        FlywheelError: the last run failed, or another stage would run for more than outputs that are not here.
    """
    folder = sprint_folder(root, loaded.name)
    if (folder / FAILURE.name).is_file():
        failure = FAILURE.read(folder)
        raise _run_it(loaded, f"the last run failed in stage {failure.stage}: there is nothing to judge")
    for plan in plans:
        if plan.action is Action.CACHED or plan.absent_only or plan.stage in (*JUDGING, DRAWN):
            continue
        raise _run_it(loaded, f"not run as the spec now says: {plan.stage}: {'; '.join(plan.reasons)}")


def _run_it(loaded: LoadedSprint, message: str) -> FlywheelError:
    return FlywheelError(
        message,
        where=Where(f"specs/{loaded.name}.yaml"),
        hint=f"flywheel run {loaded.name}",
        exit_code=ExitCode.STAGE_FAILED,
    )


def _require_here(root: Path, folder: Path, *, pull: bool, say: Say) -> None:
    """The sprint's own tables, in its folder.

    Raises:
        FlywheelError: they are only in DVC, and were not to be fetched or could not be.
    """
    stored = {
        path: md5
        for stage in metafiles.read_lock(folder / LOCK.name).values()
        for path, md5 in stage.outs.items()
    }
    absent = [name for name in _NEEDED if name in stored and not (folder / name).exists()]
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
        names = ", ".join(f"{name}/" for name in absent)
        raise FlywheelError(
            f"{names} {'is' if len(absent) == 1 else 'are'} not here, only in DVC",
            where=Where(sprint_path(folder.name)),
            hint="where it was run: dvc push" if pull else f"flywheel judge {folder.name} --pull",
            exit_code=ExitCode.STAGE_FAILED,
        )


def fetch_folders(root: Path, folders: Sequence[str], shown: str) -> None:
    """Stored folders with all their files."""
    repo.fetch_objects(root, list(folders), shown)
    members = {md5 for each in folders for md5 in (metafiles.cached_members(root, each) or {}).values()}
    repo.fetch_objects(root, sorted(members), shown)


def _require_predictions(
    root: Path, folder: Path, project: Project, champion: ResolvedChampion, *, pull: bool, say: Say
) -> None:
    """What the champion predicted on the same images, in DVC's cache.

    Raises:
        FlywheelError: it was evaluated on other images, or its predictions were not to be fetched or could not be.
    """
    digest = SELECTION.read(folder).split_digests[SPLIT]
    shown = f"{sprint_path(champion.sprint)}/predictions"
    known = recorded_predictions(root, champion, project.task_spec, digest, absent=True)
    if known is None:
        raise FlywheelError(
            f"the champion {champion.sprint} ({champion.tag}) was not evaluated on this test split: its model must run on it",
            where=Where(SELECTION.of(folder.name)),
            hint=f"flywheel run {folder.name} --pull",
            exit_code=ExitCode.STAGE_FAILED,
        )
    for _ in range(2 if pull else 0):  # the folder's listing names the table
        wanted = known.wanted(root)
        if wanted:
            say(f"fetching the champion's predictions ({champion.tag}, {champion.target}) through DVC")
            repo.fetch_objects(root, wanted, shown)
        known = recorded_predictions(root, champion, project.task_spec, digest, absent=True) or known
    if known.table is None or known.wanted(root):
        raise FlywheelError(
            f"the champion's predictions ({champion.tag}, {champion.target}) are not "
            + ("in DVC's remote" if pull else "here, only their record is"),
            where=Where(shown),
            hint=f"where they were made: dvc push; or run its model: flywheel run {folder.name} --pull"
            if pull
            else f"flywheel judge {folder.name} --pull",
            exit_code=ExitCode.STAGE_FAILED,
        )


def _evaluate(root: Path, folder: Path, name: str, stages: Sequence[str], target: str) -> None:
    """Runs the comparison through DVC, and leaves the gallery alone where what it shows is the same.

    Raises:
        FlywheelError: a stage failed, or what the gallery rests on came out otherwise.
    """
    with _outcomes_before(folder, target) as before:
        try:
            repo.reproduce(
                root,
                folder / PIPELINE.name,
                lambda stage, event: None,
                [each for each in JUDGING if each in stages],
            )
        except StageCommandFailed as failed:
            path = folder / FAILURE.name
            why = read_json(path, StageFailure).message if path.is_file() else f"status {failed.status}"
            raise FlywheelError(
                f"stage {failed.stage}: {why}",
                where=Where(sprint_path(name)),
                hint=f"flywheel run {name}",
                exit_code=ExitCode.STAGE_FAILED,
            ) from failed
        for file in before:
            difference = table_difference(file, folder / OUTCOMES_FOLDER.name / file.name)
            if difference is not None:
                raise FlywheelError(
                    f"what became of the artefact's own predictions came out otherwise than before: {difference}",
                    where=Where(f"{OUTCOMES_FOLDER.of(name)}/{file.name}"),
                    hint=f"flywheel run {name}: it was evaluated by another version of flywheel",
                    exit_code=ExitCode.STAGE_FAILED,
                )
    repo.accept_input(root, folder / PIPELINE.name, DRAWN, "outcomes")


@contextmanager
def _outcomes_before(folder: Path, target: str) -> Iterator[list[Path]]:
    """Copies of what the stage `inspect` reads of the outcomes."""
    with tempfile.TemporaryDirectory() as temporary:
        copies = []
        for path in sorted((folder / OUTCOMES_FOLDER.name).glob(f"{target}-*.parquet")):
            copies.append(Path(shutil.copy(path, temporary)))
        yield copies


def _keep_absent(root: Path, name: str, known: dict[str, str]) -> None:
    """The digests of stored folders that are not here stay those that were recorded."""
    folder = sprint_folder(root, name)
    absent = tuple(f"{file.of(name)}/" for file in STORED_AND_DIGESTED if not (folder / file.name).exists())
    kept = {file: digest for file, digest in known.items() if absent and file.startswith(absent)}
    if kept:
        now = DIGESTS.read(folder)
        write_bytes(folder / DIGESTS.name, encode_json(dict(sorted((now | kept).items()))))
