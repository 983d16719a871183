"""The text of a new project's files, from the templates beside this file."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from string import Template
from typing import Any

from msgspec import to_builtins

from runner.domain.label_faults import FAULT_KINDS
from runner.domain.task import Keypoints
from runner.layouts import LAYOUTS, LabelLayout
from runner.scaffold.scalars import scalar
from runner.scaffold.slices import Suggestions
from runner.scaffold.splits import SuggestedSplits
from runner.scaffold.survey import Survey
from runner.tasks import TASKS
from runner.trainers import UltralyticsTrainer

FIRST_SPRINT = "0001-first-model"
LINE_LENGTH = 100
FIRST_BATCH = 100  # images: enough to tell whether a model beats chance
_TEMPLATES = Path(__file__).parent / "templates"


@dataclass(frozen=True, kw_only=True)
class Foundation:
    """What the first files are written from.

    Attributes:
        name: the project's name.
        weights: the file to fine-tune, relative to the project; None to train from scratch.
    """

    name: str
    survey: Survey
    splits: SuggestedSplits
    suggestions: Suggestions
    weights: str | None


def project_text(found: Foundation) -> str:
    """flywheel.yaml."""
    slices = "".join(f"\n  - {text}" for text in found.suggestions.slices)
    return _filled(
        "flywheel.yaml.tmpl",
        name=scalar(found.name),
        task=found.survey.task,
        keypoints=_keypoint_lines(found.survey.keypoints),
        classes=_list(found.survey.classes),
        layout=_layout_text(found.survey.layout),
        metadata=_metadata_lines(found) + _label_lines(found),
        splits="\n".join(
            f"  {role}: {_condition(condition)}" for role, condition in found.splits.conditions.items()
        ),
        slices=slices,
        model=model_name(found.name),
    )


def sprint_text(found: Foundation) -> str:
    """The first sprint's spec."""
    train_images = found.splits.counts["train"].images if "train" in found.splits.counts else 0
    fine_tuned = found.weights is not None
    task = found.survey.task
    verb = "find" if TASKS[task].ranked else "tell apart"
    classes = len(found.survey.classes)
    what = "one class" if classes == 1 else f"{classes} classes"
    return _filled(
        "sprint.yaml.tmpl",
        hypothesis=scalar(f"{train_images or FIRST_BATCH} labelled images are enough to {verb} {what}"),
        annotation="" if train_images else _first_batch(found),
        preset=TASKS[task].preset.ljust(16),
        base_model=scalar(found.weights) if found.weights else UltralyticsTrainer.first_model(task),
        model_comment=""
        if fine_tuned
        else "      # from scratch; better, where you have weights: weights/x.pt",
        epochs="30" if fine_tuned else "100",
        epochs_comment="                 # on a CPU, begin with fewer, and a smaller imgsz"
        if fine_tuned
        else "",
        imgsz=str(found.suggestions.imgsz),
        batch=str(16 if train_images >= 64 else 8),
        calibration=str(max(1, min(300, train_images or FIRST_BATCH // 2))),
        **_gates(found),
    )


def _first_batch(found: Foundation) -> str:
    """Where nothing is labelled: the first images, at random, since the test split is dealt from them too."""
    size = min(FIRST_BATCH, len(found.survey.entries))
    return (
        "\n# Nothing is labelled yet: these images are first. They are drawn at random, since `flywheel split --write` deals out what was\n"
        "# labelled to train, val and test. The next batch is chosen by the model: flywheel next\n"
        "annotation:\n"
        f"  strategy: {TASKS[found.survey.task].strategies[0]}\n"
        "  tool: yolo                 # files for annotators; or a server or tool of yours\n"
        f"  batch: {{size: {size}, into: train, mix: {{random: 1}}}}\n"
    )


def _gates(found: Foundation) -> dict[str, str]:
    """Metrics and thresholds to begin with, by the names in the template."""
    task = TASKS[found.survey.task]
    classified = not task.ranked
    named = found.suggestions.names or ["dark" if classified else "small"]
    return {
        "optimizing": task.optimizing.ljust(10),
        "operating": "" if classified else "\n  operating_confidence: 0.25",
        "gated": task.optimizing,
        "floor": "{metric: top1, min: 0.8}" if classified else "{metric: map50, min: 0.5}",
        # A mean can be fine while a class is never found.
        "class_floor": '{metric: recall, class: "*", min: 0.25}',
        "gate_slice": named[0],
    }


def _keypoint_lines(keypoints: Keypoints | None) -> str:
    if keypoints is None:
        return ""
    return (
        "\n# The skeleton, in the order of the labels; `flip`: which point each becomes in a mirror image.\n"
        f"keypoints:\n  names: {_list(keypoints.names)}\n  flip: {json.dumps(keypoints.flip or [])}\n"
    )


def model_name(project_name: str) -> str:
    """The registry's name for a project's model.

    >>> model_name("Parcel_Digits 2"), model_name("7")
    ('parcel-digits-2', 'model-7')
    """
    slug = re.sub(r"[^a-z0-9]+", "-", project_name.lower()).strip("-")
    return slug if re.fullmatch(r"[a-z].*[a-z0-9]", slug) else f"model-{slug}".strip("-")


def _layout_text(layout: str | LabelLayout) -> str:
    """A name, or a block of options in one line."""
    if isinstance(layout, str):
        return layout
    usual = to_builtins(LAYOUTS[layout.name])
    written = to_builtins(layout).items()
    options = [
        f"{name}: {_option(value)}" for name, value in written if name == "format" or value != usual.get(name)
    ]
    return f"{{{', '.join(options)}}}"


def _option(value: Any) -> str:
    return f"[{', '.join(map(scalar, value))}]" if isinstance(value, list) else scalar(str(value))


def _label_lines(found: Foundation) -> str:
    """What may be said of wrong labels, where there are some."""
    clips = not TASKS[found.survey.task].may_reach_out
    most = {
        kind: [name for name in FAULT_KINDS[kind].allows if clips or name != "clip"][-1]
        for kind in found.survey.wrong_labels
    }
    kinds = ", ".join(f"{kind}: {name}" for kind, name in most.items() if name != "refuse")
    if not kinds:
        return ""
    return f"  # labels: {{{kinds}}}   # what becomes of wrong labels: refuse, drop or clip\n"


def _metadata_lines(found: Foundation) -> str:
    file = found.survey.metadata_file
    lines = [f"  metadata: {scalar(f'data/{file}')}"] if file else []
    if not found.survey.metadata:
        return "  # metadata: data/metadata.csv   # columns to slice by, joined on its column `path`\n"
    if found.splits.group_by:
        lines.append(f"  group_by: {scalar(found.splits.group_by)}   # images of one group stay in one split")
    else:
        lines.append("  # group_by: scene   # a metadata column; images of one group must stay in one split")
    return "\n".join(lines) + "\n"


def _condition(text: str) -> str:
    """SQL reads best without quotes around it, unless YAML would read a mapping or a comment."""
    return json.dumps(text, ensure_ascii=False) if ": " in text or " #" in text else text


def _list(values: Sequence[str]) -> str:
    texts = [scalar(value) for value in values]
    line = f"[{', '.join(texts)}]"
    return line if len(line) <= LINE_LENGTH else "\n" + "\n".join(f"  - {text}" for text in texts)


def _filled(template: str, /, **values: str) -> str:
    mapping: Mapping[str, str] = values
    return Template((_TEMPLATES / template).read_text(encoding="utf-8")).substitute(mapping)
