"""The second look of `verify`: parameters, evaluation, verdict and report made again, and compared with what is stored."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
from msgspec import UNSET

from runner.adapters.dvc import metafiles
from runner.adapters.system import yaml_text
from runner.assessment.leaks import PAIRS_FILE, SAMPLES_FILE
from runner.config.load import LoadedSprint
from runner.config.project import Project
from runner.domain.errors import FlywheelError
from runner.domain.files import encode_json, read_text
from runner.pipeline.compile import compiled
from runner.planning.resolve import ResolvedStage, params_of, stages_of
from runner.record.catalogue import (
    CATALOGUE,
    EVALUATION,
    LOCK,
    PARAMS,
    PIPELINE,
    RECOMMENDATION,
    REPORT_PAGE,
    STORED,
    VERDICT,
    sprint_path,
)
from runner.record.differences import first_difference, json_difference, table_difference
from runner.record.lock import broken_links
from runner.record.parameters import (
    ancestor_of,
    champion_of,
    compiled_difference,
    is_later,
    other_versions,
    section,
)
from runner.record.recommendation import WAY
from runner.stages import evaluate
from runner.stages.measuring import EvaluateParams
from runner.trainers import CHAMPION
from runner.workflow.judging.collect import SAMPLES
from runner.workflow.judging.label_issues import folds_records, has_folds
from runner.workflow.recommending.recommend import made_again as recommended_again
from runner.workflow.verifying.mismatch import Mismatch, mismatches
from runner.workflow.verifying.rebuild import REMADE, RecordedSprint, evaluated_again, reported_again


class MadeAgain:
    """Everything made again: nothing that is stored is believed but what everything else rests on.

    Attributes:
        rebuilt: the files that were made again, by their paths in the sprint's folder.
        findings: what does not follow. `renderings`: what another version only says otherwise.
        notes: what could not be made again, in sentences.
    """

    def __init__(
        self, root: Path, folder: Path, project: Project, loaded: LoadedSprint, *, suspicious: bool
    ) -> None:
        self.folder = folder
        self.prefix = f"{sprint_path(loaded.name)}/"
        self.rebuilt: list[str] = []
        self.findings: list[Mismatch] = []
        self.renderings: list[Mismatch] = []
        self.notes: list[str] = []
        self._suspicious = suspicious
        self._other_versions: dict[str, tuple[int, int]] = {}
        try:
            sections = yaml_text.load(read_text(folder / PARAMS.name))
            champion = champion_of(sections)
            stages = self._parameters(project, loaded, sections)
            unknown = _unknown(folder)
            recorded = RecordedSprint(
                root=root,
                folder=folder,
                project=project,
                loaded=loaded,
                champion=champion.sprint if champion and not unknown else None,
                champion_unknown=unknown,
            )
            self._outputs(recorded, self._evaluated_with(sections, stages))
        except FlywheelError as error:
            file = error.where.file if error.where else PARAMS.name
            named = file.removeprefix(self.prefix) if file.startswith(self.prefix) else Path(file).name
            self._broken(named, error.message)
        except Exception as error:  # what was tampered with can break anything; else it is a bug
            if not suspicious:
                raise
            self._broken(EVALUATION.name, f"{type(error).__name__}: {error}")

    def _parameters(self, project: Project, loaded: LoadedSprint, recorded: Any) -> list[ResolvedStage]:
        """params.yaml and dvc.yaml must be what the spec compiles to: as far as another version has the same parameters."""
        named, ancestor = loaded.sprint.train.ancestor, ancestor_of(recorded)
        if (ancestor is None) != (named is None) or (ancestor and named not in (CHAMPION, ancestor.sprint)):
            self._note(PARAMS.name, f"training started from {ancestor.sprint if ancestor else 'no sprint'}")
        stages = stages_of(project, loaded, champion_of(recorded), ancestor)
        texts = compiled(stages, f"specs/{loaded.name}.yaml")
        self._other_versions = other_versions(recorded, yaml_text.load(texts[PARAMS.name]))
        for file in (PARAMS, PIPELINE):
            self._compare_compiled(file.name, texts[file.name])
        then = [
            stage
            for stage in stages
            if stage.name in recorded or not is_later(stage.name, self._other_versions)
        ]
        for detail in broken_links(_folders_alone(then), metafiles.read_lock(self.folder / LOCK.name)):
            self._note(LOCK.name, detail)
        return stages

    def _compare_compiled(self, name: str, text: str) -> None:
        self.rebuilt.append(name)
        if (self.folder / name).read_bytes() == text.encode():
            return
        stored, rebuilt = (yaml_text.load(written) for written in (read_text(self.folder / name), text))
        detail = json_difference(stored, rebuilt) or "written differently"
        otherwise = compiled_difference(stored, rebuilt, self._other_versions)
        if self._other_versions and otherwise is None:
            self._rendered(name, detail)
        else:
            self._note(name, otherwise or detail)

    def _evaluated_with(self, sections: Any, stages: Sequence[ResolvedStage]) -> EvaluateParams:
        """The recorded parameters; of another version, which was told the same, those of today."""
        if "evaluate" in self._other_versions:
            return params_of(stages, evaluate.STAGE)
        return msgspec.convert(section(sections, "evaluate"), EvaluateParams)

    def _outputs(self, recorded: RecordedSprint, params: EvaluateParams) -> None:
        with evaluated_again(recorded, params) as folder:
            for name in _written(folder):
                if name.endswith(".parquet"):
                    self._compare_table(name, folder / name)
                else:
                    self._compare(name, (folder / name).read_bytes())
            reported = reported_again(recorded, folder)
        for name in REMADE:
            self._compare(name, reported.files[name])
        for name, content in reported.derived.items():
            self._compare(name, content)
        self.notes += reported.notes
        self._what_is_next(recorded)
        self._of_folds(recorded)

    def _what_is_next(self, recorded: RecordedSprint) -> None:
        """The recommendation, where everything is here that it rested on, and it was made in today's way."""
        stored = RECOMMENDATION.read_if_there(self.folder)
        if stored is None:
            return
        found, lacking = None, "another version of flywheel recommends in another way"
        if stored.way == WAY:
            found, lacking = recommended_again(
                recorded.root, self.folder, recorded.project, recorded.loaded, stored
            )
        if lacking:
            self.notes.append(f"{self.prefix}{RECOMMENDATION.name} was not made again: {lacking}")
        else:
            self._compare(RECOMMENDATION.name, encode_json(found))

    def _of_folds(self, recorded: RecordedSprint) -> None:
        """The cross-validation and the suspected labels, from the stored out-of-fold predictions and the verdict."""
        if not has_folds(self.folder, recorded.loaded):
            return
        verdict = VERDICT.read(self.folder)
        made = folds_records(self.folder, recorded.project, recorded.loaded, verdict)
        for name, content in made.contents():
            self._compare(name, content)

    def _compare(self, name: str, rebuilt: bytes) -> None:
        self.rebuilt.append(name)
        path = self.folder / name
        stored = path.read_bytes() if path.is_file() else None
        if stored == rebuilt:
            return
        if stored is None:
            self._note(name, "it is missing")
        elif name == REPORT_PAGE.name:
            self._rendered(name, first_difference(name, stored, rebuilt))
        else:
            self._tell(name, stored, rebuilt)

    def _tell(self, name: str, stored: bytes, rebuilt: bytes) -> None:
        file = next(file for file in CATALOGUE if file.holds(name))
        try:
            values = [json.loads(text) for text in (stored, rebuilt)] if file.format == "json" else []
        except ValueError:
            values = []
        if not values:
            self._note(name, first_difference(name, stored, rebuilt))
            return
        resampled_otherwise = "evaluate" in self._other_versions
        for mismatch in mismatches(
            self.prefix + name, file, *values, resampled_otherwise=resampled_otherwise
        ):
            (self.renderings if mismatch.problem == "rendered otherwise" else self.findings).append(mismatch)

    def _compare_table(self, name: str, rebuilt: Path) -> None:
        self.rebuilt.append(name)
        stored = self.folder / name
        if not stored.is_file():
            told = self._note if _tells_of_leaks(self.folder) else self._rendered
            (told if Path(name).name in (PAIRS_FILE, SAMPLES_FILE) else self._note)(name, "it is missing")
        elif stored.read_bytes() != rebuilt.read_bytes():
            # Another version of the Parquet writer gives other bytes for the same rows.
            difference = table_difference(stored, rebuilt)
            other = "evaluate" in self._other_versions
            if other and (name == SAMPLES or table_difference(stored, rebuilt, common=True) is None):
                self._rendered(name, difference or "the same rows, written differently")
            elif difference is not None or self._suspicious:
                self._note(name, difference or "the same rows, written differently")

    def _note(self, name: str, detail: str) -> None:
        self.findings.append(Mismatch(file=self.prefix + name, problem="does not follow", detail=detail))

    def _rendered(self, name: str, detail: str) -> None:
        self.renderings.append(Mismatch(file=self.prefix + name, problem="rendered otherwise", detail=detail))

    def _broken(self, name: str, message: str) -> None:
        self._note(name, f"it could not be made again: {message}")


def _folders_alone(stages: Sequence[ResolvedStage]) -> dict[str, Any]:
    """Today's pipeline as far as every version has had it: which stage reads which folder of which other."""
    folders = {file.name for file in STORED}
    return {
        stage.name: {"deps": [dep for dep in stage.deps if dep in folders], "outs": stage.outs}
        for stage in stages
    }


def _unknown(folder: Path) -> str:
    """Why it was not known who holds the stage when the sprint was judged; what is no verdict is compared as such."""
    try:
        return VERDICT.read(folder).champion_unknown or ""
    except FlywheelError:
        return ""


def _tells_of_leaks(folder: Path) -> bool:
    """Whether the version that evaluated the sprint measured without leaked images: where none leaked it says nothing either.

    Neither the record nor the tables can be taken out alone: digests.json names them, and the verdict has what they gave.
    """
    evaluation, verdict = EVALUATION.read(folder), VERDICT.read(folder)
    return evaluation.leaks is not UNSET or verdict.without_leaks is not UNSET


def _written(folder: Path) -> list[str]:
    """What the evaluate stage wrote, by paths inside the sprint's folder."""
    paths = [folder / record for record in evaluate.STAGE.records]
    for out in evaluate.STAGE.outs:
        paths += sorted(path for path in (folder / out).rglob("*") if path.is_file())
    return [path.relative_to(folder).as_posix() for path in paths if path.is_file()]
