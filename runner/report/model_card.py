"""The model card of a promoted sprint: Markdown with the front matter that model hubs read."""

from __future__ import annotations

import shlex
from typing import Any

import yaml

from runner.domain.policy import PROJECT_KEPT, SPRINT_KEPT, Finding
from runner.domain.records import Record
from runner.domain.verdict import Outcome
from runner.record.report import SprintReport
from runner.report.approved import under_approvals
from runner.report.escape import code, commands, markdown, plain
from runner.report.sections import catalogue, claim, holdout, verdict
from runner.report.sections.errors import calibration_words
from runner.report.sections.part import Part, table_head, table_row, without_heading
from runner.report.sections.section import Shown
from runner.report.tables import (
    CellRow,
    found_rows,
    gates_worst_first,
    judged,
    optimizing,
    overall_row,
    place_of,
    slice_rows,
    task_of,
)
from runner.report.wording import count, label, number, quality, with_interval
from runner.trainers import training_terms

_WEAKEST = 3
_CLASSES = 60
_HUB_METRICS = ("map50_95", "map50", "top1", "precision", "recall", "f1")


class CardContext(Record, frozen=True, kw_only=True):
    """What the registry and the policy say of the model.

    Attributes:
        model: its name in the registry; `stage` is the one that it was promoted to, `version` the one it was registered as.
        repository_url: where `dvc artifacts get` finds it.
        findings: what the proposal weakened; `approved`: finding id → by whom, and `reasons` why.
    """

    model: str
    stage: str
    version: str
    repository_url: str
    findings: list[Finding] = []
    approved: dict[str, str] = {}
    reasons: dict[str, str] = {}


def render(report: SprintReport, context: CardContext) -> str:
    """The card's text; the same for the same arguments."""
    report = under_approvals(report, context.approved.keys())
    _, word = verdict.status(report)
    chapters = {  # with what the card says itself, before what the sections of the report say
        "What it does": _purpose(report),
        "How to get it": _get(context),
        "Artefacts": _artefacts(report),
        "Evaluation": _evaluation(report),
        "Gates": f"Verdict: **{word}**.",
        "Limitations": _limitations(report, context),
        "Data": "",
        "Training": "",
    }
    after = {"Data": _pointer(report)}
    told: dict[str, list[Part]] = {}
    for section in catalogue.SECTIONS:
        if section.chapter:
            told.setdefault(section.chapter, []).extend(section.parts(report, Shown()))
    sections = []
    for chapter in dict.fromkeys([*chapters, *told]):
        parts = without_heading(told.get(chapter, []), chapter)
        texts = [chapters.get(chapter, ""), *(part.text() for part in parts), after.get(chapter, "")]
        sections.append((chapter, "\n\n".join(text for text in texts if text)))
    title = f"# {markdown(context.model, 120)} {markdown(context.version, 40)}".rstrip()
    body = [f"## {chapter}\n\n{text}" for chapter, text in sections if text]
    front = yaml.safe_dump(_front_matter(report, context), sort_keys=False, allow_unicode=True, width=10_000)
    return f"---\n{front}---\n\n" + "\n\n".join([title, *body]) + "\n"


def _front_matter(report: SprintReport, context: CardContext) -> dict[str, Any]:
    """As model hubs read it. Source: Hugging Face Hub documentation, "Model Cards" and "Model card metadata"."""
    task, _ = _does(report)
    framework = report.training.framework if report.training else ""
    card: dict[str, Any] = {"license": training_terms(framework).license}
    if framework:
        card["library_name"] = plain(framework, 40)
    card |= {"pipeline_tag": task, "tags": _tags(report, task), "metrics": [], "model-index": []}
    measured = judged(report)
    results = [
        {"type": metric, "name": label(metric), "value": round(value, 4)}
        for metric in _HUB_METRICS
        if (value := quality(measured.overall if measured else None, metric)) is not None
    ]
    dataset = {"name": f"{plain(report.project, 120)}, test split", "type": plain(report.project, 120)}
    card["metrics"] = [result["type"] for result in results]
    card["model-index"] = [
        {
            "name": plain(context.model, 120),
            "results": [{"task": {"type": task}, "dataset": dataset, "metrics": results}],
        }
    ]
    return card


def _tags(report: SprintReport, task: str) -> list[str]:
    training = report.training
    named = (
        [training.framework, training.base_model.removesuffix(".yaml").removesuffix(".pt")]
        if training
        else []
    )
    return [*dict.fromkeys(["flywheel", *(plain(name, 80) for name in named), task])]


def _does(report: SprintReport) -> tuple[str, str]:
    task = task_of(report)
    return (task.hub_name, task.does) if task else ("other", "was not evaluated")


def _purpose(report: SprintReport) -> str:
    """The task, the classes, and the sprint that it comes from."""
    names = report.training.class_names if report.training else []
    listed = ", ".join(markdown(name, 80) for name in names[:_CLASSES])
    more = f" and {len(names) - _CLASSES:,} more" if len(names) > _CLASSES else ""
    lines = [
        f"It {_does(report)[1]}, of {count(len(names), 'class', 'classes')}: {listed}{more}."
        if names
        else "",
        f"It is the model of the sprint {code(report.sprint, 80)}: {markdown(report.title, 200)}.",
        f"Hypothesis: {markdown(report.hypothesis, 600)}" if report.hypothesis else "",
        f"{markdown(said, 500)}." if (said := claim.sentence(report)) else "",
        f"Owner: {markdown(report.owner, 120)}" if report.owner else "",
    ]
    return "\n\n".join(line for line in lines if line)


def _get(context: CardContext) -> str:
    url, model = shlex.quote(context.repository_url), shlex.quote(context.model)
    return "\n".join(
        [
            commands([f"dvc artifacts get {url} {model} --stage {shlex.quote(context.stage)}"]),
            "",
            f"This version by itself: {code(f'--rev {context.version}', 80)} in place of "
            f"{code(f'--stage {context.stage}', 80)}.",
        ]
    )


def _artefacts(report: SprintReport) -> str:
    rows = [
        table_row(
            [
                code(artefact.target, 80) + (" (judged)" if artefact.target == report.primary_target else ""),
                code(artefact.path, 160),
                f"{number(artefact.size_mb, 1)} MB",
                code(artefact.digest, 80),
            ]
        )
        for artefact in report.exports
    ]
    rows += [
        table_row([f"`torch`, seed {model.seed}", code(model.path, 160), "–", code(model.state_digest, 80)])
        for model in (report.training.models if report.training else [])
    ]
    if not rows:
        return "None is recorded."
    return "\n".join([table_head(["Artefact", "In the sprint's folder", "Size", "Digest"]), *rows])


def _evaluation(report: SprintReport) -> str:
    row = overall_row(report)
    if row is None:
        return "It was not evaluated."
    return f"**{label(optimizing(report))} {with_interval(row.value, row.interval)}** on the test split."


def _limitations(report: SprintReport, context: CardContext) -> str:
    lines = [
        *_weakest(report),
        *_regions(report),
        *_open(report),
        *_approvals(context),
    ]
    if report.errors is not None:
        lines.append(calibration_words(report.errors.calibration))
    worn = report.verdict.wear if report.verdict else None
    if worn is not None:
        lines.append(f"The split {code(worn.split, 40)} {holdout.words(worn)}")
    lines.append("Images unlike those of the test split were not measured: nothing here speaks for them.")
    return "\n".join(f"- {line}" for line in lines)


def _weakest(report: SprintReport) -> list[str]:
    everything = overall_row(report)
    known = [row for row in slice_rows(report) if row.value is not None]
    below = [
        row for row in known if row.value is not None and everything and row.value < (everything.value or 0)
    ]
    lines = [f"Weak on {_cell(row)}" for row in below[:_WEAKEST]]
    unknown = [markdown(row.name, 80) for row in slice_rows(report) if row.value is None]
    if unknown:
        lines.append(f"Not measured, for want of images: {', '.join(unknown[:10])}.")
    return lines


def _cell(row: CellRow) -> str:
    sure = with_interval(row.value, row.interval)
    return (
        f"{markdown(row.name, 120)}: {label(row.metric)} {sure}, {count(row.metrics.images, 'test image')}."
    )


def _regions(report: SprintReport) -> list[str]:
    return [
        f"Weak where {code(row.condition or row.name, 160)}: {label(row.metric)} "
        f"{with_interval(row.value, row.interval)}; nobody named this region, it was found."
        for row in found_rows(report)[:_WEAKEST]
    ]


def _open(report: SprintReport) -> list[str]:
    """Gates that it was promoted in spite of."""
    found = gates_worst_first(report.verdict.gates) if report.verdict else []
    return [
        f"{gate.outcome.replace('_', ' ')}: {markdown(gate.gate, 160)} on {markdown(place_of(gate), 160)}."
        for gate in found
        if gate.outcome is not Outcome.PASS
    ][:20]


def _approvals(context: CardContext) -> list[str]:
    return [_approval(context, finding) for finding in context.findings]


def _approval(context: CardContext, finding: Finding) -> str:
    by, reason = context.approved.get(finding.id), context.reasons.get(finding.id)
    if by is None:
        return f"Open: {markdown(finding.message, 400)} ({code(finding.id, 60)})"
    because = f" Because: {markdown(reason, 400)}" if reason else ""
    return f"Accepted by {markdown(by, 80)}: {markdown(_lasting(finding.message), 400)}{because} ({code(finding.id, 60)})"


def _lasting(message: str) -> str:
    """What a finding says without what judged until it was approved."""
    return message.removesuffix(SPRINT_KEPT).removesuffix(PROJECT_KEPT)


def _pointer(report: SprintReport) -> str:
    source = report.reproduction
    md5 = f", MD5 {code(source.data_md5, 60)}" if source.data_md5 else ""
    return f"Its pointer is {code(source.data_pointer, 160)}{md5}."
