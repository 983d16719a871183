"""`status`: every sprint's state, derived from git and DVC's files; nothing is stored for it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from pathlib import Path

from runner.adapters.dvc import edits
from runner.adapters.git import repository
from runner.config.load import LoadedSprint, list_sprints, load_project, load_sprint
from runner.config.project import Project
from runner.domain.errors import ConfigurationErrors, FlywheelError
from runner.domain.records import Record
from runner.domain.verdict import Outcome, Verdict
from runner.planning.records import Action
from runner.planning.registry import ChampionUnknownError, Registry
from runner.planning.situation import Situation
from runner.policy.snapshot import Snapshot, snapshot_of
from runner.record.catalogue import FAILURE, LAST_FAILURE, LOCK, VERDICT, sprint_folder
from runner.record.rounds import Round, round_of
from runner.workflow.judging import stale
from runner.workflow.judging.outdated import outdated
from runner.workflow.locking import is_running
from runner.workflow.merged_terms import terms_now
from runner.workflow.promoting.registering import registered_record
from runner.workflow.terms import read_terms, under_terms


class State(StrEnum):
    """What a sprint is at."""

    INVALID = "invalid"
    PLANNED = "planned"
    PROPOSED = "batch proposed"
    WAITING = "waiting for labels"
    READY = "ready to run"
    RUNNING = "running"
    STOPPED = "stopped"
    PASSED = "passed"
    FAILED = "failed"
    INCONCLUSIVE = "inconclusive"
    NOT_MEASURED = "not measured"


_OF_ROUND = {
    "asked": State.PLANNED,
    "proposed": State.PROPOSED,
    "waiting": State.WAITING,
    "labelled": State.READY,
}
_OF_OUTCOME = {
    Outcome.PASS: State.PASSED,
    Outcome.FAIL: State.FAILED,
    Outcome.INCONCLUSIVE: State.INCONCLUSIVE,
    Outcome.NOT_MEASURED: State.NOT_MEASURED,
}


class SprintStatus(Record, frozen=True, kw_only=True):
    """One sprint at a glance.

    Attributes:
        round: how far its labels are, where it asks for a batch and was not judged yet.
        stale: why its verdict is not one of what the repository holds now.
    """

    sprint: str
    title: str
    state: State
    promoted: bool = False
    round: Round | None = None
    stale: str | None = None
    detail: str = ""

    @property
    def label(self) -> str:
        """The state in a few words: `passed`, `promoted`, `failed, stale`, `waiting for labels (12 of 48)`."""
        state = "promoted" if self.promoted else self.round.words if self.round else self.state.value
        return f"{state}, stale" if self.stale else state


def status(root: Path, say: Callable[[str], None]) -> list[SprintStatus]:
    """All sprints, in order of their numbers.

    Args:
        say: told where it is not known who holds the stage.

    Raises:
        ConfigurationErrors: flywheel.yaml is not valid. (An invalid spec is a row.)
    """
    project = load_project(root)
    board = _Board(root=root, project=project, registry=Registry(root, project))
    if board.unknown is not None:
        say(f"warning: {board.unknown}")
    if (data := edits.look(root, project.dataset.path)).state == "edited":
        path = project.dataset.path
        say(f"warning: {path} was edited and not added ({data.words}), no verdict is of it: dvc add {path}")
    return [_status(board, name) for name in list_sprints(root)]


@dataclass(kw_only=True)
class _Board:
    """What all sprints are looked at beside; each part is looked up once."""

    root: Path
    project: Project
    registry: Registry

    @cached_property
    def unknown(self) -> ChampionUnknownError | None:
        """Why it is not known who holds the stage; None where it is."""
        try:
            self.registry.champion()
        except ChampionUnknownError as error:
            return error
        return None

    @cached_property
    def on_default_branch(self) -> bool:
        return repository.on_default_branch(self.root)

    @cached_property
    def today(self) -> Snapshot:
        """The configuration that is checked out, as it was committed."""
        return snapshot_of(self.root, "HEAD")


def _status(board: _Board, name: str) -> SprintStatus:
    root, registry = board.root, board.registry
    try:
        loaded = load_sprint(root, name, board.project)
    except FlywheelError as error:
        first = error.errors[0] if isinstance(error, ConfigurationErrors) else error
        return SprintStatus(sprint=name, title="", state=State.INVALID, detail=str(first).splitlines()[0])
    champion = None if board.unknown else registry.champion()
    promoted = champion is not None and champion.sprint == name
    if is_running(root, name):
        return SprintStatus(sprint=name, title=loaded.sprint.title, state=State.RUNNING, promoted=promoted)
    labels = None
    try:
        state, detail = _recorded(sprint_folder(root, name))
        labels = _waits_for(root, name, loaded, state)
        if labels is not None:
            state, detail = _OF_ROUND[labels.state], labels.detail(name)
    except FlywheelError as error:
        state, detail = State.STOPPED, f"{_shown(error)}: run it again"
    written = Situation(root, board.project, loaded, registry)
    judged = state not in (*_OF_ROUND.values(), State.STOPPED)
    stale = _stale(board, written) if judged else None
    return SprintStatus(
        sprint=name,
        title=loaded.sprint.title,
        state=state,
        promoted=promoted,
        round=labels,
        stale=stale,
        detail="; ".join(part for part in (detail, f"stale: {stale}" if stale else "") if part)
        or loaded.sprint.title,
    )


def _waits_for(root: Path, name: str, loaded: LoadedSprint, state: State) -> Round | None:
    """Its labelling round, as long as that is what is next: a run before the labels are there says nothing of the sprint."""
    folder = sprint_folder(root, name)
    if (folder / VERDICT.name).is_file():
        return None
    found = round_of(folder, asked=loaded.sprint.asks_for_labels)
    return (
        found if found is None or state is State.PLANNED or found.state in ("proposed", "waiting") else None
    )


def _recorded(folder: Path) -> tuple[State, str]:
    """What the sprint's folder says happened last."""
    if (folder / FAILURE.name).is_file():
        failure = FAILURE.read(folder)
        first, _, _ = failure.message.partition("\n")
        return State.FAILED, f"stage {failure.stage}: {first}"
    if (folder / VERDICT.name).is_file():
        verdict = VERDICT.read(folder)
        return _OF_OUTCOME[verdict.outcome], f"{_summary(verdict)}{_failed_since(folder)}"
    if (folder / LOCK.name).is_file():
        return State.STOPPED, "a run ended before its verdict: run it again"
    return State.PLANNED, ""


def _failed_since(folder: Path) -> str:
    last = LAST_FAILURE.read_if_there(folder)
    if last is None:
        return ""
    failure = last.failure
    return f"; a later run failed in stage {failure.stage}: {failure.message.partition(chr(10))[0]}"


def _shown(error: FlywheelError) -> str:
    return f"{Path(error.where.file).name}: {error.message}" if error.where else error.message


def _summary(verdict: Verdict) -> str:
    value = "not measured" if verdict.optimizing_value is None else f"{verdict.optimizing_value:.3f}"
    missed = [gate for gate in verdict.gates if gate.outcome is not Outcome.PASS]
    gates = f"{len(verdict.gates) - len(missed)} of {len(verdict.gates)} gates passed"
    return f"{verdict.optimizing} {value}, {gates}"


def _stale(board: _Board, written: Situation) -> str | None:
    """Why the record is not one of what the repository holds now: what a run, or a judgement, would do otherwise."""
    try:
        reasons = [*_judged_otherwise(board, written), *_pending(written)]
    except FlywheelError as error:
        return _shown(error)
    return "; ".join(dict.fromkeys(reasons)) or None


def _judged_otherwise(board: _Board, written: Situation) -> Iterator[str]:
    verdict = VERDICT.read_if_there(written.folder)
    if verdict is None:
        return
    if board.unknown is None:
        yield from stale.champion_changed(written, verdict)
    yield from _other_terms(board, written)
    yield from outdated(written.root, *_as_judged(written), verdict)


def _as_judged(written: Situation) -> tuple[Project, LoadedSprint]:
    return under_terms(written.root, written.project, written.loaded)


def _pending(written: Situation) -> Iterator[str]:
    """The first stage that would run, and why; not where the last run failed anyway."""
    if (written.folder / FAILURE.name).is_file():
        return
    plans = written.judged_by(*_as_judged(written)).plans
    # what is only not here, in a fresh clone say, is as true as it was
    pending = [plan for plan in plans if plan.action is Action.RUN and not plan.absent_only]
    if pending:
        yield f"{pending[0].stage}: {'; '.join(pending[0].reasons)}"


def _other_terms(board: _Board, written: Situation) -> list[str]:
    """Whether the base branch's terms are others than those that judged; of a record that was promoted nothing is asked.

    On another branch there is no merge yet by which to tell the base's terms from the proposal's own.
    """
    root, name, model = written.root, written.name, written.project.model
    recorded = read_terms(written.folder)
    if recorded is None or not board.on_default_branch:
        return []
    if model is not None and registered_record(root, model, written.registry.tags, name) is not None:
        return []
    return stale.terms_changed(recorded, terms_now(root, name, today=board.today))
