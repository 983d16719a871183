"""Was it worth it: what did the labels gain, what did that cost, and what did the strategy cause?"""

from __future__ import annotations

from msgspec import UNSET

from runner.domain.evaluation import Interval
from runner.domain.labelling import CONTROL_ARM
from runner.domain.worth import POINT, CausedGain, Gain, Rate, Worth
from runner.record.catalogue import WORTH as WORTH_FILE
from runner.record.report import SprintReport
from runner.report.ansi import BOLD, END
from runner.report.escape import code, markdown, plain
from runner.report.sections.part import Part, table_head, table_row, unbroken
from runner.report.sections.section import Fold, Section, Shown
from runner.report.wording import change, changed, count, label, money, number, spread

PER_LABELS = 100
INSEPARABLE = "not separable from zero"
ABLATION = "trains twins on images of either arm and compares them, at the price of several trainings."


def worth_of(report: SprintReport) -> Worth | None:
    """What worth.json held; None for a first sprint."""
    return report.record(WORTH_FILE)


def _parts(report: SprintReport, _: Shown) -> list[Part]:
    worth = worth_of(report)
    if worth is None or worth.compared_with is None:
        return []
    texts = [f"**{markdown(_gained(worth), 300)}** {markdown(_effort(worth, report.sprint), 400)}"]
    texts += [markdown(text, 500) for text in (*_rates(worth), *_cleaned(worth), *_caused(worth)) if text]
    texts += (
        [f"{code(f'flywheel ablate {report.sprint}', 120)} {ABLATION}"] if _can_be_measured(worth) else []
    )
    texts += [markdown(f"Not counted, since it cannot be read: {text}.", 500) for text in worth.unread]
    head = "### Was it worth it?\n\n" + "\n\n".join(texts)
    gates = worth.gains[1:]
    if not gates:
        return [Part(title="worth", head=head)]
    columns = ["Open gate", "This sprint", "Champion", "Difference"]
    table = f"{head}\n\n{table_head(columns, numbers=(1, 2, 3))}"
    return [Part(title="worth", head=table, rows=tuple(_gate_row(gain) for gain in gates))]


def _gate_row(gain: Gain) -> str:
    told = unbroken(changed(gain.difference, gain.interval))
    return table_row([code(gain.gate or gain.metric, 120), number(gain.value), number(gain.reference), told])


def _gained(worth: Worth) -> str:
    """The optimizing metric beside whom it is compared with; plain text."""
    who = f"{'the champion ' if worth.as_champion else ''}{worth.compared_with}"
    if not worth.gains:
        return f"Not told beside {who}: the two were not judged on the same test images."
    gain = worth.gains[0]
    sure = "" if gain.separable else f", {INSEPARABLE}"
    apart = (
        ""
        if gain.paired
        else "; the images of both count as different ones, which is wider than a paired interval"
    )
    return f"{label(gain.metric)} {changed(gain.difference, gain.interval)} beside {who}{sure}{apart}."


def _effort(worth: Worth, sprint: str) -> str:
    """What was added, and what was paid; plain text."""
    effort = worth.effort
    if effort.labels_added is None:
        own = worth.compared_with == sprint
        why = "it is its own older model" if own else f"the record of {worth.compared_with} is not here"
        said = f"Labels added: not known, since {why}."
    else:
        images = (effort.images_after) - (effort.images_before or 0)
        said = (
            f"{_more(effort.labels_added, 'label')} on {_more(images, 'training image')}: "
            f"{effort.labels_after:,} labels on {count(effort.images_after, 'image')} now."
        )
    if effort.answered is not None:
        said += f" Annotators gave {count(effort.answered, 'label')} for it."
    if effort.labelling is None:
        return f"{said} Money is not counted: costs.label.{effort.unit} in flywheel.yaml is the price of a label."
    compute = (
        f" and {money(effort.compute, effort.currency)} of compute" if effort.compute is not None else ""
    )
    return f"{said} {money(effort.labelling, effort.currency)} for labels{compute}."


def _more(number_: int, noun: str) -> str:
    if number_ < 0:
        return f"{count(-number_, noun)} fewer"
    return f"{'no' if number_ == 0 else f'{number_:,}'} further {noun if number_ == 1 else f'{noun}s'}"


def _rates(worth: Worth) -> list[str]:
    """Points per label and per money; plain text."""
    rate, told = worth.rate, []
    if rate.per_label is not None:
        told.append(f"{_points(rate.per_label, rate.per_label_interval, PER_LABELS)} per {PER_LABELS} labels")
    if rate.per_money is not None:
        unit, by = _money_unit(rate.per_money)
        told.append(
            f"{_points(rate.per_money, rate.per_money_interval, by)} per {unit} {worth.effort.currency}"
        )
    if not told:
        return []
    seeds = ""
    if worth.seed_deviation is not None:
        seeds = f" Trainings with other seeds differ by {worth.seed_deviation / POINT:.2f} points (standard deviation)."
    return [f"In points (a hundredth): {', '.join(told)}. {_cost_per_point(rate, worth)}{seeds}"]


def _cleaned(worth: Worth) -> list[str]:
    """What the reviewed labels gained; plain text."""
    cleaned = worth.cleaned
    if cleaned is UNSET:
        return []
    changed = sum(cleaned.changed.values())
    kinds = ", ".join(f"{number} {kind.replace('_', ' ')}" for kind, number in cleaned.changed.items())
    said = f"Labels cleaned: {changed:,} of {cleaned.reviewed:,} reviewed{f' ({kinds})' if kinds else ''}; {cleaned.kept:,} were right"
    said += f"; {money(cleaned.cost, worth.effort.currency)} of review" if cleaned.cost is not None else ""
    if cleaned.seconds is not None:
        minutes = (
            f"{cleaned.seconds / 60:.0f} minutes"
            if cleaned.seconds >= 90
            else f"{cleaned.seconds:.0f} seconds"
        )
        of = "" if cleaned.timed == cleaned.reviewed else f" for {cleaned.timed:,} of them"
        said += f", {minutes}{of}"
    told = [f"{said}."]
    if cleaned.per_review is not None and changed:
        gain = _points(cleaned.per_review, cleaned.per_review_interval, PER_LABELS)
        sure = "" if worth.gains and worth.gains[0].separable else f", {INSEPARABLE}"
        told.append(f"That is {gain} points per {PER_LABELS} reviewed labels{sure}.")
    if cleaned.also:
        told.append(f"The gain is of all that changed: also the {', the '.join(cleaned.also)}.")
    if cleaned.test:
        told.append(
            f"{count(cleaned.test, 'label')} of the test split changed too: the numbers before and after are of other labels."
        )
    return [" ".join(told)]


def _points(value: float, interval: Interval | None, times: float) -> str:
    scale = times / POINT
    ends = ""
    if interval is not None:
        ends = f" ({change(interval.low * scale, 2)} to {change(interval.high * scale, 2)})"
    return f"{change(value * scale, 2)}{ends}"


def _money_unit(per_money: float) -> tuple[str, float]:
    """1, 10, 100 or 1,000 units of money: so many that points have digits."""
    for by in (1, 10, 100):
        if abs(per_money) * by / POINT >= 0.1:
            return f"{by}", float(by)
    return "1,000", 1000.0


def _cost_per_point(rate: Rate, worth: Worth) -> str:
    if worth.effort.money is None or not worth.gains:
        return ""
    currency = worth.effort.currency
    if not worth.gains[0].separable:
        if rate.cost_per_point_low is None:
            return "Nothing shows that a point was gained."
        return f"A point cost at least {money(rate.cost_per_point_low, currency)}; there may have been none."
    if rate.cost_per_point is None:
        return "Points were lost."
    low, high = money(rate.cost_per_point_low, currency), money(rate.cost_per_point_high, currency)
    return f"A point cost {money(rate.cost_per_point, currency)} ({low} to {high})."


def _can_be_measured(worth: Worth) -> bool:
    """Whether there are images that a strategy picked, a control arm, and nothing that says what the former caused."""
    others = any(images > 1 for arm, images in worth.arms.items() if arm != CONTROL_ARM)
    return worth.caused is UNSET and others and worth.arms.get(CONTROL_ARM, 0) > 1


def _caused(worth: Worth) -> list[str]:
    """What the strategy caused; plain text."""
    picked = sum(images for arm, images in worth.arms.items() if arm != CONTROL_ARM)
    control = worth.arms.get(CONTROL_ARM, 0)
    if worth.caused is not UNSET:
        return [caused_by(caused) for caused in worth.caused if caused.slice is None or caused.interval]
    if not picked:
        return []
    if control < 2:
        return [
            "What the strategy caused cannot be told: its batch has no control arm of two images or more."
        ]
    return [
        f"What the strategy caused was not measured: the gain is of all labels, its {count(picked, 'image')} and the {control:,} of "
        "the control arm."
    ]


def caused_by(caused: CausedGain) -> str:
    where = f" on {caused.slice}" if caused.slice else ""
    told = changed(caused.difference, caused.interval)
    ends = caused.interval
    sure = ", of which nobody can say how sure it is" if ends is None else ""
    if ends is not None and ends.low <= 0 <= ends.high:
        sure = f", {INSEPARABLE}"
    what = f"{label(caused.metric)}{where}: the strategy caused {told}{sure}"
    return f"{what}, by {count(caused.images, 'image')} in place of as many of the control arm ({count(caused.pairs, 'pair')} of twins)."


def _terminal(report: SprintReport) -> list[str]:
    worth = worth_of(report)
    if worth is None or worth.compared_with is None:
        return []
    effort = worth.effort
    added = "" if effort.labels_added is None else f", {_more(effort.labels_added, 'label')}"
    spent = f", {money(effort.money, effort.currency)}" if effort.money is not None else ""
    changed = 0 if worth.cleaned is UNSET else sum(worth.cleaned.changed.values())
    cleaned = f", {count(changed, 'label')} cleaned" if changed else ""
    return [
        f"{BOLD}Worth it?{END} {plain(_gained(worth).rstrip('.'), 200)}{plain(added)}{cleaned}{plain(spent)}"
    ]


def _line(report: SprintReport) -> str:
    worth = worth_of(report)
    if worth is None or not worth.gains:
        return "Was it worth it?"
    gain = worth.gains[0]
    ends = f" ({spread(gain.interval, signed=True)})" if gain.interval else ""
    added = worth.effort.labels_added
    labels = f" for {_more(added, 'label')}" if added is not None else ""
    return f"Was it worth it? {markdown(label(gain.metric))} {change(gain.difference)}{ends}{labels}"


FOLD = Fold(line=_line)
WORTH = Section(parts=_parts, fold=FOLD, terminal=_terminal)
