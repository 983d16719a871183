"""What two versions of a configuration say differently: values, not text.

Keys in another order, comments, quotes and defaults that are written out are no difference.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import msgspec

from runner.config.load import LoadedSprint
from runner.config.project import Project
from runner.config.sprint import SliceSpec
from runner.config.yaml_loader import DataPath, show_path
from runner.domain.errors import Where
from runner.domain.policy import SpecChange
from runner.policy.checks import options, pair_checks
from runner.policy.conditions import same
from runner.policy.gates import Effect, WrittenGates, demanded, pair_gates
from runner.policy.slices import pair_slices, shown
from runner.policy.snapshot import Snapshot
from runner.policy.values import one_line

Located = Callable[[DataPath], Where]
_UNSET = "unset"
_CONDITIONS = (
    *(("splits", name) for name in ("train", "val", "test", "pool")),
    *(("data", name, "where") for name in ("train", "val", "test")),
    ("data", "exclude"),
)
# Limits: True where a larger number is stricter.
_LIMITS: dict[DataPath, bool] = {
    ("compute", "time_limit"): False,
    ("compute", "cost_limit"): False,
    ("policy", "holdout", "significance"): False,
    ("evaluate", "confidence", "level"): True,
    ("evaluate", "confidence", "resamples"): True,
}


def project_changes(before: Snapshot, after: Snapshot) -> list[SpecChange]:
    """What flywheel.yaml says differently; nothing where either commit has no valid one."""
    if before.project is None or after.project is None:
        return []
    old, new = _project_values(before.project), _project_values(after.project)
    changes = list(_values(old, new, (), after.where))
    changes += _gates(policy_gates(before), policy_gates(after), "policy gate", "policy.gates")
    return [*changes, *_slices(before.project.slices, after.project.slices, ("slices",), after.where)]


def sprint_changes(before: LoadedSprint, after: LoadedSprint, project: Project) -> list[SpecChange]:
    """What a sprint does differently from another one, or from its own earlier version; both with what they extend.

    Args:
        project: for what a spec leaves to the task.
    """
    old, new = _sprint_values(before, project), _sprint_values(after, project)
    changes = list(_values(old, new, (), after.where))
    changes += _checks(before, after)
    changes += _exports(before, after)
    changes += _slices(
        before.sprint.evaluate.slices,
        after.sprint.evaluate.slices,
        ("evaluate", "slices"),
        after.where,
    )
    return [*changes, *_gates(sprint_gates(before), sprint_gates(after), "gate", "gates")]


def policy_gates(snapshot: Snapshot) -> WrittenGates:
    """The gates of a snapshot's policy, and where they are written."""
    gates = snapshot.project.policy.gates if snapshot.project else []
    sources = [str(snapshot.where(("policy", "gates", index))) for index in range(len(gates))]
    return WrittenGates(gates=gates, sources=sources, primary_target=None)


def sprint_gates(loaded: LoadedSprint) -> WrittenGates:
    """A sprint's gates, and where they are written."""
    return WrittenGates(
        gates=loaded.sprint.gates,
        sources=loaded.gate_sources,
        primary_target=loaded.sprint.primary_target,
    )


# --- plain values ---------------------------------------------------------------------------------


def _project_values(project: Project) -> dict[str, Any]:
    values: dict[str, Any] = msgspec.to_builtins(project)
    values["policy"] = {key: value for key, value in values["policy"].items() if key != "gates"}
    values["policy"]["frozen"] = sorted(project.policy.frozen_splits)
    for key in ("approvals", "teams"):
        values["policy"][key] = {name: sorted(people) for name, people in values["policy"][key].items()}
    return {key: value for key, value in values.items() if key != "slices"}


def _sprint_values(loaded: LoadedSprint, project: Project) -> dict[str, Any]:
    values: dict[str, Any] = msgspec.to_builtins(loaded.sprint)
    evaluate = {key: value for key, value in values["evaluate"].items() if key != "slices"}
    values["evaluate"] = {**evaluate, "optimizing": loaded.sprint.evaluate.optimizing_for(project.task)}
    # What a spec extends is no difference by itself: what it takes from there is.
    apart = ("gates", "checks", "export", "extends")
    return {key: value for key, value in values.items() if key not in apart}


def _values(old: Any, new: Any, path: DataPath, where: Located) -> Iterator[SpecChange]:
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        for key in dict.fromkeys([*new, *old]):
            yield from _values(old.get(key), new.get(key), (*path, key), where)
    elif not _equal(old, new, path):
        before, after = one_line(old), one_line(new)
        effect = _effect(old, new, path)
        judged = f" {effect}" if effect in ("loosened", "tightened") else ""
        yield SpecChange(
            path=show_path(path),
            before=before,
            after=after,
            effect=effect,
            text=f"{_name(path)} {before or _UNSET} → {after or _UNSET}{judged}",
            where=str(where(path)),
        )


def _equal(old: Any, new: Any, path: DataPath) -> bool:
    if path in _CONDITIONS and isinstance(old, str) and isinstance(new, str):
        return same(old, new)
    if path == ("compute", "time_limit"):
        return seconds(old) == seconds(new)
    return bool(old == new) and isinstance(old, bool) == isinstance(new, bool)


def seconds(limit: str | None) -> float | None:
    """A time limit in seconds: `90m` and `5400s` are the same."""
    return None if limit is None else int(limit[:-1]) * {"h": 3600.0, "m": 60.0, "s": 1.0}[limit[-1]]


def _effect(old: Any, new: Any, path: DataPath) -> Effect:
    if path in _LIMITS:
        return _limit_effect(old, new, path)
    if old is None or new is None:
        return "added" if old is None else "removed"
    return "changed"


def _limit_effect(old: Any, new: Any, path: DataPath) -> Effect:
    if old is None or new is None:
        return "tightened" if old is None else "loosened"
    low, high = (seconds(old), seconds(new)) if path[-1] == "time_limit" else (old, new)
    grows = bool(high > low)  # type: ignore[operator]
    return "tightened" if grows == _LIMITS[path] else "loosened"


def _name(path: DataPath) -> str:
    """As a person says it: `freeze`, not `train.freeze`."""
    shortened = path[1:] if path[0] in ("train", "evaluate") and len(path) > 1 else path
    return show_path(shortened)


# --- gates, slices, checks, exports ---------------------------------------------------------------


def _gates(before: WrittenGates, after: WrittenGates, word: str, path: str) -> Iterator[SpecChange]:
    for pair in pair_gates(before, after):
        old = demanded(pair.before) if pair.before else None
        new = demanded(pair.after) if pair.after else None
        subject = pair.subject.replace("gate", word, 1)
        yield SpecChange(
            path=f"{path}[{pair.subject.removeprefix('gate ')}]",
            before=old,
            after=new,
            effect=pair.effect,
            text=_said(subject, old, new, pair.effect),
            where=pair.source if pair.after else "",
        )


def _slices(
    old: list[SliceSpec], new: list[SliceSpec], path: DataPath, where: Located
) -> Iterator[SpecChange]:
    for pair in pair_slices(old, new):
        before = shown(pair.before) if pair.before else None
        after = shown(pair.after) if pair.after else None
        effect: Effect = "added" if before is None else "removed" if after is None else "changed"
        yield SpecChange(
            path=f"{show_path(path)}[{pair.subject.removeprefix('slices ').removeprefix('slice ')}]",
            before=before,
            after=after,
            effect=effect,
            text=_said(pair.subject, before, after, effect),
            where=str(where((*path, pair.position))) if pair.after else "",
        )


def _said(subject: str, before: str | None, after: str | None, effect: Effect) -> str:
    if before is None or after is None:
        return f"{subject} {before or after} {effect}"
    return f"{subject} {before} → {after}" + ("" if effect == "changed" else f" {effect}")


def _checks(before: LoadedSprint, after: LoadedSprint) -> Iterator[SpecChange]:
    for pair in pair_checks(before.sprint.checks, after.sprint.checks):
        old = options(pair.before) if pair.before is not None else {}
        new = options(pair.after) if pair.after is not None else {}
        path = f"checks[{pair.subject.removeprefix('check ')}]"
        place = str(after.where(("checks", pair.position))) if pair.after is not None else ""
        if pair.before is None or pair.after is None:
            effect: Effect = "added" if pair.before is None else "removed"
            shown_options = one_line(new or old)
            yield SpecChange(
                path=path,
                before=None if effect == "added" else shown_options,
                after=shown_options if effect == "added" else None,
                effect=effect,
                text=f"{pair.subject} {effect}",
                where=place,
            )
            continue
        for key in dict.fromkeys([*new, *old]):
            if old.get(key) != new.get(key):
                was, now = one_line(old.get(key)), one_line(new.get(key))
                yield SpecChange(
                    path=f"{path}.{key}",
                    before=was,
                    after=now,
                    effect="changed",
                    text=f"{pair.subject}: {key} {was or _UNSET} → {now or _UNSET}",
                    where=place,
                )


def _exports(before: LoadedSprint, after: LoadedSprint) -> Iterator[SpecChange]:
    old = {target.name: target for target in before.sprint.export}
    new = {target.name: target for target in after.sprint.export}
    if before.sprint.primary_target != after.sprint.primary_target:
        was, now = before.sprint.primary_target, after.sprint.primary_target
        yield SpecChange(
            path="export[0]",
            before=was,
            after=now,
            effect="changed",
            text=f"judged artefact {was} → {now}",
            where=str(after.where(("export", 0))),
        )
    for position, name in enumerate(new):
        if name not in old:
            yield _export(name, "added", str(after.where(("export", position))))
        else:
            values = msgspec.to_builtins(old[name]), msgspec.to_builtins(new[name])
            for change in _values(*values, ("export", position), after.where):
                key = change.path.partition("].")[2]
                text = f"export {name}: {key} {change.before or _UNSET} → {change.after or _UNSET}"
                yield msgspec.structs.replace(change, path=f"export[{name}].{key}", text=text)
    for name in old:
        if name not in new:
            yield _export(name, "removed", "")


def _export(name: str, effect: Effect, where: str) -> SpecChange:
    added = effect == "added"
    return SpecChange(
        path=f"export[{name}]",
        before=None if added else name,
        after=name if added else None,
        effect=effect,
        text=f"export {name} {effect}",
        where=where,
    )
