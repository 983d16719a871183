"""Decides for each stage whether it will run, by the rules that DVC follows, and says why."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
from msgspec import Struct

from runner.adapters.dvc.metafiles import LockedStage, run_cache_key
from runner.planning.records import Action, StagePlan
from runner.planning.resolve import TO_ROOT, ResolvedStage
from runner.planning.workspace import Workspace
from runner.policy.values import one_line

UNCHANGED = "unchanged"
UNKNOWN = "unknown"  # the hash of what a stage that will run is going to write


class Work(Struct, frozen=True, kw_only=True):
    """One sprint, or one scoring.

    Attributes:
        root: the repository's top. `folder`: the work's, below it.
        command: what to type to go on with it.
    """

    root: Path
    folder: Path
    stages: Sequence[ResolvedStage]
    plans: Sequence[StagePlan]
    command: str

    @property
    def shown(self) -> str:
        """The folder, as messages name it."""
        return self.folder.relative_to(self.root).as_posix()

    @property
    def runs(self) -> list[str]:
        """The stages that will run."""
        return [plan.stage for plan in self.plans if plan.action is Action.RUN]


def plan_stages(
    stages: Sequence[ResolvedStage], workspace: Workspace, edited: Mapping[str, str] | None = None
) -> list[StagePlan]:
    """The stages' plans, in order. Pure but for what `workspace` answers.

    Args:
        edited: inputs whose files are not what their pointers record, by their paths from the repository's top, and why a
            stage that reads them runs.
    """
    lock = workspace.lock()
    # input or output → (its hash after this run, why a stage that reads it runs)
    produced = {f"{TO_ROOT}{path}": (UNKNOWN, why) for path, why in (edited or {}).items()}
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
        produced |= {path: (plan.outs.get(path, UNKNOWN), _runs(stage.name)) for path in stage.written}
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
            yield produced[dep][1]
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
    """What of a stage's parameters changed, in words; values that are absent and values that are null are the same."""
    old, new = (_plain(section or {}) for section in (before, after))
    changed = [change for change in _changed(old, new, "") if change.key != "digest"]
    keys = [change.key for change in changed]
    if "champion.sprint" in keys:  # its tag, commit and digest say no more to a reader
        changed = [
            change
            for change in changed
            if change.key == "champion.sprint" or not change.key.startswith("champion.")
        ]
    changed = _ancestor_in_words(changed, new)
    if not changed and before != after:  # DVC compares them too, and would run the stage
        yield "its parameters are recorded differently"
    yield from (change.words for change in changed)


def _ancestor_in_words(changed: list[_Change], new: Mapping[str, Any]) -> list[_Change]:
    """Of the sprint that is fine-tuned its name says enough, or that its weights are others."""
    keys = [change.key for change in changed if change.key.startswith("ancestor.")]
    if not keys or "ancestor.sprint" in keys:
        return [change for change in changed if change.key == "ancestor.sprint" or change.key not in keys]
    others = [change for change in changed if change.key not in keys]
    return [
        *others,
        _Change("ancestor", f"the model of {new['ancestor']['sprint']}, which it starts from, changed"),
    ]


class _Change(NamedTuple):
    """One parameter that changed: its place, and the change as a person reads it."""

    key: str
    words: str


def _plain(value: Any) -> Any:
    """Without what is null: an option that is not given."""
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items() if item is not None}
    return [_plain(item) for item in value] if isinstance(value, list) else value


def _changed(old: Any, new: Any, key: str) -> Iterator[_Change]:
    if isinstance(old, Mapping | None) and isinstance(new, Mapping | None):
        one, other = old or {}, new or {}
        for each in dict.fromkeys([*other, *one]):
            yield from _changed(one.get(each), other.get(each), f"{key}.{each}" if key else str(each))
    elif _holds_blocks(old) or _holds_blocks(new):
        yield from _changed_blocks(old or [], new or [], key)
    elif old != new and not _both_empty(old, new):
        yield _Change(key, f"{_readable(key)} {_shown(old)} → {_shown(new)}")


def _holds_blocks(value: Any) -> bool:
    return isinstance(value, list) and any(isinstance(item, Mapping) for item in value)


def _both_empty(old: Any, new: Any) -> bool:
    return all(value is None or value in ({}, []) for value in (old, new))


def _changed_blocks(old: list[Any], new: list[Any], key: str) -> Iterator[_Change]:
    """Blocks of a list are told by what names them, not by their places: one that is added moves the others."""
    gone = [block for block in old if block not in new]
    came = [block for block in new if block not in old]
    name = _readable(key)
    for block in gone:
        other = next((each for each in came if _identity(each) == _identity(block)), None)
        if other is None:
            yield _Change(key, f"{name}: {one_line(block)} taken away")
            continue
        came.remove(other)
        yield from _changed(block, other, f"{key}[{_identity(block)}]")
    yield from (_Change(key, f"{name}: {one_line(block)} added") for block in came)
    if not gone and len(old) == len(new) and old != new:
        yield _Change(key, f"{name} in another order")


_NAMING = ("name", "by", "auto", "preset", "metric")  # what names a block of a list: the first that it has


def _identity(block: Any) -> str:
    """What tells a block from the others of its list: a slice's name, an export's target, an expectation."""
    if not isinstance(block, Mapping):
        return str(block)
    if "format" in block:
        return f"{block['format']}-{block.get('precision')}"
    found = next((block[key] for key in _NAMING if key in block), next(iter(block), ""))
    return ", ".join(map(str, found)) if isinstance(found, list) else str(found)


def _readable(key: str) -> str:
    """Drops the record's own name in front: `trainer.epochs` is what the spec calls `epochs`."""
    if key == "version":
        return "flywheel's own version of this stage"
    named = {"champion.sprint": "champion", "ancestor.sprint": "starts from the model of"}
    return named.get(key) or key.removeprefix("trainer.")


def _shown(value: Any) -> str:
    return "(unset)" if value is None else str(one_line(value))
