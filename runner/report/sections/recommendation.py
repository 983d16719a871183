"""What next, and how did past recommendations fare?"""

from __future__ import annotations

from collections.abc import Sequence

from runner.domain.evaluation import Interval
from runner.record.catalogue import RECOMMENDATION
from runner.record.recommendation import Action, Hindsight, Option, Recommendation
from runner.record.report import SprintReport
from runner.report.escape import code, markdown, plain
from runner.report.sections.part import Part, table_head, table_row, unbroken
from runner.report.sections.section import Fold, Section, Shown
from runner.report.wording import change, label, money, number, spread

WORDS: dict[Action, str] = {
    "label": "label",
    "clean": "clean the labels",
    "tune": "tune",
    "collect": "collect images",
    "label_test": "label for the test split",
    "ship": "ship",
    "stop": "stop",
}
_REASONS = 8


def said(found: Recommendation) -> str:
    """The recommendation in a few plain words: `label 48 images of slice dark`; or that there is none."""
    chosen = found.chosen
    return _what(chosen) if chosen is not None else "no recommendation"


def _what(option: Option) -> str:
    """An option in a few plain words; its slice's name is text of the project."""
    match option.action:
        case "label" | "collect" | "label_test":
            kind = " test images" if option.action == "label_test" else " images"
            count = f" {option.images}{kind}" if option.images else ""
            place = f" of slice {option.slice}" if option.slice else ""
            return f"{'collect' if option.action == 'collect' else 'label'}{count}{place}"
        case "clean":
            reviewed = f": review {int(option.labels)}" if option.labels else ""
            return f"clean the labels{reviewed}"
        case _:
            return WORDS[option.action]


def unit(found: Recommendation) -> str:
    """What gains are of."""
    return "distance of the open gates" if found.unit == "gates" else label(found.metric)


def expected(option: Option) -> str:
    """A gain with its interval; a dash where nothing is known of it."""
    return gain(option.gain, option.interval)


def gain(value: float | None, interval: Interval | None) -> str:
    """The same of any two numbers."""
    if value is None:
        return "–"
    return f"{change(value)} ({spread(interval, signed=True)})" if interval is not None else change(value)


def chance(share: float) -> str:
    """In whole per cent.

    >>> chance(0.6351)
    '64 %'
    """
    return f"{100 * share:.0f} %"


def _parts(report: SprintReport, _: Shown) -> list[Part]:
    found = report.record(RECOMMENDATION)
    if found is None:
        return []
    lines = [f"**{markdown(_sentence(found))}**"]
    if found.chosen is not None and found.chosen.why:
        lines.append(f"{markdown(found.chosen.why, 400)}.")
    if found.abstains:
        lines.append(f"The evidence does not separate the options: {markdown(found.abstains, 400)}.")
    if found.separates:
        told = "\n".join(f"- {markdown(line, 300)}" for line in found.separates)
        lines.append(f"What would tell them apart:\n\n{told}")
    if found.question:
        lines.append(f"*{markdown(found.question)}* {markdown(found.answer, 600)}")
    if found.chosen is not None and found.chosen.command:
        lines.append(f"`$` {code(found.chosen.command, 200)}")
    head = "\n\n".join(["### What next?", *lines, _table_head(found)])
    rows = tuple(_row(option, found) for option in found.options)
    return [Part(title="what next", head=head, rows=rows, tail=_reasons(found)), *_hindsight(found)]


def _sentence(found: Recommendation) -> str:
    chosen = found.chosen
    if chosen is None:
        return "No recommendation."
    text = _what(chosen)
    text = f"{text[0].upper()}{text[1:]}"
    if chosen.gain is not None and chosen.action != "stop":
        text += f": {expected(chosen)} {unit(found)} expected"
    if chosen.price:
        text += f", for {money(chosen.price, found.currency)}"
    return f"{text}."


def _table_head(found: Recommendation) -> str:
    columns = [
        "Option",
        f"Gain ({unit(found)}, 80 %)",
        "Labels",
        "Cost",
        f"Gain per {markdown(found.currency, 3)}",
        "Best",
    ]
    return table_head(columns, numbers=(1, 2, 3, 4, 5))


def _row(option: Option, found: Recommendation) -> str:
    return table_row(
        [
            markdown(_what(option), 120),
            unbroken(expected(option)),
            number(option.labels, 0) if option.labels is not None else "–",
            money(option.price, markdown(found.currency, 3)) if option.price is not None else "no price",
            number(option.per_price, 4) if option.per_price is not None else "–",
            chance(option.best) if option.best is not None else "–",
        ]
    )


def _reasons(found: Recommendation) -> str:
    """What it rests on, and how far the files are named."""
    said = list(dict.fromkeys(reason for option in found.options for reason in option.rests))
    named = "; ".join(markdown(reason, 200) for reason in said[:_REASONS])
    sources = ", ".join(
        f"{words} {chance(found.sources[source].low)} to {chance(found.sources[source].high)}"
        for source, words in (("labels", "too few labels"), ("noise", "wrong labels"), ("model", "the model"))
        if source in found.sources
    )
    lines = []
    if sources:
        lines.append(f"Of what {markdown(label(found.metric))} lacks, {sources}.")
    if named:
        lines.append(f"It rests on: {named}.")
    lines += [
        markdown(f"Not looked at, since it cannot be read: {line}.", 500) for line in found.unread or ()
    ]
    return " ".join(lines)


def _hindsight(found: Recommendation) -> list[Part]:
    if not found.past:
        return []
    inside = [entry.inside for entry in found.past if entry.inside is not None]
    followed = [entry.followed for entry in found.past if entry.followed is not None]
    text = f"{sum(followed)} of {len(followed)} were followed"
    if inside:
        text += f"; the measured gain lay inside the expected interval {sum(inside)} of {len(inside)} times (80 % is aimed for)"
    head = table_head(["Sprint", "Recommended", "Done", "Expected", "Measured", "Inside"], numbers=(3, 4))
    rows = tuple(_past_row(entry) for entry in reversed(found.past))
    return [
        Part(
            title="past recommendations",
            head=f"#### How past recommendations fared\n\n{text}.\n\n{head}",
            rows=rows,
        )
    ]


def _past_row(entry: Hindsight) -> str:
    inside = {True: "yes", False: "no", None: "–"}[entry.inside]
    return table_row(
        [
            code(entry.sprint, 80),
            WORDS[entry.action] if entry.action else "none",
            f"{', '.join(WORDS[action] for action in entry.done) or 'nothing of these'} ({code(entry.next, 80)})",
            unbroken(gain(entry.gain, entry.interval)),
            change(entry.measured) if entry.measured is not None else "–",
            inside,
        ]
    )


def lines(found: Recommendation) -> list[str]:
    """The recommendation for a terminal."""
    shown = [f"next: {plain(_sentence(found), 200)}"]
    if found.chosen is not None and found.chosen.why and found.chosen.action != "stop":
        shown.append(f"  {plain(found.chosen.why, 200)}")
    if found.abstains:
        shown.append(f"  {plain(found.abstains, 200)}")
    return shown


def options_table(options: Sequence[Option], currency: str) -> list[tuple[str, ...]]:
    """The options' rows for a terminal, with a head."""
    rows: list[tuple[str, ...]] = [("option", "gain (80 %)", "cost", "best")]
    for option in options:
        price = money(option.price, currency) if option.price is not None else "no price"
        best = chance(option.best) if option.best is not None else "–"
        rows.append((plain(_what(option), 60), expected(option), price, best))
    return rows


def _terminal(report: SprintReport) -> Sequence[str]:
    found = report.record(RECOMMENDATION)
    return lines(found) if found is not None else ()


FOLD = Fold(line=lambda report: f"What next?{_short(report)}")


def _short(report: SprintReport) -> str:
    found = report.record(RECOMMENDATION)
    return f" {markdown(said(found), 100)}" if found is not None else ""


RECOMMENDED = Section(parts=_parts, fold=FOLD, terminal=_terminal)
