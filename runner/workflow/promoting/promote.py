"""`promote`: a judged sprint's model is registered and assigned, without training anything again."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

import msgspec

from runner.adapters.git import commits
from runner.adapters.git.repository import remote_url, run_git
from runner.config.load import LoadedSprint
from runner.config.project import Model, Project
from runner.domain.errors import ExitCode, FlywheelError, Where
from runner.domain.files import write_json, write_text
from runner.domain.policy import Agreed, Approval, recorded_ids
from runner.domain.records import Record
from runner.planning.champion import Champion
from runner.planning.registry import Registry
from runner.planning.situation import Situation
from runner.policy.approvals import Decision
from runner.policy.undecided import REASON_LENGTH, approve_options
from runner.record.catalogue import AGREED, DIGESTS, MODEL_CARD, REPORT, TERMS, sprint_folder
from runner.report import model_card
from runner.workflow.load import load
from runner.workflow.locking import sprint_lock
from runner.workflow.promoting.pushing import (
    delete_tags,
    is_left_behind,
    push_all,
    require_fetchable,
    tags_at,
)
from runner.workflow.promoting.readiness import Conditions, Readiness, readiness
from runner.workflow.promoting.registering import (
    Registered,
    commit_model,
    model_artifact,
    next_version,
    registered_record,
    shipped_target,
    tag_message,
    write_tags,
)

Result = Literal["promoted", "unchanged", "would promote", "stale", "waiting", "refused", "altered"]

NO_MODEL = "the project names no model to promote under: add `model: {name: …, stage: prod}` to flywheel.yaml"


class Promotion(Record, frozen=True, kw_only=True):
    """What became of it.

    Attributes:
        result: `unchanged`: it holds the stage already. `altered`: its record does not follow. `refused`: it was not
            reached. `stale`: judge it again. `waiting`: findings wait for approval.
        reasons: why not, each a sentence.
        decisions: of every finding, whether it is approved.
        before: the sprint that held the stage; None at the first promotion.
        agreed: the approvals were committed by themselves: they hold although the sprint was not promoted.
    """

    sprint: str
    result: Result
    reasons: list[str] = []
    decisions: list[Decision] = []
    model: str = ""
    stage: str = ""
    version: str | None = None
    tag: str | None = None
    commit: str | None = None
    before: str | None = None
    pushed: bool = False
    agreed: bool = False

    @property
    def exit_code(self) -> int:
        """0 where the sprint holds the stage, or would."""
        done = self.result in ("promoted", "unchanged", "would promote")
        return int(ExitCode.PASS if done else ExitCode.GATE_NOT_PASSED)


def promote(
    root: Path, name: str | None, conditions: Conditions, *, push: bool, dry_run: bool = False
) -> Promotion:
    """Verifies the record, and registers and assigns its model. Doing it twice, or again after it was killed, is safe.

    Raises:
        ConfigurationErrors: flywheel.yaml or the spec is not valid.
        FlywheelError: it is not known who holds the stage; the sprint was not judged, or what `verify` needs is not here
            (exit code 3); git, DVC or GTO refuse (exit code 3); the push failed (exit code 5).
    """
    situation = load(root, name)
    project, loaded = situation.project, situation.loaded
    if project.model is None:
        return Promotion(sprint=loaded.name, result="refused", reasons=[NO_MODEL])
    with sprint_lock(root, loaded.name):
        champion = situation.registry.champion(finishing=loaded.name)
        known = registered_record(root, project.model, situation.registry.tags, loaded.name)
        begun = _begun(loaded.name, project.model, champion)
        holds = known is not None and champion is not None and champion.commit == known[1]
        if known is not None and holds and not (push and is_left_behind(root, project.model, known[1])):
            begun = msgspec.structs.replace(begun, tag=champion.tag if champion else None)
            return _again(root, project.model, begun, known, push=push and not dry_run)
        ready = readiness(situation, conditions)
        if (of_the_past := _of_the_past(situation, ready, known)) is not None:
            return msgspec.structs.replace(begun, result="refused", reasons=[of_the_past])
        _require_findings(loaded.name, conditions.approvals, ready.decisions)
        if not ready.promotable:
            agreed = ready.agreed and not dry_run and record_agreed(root, loaded.name, ready.decisions)
            return msgspec.structs.replace(_kept(begun, ready), agreed=bool(agreed))
        if push:
            require_fetchable(root, loaded.name, "HEAD")
        version = (
            known[0] if known else next_version(root, situation.registry.tags, loaded.name, _of(champion))
        )
        begun = msgspec.structs.replace(begun, version=version, decisions=ready.decisions)
        if dry_run:
            return msgspec.structs.replace(begun, result="would promote")
        if known is not None and holds:  # a rebase left its tags behind: they are made anew
            delete_tags(root, tags_at(root, project.model, known[1]))
        written = _write(root, project, loaded, ready, version)
        if push:
            push_all(root, written, project.model)
    return msgspec.structs.replace(
        begun, result="promoted", tag=written.tag, commit=written.commit, pushed=push
    )


def _begun(sprint: str, model: Model, champion: Champion | None) -> Promotion:
    before = champion.sprint if champion else None
    return Promotion(sprint=sprint, result="unchanged", model=model.name, stage=model.stage, before=before)


def terminal_approvals(root: Path, findings: Sequence[str], reason: str = "") -> list[Approval]:
    """Approvals of whoever types the command: git's `github.user`, else its `user.name`.

    Args:
        reason: of all of them; one line of it is kept.

    Raises:
        FlywheelError: git knows no name.
    """
    if not findings:
        return []
    names = (
        run_git(root, "config", key).stdout.decode(errors="replace").strip()
        for key in ("github.user", "user.name")
    )
    by = next((name for name in names if name), None)
    if by is None:
        raise FlywheelError(
            "an approval needs a name, and git knows none",
            where=Where(".git/config"),
            hint="git config github.user LOGIN",
        )
    at = datetime.now(UTC).isoformat(timespec="seconds")
    said = " ".join(reason.split())[:REASON_LENGTH]
    return [Approval(finding=finding, by=by, at=at, channel="terminal", reason=said) for finding in findings]


def _require_findings(name: str, approvals: Sequence[Approval], decisions: Sequence[Decision]) -> None:
    """Who types an id means a finding: a mistyped one must not look like an approval.

    Raises:
        FlywheelError: one that was typed is none.
    """
    known = [decision.finding.id for decision in decisions]
    unknown = [
        approval.finding
        for approval in approvals
        if approval.channel == "terminal" and approval.finding not in known
    ]
    if not unknown:
        return
    shown = ", ".join(known)
    raise FlywheelError(
        f"{', '.join(map(str, unknown))} is no finding of {name}; "
        + (f"its findings are: {shown}" if known else "it has none to approve"),
        where=Where(TERMS.of(name)),
        hint=f"flywheel promote {name}" + approve_options(decision.finding for decision in decisions),
    )


def _of(champion: Champion | None) -> tuple[str, str] | None:
    return (champion.sprint, champion.commit) if champion else None


def _of_the_past(situation: Situation, ready: Readiness, known: tuple[str, str] | None) -> str | None:
    """Why a model that held the stage once is not promoted over the one that took its place; None where it is not of these.

    After a rollback the stage is held by what the sprint was compared with when it was promoted: then it may have it back.
    """
    holder = situation.successor
    if holder is None or (known is not None and ready.verdict.champion == holder.sprint):
        return None
    return (
        f"its model held the stage before, and {holder.sprint} ({holder.tag}) took its place: only a rollback brings it back "
        f"(flywheel rollback {situation.name})"
    )


def _again(root: Path, model: Model, begun: Promotion, known: tuple[str, str], *, push: bool) -> Promotion:
    """It holds the stage; what was not pushed then may be now."""
    version, commit = known
    tag = str(begun.tag)
    if push:
        require_fetchable(root, begun.sprint, commit)
        push_all(root, Registered(version=version, tag=tag, commit=commit, tags=[]), model)
    return msgspec.structs.replace(begun, version=version, commit=commit, pushed=push)


def _kept(begun: Promotion, ready: Readiness) -> Promotion:
    waiting = [f"{decision.finding.id}: {decision.needs}" for decision in ready.waiting]
    return msgspec.structs.replace(
        begun,
        result=_why(ready),
        reasons=[*ready.altered, *ready.refused, *ready.stale, *waiting],
        decisions=ready.decisions,
    )


def record_agreed(root: Path, name: str, decisions: Sequence[Decision]) -> bool:
    """Commits who approved what of a sprint that is not promoted, so that nobody is asked again; whether that was new."""
    path = AGREED.of(name)
    known = AGREED.read_if_there(sprint_folder(root, name)) or []
    there = {decision.finding.content for decision in known}
    new = [
        Agreed(finding=decision.finding, by=str(decision.by), at=decision.at, channel=decision.channel)
        for decision in decisions
        if decision.finding.content not in there
    ]
    if new:
        write_json(root / path, [*known, *new])
    made = commits.commit_files(root, [path], f"flywheel: approvals of {name} [skip ci]")
    return made is not None


def _why(ready: Readiness) -> Result:
    """What must be seen to first."""
    if ready.altered:
        return "altered"
    return "refused" if ready.refused else "stale" if ready.stale else "waiting"


def _write(root: Path, project: Project, loaded: LoadedSprint, ready: Readiness, version: str) -> Registered:
    """The card, the commit, and the tags, in this order: what was killed in between is finished by running it again."""
    model, name = project.model, loaded.name
    if model is None:
        raise ValueError("a project without a model has nothing to promote under")
    record = commits.newest_of(root, [DIGESTS.of(name)]) or commits.head(root)
    tags = Registry(root, project).tags  # as they are now: some may just have been deleted
    known = registered_record(root, model, tags, name)
    if known is None:
        _write_card(root, model, name, version, ready.decisions)
    artifact = model_artifact(model, name, shipped_target(sprint_folder(root, name)), project.task)
    message = f"flywheel: {name} is {model.name} {version} [skip ci]"
    files = [MODEL_CARD.of(name)]
    commit = commit_model(root, artifact, files, message)
    commit = known[1] if known else commit  # what was promoted once keeps its version and its commit
    approved = [f"{decision.finding.id} by {decision.by}" for decision in ready.decisions if decision.by]
    accepted = recorded_ids(decision.finding for decision in ready.decisions if decision.by)
    given = "; ".join(
        f"{decision.finding.id}: {decision.reason}" for decision in ready.decisions if decision.reason
    )
    reasons = {"reasons": given} if given else {}
    message = tag_message(
        f"flywheel: promoted to {model.name} {model.stage}",
        sprint=name,
        record=record,
        verdict=str(ready.verdict.outcome_under(accepted)),
        approvals=", ".join(approved) or "none needed",
        **reasons,
        event="promotion",
    )
    return write_tags(root, model, version, commit, message)


def _write_card(root: Path, model: Model, name: str, version: str, decisions: Sequence[Decision]) -> None:
    path = sprint_folder(root, name) / MODEL_CARD.name
    context = model_card.CardContext(
        model=model.name,
        stage=model.stage,
        version=version,
        repository_url=public_url(root),
        findings=[decision.finding for decision in decisions],
        approved={decision.finding.id: decision.by for decision in decisions if decision.by},
        reasons={decision.finding.id: decision.reason for decision in decisions if decision.reason},
    )
    text = model_card.render(REPORT.read(path.parent), context)
    if not path.is_file() or path.read_bytes() != text.encode():
        write_text(path, text)


def public_url(root: Path) -> str:
    """Where others find the repository: its remote; "." without one."""
    url = remote_url(root)
    public = re.fullmatch(r"https?://[^\s]+|(?:ssh://)?[\w.-]+@[\w.-]+[:/][^\s]+", url)
    return url if public else "."  # a folder of this machine means nothing to others
