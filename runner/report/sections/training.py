"""How was it trained?"""

from __future__ import annotations

import math
from collections.abc import Sequence

from msgspec import UnsetType

from runner.adapters.pictures import plotting
from runner.adapters.pictures.canvas import SERIES, Picture
from runner.adapters.pictures.plotting import Curve
from runner.domain.records import Ancestry, Epoch, TrainedModel
from runner.record.report import SprintReport
from runner.report.escape import code, markdown, plain
from runner.report.sections.cost import FOLD
from runner.report.sections.device import ran_on
from runner.report.sections.part import Part, folded, table_head, table_row
from runner.report.sections.section import Plot, Section, Shown
from runner.report.wording import NOT_MEASURED, count, duration, label, number
from runner.trainers import EpochValue, TrainingTerms, training_terms

_EPOCH_ROWS = 12
_NEW_CLASSES = 10


def _training(report: SprintReport, _: Shown) -> list[Part]:
    """What was trained."""
    training = report.training
    if training is None or not training.models:
        return [Part(title="training", head=f"### Training\n\n{NOT_MEASURED}")]
    text = (
        f"{code(training.base_model, 120)} with {markdown(training.framework, 40)} "
        f"{markdown(training.framework_version, 40)}, {count(training.images, 'image')} "
        f"at {training.imgsz} px, on {ran_on(training.device)}.{_ancestry(training.ancestor)}"
    )
    columns = ["Seed", "Epochs", "First → last epoch", "Parameters", "Time", "Weights"]
    head = f"### Training\n\n{text}\n\n{table_head(columns, numbers=(1, 3, 4))}"
    terms = training_terms(training.framework)
    rows = tuple(_model_row(model, terms) for model in training.models)
    warnings = "\n".join(
        f"- ⚠ seed {model.seed}: {markdown(warning)}"
        for model in training.models
        for warning in model.warnings
    )
    return [Part(title="training", head=head, rows=rows, tail=warnings)]


def _ancestry(ancestor: Ancestry | UnsetType) -> str:
    """Whose model was fine-tuned, and what of it was taken over."""
    if isinstance(ancestor, UnsetType):
        return ""
    nearest, *older = (code(name, 80) for name in ancestor.line)
    came = f", which came from {', then '.join(older)}" if older else ""
    classes = f"{count(len(ancestor.carried), 'class', 'classes')} carried over by name"
    if ancestor.new:
        named = ", ".join(markdown(name, 80) for name in ancestor.new[:_NEW_CLASSES])
        more = len(ancestor.new) - _NEW_CLASSES
        classes += f", new: {named}" + (f" and {more:,} more" if more > 0 else "")
    return (
        f" Fine-tuned from the model of {nearest} (DVC {code(ancestor.digest, 60)}){came}; {classes}. "
        "No image of this test split was among those that it was trained on. What it took is not counted here."
    )


def _model_row(model: TrainedModel, terms: TrainingTerms) -> str:
    return table_row(
        [
            str(model.seed),
            str(len(model.epochs)),
            _progress(model.epochs, terms),
            f"{model.parameters:,}",
            duration(model.seconds),
            code(model.state_digest[:12]),
        ]
    )


def _progress(epochs: Sequence[Epoch], terms: TrainingTerms) -> str:
    """First and last value of each training loss and of the validation mAP."""
    if not epochs:
        return NOT_MEASURED
    first, last = epochs[0].values, epochs[-1].values
    shown = [
        f"{markdown(value.title, 40)} "
        f"{number(first.get(value.key), _decimals(value))} → {number(last[value.key], _decimals(value))}"
        for value in terms.values(last)
        if value.split == "train" or value.metric
    ]
    return "<br>".join(shown) or NOT_MEASURED


def _epochs(report: SprintReport, _: Shown) -> list[Part]:
    """At most a dozen epochs of the first model, evenly spaced, the first and the last among them."""
    training = report.training
    if training is None or not training.models or not training.models[0].epochs:
        return []
    model, terms = training.models[0], training_terms(training.framework)
    epochs = model.epochs
    n = min(_EPOCH_ROWS, len(epochs))
    chosen = [epochs[round(i * (len(epochs) - 1) / (n - 1))] for i in range(n)] if n > 1 else list(epochs)
    values = terms.values(epochs[-1].values)
    head = table_head(
        ["Epoch", *[markdown(value.title, 40) for value in values]], numbers=range(len(values) + 1)
    )
    rows = [
        table_row(
            [str(epoch.epoch), *[number(epoch.values.get(value.key), _decimals(value)) for value in values]]
        )
        for epoch in chosen
    ]
    of = f"{n} of {count(len(epochs), 'epoch')}" if n < len(epochs) else count(n, "epoch")
    summary = f"{of} of seed {model.seed}, by the trainer's own validation (not the evaluator above)"
    return [folded("epochs", summary, head, rows)]


def _decimals(value: EpochValue) -> int:
    return 2 if value.loss else 3


def _draw(report: SprintReport) -> Picture:
    training = report.training
    if training is None:
        raise ValueError("nothing was trained")
    models, terms = training.models, training_terms(training.framework)
    preferred = terms.preferred(
        dict.fromkeys(key for model in models for epoch in model.epochs for key in epoch.values)
    )
    curves = []
    for i, model in enumerate(models):
        x, y = _finite(model, preferred.key) if preferred else ([], [])
        if x:
            curves.append(Curve(label=f"seed {model.seed}", x=x, y=y, color=i))
    measured = label(preferred.metric) if preferred and preferred.metric else "metric"
    first = f" of seed {models[0].seed}" if len(models) > 1 else ""
    return plotting.two_panels(
        "Training",
        _losses(models, terms),
        curves,
        (f"losses{first}", f"{measured} on val (trainer's own)", "epoch"),
    )


def _finite(model: TrainedModel, key: str) -> tuple[list[int], list[float]]:
    """The epochs that have a finite value of this name, and the values."""
    pairs = [(epoch.epoch, epoch.values.get(key, math.nan)) for epoch in model.epochs]
    kept = [(epoch, value) for epoch, value in pairs if math.isfinite(value)]
    return [epoch for epoch, _ in kept], [value for _, value in kept]


def _losses(models: Sequence[TrainedModel], terms: TrainingTerms) -> list[Curve]:
    """The first model's losses: training solid, validation dashed in the same colour."""
    epochs = models[0].epochs if models else []
    values = terms.values(sorted({key for epoch in epochs for key in epoch.values}))
    losses = [value for value in values if value.loss]
    names = list(dict.fromkeys(loss.name for loss in losses))[: len(SERIES)]
    lines = []
    for loss in losses:
        x, y = _finite(models[0], loss.key)
        if loss.name in names and x:
            lines.append(
                Curve(
                    label=plain(loss.title, 36),
                    x=x,
                    y=y,
                    dashed=loss.split == "val",
                    color=names.index(loss.name),
                )
            )
    return lines


TRAINING = Section(
    parts=_training,
    fold=FOLD,
    plots=(
        Plot(
            name="training",
            shows="Losses and validation metric per epoch",
            there=lambda report: (
                report.training is not None and any(model.epochs for model in report.training.models)
            ),
            draw=_draw,
        ),
    ),
    chapter="Training",
)
EPOCHS = Section(parts=_epochs, fold=FOLD)
