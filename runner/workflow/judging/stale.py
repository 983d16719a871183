"""Staleness: whether what a sprint was judged against (the champion, the base branch's terms) is still so."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

import msgspec

from runner.domain.champion import ResolvedChampion
from runner.domain.policy import Finding, FindingKind
from runner.domain.verdict import Verdict
from runner.planning.incumbent import recorded_champion
from runner.planning.situation import Situation
from runner.policy.terms import same_terms
from runner.record.terms import Terms

POLICY = "policy of the base"


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
    old, new = (identity.split()[0] if identity else "no champion" for identity in (first, last))
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
