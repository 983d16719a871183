"""The champion: the sprint whose model the registry's tags name, and what its record in git says."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import msgspec

from runner.adapters import dvc_artifacts, git
from runner.adapters.dvc_files import LockedStage, parse_lock
from runner.config.project import Project
from runner.domain.champion import ResolvedChampion
from runner.domain.errors import ExitCode, FlywheelError, Where
from runner.domain.evaluation import REFERENCE_TARGET
from runner.domain.files import decode_json
from runner.domain.records import Record

T = TypeVar("T")


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


class Holder(Record, frozen=True, kw_only=True):
    """One assignment of the stage, and the sprint whose model it assigned; None where that cannot be told."""

    number: int
    commit: str
    sprint: str | None


class _Named(msgspec.Struct, frozen=True):
    """The one thing that is read of an exported artefact's record, by whatever version it was written."""

    target: str


class _Model(msgspec.Struct, frozen=True):
    path: str


class _Models(msgspec.Struct, frozen=True):
    models: list[_Model]


class Registry:
    """The model registry: GTO's tags in git. What was asked once is not asked again."""

    def __init__(self, root: Path, project: Project) -> None:
        self._root = root
        self._model = project.model.name if project.model else ""
        self._name = f"{project.model.name}#{project.model.stage}" if project.model else ""
        self._tags = (
            git.stage_tags(root, project.model.name, project.model.stage) if project.model is not None else []
        )
        self._sprints: dict[str, str | None] = {}

    def champion(self) -> Champion | None:
        """Who holds the stage now, or None when no sprint was promoted yet."""
        return self._newest(self._tags)

    def rival(
        self, sprint: str, same_model: Callable[[str], bool], same_spec: Callable[[str], bool]
    ) -> Champion | None:
        """The champion; for a sprint that still makes a model that was assigned, the one whom that model replaced.

        Where another model holds the stage by now, that is so only as long as the sprint is what it was then: one that was
        edited is proposed anew, and whoever proposes it has to beat the champion of today.

        Args:
            same_model: whether the sprint makes what it was promoted with at a commit; `rival.py` knows.
            same_spec: whether its spec is the one of a commit.
        """
        own = [position for position in self._own(sprint) if same_model(self._tags[position][1])]
        if not own or (own[0] > 0 and not same_spec(self._tags[own[0]][1])):
            return self._newest(self._tags)
        return self._newest(self._tags[max(own) + 1 :])

    def successor(self, sprint: str, same_model: Callable[[str], bool]) -> Champion | None:
        """Who holds the stage in place of a model that the sprint still makes; None where that model holds it, or never did."""
        own = [position for position in self._own(sprint) if same_model(self._tags[position][1])]
        return self._newest(self._tags[: own[0]]) if own and own[0] > 0 else None

    def before(self, sprint: str) -> Champion | None:
        """Who held the stage before the sprint itself first did; the champion, where it never did."""
        own = [position for position, (_, commit) in enumerate(self._tags) if self._sprint(commit) == sprint]
        return self._newest(self._tags[max(own) + 1 :] if own else self._tags)

    def holders(self) -> list[Holder]:
        """Every assignment, newest first."""
        return [
            Holder(number=number, commit=commit, sprint=self._sprint(commit)) for number, commit in self._tags
        ]

    def _newest(self, tags: list[tuple[int, str]]) -> Champion | None:
        for number, commit in tags:
            sprint = self._sprint(commit)
            if sprint is not None:
                first = min(older for older, same in self._tags if same == commit)
                return Champion(
                    sprint=sprint,
                    commit=commit,
                    tag=f"{self._name}#{number}",
                    first_tag=f"{self._name}#{first}",
                )
        return None

    def _own(self, sprint: str) -> list[int]:
        """Where among the assignments, the newest first, those of the sprint's own models are."""
        there = git.commits_with(
            self._root, [commit for _, commit in self._tags], _record(sprint, "metrics.json")
        )
        commits = [commit for _, commit in self._tags]
        return [
            position
            for position, commit in enumerate(commits)
            if commit in there and self._sprint(commit) == sprint
        ]

    def _sprint(self, commit: str) -> str | None:
        """The sprint that an assignment promoted: the one in whose folder the registered model lies at its commit.

        Where no dvc.yaml names the model (tags made by hand), the one whose metrics changed last.
        """
        if commit not in self._sprints:
            content = git.read_file(self._root, commit, dvc_artifacts.FILE)
            named = dvc_artifacts.artifact_path(content, self._model) if content is not None else None
            sprint = dvc_artifacts.sprint_of(named)
            if sprint is None:
                path = git.newest_change(self._root, commit, "reports/*/metrics.json")
                sprint = Path(path).parent.name if path else None
            self._sprints[commit] = sprint
        return self._sprints[commit]


def missing_tags(root: Path, project: Project) -> FlywheelError | None:
    """What is wrong where no tag says who holds the stage although dvc.yaml names the model: a clone without tags.

    None where nothing was promoted yet.
    """
    path = root / dvc_artifacts.FILE
    if project.model is None or not path.is_file():
        return None
    sprint = dvc_artifacts.sprint_of(dvc_artifacts.artifact_path(path.read_bytes(), project.model.name))
    if sprint is None:
        return None
    shallow = git.run_git(root, "rev-parse", "--is-shallow-repository").stdout.strip() == b"true"
    return FlywheelError(
        f"it names the model of {sprint}, and no tag here says what holds {project.model.name}#{project.model.stage}",
        where=Where(dvc_artifacts.FILE),
        hint=f"git fetch --tags{' --unshallow' * shallow}; where its promotion was not finished: flywheel promote {sprint}",
        exit_code=ExitCode.GATE_NOT_PASSED,
    )


def resolve_champion(root: Path, champion: Champion | None) -> ResolvedChampion | None:
    """The artefact that the champion ships, from its record in git. Neither it nor DVC is touched.

    Raises:
        FlywheelError: its record does not say which artefact that is.
    """
    if champion is None:
        return None
    exported = champion_record(root, champion, "exports.json", list[_Named])
    lock = git.read_file(root, champion.commit, _record(champion.sprint, "dvc.lock"))
    stages = parse_lock(lock, Where(_record(champion.sprint, "dvc.lock"))) if lock is not None else {}
    if exported:
        target, path = exported[0].target, f"exports/{exported[0].target}"
    else:
        training = champion_record(root, champion, "training.json", _Models)
        target, path = REFERENCE_TARGET, training.models[0].path if training and training.models else ""
    digest = _written(stages, path.partition("/")[0])
    if not digest:
        raise FlywheelError(
            f"the champion {champion.sprint} ({champion.tag}) cannot be run: its record at {champion.commit[:10]} "
            "names no stored model",
            where=Where(_record(champion.sprint, "dvc.lock")),
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


def champion_record(root: Path, champion: Champion, file: str, record_type: type[T]) -> T | None:
    """A record of the champion's sprint as it was promoted, or None when git does not hold it."""
    content = git.read_file(root, champion.commit, _record(champion.sprint, file))
    if content is None:
        return None
    try:
        return decode_json(content, record_type)
    except msgspec.MsgspecError:
        return None  # written by a version of flywheel with other records: compared as if absent


def _record(sprint: str, file: str) -> str:
    return f"reports/{sprint}/{file}"


def _written(stages: dict[str, LockedStage], out: str) -> str:
    return next((stage.outs[out] for stage in stages.values() if out in stage.outs), "")
