"""A pull request in real git, and what its runs left: bundles and plans without any training."""

from __future__ import annotations

import hashlib
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from msgspec.structs import replace
from projects import PROJECT, SPEC, call, commit

from runner.config.project import Compute, Policy
from runner.domain.files import encode_json
from runner.domain.policy import Finding
from runner.planning.proposal import Proposal
from runner.pullrequests.bundles.bundle import BundleManifest
from runner.record.report import SprintReport
from runner.record.terms import Terms

SPRINT = "0003-low-light"
POLICY = "policy: {approvals: {gate_loosened: [leads]}, teams: {leads: [bob, carol]}}\n"
GATE = "gates:\n  - {metric: recall, min: 0.70}\n"


@dataclass(frozen=True, kw_only=True)
class Proposed:
    """A clone of the default branch, and the commits of a pull request that lies in its origin."""

    root: Path
    base: str
    head: str

    def digest(self, path: str) -> str:
        """The SHA-256 of a file as it is proposed."""
        bare = self.root.parent / "origin.git"
        content = call(bare, "git", "show", f"{self.head}:{path}").stdout.encode()
        return hashlib.sha256(content).hexdigest()


def propose_sprint(folder: Path, *, changes: Mapping[str, str] | None = None) -> Proposed:
    """Pull request 7: it loosens a gate of `SPRINT`, or makes other changes, by path."""
    work, bare = folder / "work", folder / "origin.git"
    (work / "specs").mkdir(parents=True)
    (work / "flywheel.yaml").write_text(PROJECT + POLICY)
    (work / "data.dvc").write_text(f"outs:\n- md5: {'0a' * 16}.dir\n  nfiles: 64\n  path: data\n")
    (work / "specs" / f"{SPRINT}.yaml").write_text(spec("0.70"))
    call(work, "git", "init", "-q", "-b", "main")
    commit(work, "A project")
    call(folder, "git", "clone", "-q", "--bare", str(work), str(bare))
    call(folder, "git", "clone", "-q", str(bare), str(folder / "trusted"))
    call(work, "git", "checkout", "-q", "-b", "more-dark")
    for path, text in ({f"specs/{SPRINT}.yaml": spec("0.65")} if changes is None else changes).items():
        (work / path).parent.mkdir(parents=True, exist_ok=True)
        (work / path).write_text(text)
    commit(work, "Propose")
    call(work, "git", "push", "-q", str(bare), "HEAD:refs/pull/7/head")
    heads = [call(work, "git", "rev-parse", name).stdout.strip() for name in ("main", "HEAD")]
    return Proposed(root=folder / "trusted", base=heads[0], head=heads[1])


def spec(recall: str) -> str:
    """The sprint's spec, with a gate on recall."""
    return SPEC.partition("gates:")[0] + GATE.replace("0.70", recall)


def terms(base: str, findings: Sequence[Finding] = ()) -> Terms:
    """What a sprint was judged under."""
    return Terms(
        base_commit=base,
        reference=None,
        policy=Policy(),
        compute=Compute(),
        slices=[],
        sprint_slices=[],
        findings=list(findings),
    )


def bundle_files(
    reports: Sequence[SprintReport], proposed: Proposed, findings: Sequence[Finding] = ()
) -> dict[str, bytes]:
    """The files of a bundle of these reports, manifest.json among them."""
    files: dict[str, bytes] = {}
    for report in reports:
        records: dict[str, object] = {"report.json": report, "terms.json": terms(proposed.base, findings)}
        if report.failure is not None:
            records["failure.json"] = report.failure
        else:
            records |= {
                "evaluation.json": report.evaluation,
                "verdict.json": report.verdict,
                "digests.json": {},
            }
            texts = {
                "dvc.lock": "schema: '2.0'\nstages: {}\n",
                "dvc.yaml": "stages: {}\n",
                "params.yaml": "{}\n",
            }
            files |= {f"reports/{report.sprint}/{name}": text.encode() for name, text in texts.items()}
        files |= {f"reports/{report.sprint}/{name}": encode_json(record) for name, record in records.items()}
    manifest = BundleManifest(
        base_commit=proposed.base,
        head_commit=proposed.head,
        sprints=sorted(report.sprint for report in reports),
        files={name: hashlib.sha256(content).hexdigest() for name, content in files.items()},
        objects={},
    )
    return {**files, "manifest.json": encode_json(manifest)}


def zipped(path: Path, files: Mapping[str, bytes]) -> Path:
    """The files as the zip of an artifact."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return path


def plan_files(proposal: Proposal, proposed: Proposed) -> dict[str, bytes]:
    """plan.json of a proposal about this pull request."""
    about = replace(proposal, base_commit=proposed.base, head_commit=proposed.head)
    return {"plan.json": encode_json(about)}
