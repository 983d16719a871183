"""`judge`: a sprint judged against the champion of today, from stored predictions: no training, no image, no torch."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

from runner.adapters.dvc import repo
from runner.adapters.dvc.repo import StageCommandFailed
from runner.domain.champion import ResolvedChampion
from runner.domain.errors import ExitCode, FlywheelError, Where
from runner.domain.files import encode_json, read_json, write_bytes
from runner.domain.records import StageFailure
from runner.pipeline.compile import compile_pipeline
from runner.planning.incumbent import recorded_champion
from runner.planning.records import Action
from runner.planning.situation import Situation
from runner.record.catalogue import (
    CHAMPION_FOLDER,
    DIGESTS,
    DRIFT,
    FAILURE,
    OUTCOMES_FOLDER,
    PIPELINE,
    STORED_AND_DIGESTED,
    TERMS,
    sprint_folder,
    sprint_path,
)
from runner.record.differences import table_difference
from runner.workflow import fetching
from runner.workflow.judged_sprint import JudgedSprint
from runner.workflow.judging import stale
from runner.workflow.judging.report import DRAWN, JUDGING, write_report
from runner.workflow.last_run import LastRun
from runner.workflow.load import load_written
from runner.workflow.locking import sprint_lock
from runner.workflow.merged_terms import Merge, terms_now
from runner.workflow.terms import read_terms, under_terms, with_evidence

Say = Callable[[str], None]

# Of the sprint itself; the champion's predictions are looked for where they were made.
_NEEDED = [file.name for file in STORED_AND_DIGESTED if not file.optional and file is not CHAMPION_FOLDER]


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
    written = load_written(root, name)
    folder, name = written.folder, written.name
    with sprint_lock(root, name):
        champion = written.incumbent.known()
        _renew_terms(root, folder, champion, merge)
        situation = written.judged_by(*under_terms(root, written.project, written.loaded))
        _require_finished(situation)
        fetching.require_own_tables(root, folder, _NEEDED, pull=pull, say=say)
        if champion is None:
            shutil.rmtree(folder / CHAMPION_FOLDER.name, ignore_errors=True)
            (folder / DRIFT.name).unlink(missing_ok=True)
        else:
            fetching.require_predictions(situation, champion, pull=pull, say=say)
            fetching.fetch_champion_data(root, champion, pull=pull, say=say)
        known = DIGESTS.read(folder) if (folder / DIGESTS.name).is_file() else {}
        compile_pipeline(folder, situation.stages, f"specs/{name}.yaml")
        against = f"{champion.sprint} ({champion.tag})" if champion else "no champion"
        say(f"{name}: judged again, against {against}, from stored predictions")
        _evaluate(situation)
        _renew_terms(root, folder, champion, merge)  # other slices show other things
        outcome = write_report(situation.again(), None)
        _keep_absent(root, name, known)
        LastRun(situation).remember()
    return outcome


def _renew_terms(root: Path, folder: Path, champion: ResolvedChampion | None, merge: Merge | None) -> None:
    """Where the sprint was judged under a base's terms, those of today take their place."""
    recorded = read_terms(folder)
    if recorded is None:
        return
    terms = with_evidence(root, folder, terms_now(root, folder.name, merge))
    if not stale.terms_changed(recorded, terms):
        terms = msgspec.structs.replace(recorded, evidence=terms.evidence)
    renewed = stale.renewed(folder.name, recorded, terms, recorded_champion(folder), champion)
    if renewed != recorded:
        TERMS.write(folder, renewed)


def _require_finished(situation: Situation) -> None:
    """Nothing but the comparison may be out of date.

    Raises:
        FlywheelError: the last run failed, or another stage would run for more than outputs that are not here.
    """
    name, folder = situation.name, situation.folder
    if (folder / FAILURE.name).is_file():
        failure = FAILURE.read(folder)
        raise _run_it(name, f"the last run failed in stage {failure.stage}: there is nothing to judge")
    for plan in situation.plans:
        if plan.action is Action.CACHED or plan.absent_only or plan.stage in (*JUDGING, DRAWN):
            continue
        raise _run_it(name, f"not run as the spec now says: {plan.stage}: {'; '.join(plan.reasons)}")


def _run_it(name: str, message: str) -> FlywheelError:
    return FlywheelError(
        message,
        where=Where(f"specs/{name}.yaml"),
        hint=f"flywheel run {name}",
        exit_code=ExitCode.STAGE_FAILED,
    )


def _evaluate(situation: Situation) -> None:
    """Runs the comparison through DVC, and leaves the gallery alone where what it shows is the same.

    Raises:
        FlywheelError: a stage failed, or what the gallery rests on came out otherwise.
    """
    root, folder, name = situation.root, situation.folder, situation.name
    stages = [stage.name for stage in situation.stages if stage.name in JUDGING]
    with _outcomes_before(folder, situation.loaded.sprint.primary_target) as before:
        try:
            repo.reproduce(root, folder / PIPELINE.name, lambda stage, event: None, stages)
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
