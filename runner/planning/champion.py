"""The champion: the sprint whose model the registry's tags name, and the models that its record in git says it has."""

from __future__ import annotations

from pathlib import Path

import msgspec

from runner.adapters.dvc.metafiles import LockedStage, parse_lock
from runner.adapters.git import repository
from runner.domain.champion import ResolvedChampion
from runner.domain.errors import ExitCode, FlywheelError, Where
from runner.domain.evaluation import QUALITY_METRICS, REFERENCE_TARGET, seed_target
from runner.domain.records import Record
from runner.domain.verdict import Outcome
from runner.record.catalogue import BENCHMARK, EXPORTS, EXPORTS_FOLDER, LOCK, TRAINING, VERDICT


class Champion(Record, frozen=True, kw_only=True):
    """The sprint that holds the project's stage in the registry.

    Attributes:
        first_tag: the first that assigned this commit, where `tag` assigned it again: the model is the same one, and what
            was judged against it then stays as it was.
    """

    sprint: str
    commit: str
    tag: str
    first_tag: str = ""


class _Named(msgspec.Struct, frozen=True):
    """The one thing that is read of an exported artefact's record, by whatever version it was written."""

    target: str


class _TrainedFile(msgspec.Struct, frozen=True):
    path: str
    seed: int = 0


class TrainedFiles(msgspec.Struct, frozen=True):
    """What is read of a training record, by whatever version it was written: where its models lie."""

    models: list[_TrainedFile]

    @property
    def first(self) -> str | None:
        """The judged model's file, of the first seed: its path in the sprint's folder."""
        return self.models[0].path if self.models else None


class _Speed(msgspec.Struct, frozen=True):
    target: str
    throughput_ips: float


class _Timed(msgspec.Struct, frozen=True):
    """What is read of a benchmark, by whatever version it was written."""

    targets: list[_Speed] = []


class _Gate(msgspec.Struct, frozen=True):
    metric: str
    outcome: str
    target: str | None = None


class _Judged(msgspec.Struct, frozen=True):
    """What is read of a verdict, by whatever version it was written."""

    gates: list[_Gate] = []


def resolve_champion(root: Path, champion: Champion | None) -> ResolvedChampion | None:
    """The artefact that the champion ships; None where there is no champion."""
    return shipped(root, champion) if champion else None


def shipped(root: Path, champion: Champion) -> ResolvedChampion:
    """The artefact that the champion ships, from its record in git. Neither it nor DVC is touched.

    Raises:
        FlywheelError: its record does not say which artefact that is.
    """
    exported = EXPORTS.read_at(root, champion.commit, champion.sprint, list[_Named])
    if not exported:
        return trained(root, champion)
    return _stored(root, champion, exported[0].target, f"{EXPORTS_FOLDER.name}/{exported[0].target}")


def scorer(root: Path, champion: Champion) -> ResolvedChampion:
    """The artefact that the champion looks at the pool with: the fastest of its own benchmark that is as good as was asked for, which
    is one that has gates of quality and passed them all. What it ships, where there is no such.

    Raises:
        FlywheelError: its record does not say which artefacts there are.
    """
    own = shipped(root, champion)
    timed = BENCHMARK.read_at(root, champion.commit, champion.sprint, _Timed)
    judged = VERDICT.read_at(root, champion.commit, champion.sprint, _Judged)
    if timed is None or judged is None:
        return own
    good: dict[str | None, bool] = {}
    for gate in judged.gates:
        if gate.metric in QUALITY_METRICS:
            good[gate.target] = good.get(gate.target, True) and gate.outcome == Outcome.PASS
    found = artefacts(root, champion)
    fit = [speed for speed in timed.targets if good.get(speed.target) and speed.target in found]
    if not fit:
        return own
    return found[max(fit, key=lambda speed: (speed.throughput_ips, speed.target == own.target)).target]


def trained(root: Path, champion: Champion) -> ResolvedChampion:
    """The champion's trained model, of the first seed, whatever it ships; from its record in git.

    Raises:
        FlywheelError: its record does not say which that is.
    """
    training = TRAINING.read_at(root, champion.commit, champion.sprint, TrainedFiles)
    return _stored(root, champion, REFERENCE_TARGET, (training.first if training else None) or "")


def seed_models(root: Path, champion: Champion) -> dict[str, ResolvedChampion]:
    """The champion's trained models of all seeds, by the names of their predictions; from its record in git.

    Raises:
        FlywheelError: its record does not say which those are.
    """
    training = TRAINING.read_at(root, champion.commit, champion.sprint, TrainedFiles)
    return {
        seed_target(model.seed) if number else REFERENCE_TARGET: _stored(
            root, champion, REFERENCE_TARGET, model.path
        )
        for number, model in enumerate(training.models if training else [])
    }


def artefacts(root: Path, champion: Champion) -> dict[str, ResolvedChampion]:
    """The champion's trained model and all its exports, by the names of their targets; from its record in git.

    Raises:
        FlywheelError: its record does not say which those are.
    """
    exported = EXPORTS.read_at(root, champion.commit, champion.sprint, list[_Named]) or []
    exports = {
        each.target: _stored(root, champion, each.target, f"{EXPORTS_FOLDER.name}/{each.target}")
        for each in exported
    }
    return {REFERENCE_TARGET: trained(root, champion), **exports}


def _stored(root: Path, champion: Champion, target: str, path: str) -> ResolvedChampion:
    lock = repository.read_file(root, champion.commit, LOCK.of(champion.sprint))
    stages = parse_lock(lock, Where(LOCK.of(champion.sprint))) if lock is not None else {}
    digest = _written(stages, path.partition("/")[0])
    if not digest:
        raise FlywheelError(
            f"the champion {champion.sprint} ({champion.tag}) cannot be run: its record at {champion.commit[:10]} "
            "names no stored model",
            where=Where(LOCK.of(champion.sprint)),
            hint=f"run and commit {champion.sprint} again, then tag that commit as the next {champion.tag.rpartition('#')[0]}#N",
            exit_code=ExitCode.STAGE_FAILED,
        )
    return ResolvedChampion(
        sprint=champion.sprint,
        tag=champion.first_tag or champion.tag,
        commit=champion.commit,
        target=target,
        path=path,
        digest=digest,
    )


def _written(stages: dict[str, LockedStage], out: str) -> str:
    return next((stage.outs[out] for stage in stages.values() if out in stage.outs), "")
