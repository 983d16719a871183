"""Who holds the project's stage in the model registry, who held it before, and whether this clone can tell."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from pathlib import Path

from runner.adapters.dvc import artifacts, metafiles, registry
from runner.adapters.git import commits, repository
from runner.adapters.git.registry_tags import ModelTags, RegistryTag, UnreadableTags
from runner.config.project import Project
from runner.domain.errors import ExitCode, FlywheelError, Where
from runner.domain.records import Record
from runner.planning.champion import Champion
from runner.record.catalogue import METRICS


class Holder(Record, frozen=True, kw_only=True):
    """One assignment of the stage, and the sprint whose model it assigned; None where that cannot be told."""

    number: int
    tag: str
    commit: str
    sprint: str | None


class ChampionUnknownError(FlywheelError):
    """Who holds the stage could not be looked up, which is not the same as nobody: no gate passes for it.

    `run` and `plan` go on without, and what would be judged against it is not measured.

    Attributes:
        unfinished: the sprint whose promotion may have been killed before its tags were made; empty where tags are missing
            for another reason.
    """

    unfinished: str = ""


class Registry:
    """The model registry: GTO's tags in git. What was asked once is not asked again."""

    def __init__(self, root: Path, project: Project) -> None:
        self._root = root
        self._project = project
        self._model = project.model.name if project.model else ""
        self._stage = project.model.stage if project.model else ""
        self._sprints: dict[str, str | None] = {}  # of a commit
        self._recorded_at: dict[
            str, frozenset[str]
        ] = {}  # of a sprint: the assigned commits that hold its record

    def champion(self, finishing: str = "") -> Champion | None:
        """Who holds the stage now, or None when nobody does.

        Args:
            finishing: the sprint that is being promoted: what an earlier try left of its promotion is no tag that is missing.

        Raises:
            ChampionUnknownError: it could not be looked up.
        """
        return self._holder(self._tags_but(finishing))

    def incumbent(
        self,
        sprint: str,
        same_model: Callable[[str], bool],
        same_spec: Callable[[str], bool] = lambda commit: True,
    ) -> Champion | None:
        """The champion; for a sprint that still makes a model that was assigned, the one whom that model replaced.

        Where another model holds the stage by now, that is so only as long as the sprint is what it was then: one that was
        edited is proposed anew, and whoever proposes it has to beat the champion of today.

        Args:
            same_model: whether the sprint makes what it was promoted with at a commit; `incumbent.py` knows.
            same_spec: whether its spec is the one of a commit.

        Raises:
            ChampionUnknownError: it could not be looked up.
        """
        tags = self._tags_but(sprint, same_model)
        own = [tag for tag in self._own(tags, sprint) if same_model(tag.commit)]
        if not own:
            return self._holder(tags)
        held = self._held(tags)
        if (held is None or held.commit != own[0].commit) and not same_spec(own[0].commit):
            return self._holder(tags)
        return self._holder(tags.before(own[-1]))

    def successor(self, sprint: str, same_model: Callable[[str], bool]) -> Champion | None:
        """Who holds the stage in place of a model that the sprint still makes; None where that model holds it, or never did.

        Raises:
            ChampionUnknownError: it could not be looked up.
        """
        tags = self._tags_but(sprint, same_model)
        own = [tag for tag in self._own(tags, sprint) if same_model(tag.commit)]
        held = self._held(tags)
        return self._holder(tags) if own and held is not None and held.commit != own[0].commit else None

    def before(self, sprint: str) -> Champion | None:
        """Who held the stage before the sprint itself first did; the champion, where it never did.

        Raises:
            ChampionUnknownError: it could not be looked up.
        """
        tags = self._tags_but(sprint)
        own = [tag for tag in tags.assignments(self._stage) if self._sprint(tag.commit) == sprint]
        return self._holder(tags.before(own[-1]) if own else tags)

    def holders(self) -> list[Holder]:
        """Every assignment, newest first.

        Raises:
            ChampionUnknownError: they could not be looked up.
        """
        return [
            Holder(number=tag.number, tag=tag.name, commit=tag.commit, sprint=self._sprint(tag.commit))
            for tag in self._tags_but("").assignments(self._stage)
        ]

    def _tags_but(self, finishing: str, same_model: Callable[[str], bool] = lambda commit: True) -> ModelTags:
        looked_up = self._looked_up
        if not isinstance(looked_up, ChampionUnknownError):
            return looked_up
        if finishing and looked_up.unfinished == finishing:
            commit = commits.newest_of(self._root, [artifacts.FILE])
            # Killed before its commit: what names the sprint is in the working tree alone, and no tag can be about it.
            uncommitted = commit is None or self._named_at(commit) != finishing
            if uncommitted or (commit is not None and same_model(commit)):
                return self.tags
        raise looked_up

    def _named_at(self, commit: str) -> str | None:
        content = repository.read_file(self._root, commit, artifacts.FILE)
        named = artifacts.artifact_path(content, self._model) if content is not None else None
        return artifacts.sprint_of(named)

    @cached_property
    def tags(self) -> ModelTags:
        """The model's tags as this clone has them, whether or not it lacks some; none where the project ships no model.

        Raises:
            FlywheelError: they cannot be read (exit code 3), or GTO has no name for the folder (exit code 2).
        """
        return registry.tags_of(self._root, self._model) if self._project.model else ModelTags("", [])

    @cached_property
    def _looked_up(self) -> ModelTags | ChampionUnknownError:
        try:
            tags = self.tags
            if self._project.model is not None:
                self._require_all(tags)
        except UnreadableTags as error:
            return _unknown(error)
        except ChampionUnknownError as error:
            return error
        return tags

    def _require_all(self, tags: ModelTags) -> None:
        """A clone may lack tags, or the newest of them: then it tells of a champion that is none, or of no champion.

        The top-level dvc.yaml names a model as soon as one was promoted, and in the same push as the tags.

        Raises:
            ChampionUnknownError: what is here says that there are others.
        """
        named = _named_here(self._root, self._model, strict=not tags.tags)
        holder = self._held(tags)
        if named is not None and holder is not None and self._sprint(holder.commit) == named:
            return
        lacking = _lacks_tags(self._root)
        if named is not None and (lacking or all(self._sprint(tag.commit) != named for tag in tags.tags)):
            missing = self._missing(
                artifacts.FILE, f"it names the model of {named}", f"flywheel promote {named}"
            )
            missing.unfinished = "" if lacking else named
            raise missing
        if tags.tags:
            return
        elsewhere = _named_elsewhere(self._root, self._model)
        if elsewhere is not None:
            branch, sprint = elsewhere
            raise self._missing(artifacts.FILE, f"that of {branch} names the model of {sprint}")
        if lacking:
            raise self._missing("refs/tags", lacking)

    def _missing(self, where: str, why: str, unfinished: str = "") -> ChampionUnknownError:
        lacking = f"; where its promotion was not finished: {unfinished}" if unfinished else ""
        return ChampionUnknownError(
            f"{why}, and no tag here says what holds {self._model}#{self._stage}",
            where=Where(where),
            hint=f"{repository.fetch_command(self._root)}{lacking}",
            exit_code=ExitCode.GATE_NOT_PASSED,
        )

    def _held(self, tags: ModelTags) -> RegistryTag | None:
        try:
            return tags.holder(self._stage)
        except UnreadableTags as error:
            raise _unknown(error) from error

    def _holder(self, tags: ModelTags) -> Champion | None:
        tag = self._held(tags)
        if tag is None:
            return None
        sprint = self._sprint(tag.commit)
        if sprint is None:
            raise ChampionUnknownError(
                f"{tag.name} names {tag.commit[:10]}, which holds no record of a sprint of this project",
                where=Where("refs/tags"),
                hint="look at it with: gto show, gto history; where it is another project's, give `model.name` in "
                "flywheel.yaml a name of its own",
            )
        first = [assigned for assigned in tags.assignments(self._stage) if assigned.commit == tag.commit][-1]
        return Champion(sprint=sprint, commit=tag.commit, tag=tag.name, first_tag=first.name)

    def _own(self, tags: ModelTags, sprint: str) -> list[RegistryTag]:
        """The assignments of the sprint's own models, the newest first."""
        assigned = tags.assignments(self._stage)
        if sprint not in self._recorded_at:
            assignees = [tag.commit for tag in assigned]
            self._recorded_at[sprint] = repository.commits_with(self._root, assignees, METRICS.of(sprint))
        there = self._recorded_at[sprint]
        return [tag for tag in assigned if tag.commit in there and self._sprint(tag.commit) == sprint]

    def _sprint(self, commit: str) -> str | None:
        """The sprint that an assignment promoted: the one in whose folder the registered model lies at its commit.

        Where no dvc.yaml names the model (tags made by hand), the one whose metrics changed last.
        """
        if commit not in self._sprints:
            sprint = self._named_at(commit)
            if sprint is None:
                path = repository.newest_change(self._root, commit, METRICS.of("*"))
                sprint = Path(path).parent.name if path else None
            self._sprints[commit] = sprint
        return self._sprints[commit]


def _unknown(error: FlywheelError) -> ChampionUnknownError:
    return ChampionUnknownError(error.message, hint=error.hint, where=error.where, exit_code=error.exit_code)


def _named_here(root: Path, model: str, *, strict: bool) -> str | None:
    """The sprint whose model the top-level dvc.yaml names; None where it names none.

    Raises:
        ChampionUnknownError: `strict`, and it cannot be read, so that it may name one.
    """
    path = root / artifacts.FILE
    if not path.is_file():
        return None
    content = path.read_bytes()
    try:
        metafiles.parse(content, Where(artifacts.FILE))
    except FlywheelError as error:
        if strict:
            raise _unknown(error) from error
    return artifacts.sprint_of(artifacts.artifact_path(content, model))


def _named_elsewhere(root: Path, model: str) -> tuple[str, str] | None:
    """A branch whose dvc.yaml names the model of a sprint, and that sprint: the proposal may be older than its promotion."""
    branches = ("origin/HEAD", "origin/main", "origin/master", "main", "master")
    for branch, content in repository.read_file_of_refs(root, branches, artifacts.FILE).items():
        sprint = artifacts.sprint_of(artifacts.artifact_path(content, model))
        if sprint is not None:
            return branch, sprint
    return None


def _lacks_tags(root: Path) -> str:
    """Why this clone may lack tags; empty where it has those of its remote."""
    if repository.is_shallow(root):
        return "this clone has only a part of the history"
    if repository.ignores_tags(root):
        return "this clone was made without tags"
    return ""
