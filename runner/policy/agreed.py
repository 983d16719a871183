"""What a branch has agreed on: its state, and of earlier states what was weakened since without anybody's approval.

Whatever is merged is on the branch, approved or not. A finding that nobody approved is one of the next proposal too, until
somebody approves it or it is put back. What was approved git tells: a promotion takes the approval of all findings of its
sprint, and what was approved without one is in `reports/<sprint>/agreed.json`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Literal, TypeVar

import msgspec
from msgspec import Struct

from runner.adapters.dvc import artifacts
from runner.adapters.git import branch_history, repository
from runner.adapters.git.branch_history import Step
from runner.config.load import SPECS
from runner.config.root import PROJECT_FILE
from runner.domain.errors import FlywheelError
from runner.domain.files import decode_json
from runner.domain.policy import Agreed, Finding, FindingKind, distinct
from runner.policy.affected import affected
from runner.policy.evidence import RecordedData, evidence_of, is_readable
from runner.policy.findings import project_findings, sprint_findings
from runner.policy.reference import recorded_references
from runner.policy.snapshot import RECORDS, Snapshot, snapshot_of
from runner.record.catalogue import AGREED, EVALUATION, MODEL_CARD, REPORTS, SELECTION, TERMS, sprint_path

T = TypeVar("T")
MODELS, CARD = artifacts.FILE, MODEL_CARD.name  # what a promotion writes
EVALUATIONS = f":(glob){EVALUATION.of('*')}"
_ASKED = (
    *(PROJECT_FILE, SPECS, "*.dvc", MODELS, RECORDS, EVALUATIONS),
    *(f":(glob){file.of('*')}" for file in (AGREED, MODEL_CARD)),
)
_OF_SPRINT = re.compile(rf"{REPORTS}/([^/]+)/([^/]+)")
_FIRST = 200  # most often the last promotion is among as many steps, and a long history is not read
_CUT = "what was merged without approval before this shallow clone begins is not known"
_WRITTEN_BY_PROMOTIONS = (AGREED.name, CARD)


def agreed_at(root: Path, commit: str) -> Snapshot:
    """The snapshot of a base branch's commit, with what binds of its earlier states.

    Raises:
        FlywheelError: git does not know the commit, or a file of its configuration is a symbolic link or too large.
    """
    state = snapshot_of(root, commit)
    history = _since_agreed(branch_history.steps(root, state.commit, _ASKED, limit=_FIRST))
    if not history.is_whole and len(history.steps) == _FIRST:
        history = _since_agreed(branch_history.steps(root, state.commit, _ASKED))
    if not history.is_whole and repository.is_shallow(root):
        return replace(state, promoted=history.promoted, unknown=_CUT)
    bound = _bound(root, history)
    return replace(
        state,
        promoted=history.promoted,
        bindings=tuple(bound.states),
        bound_records=tuple(dict.fromkeys(bound.records)),
        approved=bound.weaknesses,
    )


class _History(Struct, frozen=True, kw_only=True):
    """The steps since the sprint that was promoted last came to the branch, that one included; the newest first.

    Attributes:
        promoted: that sprint; None where none was: then these are all.
        is_whole: the step that brought it is among them.
    """

    steps: Sequence[Step]
    promoted: str | None = None
    is_whole: bool = False


def _since_agreed(steps: Sequence[Step]) -> _History:
    promoted = None
    for number, step in enumerate(steps):
        promoted = promoted or _promoted_by(step)
        if promoted is not None and f"{SPECS}/{promoted}.yaml" in step.changes:
            return _History(steps=steps[: number + 1], promoted=promoted, is_whole=True)
    return _History(steps=steps, promoted=promoted)


def _promoted_by(step: Step) -> str | None:
    """The sprint that a commit of `promote` is of: it writes a model card and the top-level dvc.yaml, and nothing else."""
    cards = [sprint for sprint, file in _records(step) if file == CARD]
    return cards[0] if len(cards) == 1 and MODELS in step.changes and _is_of_promotions(step) else None


def _is_of_promotions(step: Step) -> bool:
    """Whether nothing comes along that could be approved: what a change says of its own approval is not believed."""
    own = {
        f"{sprint_path(sprint)}/{file}" for sprint, file in _records(step) if file in _WRITTEN_BY_PROMOTIONS
    }
    return set(step.changes) <= {MODELS, *own}


def _records(step: Step) -> Iterator[tuple[str, str]]:
    """The sprints and the names of the files of records that a step changed."""
    for path in step.changes:
        if match := _OF_SPRINT.fullmatch(path):
            yield match[1], match[2]


# --- what binds -----------------------------------------------------------------------------------


@dataclass
class _Bound:
    """What binds: states and records, the oldest first, and what was approved since."""

    states: list[Snapshot] = field(default_factory=list)
    records: list[tuple[str, str]] = field(default_factory=list)
    weaknesses: frozenset[tuple[str | None, ...]] = frozenset()


def _bound(root: Path, history: _History) -> _Bound:
    approved = [finding for step in history.steps for finding in _approved(root, step)]
    known = frozenset(finding.content for finding in approved)
    outcomes = frozenset(finding.outcome for finding in approved)
    bound = _Bound(weaknesses=frozenset(finding.weakness for finding in approved))

    @cache
    def state(commit: str) -> Snapshot | None:
        try:
            return snapshot_of(root, commit)
        except FlywheelError:
            return None  # no state that anything could be judged under

    own = _promoted_without_terms(root, history)
    for step in reversed(history.steps):
        before, after = (state(each) if each else None for each in (step.parent, step.commit))
        if before is None or after is None or not before.newest_records:
            continue  # before the first run nothing was agreed on
        is_own = step is history.steps[-1] and own is not None
        weakened = [each for each in _weakened(before, after, step) if each.content not in known]
        if any(not (is_own and each.sprint in (own, None)) for each in weakened):
            bound.states.append(before)
        for sprint, evidence in _shown(root, before, after, step):
            if sprint != own and any(each.outcome not in outcomes for each in evidence):
                names = recorded_references(before, after, sprint)
                bound.records += [(name, before.gone.get(name, before.commit)) for name in names]
    return bound


class _Terms(msgspec.Struct, frozen=True):
    """Of a sprint's terms what was approved when it was promoted."""

    findings: list[Finding] = []
    evidence: list[Finding] = []


def _approved(root: Path, step: Step) -> Iterator[Finding]:
    """What a commit of `promote` records as approved: all findings of a sprint that was promoted, and agreed.json."""
    if not _is_of_promotions(step):
        return
    if (promoted := _promoted_by(step)) is not None:
        terms = _decoded(root, step.commit, TERMS.of(promoted), _Terms)
        yield from [*terms.findings, *terms.evidence] if terms is not None else []
    for sprint, file in _records(step):
        if file == AGREED.name:
            agreed = _decoded(root, step.commit, f"{sprint_path(sprint)}/{file}", list[Agreed])
            yield from (each.finding for each in agreed or [])


def _promoted_without_terms(root: Path, history: _History) -> str | None:
    """The sprint that was promoted last, where whoever promoted it had no findings to look at: it was judged without a base."""
    tagged = next((step for step in history.steps if _promoted_by(step) is not None), None)
    if tagged is None or history.promoted is None:
        return None
    terms = repository.read_file(root, tagged.commit, TERMS.of(history.promoted))
    return history.promoted if terms is None else None


def _decoded(root: Path, commit: str, path: str, kind: type[T]) -> T | None:
    """A record in git; None where there is none, or another version wrote it: then it approves nothing."""
    content = repository.read_file(root, commit, path)
    try:
        return decode_json(content, kind) if content is not None else None
    except msgspec.MsgspecError:
        return None


def _weakened(before: Snapshot, after: Snapshot, step: Step) -> list[Finding]:
    """What a step weakened, by the specs."""
    found = [each for each in project_findings(before, after) if not _sets_up(each, before, step)]
    for name, status in affected(list(step.changes), before, after).items():
        if status != "removed":
            found += sprint_findings(before, after, name)
    return distinct(found)


def _sets_up(finding: Finding, before: Snapshot, step: Step) -> bool:
    """Whether somebody who may push names approvers where nobody was named for anything: so a team begins."""
    nobody = before.project is not None and not before.project.policy.approvals
    return finding.kind is FindingKind.APPROVALS_WEAKENED and nobody and not step.is_merge


def _shown(root: Path, before: Snapshot, after: Snapshot, step: Step) -> Iterator[tuple[str, list[Finding]]]:
    """What the records show that a step brought, by their sprints."""
    frozen = before.project.policy.frozen_splits if before.project is not None else ("test",)
    for sprint in dict.fromkeys(
        name for name, file in _records(step) if file in (SELECTION.name, EVALUATION.name)
    ):
        own = recorded_at(root, sprint, after.commit)
        for reference in recorded_references(before, after, sprint):
            there = readable_at(root, reference, before.gone.get(reference, before.commit))
            yield sprint, evidence_of(there, own, frozen)


def recorded_at(root: Path, sprint: str, commit: str) -> RecordedData:
    """What a sprint's record says at a commit."""
    selection, evaluation = (
        repository.read_file(root, commit, f"{sprint_path(sprint)}/{name}.json")
        for name in ("selection", "evaluation")
    )
    return RecordedData(sprint=sprint, selection=selection, evaluation=evaluation)


def readable_at(root: Path, sprint: str, commit: str) -> RecordedData:
    """A sprint's record at a commit; each file that cannot be read there, or is gone, as the branch held it before.

    A record that somebody spoiled or took away says still what was agreed.
    """
    found = recorded_at(root, sprint, commit)
    return replace(
        found,
        selection=_readable(root, sprint, commit, "selection", found.selection),
        evaluation=_readable(root, sprint, commit, "evaluation", found.evaluation),
    )


def _readable(
    root: Path, sprint: str, commit: str, name: Literal["selection", "evaluation"], content: bytes | None
) -> bytes | None:
    if is_readable(name, content):
        return content
    path = f"{sprint_path(sprint)}/{name}.json"
    for step in branch_history.steps(root, commit, [path]):
        earlier = repository.read_file(root, step.commit, path)
        if is_readable(name, earlier):
            return earlier
    return content
