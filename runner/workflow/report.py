"""`report`: judge what the stages wrote, and render it."""

from __future__ import annotations

import csv
import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import TypeVar

import msgspec

from runner.adapters.dvc_files import pointer_md5
from runner.config.load import LoadedSprint
from runner.config.project import Project
from runner.domain.errors import ExitCode, FlywheelError, Where
from runner.domain.files import read_json, write_bytes, write_json, write_text
from runner.domain.records import (
    Benchmark,
    Checks,
    Evaluation,
    ExportedTarget,
    Selection,
    StageFailure,
    Training,
    Verdict,
)
from runner.gates.judge import ChampionEvidence, Evidence, WrittenGate, judge
from runner.planning.champion import champion_record, find_champion
from runner.planning.records import Action, StagePlan
from runner.planning.resolve import resolve_stages
from runner.planning.stages import plan_stages
from runner.planning.workspace import Repository
from runner.report import markdown, plots
from runner.report.build import build, sprint_cost
from runner.report.record import FileDigest, PrecisionRecall, ReportInputs
from runner.stages.run import FAILURE_FILE
from runner.stages.timings import read_timings
from runner.workflow.load import load
from runner.workflow.records import JudgedSprint

T = TypeVar("T")


def report(root: Path, name: str | None) -> JudgedSprint:
    """Judges and renders again, without running anything.

    Raises:
        FlywheelError: the sprint has not run, or not as its spec now says.
    """
    project, loaded = load(root, name)
    folder = root / "reports" / loaded.name
    failure = read_json(folder / FAILURE_FILE, StageFailure) if (folder / FAILURE_FILE).is_file() else None
    if failure is None:
        _require_complete(root, project, loaded)
    return write_report(root, project, loaded, failure, redraw=True)


def _require_complete(root: Path, project: Project, loaded: LoadedSprint) -> None:
    pending = [plan for plan in _plans(root, project, loaded) if plan.action is Action.RUN]
    if pending:
        raise FlywheelError(
            f"not run as the spec now says: {pending[0].stage}: {'; '.join(pending[0].reasons)}",
            where=Where(f"specs/{loaded.name}.yaml"),
            hint=f"flywheel run {loaded.name}",
            exit_code=ExitCode.STAGE_FAILED,
        )


def write_report(
    root: Path, project: Project, loaded: LoadedSprint, failure: StageFailure | None, *, redraw: bool = False
) -> JudgedSprint:
    """Judges what the stages wrote and writes verdict.json, report.json, report.md and the plots.

    The renderings are left alone where the report is the same as before, unless `redraw`.
    """
    folder = root / "reports" / loaded.name
    inputs = _collect(root, project, loaded, failure)
    if inputs.verdict is not None:
        write_json(folder / "verdict.json", inputs.verdict)
    else:
        (folder / "verdict.json").unlink(missing_ok=True)
    rendered = build(inputs)
    previous = folder / "report.json"
    before = previous.read_bytes() if previous.is_file() else None
    write_json(folder / "report.json", rendered)
    if redraw or before != previous.read_bytes() or not (folder / "report.md").is_file():
        _write_plots(folder / "plots", plots.render(rendered))
        write_text(folder / "report.md", markdown.render(rendered, plots="plots"))
    return JudgedSprint(report=rendered, folder=folder.relative_to(root))


def _write_plots(folder: Path, pictures: Sequence[tuple[str, bytes]]) -> None:
    """Writes the pictures, and removes those that an earlier report had and this one has not."""
    names = {name for name, _ in pictures}
    for name, content in pictures:
        write_bytes(folder / name, content)
    for old in [*folder.glob("*.svg"), *folder.glob("*.png")]:
        if old.name not in names:
            old.unlink()


def _plans(root: Path, project: Project, loaded: LoadedSprint) -> list[StagePlan]:
    folder = root / "reports" / loaded.name
    return plan_stages(resolve_stages(project, loaded.sprint), Repository(root, folder))


def _collect(
    root: Path, project: Project, loaded: LoadedSprint, failure: StageFailure | None
) -> ReportInputs:
    """Reads the records of the stages that are up to date: what a failed run left of an older one is not shown."""
    folder = root / "reports" / loaded.name
    fresh = {plan.stage for plan in _plans(root, project, loaded) if plan.action is Action.CACHED}
    if failure is not None and failure.stage == "check":
        fresh.add("check")

    def record(stage: str, file: str, record_type: type[T]) -> T | None:
        return read_json(folder / file, record_type) if stage in fresh and (folder / file).is_file() else None

    champion = find_champion(root, project)
    if champion is not None and champion.sprint == loaded.name:
        champion = None  # a sprint is not compared with itself
    inputs = ReportInputs(
        project=project,
        sprint=loaded.sprint,
        sprint_name=loaded.name,
        spec=FileDigest(path=f"specs/{loaded.name}.yaml", sha256=loaded.raw_sha256),
        data_pointer=f"{project.dataset.path}.dvc",
        data_md5=pointer_md5(root / f"{project.dataset.path}.dvc"),
        guidelines=_guidelines(root, loaded),
        failure=failure,
        selection=record("select", "selection.json", Selection),
        checks=record("check", "checks.json", Checks),
        training=record("train", "training.json", Training),
        exports=record("export", "exports.json", list[ExportedTarget]) or [],
        evaluation=record("evaluate", "evaluation.json", Evaluation),
        precision_recall=_curves(folder / "plots" / "precision_recall.csv") if "evaluate" in fresh else [],
        benchmark=record("benchmark", "benchmark.json", Benchmark),
        champion_name=champion.sprint if champion else None,
        champion=champion_record(root, champion, "evaluation.json", Evaluation) if champion else None,
        timings=read_timings(folder).stages,
    )
    return msgspec.structs.replace(inputs, verdict=_judge(loaded, inputs))


def _judge(loaded: LoadedSprint, inputs: ReportInputs) -> Verdict | None:
    """The verdict on what was measured; None when a stage failed or nothing was evaluated."""
    if inputs.evaluation is None or inputs.failure is not None:
        return None
    cost = sprint_cost(inputs.timings, inputs.project.costs)
    champion = (
        ChampionEvidence(name=inputs.champion_name, evaluation=inputs.champion)
        if inputs.champion_name
        else None
    )
    evidence = Evidence(
        evaluation=inputs.evaluation,
        benchmark=inputs.benchmark,
        exports=inputs.exports,
        primary_target=loaded.sprint.primary_target,
        champion=champion,
        cost=cost.total,
        duration_min=cost.seconds / 60 if cost.seconds is not None else None,
    )
    own = [
        WrittenGate(gate=gate, origin="sprint", source=source)
        for gate, source in zip(loaded.sprint.gates, loaded.gate_sources, strict=True)
    ]
    policy = [
        WrittenGate(gate=gate, origin="policy", source=source)
        for gate, source in zip(inputs.project.policy.gates, loaded.policy_sources, strict=True)
    ]
    return judge([*own, *policy], evidence)


def _guidelines(root: Path, loaded: LoadedSprint) -> FileDigest | None:
    path = loaded.sprint.annotation.guidelines if loaded.sprint.annotation else None
    if path is None or not (root / path).is_file():
        return None
    return FileDigest(path=path, sha256=hashlib.sha256((root / path).read_bytes()).hexdigest())


def _curves(path: Path) -> list[PrecisionRecall]:
    if not path.is_file():
        return []
    points: dict[str, tuple[list[float], list[float]]] = {}
    with path.open(encoding="utf-8", newline="") as handle:
        for row in csv.DictReader(handle):
            recall, precision = points.setdefault(row["target"], ([], []))
            recall.append(float(row["recall"]))
            precision.append(float(row["precision"]))
    return [
        PrecisionRecall(name=name, recall=recall, precision=precision)
        for name, (recall, precision) in points.items()
    ]
