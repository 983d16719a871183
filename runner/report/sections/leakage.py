"""Does the verdict survive without the test images that the model may know?"""

from __future__ import annotations

from collections.abc import Iterator

from msgspec import UnsetType

from runner.domain.evaluation import Leaks
from runner.domain.leaking import LeakKind
from runner.domain.verdict import GateResult, Outcome, Verdict, WithoutLeaks
from runner.record.report import SprintReport
from runner.report.escape import code, markdown, plain
from runner.report.sections.gallery import picture_of
from runner.report.sections.gates import said_of_value
from runner.report.sections.part import Part, table, table_head, table_row, unbroken
from runner.report.sections.section import UNSURE, Section, Shown
from runner.report.tables import judged, optimizing
from runner.report.wording import WORDS, change, count, label, number, quality, spread

_SAID: dict[LeakKind, tuple[str, str]] = {
    "same file": ("the same file", "the same files"),
    "near-duplicate": ("near-duplicate", "near-duplicates"),
    "mirrored copy": ("mirrored copy", "mirrored copies"),
    "altered copy": ("altered copy", "altered copies"),
    "neighbouring frame": ("neighbouring frame", "neighbouring frames"),
    "same group": ("image of a known group", "images of known groups"),
}
_NAMED = 3  # gates, in the sentence


def leaks_of(report: SprintReport) -> Leaks | None:
    """What leaked; None where nothing did, or where that is not known."""
    evaluation = report.evaluation
    if report.failure is not None or evaluation is None or isinstance(evaluation.leaks, UnsetType):
        return None
    return evaluation.leaks


def sentence(report: SprintReport) -> str:
    """Whether the verdict changes without the leaked test images, and their metric; plain text, empty where none leaked."""
    leaks, measured = leaks_of(report), judged(report)
    if leaks is None or measured is None:
        return ""
    kinds = ", ".join(count(number, *_SAID[kind]) for kind, number in leaks.kinds.items())
    of = f"{leaks.images:,} of {count(measured.overall.images, 'test image')} leaked from train or val ({kinds})"
    if not leaks.left:
        return f"{of}: nothing is left to judge the model by."
    return f"{of}; without them {_metric(report, leaks)}{_whether(report)}."


def _metric(report: SprintReport, leaks: Leaks) -> str:
    metric = optimizing(report)
    others = next((each for each in leaks.targets if each.target == report.primary_target), None)
    value = quality(others.overall if others else None, metric)
    interval = others.overall.intervals.get(metric) if others else None
    sure = f" ({spread(interval)})" if interval else ""
    everywhere = judged(report)
    before = quality(everywhere.overall if everywhere else None, metric)
    return f"{label(metric)} is {number(value)}{sure} instead of {number(before)}{_inflated(report)}"


def _inflated(report: SprintReport) -> str:
    verdict = report.verdict
    if (
        verdict is None
        or isinstance(verdict.without_leaks, UnsetType)
        or verdict.without_leaks.inflation is None
    ):
        return ""
    by = verdict.without_leaks.inflation_interval
    sure = f" ({spread(by, signed=True)})" if by else ""
    return f", which leakage changes by {change(verdict.without_leaks.inflation)}{sure}"


def _whether(report: SprintReport) -> str:
    verdict = report.verdict
    if verdict is None or isinstance(verdict.without_leaks, UnsetType) or not verdict.gates:
        return ""
    if not (differing := _differing(verdict, verdict.without_leaks)):
        return ", and no gate comes out otherwise"
    named = [f"{_place(now)} {WORDS[was.outcome]} → {WORDS[now.outcome]}" for was, now in differing]
    more = f" and {len(named) - _NAMED} more" if len(named) > _NAMED else ""
    gates = f"{'; '.join(named[:_NAMED])}{more}"
    then = verdict.without_leaks.outcome
    if then is verdict.outcome:
        return f", and the verdict stays {WORDS[then]} ({gates})"
    return f", and the verdict would be {WORDS[then]}: {gates}"


def _differing(verdict: Verdict, others: WithoutLeaks) -> list[tuple[GateResult, GateResult]]:
    """The gates that come out otherwise, those that would no longer pass first."""
    pairs = [pair for pair in _paired(verdict, others) if pair[0].outcome is not pair[1].outcome]
    return sorted(pairs, key=lambda pair: pair[0].outcome is not Outcome.PASS)


def _paired(verdict: Verdict, others: WithoutLeaks) -> Iterator[tuple[GateResult, GateResult]]:
    """Each gate on all images, and on those that did not leak; a class that is on no other image has none."""
    now = {_key(gate): gate for gate in others.gates}
    for gate in verdict.gates:
        if (other := now.get(_key(gate))) is not None:
            yield gate, other


def _key(gate: GateResult) -> tuple[str | None, ...]:
    return gate.gate, gate.target, gate.slice, gate.class_name, gate.origin, gate.finding, gate.source


def _place(gate: GateResult) -> str:
    where = ", ".join(part for part in (gate.slice, gate.class_name) if part)
    return f"{plain(gate.gate, 120)}{f' on {plain(where, 120)}' if where else ''}"


def _parts(report: SprintReport, shown: Shown) -> list[Part]:
    """Every gate on all images beside the others, the pairs in one picture, and by name."""
    leaks, said = leaks_of(report), sentence(report)
    if leaks is None or not said:
        return []
    heading = f"### Leakage between splits\n\n{markdown(said, 900)}"
    pairs = _pairs(leaks, shown, report)
    gates = _gates(report)
    if not gates:
        return [Part(title="leakage", head=f"{heading}\n\n{pairs.head}", rows=pairs.rows, tail=pairs.tail)]
    head = table_head(["Gate", "On all images", "Without leaked images"])
    return [*table("gates without leaked images", heading, head, gates), pairs]


def _gates(report: SprintReport) -> list[str]:
    verdict = report.verdict
    if verdict is None or isinstance(verdict.without_leaks, UnsetType):
        return []
    pairs = [pair for pair in _paired(verdict, verdict.without_leaks) if pair[0].decided_by != "measurement"]
    pairs.sort(key=lambda pair: pair[0].outcome is pair[1].outcome)
    return [
        table_row([markdown(_place(now), 240), *(_outcome(gate) for gate in (was, now))])
        for was, now in pairs
    ]


def _outcome(gate: GateResult) -> str:
    value = said_of_value(gate, "").removeprefix(": ")  # of quality, which has no currency
    return f"{WORDS[gate.outcome]}<br>{unbroken(value or number(None))}"


def _pairs(leaks: Leaks, shown: Shown, report: SprintReport) -> Part:
    rows = tuple(
        table_row(
            [
                code(pair.path, 80),
                markdown(pair.kind, 40),
                code(pair.near_path, 80),
                markdown(pair.near_split, 20),
                "" if pair.distance is None else str(pair.distance),
            ]
        )
        for pair in leaks.pairs
    )
    more = f"{leaks.images - len(rows):,} more in outcomes/leaks.parquet" if leaks.images > len(rows) else ""
    gallery = report.gallery
    drawn = gallery.leaks if gallery is not None and not isinstance(gallery.leaks, UnsetType) else None
    picture = picture_of(drawn, shown.pictures, "leaked test images beside what leaked them") if drawn else ""
    head = table_head(["test image", "is", "of", "in", "bits"], numbers=[4])
    return Part(
        title="leaked images",
        head=head,
        rows=rows,
        tail="\n\n".join(text for text in (more, picture) if text),
    )


LEAKAGE = Section(parts=_parts, fold=UNSURE)
