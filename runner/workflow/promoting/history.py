"""`history`: every assignment of the model's stage, from git's tags and what their commits hold."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Literal

import msgspec

from runner.adapters.dvc import registry as gto
from runner.config.load import load_project
from runner.config.project import Model, Project
from runner.domain.errors import FlywheelError, Where
from runner.domain.records import Record
from runner.domain.verdict import Outcome, Verdict
from runner.planning.registry import Registry
from runner.record.catalogue import VERDICT
from runner.workflow.promoting.registering import said_in

Event = Literal["promoted", "rolled back"]
_ID = r"[a-z_]+-[0-9a-f]{8,32}"
_REASON = re.compile(rf"({_ID}): (.*?)(?=; {_ID}: |$)")


class Assigned(Record, frozen=True, kw_only=True):
    """One assignment.

    Attributes:
        at: ISO 8601, UTC.
        version: None for a tag made by hand on a commit without one.
        sprint: None where the commit does not tell.
        event: as the tag says; of one made by hand, a rollback is an assignment of what held the stage before.
        outcome, optimizing, value: of the verdict at that commit, under the approvals that it was registered with; None
            where there is none.
        current: it holds the stage now.
        unreadable: why there is a verdict of which nothing is known; empty where it could be read.
        accepted: who accepted what was undecided, and why, as the tag says; empty where nothing was.
    """

    number: int
    tag: str
    commit: str
    at: str
    by: str
    version: str | None
    sprint: str | None
    event: Event
    outcome: Outcome | None
    optimizing: str | None
    value: float | None
    current: bool
    accepted: str = ""
    unreadable: str = ""


def history(root: Path) -> list[Assigned]:
    """Every assignment, newest first; none before the first promotion.

    Raises:
        ChampionUnknownError: this clone lacks the tags (exit code 1), or they cannot be read (exit code 3).
        FlywheelError: flywheel.yaml is not valid, or names no model.
    """
    project = load_project(root)
    model = named_model(project)
    registry = Registry(root, project)
    sprints = {holder.tag: holder.sprint for holder in registry.holders()}
    champion = registry.champion()
    known = registry.tags
    registered = {tag.commit: (version, tag) for version, tag in known.versions.items()}
    tags = known.assignments(model.stage)
    rows = []
    for position, tag in enumerate(tags):
        sprint = sprints.get(tag.name)
        version, first = registered.get(tag.commit, (None, tag))
        try:
            verdict = _verdict(root, sprint, tag, approvals=said_in(first.message).get("approvals", ""))
            unreadable = ""
        except FlywheelError as error:  # one old record must not hide all others
            verdict, unreadable = None, error.message
        before = {older.commit for older in tags[position + 1 :]}
        rows.append(
            Assigned(
                number=tag.number,
                tag=tag.name,
                commit=tag.commit,
                at=tag.at,
                by=tag.by,
                version=version,
                sprint=sprint,
                event=_event(tag, before),
                outcome=verdict.outcome if verdict else None,
                optimizing=verdict.optimizing if verdict else None,
                value=verdict.optimizing_value if verdict else None,
                current=champion is not None and champion.tag == tag.name,
                accepted=_accepted(said_in(first.message)),
                unreadable=unreadable,
            )
        )
    return rows


def named_model(project: Project) -> Model:
    """The model that the project ships.

    Raises:
        FlywheelError: it names none.
    """
    if project.model is None:
        raise FlywheelError(
            "the project names no model: there is nothing to promote under",
            where=Where("flywheel.yaml"),
            hint="add: model: {name: my-model, stage: prod}",
        )
    return project.model


def _accepted(said: Mapping[str, str]) -> str:
    """Who gave a reason, and which: "alice: the line is down until then".

    >>> _accepted({"approvals": "inconclusive-1a2b3c4d by alice", "reasons": "inconclusive-1a2b3c4d: we need it"})
    'alice: we need it'
    """
    by = dict(
        approval.split(" by ", 1) for approval in said.get("approvals", "").split(", ") if " by " in approval
    )
    reasons = _REASON.findall(said.get("reasons", ""))
    return "; ".join(dict.fromkeys(f"{by.get(name, 'somebody')}: {text}" for name, text in reasons))


def _event(tag: gto.RegistryTag, before: Collection[str]) -> Event:
    match said_in(tag.message).get("event"):
        case "promotion":
            return "promoted"
        case "rollback":
            return "rolled back"
        case _:
            return "rolled back" if tag.commit in before else "promoted"


def _verdict(root: Path, sprint: str | None, tag: gto.RegistryTag, approvals: str) -> Verdict | None:
    if sprint is None:
        return None
    verdict = VERDICT.read_at(root, tag.commit, sprint)
    if verdict is None:
        return None
    accepted = frozenset(finding for finding in verdict.kept_for if f"{finding} by " in approvals)
    return msgspec.structs.replace(verdict, outcome=verdict.outcome_under(accepted))
