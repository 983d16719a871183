"""Whether a sprint may be promoted: everything that was recorded is looked at again, and nobody's word is taken."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from runner.adapters.dvc import artifacts, metafiles
from runner.adapters.git import blobs, commits
from runner.config.root import PROJECT_FILE
from runner.domain.policy import Approval, recorded_ids
from runner.domain.verdict import Outcome, Verdict
from runner.planning.situation import Situation
from runner.policy.approvals import Circumstances, Decision, decide
from runner.policy.undecided import undecided_finding, undecided_findings
from runner.record.catalogue import (
    AGREED,
    CATALOGUE,
    DIGESTS,
    LOCK,
    MODEL_CARD,
    REPORTS,
    STORED,
    TERMS,
    VERDICT,
    sprint_path,
)
from runner.workflow.judging import stale
from runner.workflow.merged_terms import Merge, merge_of, terms_now
from runner.workflow.terms import read_terms
from runner.workflow.verifying.mismatch import Mismatch
from runner.workflow.verifying.verify import Verification, verify

_SHOWN = 3


@dataclass(frozen=True, kw_only=True)
class Readiness:
    """What keeps a sprint from being promoted: all but `verdict`, and the decisions that approve nothing.

    Attributes:
        altered: its record is not what the stages wrote and what follows from it.
        refused: what is wrong, or was not reached.
        stale: what it was judged against is no longer so: it must be judged again.
        decisions: of every finding, whether somebody approved it whose approval counts.
        committed: the record is what git has.
    """

    verdict: Verdict
    altered: list[str]
    refused: list[str]
    stale: list[str]
    decisions: list[Decision]
    committed: bool = True

    @property
    def agreed(self) -> bool:
        """Whether it has findings, and every one is approved: they are agreed, though the verdict may keep the sprint."""
        sound = self.committed and not (self.altered or self.stale)
        return sound and bool(self.decisions) and not self.waiting

    @property
    def waiting(self) -> list[Decision]:
        """The findings that wait for approval."""
        return [decision for decision in self.decisions if not decision.approved]

    @property
    def promotable(self) -> bool:
        """Nothing keeps it."""
        return not (self.altered or self.refused or self.stale or self.waiting)


@dataclass(frozen=True, kw_only=True)
class Conditions:
    """What a sprint is promoted on, beside its record.

    Attributes:
        merge: what brought the sprint to this branch; by the branch's history when None.
        approvals: those that were given, counting or not.
        under_terms: a job's promotion of what a pull request's run left: refuse a sprint that was not judged under a base's
            terms, and one whose report reads otherwise than it is rendered here.
    """

    approvals: Sequence[Approval] = ()
    circumstances: Circumstances = field(default_factory=Circumstances)
    merge: Merge | None = None
    under_terms: bool = False


def readiness(situation: Situation, conditions: Conditions) -> Readiness:
    """Looks at everything, so that all reasons are told at once.

    Raises:
        FlywheelError: the sprint was not judged, or what `verify` needs is not here (exit code 3).
    """
    root, project, loaded, folder = situation.root, situation.project, situation.loaded, situation.folder
    verification = verify(root, loaded.name)  # first: without a record there is nothing to look at
    verdict = VERDICT.read(folder)
    terms = read_terms(folder)
    findings = [*(terms.all_findings if terms else []), *undecided_findings(loaded.name, verdict)]
    policy = terms.policy if terms else project.policy
    not_committed = list(_not_committed(situation))
    refused = [*not_committed]
    refused += _not_passed(loaded.name, verdict, recorded_ids(findings))
    old = list(stale.champion_changed(situation, verdict))
    if terms is not None:
        old += stale.terms_changed(terms, terms_now(root, loaded.name, conditions.merge))
    elif conditions.under_terms:
        refused.append(
            f"it was not judged under the base branch's terms: there is no {TERMS.name} in its record"
        )
    else:
        refused += _judged_by_its_own(root, loaded.name, conditions.merge)
    serious = list(_of_the_record(verification, loaded.name, stale=bool(old)))
    if len(serious) < len(verification.findings) and not old:
        old.append(f"{PROJECT_FILE} was changed after the sprint was judged")
    if conditions.under_terms:  # one version runs and promotes there: what a run left is the same to the byte
        serious += verification.renderings
    return Readiness(
        verdict=verdict,
        altered=[*_does_not_follow(serious), *_stored_otherwise(root, folder)],
        refused=refused,
        stale=old,
        decisions=decide(findings, conditions.approvals, policy, conditions.circumstances),
        committed=not not_committed,
    )


def _of_the_record(verification: Verification, name: str, *, stale: bool) -> Iterator[Mismatch]:
    """The findings of `verify` without those that judging again mends.

    Where the project's configuration moved on since the sprint was judged, what was resolved from it and judged by it does
    not follow from it any more. What the stages wrote must be as it was all the same.
    """
    moved = any(
        finding.file == PROJECT_FILE and finding.problem == "changed" for finding in verification.findings
    )
    resolved = {file.of(name) for file in CATALOGUE if file.configured}
    for finding in verification.findings:
        if moved and (
            finding.file == PROJECT_FILE
            or (finding.file in resolved and finding.problem == "does not follow")
        ):
            continue
        if stale and finding.file == TERMS.of(name) and finding.problem == "does not follow":
            continue
        yield finding


def _not_committed(situation: Situation) -> Iterator[str]:
    """The record and what it rests on must be what git has: that is what a tag names."""
    root, project, loaded = situation.root, situation.project, situation.loaded
    recorded = DIGESTS.read(situation.folder)
    outside = [path for path in recorded if not path.startswith(f"{REPORTS}/")]
    paths = [sprint_path(loaded.name), PROJECT_FILE, f"{project.dataset.path}.dvc", loaded.path, *outside]
    card = MODEL_CARD.of(loaded.name)
    stored = tuple(f"{file.of(loaded.name)}/" for file in STORED)  # these are DVC's
    files = [path for path in recorded if not path.startswith(stored)]
    record = [*files, DIGESTS.of(loaded.name)]
    hidden = blobs.unlike(root, "HEAD", sorted({*record, *paths[1:]}))
    unlike = sorted({*commits.uncommitted(root, sorted(set(paths))), *hidden})
    changed = [path for path in unlike if path not in (card, AGREED.of(loaded.name))]
    if changed:
        more = f" and {len(changed) - _SHOWN} more" if len(changed) > _SHOWN else ""
        yield f"not committed: {', '.join(changed[:_SHOWN])}{more}"


def _judged_by_its_own(root: Path, name: str, merge: Merge | None) -> Iterator[str]:
    """A merge that weakens what was agreed is not judged by what it brought; on the branch itself who pushes decides."""
    if commits.newest_of(root, [f"specs/{name}.yaml"]) is None:
        return  # not committed, which is said
    merge = merge or merge_of(root, name)
    if merge.before is None or not commits.is_merge(root, merge.after):
        return
    findings = terms_now(root, name, merge).findings
    if findings:
        kinds = ", ".join(dict.fromkeys(str(finding.kind) for finding in findings))
        yield (
            "it was judged by its own policy, without a base, and the merge that brought it weakened what was agreed "
            f"({kinds}): flywheel run {name} --base {merge.before[:10]}"
        )


def _does_not_follow(findings: Sequence[Mismatch]) -> Iterator[str]:
    for finding in findings[:_SHOWN]:
        detail = f": {finding.detail}" if finding.detail else ""
        yield f"verification: {finding.file} {finding.problem}{detail}"
    if len(findings) > _SHOWN:
        yield f"verification: {len(findings) - _SHOWN} further files"


def _stored_otherwise(root: Path, folder: Path) -> Iterator[str]:
    """The model itself, which `verify` does not read: by its content where it is here, else it must be in the remote."""
    stored = {
        out: md5
        for stage in metafiles.read_lock(folder / LOCK.name).values()
        for out, md5 in stage.outs.items()
        if out in ("weights", "exports")
    }
    for out, md5 in stored.items():
        shown = f"{sprint_path(folder.name)}/{out}"
        if (folder / out).is_dir():
            if metafiles.folder_md5(folder / out) != md5:
                yield f"{shown}/ is not what the stage wrote, by {LOCK.name}"
        elif metafiles.is_cached(root, md5):
            if not _cached_as_recorded(root, md5):
                yield f"{shown}/ is spoiled in DVC's cache"
        elif not _in_remote(root, md5):
            yield f"{shown}/ is neither here nor in DVC's remote: there is nothing to deliver (where it was made: dvc push)"


def _cached_as_recorded(root: Path, md5: str) -> bool:
    members = metafiles.cached_members(root, md5) or {}
    return all(metafiles.file_md5(metafiles.cache_path(root, md5)) == md5 for md5 in members.values())


def _in_remote(root: Path, md5: str) -> bool:
    members = (metafiles.cached_members(root, md5) or {}).values()
    return bool(artifacts.in_remote(root, [md5, *members]))


def _not_passed(sprint: str, verdict: Verdict, findings: frozenset[str]) -> Iterator[str]:
    """A gate that was kept for a finding, or that is undecided and may be accepted, stands until somebody approves that: then
    it is the approval that is missing.
    """
    missed = []
    for gate in verdict.gates:
        own = undecided_finding(sprint, gate)
        if gate.outcome is not Outcome.PASS and not {gate.finding, own.id if own else None} & findings:
            missed.append(gate)
    for gate in missed[:_SHOWN]:
        yield f"{gate.outcome}: {gate.explanation}"
    if len(missed) > _SHOWN:
        yield f"{len(missed) - _SHOWN} further gates were not passed"
