"""Which of the sprint's variants is better, how sure is that, and what did each cost?"""

from __future__ import annotations

from collections import Counter

from runner.domain.verdict import Outcome
from runner.record.catalogue import VARIANTS as VARIANTS_FILE
from runner.record.report import SprintReport
from runner.record.variants import VariantResult, Variants
from runner.report.ansi import BOLD, END
from runner.report.escape import code, markdown, plain
from runner.report.sections.part import FOLDED_ROWS, Part, folded, table_head, table_row, unbroken
from runner.report.sections.section import Fold, Section, Shown
from runner.report.wording import (
    NOT_MEASURED,
    changed,
    count,
    duration,
    label,
    money,
    number,
    percent,
    with_interval,
)

THE_SPRINT = "the spec"
INSEPARABLE = "not separable"
_LUCK = (
    "Each was trained with one seed, so part of a difference may be luck of training, which these intervals do not hold; "
    "three or more train.seeds do."
)


def variants_of(report: SprintReport) -> Variants | None:
    """What variants.json held; None for a sprint without variants."""
    return report.record(VARIANTS_FILE)


def _parts(report: SprintReport, _: Shown) -> list[Part]:
    found = variants_of(report)
    if found is None:
        return []
    head = f"### Variants\n\n{markdown(_said(found), 900)}"
    columns = [
        "Variant",
        "Says",
        label(found.metric),
        "Difference",
        "Training",
        "Labels of an image",
        "Gates",
    ]
    table = table_head(columns, numbers=(2, 3, 4, 5))
    rows = tuple(_row(result, found) for result in found.results)
    parts = [Part(title="variants", head=f"{head}\n\n{table}", rows=rows)]
    gates = _gate_rows(found)
    if gates:
        names = [_name(result) for result in found.results]
        columns = ["Gate", *(markdown(name, 60) for name in names)]
        shown = gates[:FOLDED_ROWS]
        summary = f"{count(len(gates), 'gate')} and what each says of the variants"
        parts.append(folded("gates of the variants", summary, table_head(columns), shown))
    return parts


def _row(result: VariantResult, found: Variants) -> str:
    name = code(_name(result), 60) if result.name else THE_SPRINT
    if result is found.own:
        name = f"**{name}**"
    says = ", ".join(code(text, 80) for text in result.says) or "–"
    if result.trouble:
        why = f"{NOT_MEASURED}: {markdown(result.trouble, 200)}"
        return table_row([name, says, why, "–", "–", "–", "–"])
    price = (
        money(result.label_price, found.currency)
        if result.label_price is not None
        else f"{result.labels / result.images:.1f} labels"
        if result.images
        else "–"
    )
    return table_row(
        [
            name,
            says,
            unbroken(with_interval(result.value, result.interval))
            + (f" on {result.on}" if result.on else ""),
            "–" if result is found.own else _told(result),
            unbroken(_training(result, found.currency)),
            unbroken(price),
            markdown(_outcomes(result)),
        ]
    )


def _told(result: VariantResult) -> str:
    if result.difference is None:
        return NOT_MEASURED
    told = unbroken(changed(result.difference, result.difference_interval))
    return f"{told}{_qualified(result)}"


def _qualified(result: VariantResult) -> str:
    """Whether a difference is told from none, and what it is of where that is not the sprint's own number; plain text."""
    sure = "" if result.separable else f", {INSEPARABLE}"
    return f"{sure}; {result.on}, where {THE_SPRINT} has {number(result.reference)}" if result.on else sure


def _training(result: VariantResult, currency: str) -> str:
    if result.train_s is None:
        return "–"
    compute = f", {money(result.compute, currency)}" if result.compute else ""
    return f"{duration(result.train_s)}{compute}"


def _outcomes(result: VariantResult) -> str:
    """`3 PASS, 1 FAIL`; plain text."""
    if result.apart:
        return result.apart
    counted = Counter(gate.outcome for gate in result.gates)
    return (
        ", ".join(f"{counted[outcome]} {outcome.value}" for outcome in Outcome if counted[outcome]) or "none"
    )


def _name(result: VariantResult) -> str:
    return result.name or THE_SPRINT


def _gate_rows(found: Variants) -> list[str]:
    """A row for each gate of the sprint: its outcome for the sprint and for each variant."""
    told = [{(gate.gate, gate.place): gate.outcome for gate in result.gates} for result in found.results]
    rows = []
    for gate in found.own.gates:
        key = (gate.gate, gate.place)
        name = f"{gate.gate}, {gate.place}" if gate.place else gate.gate
        cells = [outcomes[key].value if key in outcomes else "–" for outcomes in told]
        rows.append(table_row([code(name, 120), *cells]))
    return rows


def _said(found: Variants) -> str:
    """What the variants came to; plain text."""
    measured = [result for result in found.others if result.difference is not None]
    better = [result.name for result in measured if result.separable and (result.difference or 0) > 0]
    worse = [result.name for result in measured if result.separable and (result.difference or 0) < 0]
    unclear = [result.name for result in measured if not result.separable]
    own = f"the spec ({found.own.name})" if found.own.name else "the spec"
    texts = [f"{label(found.metric)} on all test images, each beside {own} on the same images."]
    texts += [f"Better: {', '.join(better)}."] if better else []
    texts += [f"Worse: {', '.join(worse)}."] if worse else []
    texts += [f"Not separable from {own}: {', '.join(unclear)}."] if unclear else []
    missing = [result.name for result in found.others if result.difference is None]
    texts += [f"Not measured: {', '.join(missing)}."] if missing else []
    for result in measured:
        if result.on:
            texts.append(
                f"{result.name} has other labels: it and {own} are both measured on the {result.on} of the labels that {own} has."
            )
    if len(measured) > 1:
        texts.append(f"The differences hold together with {percent(found.level)}.")
    if any(result.seeds == 1 for result in (found.own, *measured)):
        texts.append(_LUCK)
    texts.append(
        "Only the spec itself is judged and can be promoted. Each variant is a further look at the test split; a better one is the "
        "next sprint's spec."
    )
    return " ".join(texts)


def _terminal(report: SprintReport) -> list[str]:
    found = variants_of(report)
    if found is None:
        return []
    lines = [f"{BOLD}Variants{END} {label(found.metric)}, beside {plain(_name(found.own))}"]
    width = max(len(_name(result)) for result in found.results)
    for result in found.results:
        if result.trouble:
            told = f"{NOT_MEASURED}: {result.trouble}"
        else:
            told = with_interval(result.value, result.interval)
            told += "" if result is found.own else f"  {_plain_difference(result)}"
            told += f"  {duration(result.train_s)} of training" if result.train_s is not None else ""
        lines.append(f"  {plain(_name(result)):<{width}}  {plain(told, 300)}")
    return lines


def _plain_difference(result: VariantResult) -> str:
    if result.difference is None:
        return NOT_MEASURED
    return f"{changed(result.difference, result.difference_interval)}{_qualified(result)}"


def _line(report: SprintReport) -> str:
    found = variants_of(report)
    if found is None:
        return "Variants"
    unclear = sum(not result.separable for result in found.others)
    return f"{count(len(found.others), 'variant')} beside the spec, {unclear} of them {INSEPARABLE}"


FOLD = Fold(line=_line)
VARIANTS = Section(parts=_parts, fold=FOLD, terminal=_terminal)
