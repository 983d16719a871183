"""`verify`: whether a sprint's metrics, verdict and report follow from its stored predictions, to the byte."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import msgspec
import yaml
from msgspec import inspect

from runner.adapters.dvc import metafiles
from runner.adapters.system import yaml_text
from runner.config.load import LoadedSprint
from runner.config.project import Project
from runner.domain.ancestor import Ancestor
from runner.domain.champion import ResolvedChampion
from runner.domain.errors import ExitCode, FlywheelError, Where
from runner.domain.files import encode_json, read_text
from runner.domain.policy import FindingKind
from runner.domain.records import Record
from runner.pipeline.compile import compiled
from runner.planning.resolve import ResolvedStage, params_of, stages_of
from runner.record import digests
from runner.record.catalogue import (
    CATALOGUE,
    DIGESTS,
    EVALUATION,
    FAILURE,
    LOCK,
    PARAMS,
    PIPELINE,
    REPORT_PAGE,
    STORED,
    STORED_AND_DIGESTED,
    TERMS,
    VERDICT,
    RecordFile,
    sprint_path,
)
from runner.record.differences import first_difference, json_difference, record_differences, table_difference
from runner.record.lock import broken_links
from runner.record.parameters import ancestor_of, champion_of, compiled_difference, other_versions, section
from runner.record.strangers import advice, collapsed, strangers
from runner.stages import evaluate
from runner.stages.evaluate import EvaluateParams
from runner.trainers import CHAMPION
from runner.workflow import terms
from runner.workflow.judging.collect import SAMPLES
from runner.workflow.load import load
from runner.workflow.merged_terms import merged_terms
from runner.workflow.verifying.rebuild import REMADE, RecordedSprint, evaluated_again, reported_again

if TYPE_CHECKING:
    from runner.record.terms import Terms

Problem = Literal["changed", "missing", "extra", "does not follow", "rendered otherwise"]

# large, and nothing here is made from them
_NOT_READ = frozenset(file.name for file in STORED if not file.digested)


class Mismatch(Record, frozen=True, kw_only=True):
    """One file that is not what it must be.

    `changed`, `missing` and `extra` are by digests.json and dvc.lock; what `does not follow` was made again from what it rests on
    and came out otherwise. `rendered otherwise` is no finding: another version of flywheel wrote it, and says the same numbers,
    counts and outcomes in other words, or with other fields besides.
    """

    file: str
    problem: Problem
    detail: str = ""


class Verification(Record, frozen=True, kw_only=True):
    """What `verify` found.

    Attributes:
        compared: files whose digest was compared.
        rebuilt: files that were made again and compared byte by byte.
        renderings: what came out with the same numbers, counts and outcomes, and is not the same to the byte.
        absent: folders that nothing depends on and that are not here.
        notes: what could not be looked at, in sentences.
        hint: what to type where the project has moved on since the record was made.
    """

    sprint: str
    identical: bool
    compared: int
    rebuilt: list[str]
    findings: list[Mismatch]
    renderings: list[Mismatch] = []
    absent: list[str] = []
    notes: list[str] = []
    hint: str | None = None


def verify(root: Path, name: str) -> Verification:
    """Compares every file with its digest, then makes evaluation, verdict and report again and compares those.

    Raises:
        ConfigurationErrors: flywheel.yaml or the spec is not valid.
        FlywheelError: the sprint has no verdict, or its stored outputs are not here (exit code 3); git gave files other
            line ends (exit code 1).
    """
    situation = load(root, name)
    project, loaded, folder = situation.project, situation.loaded, situation.folder
    recorded = _recorded_digests(folder, loaded.name)
    digests.require_line_ends(root, recorded)
    absent = _require_outputs(folder, loaded.name, recorded)
    findings = [*_strangers(root, loaded.name), *_against_digests(root, project, loaded, recorded, absent)]
    findings += _against_lock(folder, {finding.file for finding in findings})
    findings += _in_lock(folder)
    of_terms, notes = _terms(root, folder)
    findings += [mismatch for mismatch in of_terms if mismatch.problem == "does not follow"]
    repeated = _Repeated(root, folder, project, loaded, suspicious=bool(findings))
    findings += repeated.findings
    renderings = [*(mismatch for mismatch in of_terms if mismatch not in findings), *repeated.renderings]
    if findings:  # what is not of one piece is compared to the byte
        findings += [msgspec.structs.replace(each, problem="does not follow") for each in renderings]
        renderings = []
    findings = _blamed(findings, repeated.rebuilt, f"{sprint_path(loaded.name)}/")
    return Verification(
        sprint=loaded.name,
        identical=not (findings or renderings),
        compared=len(recorded),
        rebuilt=repeated.rebuilt,
        findings=findings,
        renderings=renderings,
        absent=absent,
        notes=notes,
        hint=_hint(findings, loaded.name),
    )


def _hint(findings: list[Mismatch], sprint: str) -> str | None:
    """A record is of the flywheel.yaml and the specs of its own commit: those of a later one were not reported on."""
    folder = sprint_path(sprint)
    if all(finding.file.startswith(f"{folder}/") for finding in findings):
        return None
    return f"git checkout $(git log -1 --format=%H -- {folder}) && flywheel verify {folder}"


def _terms(root: Path, folder: Path) -> tuple[list[Mismatch], list[str]]:
    """Whether the terms are those that git's two commits and the records give, and what could not be told."""
    recorded = terms.read_terms(folder)
    if recorded is None:
        return [], []
    file = TERMS.of(folder.name)
    try:
        again = terms.recomputed(root, folder.name, recorded)
    except FlywheelError as error:
        detail = f"it could not be made again: {error.message}"
        return [Mismatch(file=file, problem="does not follow", detail=detail)], []
    if again is None:
        return [], [
            f"{file} was not made again: git has no commit {recorded.base_commit[:10]} here, or not its history"
        ]
    from runner.policy.terms import with_full_ids

    stored, rebuilt = encode_json(with_full_ids(_when_judged(recorded))), encode_json(again)
    if stored == rebuilt or _follows_from_the_merge(root, folder, recorded, stored):
        return [], []
    raw = json.loads((folder / TERMS.name).read_bytes())
    known = {name: value for name, value in json.loads(stored).items() if name in raw}
    return list(_mismatches(file, TERMS, known, json.loads(rebuilt))), []


def _follows_from_the_merge(root: Path, folder: Path, recorded: Terms, stored: bytes) -> bool:
    """A branch moves on after a merge, and what others changed since is no change of this sprint's terms."""
    try:
        merged = merged_terms(root, folder.name, recorded)
        return any(encode_json(terms.with_evidence(root, folder, one)) == stored for one in merged)
    except FlywheelError:
        return False


def _when_judged(recorded: Terms) -> Terms:
    """Without what promotion adds when the base moved on: it asks for more approval, never for less."""
    findings, evidence = (
        [finding for finding in listed if finding.kind is not FindingKind.STALE]
        for listed in (recorded.findings, recorded.evidence)
    )
    return msgspec.structs.replace(recorded, findings=findings, evidence=evidence)


def _recorded_digests(folder: Path, name: str) -> dict[str, str]:
    if (folder / FAILURE.name).is_file():
        raise FlywheelError(
            "the last run failed: there is no verdict to verify",
            where=Where(str(folder / FAILURE.name)),
            hint=f"flywheel run {name}",
            exit_code=ExitCode.STAGE_FAILED,
        )
    if not (folder / DIGESTS.name).is_file():
        raise FlywheelError(
            f"the sprint has no {DIGESTS.name}: it was not reported, or by a version that did not write it",
            where=Where(str(folder)),
            hint=f"flywheel run {name}",
            exit_code=ExitCode.STAGE_FAILED,
        )
    return DIGESTS.read(folder)


def _require_outputs(folder: Path, name: str, recorded: dict[str, str]) -> list[str]:
    """The folders that may be absent and are.

    Raises:
        FlywheelError: one that is needed is absent: git has DVC's pointer only.
    """
    prefix = f"{sprint_path(name)}/"
    named = {file.removeprefix(prefix).split("/")[0] for file in recorded if file.startswith(prefix)}
    missing = [
        file for file in STORED_AND_DIGESTED if file.name in named and not (folder / file.name).exists()
    ]
    absent = [file.name for file in missing]
    needed = [file.name for file in missing if not file.optional]
    if needed:
        raise FlywheelError(
            f"{', '.join(f'{part}/' for part in needed)} {'is' if len(needed) == 1 else 'are'} not here, "
            "only in DVC",
            where=Where(str(folder)),
            hint=f"dvc pull {' '.join(prefix + part for part in needed)}",
            exit_code=ExitCode.STAGE_FAILED,
        )
    return absent


def _against_digests(
    root: Path, project: Project, loaded: LoadedSprint, recorded: dict[str, str], absent: list[str]
) -> Iterator[Mismatch]:
    not_here = tuple(f"{sprint_path(loaded.name)}/{part}/" for part in absent)
    for file, digest in recorded.items():
        if file.startswith(not_here):
            continue
        if not (root / file).is_file():
            yield Mismatch(file=file, problem="missing")
        elif digests.digest_of(root / file) != digest:
            yield Mismatch(
                file=file, problem="changed", detail="its bytes are not those that were reported on"
            )
    for file in digests.relied_on(root, project, loaded):
        if file not in recorded:
            yield Mismatch(file=file, problem="extra", detail="it was not there when the report was made")


def _strangers(root: Path, sprint: str) -> Iterator[Mismatch]:
    for file in collapsed(strangers(root, sprint)):
        yield Mismatch(file=file, problem="extra", detail=f"it is of no record; {advice(file)}")


def _against_lock(folder: Path, named: set[str]) -> Iterator[Mismatch]:
    """What DVC recorded when the stages ran: it tells of files whose digests were changed along with them."""
    prefix = f"{sprint_path(folder.name)}/"
    for stage in metafiles.read_lock(folder / LOCK.name).values():
        for out, md5 in stage.outs.items():
            path = folder / out
            known = any(file == prefix + out or file.startswith(f"{prefix}{out}/") for file in named)
            if known or not path.exists() or Path(out).parts[0] in _NOT_READ:
                continue
            here = metafiles.folder_md5(path) if path.is_dir() else metafiles.file_md5(path)
            if here != md5:
                detail = f"it is not what the stage wrote, by {LOCK.name}"
                yield Mismatch(file=prefix + out, problem="changed", detail=detail)


def _in_lock(folder: Path) -> Iterator[Mismatch]:
    """What was delivered is what was judged only if each stage read what the one before it wrote."""
    try:
        pipeline = yaml_text.load(read_text(folder / PIPELINE.name))["stages"]
        broken = list(broken_links(pipeline, metafiles.read_lock(folder / LOCK.name)))
    except (OSError, ValueError, yaml.YAMLError, KeyError, TypeError, AttributeError) as error:
        broken = [f"it could not be compared with {PIPELINE.name}: {type(error).__name__}"]
    for detail in broken:
        yield Mismatch(file=LOCK.of(folder.name), problem="does not follow", detail=detail)


def _blamed(findings: list[Mismatch], rebuilt: list[str], prefix: str) -> list[Mismatch]:
    """A file that came out the same when it was made again is right: its entry in digests.json is not."""
    differing = {finding.file for finding in findings if finding.problem == "does not follow"}
    right = {prefix + name for name in rebuilt} - differing
    return [
        Mismatch(
            file=prefix + DIGESTS.name,
            problem="changed",
            detail=f"its digest of {finding.file.removeprefix(prefix)} is wrong: made again, that file is the same",
        )
        if finding.problem == "changed" and finding.file in right
        else finding
        for finding in findings
    ]


class _Repeated:
    """The second look: nothing that is stored is believed but what everything else rests on."""

    def __init__(
        self, root: Path, folder: Path, project: Project, loaded: LoadedSprint, *, suspicious: bool
    ) -> None:
        self.folder = folder
        self.prefix = f"{sprint_path(loaded.name)}/"
        self.rebuilt: list[str] = []
        self.findings: list[Mismatch] = []
        self.renderings: list[Mismatch] = []
        self._suspicious = suspicious
        self._other_versions: dict[str, tuple[int, int]] = {}
        try:
            sections = yaml_text.load(read_text(folder / PARAMS.name))
            champion = champion_of(sections)
            stages = self._parameters(project, loaded, champion, ancestor_of(sections))
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

    def _parameters(
        self,
        project: Project,
        loaded: LoadedSprint,
        champion: ResolvedChampion | None,
        ancestor: Ancestor | None,
    ) -> list[ResolvedStage]:
        """params.yaml and dvc.yaml must be what the spec compiles to: as far as another version has the same parameters."""
        named = loaded.sprint.train.ancestor
        if (ancestor is None) != (named is None) or (ancestor and named not in (CHAMPION, ancestor.sprint)):
            self._note(PARAMS.name, f"training started from {ancestor.sprint if ancestor else 'no sprint'}")
        stages = stages_of(project, loaded, champion, ancestor)
        texts = compiled(stages, f"specs/{loaded.name}.yaml")
        stored, rebuilt = (
            yaml_text.load(text) for text in (read_text(self.folder / PARAMS.name), texts[PARAMS.name])
        )
        self._other_versions = other_versions(stored, rebuilt)
        for file in (PARAMS, PIPELINE):
            self._compare_compiled(file.name, texts[file.name])
        for detail in broken_links(_folders_alone(stages), metafiles.read_lock(self.folder / LOCK.name)):
            self._note(LOCK.name, detail)
        return stages

    def _compare_compiled(self, name: str, text: str) -> None:
        self.rebuilt.append(name)
        stored, rebuilt = (yaml_text.load(each) for each in (read_text(self.folder / name), text))
        if (self.folder / name).read_bytes() == text.encode():
            return
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
            self._compare(name, reported[name])

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
        for mismatch in _mismatches(
            self.prefix + name, file, *values, resampled_otherwise=resampled_otherwise
        ):
            (self.renderings if mismatch.problem == "rendered otherwise" else self.findings).append(mismatch)

    def _compare_table(self, name: str, rebuilt: Path) -> None:
        self.rebuilt.append(name)
        stored = self.folder / name
        if not stored.is_file():
            self._note(name, "it is missing")
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


def _mismatches(
    file: str, record: RecordFile[Any], stored: Any, rebuilt: Any, *, resampled_otherwise: bool = False
) -> Iterator[Mismatch]:
    """The first difference that decides; where none does, the first of the others, or how it is written."""
    kind = inspect.type_info(record.type)
    differences = list(record_differences(stored, rebuilt, kind, resampled_otherwise=resampled_otherwise))
    deciding = [difference for difference in differences if not difference.rendered]
    for difference in (deciding or differences)[:1]:
        problem: Problem = "rendered otherwise" if difference.rendered else "does not follow"
        yield Mismatch(file=file, problem=problem, detail=difference.detail)
    if not differences:
        yield Mismatch(file=file, problem="does not follow", detail="written differently")


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


def _written(folder: Path) -> list[str]:
    """What the evaluate stage wrote, by paths inside the sprint's folder."""
    paths = [folder / record for record in evaluate.STAGE.records]
    for out in evaluate.STAGE.outs:
        paths += sorted(path for path in (folder / out).rglob("*") if path.is_file())
    return [path.relative_to(folder).as_posix() for path in paths if path.is_file()]
