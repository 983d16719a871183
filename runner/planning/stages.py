"""Decides for each stage whether it will run, by the rules that DVC follows, and says why."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import msgspec

from runner.adapters.dvc_files import LockedStage, run_cache_key
from runner.planning.records import Action, StagePlan
from runner.planning.resolve import TO_ROOT, ResolvedStage
from runner.planning.workspace import Workspace

UNCHANGED = "unchanged"
UNKNOWN = "unknown"  # the hash of what a stage that will run is going to write


def plan_stages(stages: Sequence[ResolvedStage], workspace: Workspace) -> list[StagePlan]:
    """The stages' plans, in order. Pure but for what `workspace` answers."""
    lock = workspace.lock()
    produced: dict[str, tuple[str, str]] = {}  # output → (its hash after this run, the stage that writes it)
    absent: set[str] = set()  # the reason that such a stage gives to those after it
    plans = []
    for stage in stages:
        current = {dep: _current_md5(dep, produced, workspace) for dep in stage.deps}
        plan = _plan_stage(stage, current, produced, lock.get(stage.name), workspace)
        elsewhere = _elsewhere(stage, lock.get(stage.name), workspace)
        if plan.recorded is not None:
            absent.add(_runs(stage.name))
        elif plan.action is Action.RUN and set(plan.reasons) <= absent | {_missing(elsewhere)}:
            plan = msgspec.structs.replace(plan, stored=elsewhere, absent_only=True)
            absent.add(_runs(stage.name))
        plans.append(plan)
        produced |= {path: (plan.outs.get(path, UNKNOWN), stage.name) for path in stage.written}
    return plans


def _plan_stage(
    stage: ResolvedStage,
    current: Mapping[str, str | None],
    produced: Mapping[str, tuple[str, str]],
    locked: LockedStage | None,
    workspace: Workspace,
) -> StagePlan:
    # A stage that writes several inputs of another is one reason.
    reasons = list(dict.fromkeys(_changes(stage, current, produced, locked)))
    own = locked is not None and not reasons
    if locked is not None and own:
        missing = list(_elsewhere(stage, locked, workspace))
        missing += [path for path in stage.records if not workspace.has(path, locked.outs.get(path, ""))]
        if not missing:
            return StagePlan(stage=stage.name, action=Action.CACHED, reasons=[UNCHANGED], outs=locked.outs)
        reasons = [_missing(missing)]
    known = {path: md5 for path, md5 in current.items() if md5 not in (None, UNKNOWN)}
    if len(known) == len(current):
        key = run_cache_key(stage.cmd, known, {stage.name: stage.params}, stage.written)
        earlier = workspace.earlier_run(key)
        if earlier is not None:
            reason = "an earlier run with these parameters and inputs is in the run cache"
            return StagePlan(stage=stage.name, action=Action.CACHED, reasons=[reason], outs=earlier.outs)
        recorded = None if own else workspace.recorded_run(key)
        if recorded is not None:
            return _recorded(stage, key, recorded, workspace)
    return StagePlan(stage=stage.name, action=Action.RUN, reasons=reasons)


def _recorded(stage: ResolvedStage, key: str, run: LockedStage, workspace: Workspace) -> StagePlan:
    """Another sprint ran the stage with the same inputs and parameters; what it wrote may be in the remote."""
    missing = {path: run.outs[path] for path in stage.outs if not workspace.is_cached(run.outs[path])}
    reason = (
        f"another sprint's record has this run; {_missing(missing)}"
        if missing
        else "another sprint's record has this run"
    )
    return StagePlan(
        stage=stage.name,
        action=Action.RUN,
        reasons=[reason],
        outs=run.outs,
        stored=missing,
        absent_only=True,
        recorded=key,
    )


def _current_md5(dep: str, produced: Mapping[str, tuple[str, str]], workspace: Workspace) -> str | None:
    if dep in produced:
        return produced[dep][0]
    return workspace.input_md5(dep.removeprefix(TO_ROOT))


def _changes(
    stage: ResolvedStage,
    current: Mapping[str, str | None],
    produced: Mapping[str, tuple[str, str]],
    locked: LockedStage | None,
) -> Iterator[str]:
    if locked is None:
        yield "never run"
        return
    if locked.cmd != stage.cmd:
        yield "the stage's command changed"
    yield from _parameter_changes(locked.params.get(stage.name), stage.params)
    for dep, md5 in current.items():
        if md5 == UNKNOWN:
            yield _runs(produced[dep][1])
        elif dep not in locked.deps:
            yield f"new input {dep.removeprefix(TO_ROOT)}"
        elif md5 != locked.deps[dep]:
            yield f"{dep.removeprefix(TO_ROOT)} changed"
    # What a stage no longer reads or writes is no reason for DVC.
    yield from (f"new output {path}" for path in stage.written if path not in locked.outs)


def _elsewhere(stage: ResolvedStage, locked: LockedStage | None, workspace: Workspace) -> dict[str, str]:
    """The outputs, with their md5, that left the cache: DVC then runs the stage again, even where the files are still in the folder."""
    written = locked.outs if locked is not None else {}
    return {path: md5 for path in stage.outs if not workspace.is_cached(md5 := written.get(path, ""))}


def _missing(paths: Iterable[str]) -> str:
    return f"output missing in DVC's cache: {', '.join(paths)}"


def _runs(stage: str) -> str:
    return f"{stage} runs"


def _parameter_changes(before: Any, after: Mapping[str, Any]) -> Iterator[str]:
    old, new = dict(_flat(before or {})), dict(_flat(after))
    changed = [
        key
        for key in dict.fromkeys([*new, *old])
        if old.get(key) != new.get(key) or (key in old) != (key in new)
    ]
    if "champion.sprint" in changed:  # its tag, commit and digest say no more to a reader
        changed = [key for key in changed if key == "champion.sprint" or not key.startswith("champion.")]
    if changed == ["digest"]:  # DVC compares it too, and would run the stage
        yield "its parameters are recorded differently"
    yield from (
        f"{_readable(key)} {_shown(old, key)} → {_shown(new, key)}" for key in changed if key != "digest"
    )


def _flat(value: Any, prefix: str = "") -> Iterator[tuple[str, Any]]:
    if isinstance(value, Mapping) and value:
        for key, item in value.items():
            yield from _flat(item, f"{prefix}.{key}" if prefix else str(key))
    elif isinstance(value, list) and any(isinstance(item, Mapping) for item in value):
        for position, item in enumerate(value):
            yield from _flat(item, f"{prefix}[{position}]")
    else:
        yield prefix, value


def _readable(key: str) -> str:
    """Drops the record's own name in front: `trainer.epochs` is what the spec calls `epochs`."""
    if key == "version":
        return "flywheel's own version of this stage"
    return "champion" if key == "champion.sprint" else key.removeprefix("trainer.")


def _shown(values: Mapping[str, Any], key: str) -> str:
    value = values.get(key)
    return "(unset)" if value is None else str(value).lower() if isinstance(value, bool) else str(value)
