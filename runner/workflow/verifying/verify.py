"""`verify`: whether a sprint's metrics, verdict and report follow from its stored predictions, to the byte."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from runner.domain.errors import FlywheelError
from runner.domain.files import encode_json
from runner.domain.policy import FindingKind
from runner.domain.records import Record
from runner.record import digests
from runner.record.catalogue import (
    BATCH,
    DIGESTS,
    FAILURE,
    LOCK,
    TERMS,
    sprint_path,
)
from runner.workflow import terms
from runner.workflow.load import load
from runner.workflow.merged_terms import merged_terms
from runner.workflow.verifying.batch_again import BatchAgain, batch_again
from runner.workflow.verifying.label_next_again import label_next_again
from runner.workflow.verifying.made_again import MadeAgain
from runner.workflow.verifying.mismatch import Mismatch, mismatches
from runner.workflow.verifying.quality_again import quality_again
from runner.workflow.verifying.recorded import (
    against_digests,
    against_lock,
    in_lock,
    no_records,
    recorded_digests,
    require_outputs,
)

if TYPE_CHECKING:
    from runner.record.terms import Terms


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
    drawn = batch_again(root, project, loaded)
    labelled = quality_again(root, project, loaded)
    if _is_batch_alone(folder):
        return _of_batch(root, loaded.name, drawn, labelled)
    recorded = recorded_digests(folder, loaded.name)
    digests.require_line_ends(root, recorded)
    absent = require_outputs(folder, loaded.name, recorded)
    findings = [*no_records(root, loaded.name), *against_digests(root, project, loaded, recorded, absent)]
    findings += against_lock(folder, {finding.file for finding in findings})
    findings += in_lock(folder)
    of_terms, notes = _terms(root, folder)
    findings += [mismatch for mismatch in of_terms if mismatch.problem == "does not follow"]
    repeated = MadeAgain(root, folder, project, loaded, suspicious=bool(findings))
    following = label_next_again(root, project, loaded)
    findings += [*repeated.findings, *drawn.findings, *labelled.findings, *following.findings]
    renderings = [*(mismatch for mismatch in of_terms if mismatch not in findings), *repeated.renderings]
    if findings:  # what is not of one piece is compared to the byte
        findings += [msgspec.structs.replace(each, problem="does not follow") for each in renderings]
        renderings = []
    rebuilt = [*repeated.rebuilt, *drawn.rebuilt, *labelled.rebuilt, *following.rebuilt]
    findings = _blamed(findings, rebuilt, f"{sprint_path(loaded.name)}/")
    return Verification(
        sprint=loaded.name,
        identical=not (findings or renderings),
        compared=len(recorded),
        rebuilt=rebuilt,
        findings=findings,
        renderings=renderings,
        absent=absent,
        notes=[*notes, *repeated.notes, *drawn.notes, *labelled.notes, *following.notes],
        hint=_hint(findings, loaded.name),
    )


def _is_batch_alone(folder: Path) -> bool:
    """Whether a batch was drawn and nothing has run yet."""
    return (folder / BATCH.name).is_file() and not any(
        (folder / file.name).is_file() for file in (DIGESTS, FAILURE, LOCK)
    )


def _of_batch(root: Path, sprint: str, drawn: BatchAgain, labelled: BatchAgain) -> Verification:
    findings = [*no_records(root, sprint), *drawn.findings, *labelled.findings]
    return Verification(
        sprint=sprint,
        identical=bool(drawn.rebuilt) and not findings,
        compared=0,
        rebuilt=[*drawn.rebuilt, *labelled.rebuilt],
        findings=findings,
        notes=[*drawn.notes, *labelled.notes, "the sprint has not run: there is no verdict to verify"],
        hint=_hint(findings, sprint),
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
    return list(mismatches(file, TERMS, known, json.loads(rebuilt))), []


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
