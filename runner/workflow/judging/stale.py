"""Staleness: whether what a sprint was judged against (the champion, the base branch's terms) is still so."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import msgspec

from runner.adapters.git import commits
from runner.config.project import Project
from runner.domain.champion import ResolvedChampion
from runner.domain.errors import ExitCode, FlywheelError, Where
from runner.domain.policy import Finding, FindingKind
from runner.domain.verdict import Verdict
from runner.planning.incumbent import recorded_champion
from runner.planning.situation import Situation
from runner.policy.agreed import agreed_at
from runner.policy.semantic import policy_gates
from runner.policy.slices import slice_key
from runner.policy.snapshot import Snapshot, snapshot_of
from runner.policy.terms import same_terms, terms_of
from runner.record.terms import Terms

POLICY = "policy of the base"


@dataclass(frozen=True, kw_only=True)
class Merge:
    """What brought a sprint to the branch that is checked out: the commit before, and the one that holds it.

    `before` is None where the branch began with it.
    """

    before: str | None
    after: str


def merge_of(root: Path, name: str) -> Merge:
    """The newest commit of this branch that changed the sprint's spec: a merge, or what a squash left of one.

    Raises:
        FlywheelError: no commit did: what is not in git was not agreed on by anybody (exit code 3).
    """
    spec = f"specs/{name}.yaml"
    after = commits.newest_of(root, [spec], first_parent=True)
    if after is None:
        raise FlywheelError(
            "no commit of this branch holds the spec: nobody can tell what it was judged under",
            where=Where(spec),
            hint=f"commit it: git add {spec} && git commit",
            exit_code=ExitCode.STAGE_FAILED,
        )
    return Merge(before=commits.parent(root, after), after=after)


def champion_changed(situation: Situation, verdict: Verdict) -> Iterator[str]:
    """Why the champion that a sprint was compared with is not the one of today; nothing where it is.

    It is the same one where it ships the same artefact: an assignment that was made again changes nothing.

    Raises:
        FlywheelError: who holds the stage is not known, or the champion's record does not say which artefact it ships.
    """
    now = situation.incumbent.known()
    before = recorded_champion(situation.folder)
    if _same_artefact(now, before) and verdict.champion == (now.sprint if now else None):
        return
    if now is not None and now.sprint == situation.name != verdict.champion:
        yield f"its spec or its data changed since its model was promoted ({now.tag})"
    elif now is None or verdict.champion != now.sprint:
        yield f"judged against {verdict.champion or 'no champion'}, the champion is {now.sprint if now else 'none'}"
    else:
        yield f"judged against another model of {now.sprint} than the one that holds the stage"


def _same_artefact(one: ResolvedChampion | None, other: ResolvedChampion | None) -> bool:
    if one is None or other is None:
        return one is other
    return (one.sprint, one.path, one.digest) == (other.sprint, other.path, other.digest)


def terms_now(root: Path, name: str, merge: Merge | None = None, *, today: Snapshot | None = None) -> Terms:
    """The terms that a merged sprint must have been judged under to be promoted.

    They are those of the branch just before the merge; where the project's policy, slices or limits were changed by
    somebody else since, those of today in their place.

    Args:
        merge: what brought the sprint, where the caller knows better than the branch's history tells.
        today: the configuration of HEAD, where the caller has it.

    Raises:
        FlywheelError: git does not know a commit, or the configuration of one is not valid.
    """
    merge = merge or merge_of(root, name)
    before = agreed_at(root, merge.before) if merge.before else Snapshot(commit="")
    after, today = snapshot_of(root, merge.after), today or snapshot_of(root, "HEAD")
    terms = terms_of(before, after, name)
    if today.project is None or after.project is None or _agreed(today.project) == _agreed(after.project):
        return terms
    known = {slice_key(spec) for spec in today.project.slices}
    return msgspec.structs.replace(
        terms,
        policy=today.project.policy,
        policy_sources=list(policy_gates(today).sources),
        compute=today.project.compute,
        slices=[*today.project.slices, *(spec for spec in terms.slices if slice_key(spec) not in known)],
        sprint_slices=[spec for spec in terms.sprint_slices if slice_key(spec) not in known],
    )


def merged_terms(root: Path, name: str, recorded: Terms) -> Iterator[Terms]:
    """The terms that git gives for a sprint that was merged, whatever else came to the branch since.

    Those that its pull request was judged under, then those that `judge` puts in their place.

    Raises:
        FlywheelError: git does not know a commit, or the configuration of one is not valid.
    """
    merge = merge_of(root, name)
    yield terms_of(agreed_at(root, recorded.base_commit), snapshot_of(root, merge.after), name)
    yield terms_now(root, name, merge)


def _agreed(project: Project) -> object:
    return project.policy, project.compute, project.slices


def terms_changed(recorded: Terms, now: Terms) -> list[str]:
    """Why the terms that a sprint was judged under do not hold today; nothing where they do."""
    if same_terms(recorded, now):
        return []
    parts = {
        "policy": (recorded.policy, now.policy),
        "limits of time and cost": (recorded.compute, now.compute),
        "slices": ([recorded.slices, recorded.sprint_slices], [now.slices, now.sprint_slices]),
        "gates": (_gates(recorded), _gates(now)),
        "findings": (_ids(recorded), _ids(now)),
    }
    changed = [part for part, (one, other) in parts.items() if one != other]
    return [f"judged under other terms than those of the base branch ({', '.join(changed)})"]


def _gates(terms: Terms) -> list[str]:
    return sorted(f"{kept.finding} {kept.gate!r}" for kept in terms.kept_gates)


def _ids(terms: Terms) -> list[str]:
    return sorted(finding.id for finding in terms.findings)


def renewed(
    name: str, recorded: Terms, terms: Terms, before: ResolvedChampion | None, now: ResolvedChampion | None
) -> Terms:
    """Terms for a judgement under the conditions of today, with what must be approved since it is a newer judgement.

    Args:
        recorded: those of the last judgement; what it had to be approved for stays so.
        terms: those of today, with what the data shows.
        before, now: the champion that the sprint was compared with last, and that of today.
    """
    known = {
        finding.subject.partition(" ")[0]: finding for finding in recorded.evidence if _is_stale(finding)
    }
    of_today = [
        _of_champion(name, known.get("champion"), before, now),
        _of_terms(name, known.get("policy"), recorded, terms),
    ]
    evidence = [finding for finding in terms.evidence if not _is_stale(finding)]
    return msgspec.structs.replace(
        terms, evidence=[*evidence, *(finding for finding in of_today if finding is not None)]
    )


def _is_stale(finding: Finding) -> bool:
    return finding.kind is FindingKind.STALE


def _of_champion(
    name: str, known: Finding | None, before: ResolvedChampion | None, now: ResolvedChampion | None
) -> Finding | None:
    """From the champion that the proposal was approved against to that of today, whatever was between them."""
    first, last = (known.before if known else _identity(before)), _identity(now)
    if first == last:
        return None
    old, new = (each.split()[0] if each else "no champion" for each in (first, last))
    return Finding(
        kind=FindingKind.STALE,
        sprint=name,
        subject=f"champion {old} → {new}",
        before=first,
        after=last,
        message=f"the champion was {old} when the sprint was proposed and is {new} now: it was judged again, and what was "
        "approved then was another result",
    )


def _of_terms(name: str, known: Finding | None, recorded: Terms, terms: Terms) -> Finding | None:
    if not terms_changed(recorded, terms):
        return known
    return Finding(
        kind=FindingKind.STALE,
        sprint=name,
        subject=POLICY,
        before=known.before if known else recorded.base_commit,
        after=_digest(terms),
        message="the base branch's policy, slices or gates were changed after the sprint was judged: it was judged again "
        "under those of today",
    )


def _digest(terms: Terms) -> str:
    """Tells one set of terms from another: what is approved is these, and no later ones."""
    content = msgspec.json.encode(
        [terms.policy, terms.compute, terms.slices, terms.sprint_slices, terms.kept_gates]
    )
    return hashlib.sha256(content).hexdigest()[:12]


def _identity(champion: ResolvedChampion | None) -> str | None:
    return f"{champion.sprint} {champion.path} {champion.digest}" if champion else None
