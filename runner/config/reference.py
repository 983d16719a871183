"""docs/reference.md, generated from the schemas: options, conditions, metrics and exit codes."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from runner.adapters.tables.condition_cost import (
    COLUMN_TEXT,
    MAX_FIXED,
    MAX_LENGTH,
    MAX_STATES,
    MAX_TEXT,
    MAX_WILDCARDS,
)
from runner.adapters.tables.conditions import FUNCTIONS, TYPES
from runner.adapters.tables.duckdb import CONDITION_SECONDS
from runner.checks.expectation_names import EXPECTATIONS, Arguments
from runner.config.policy_classes import policy_classes
from runner.config.schema import Schema, referenced
from runner.dataset.columns import IMAGE_COLUMNS, OBJECT_COLUMNS, SCORE_COLUMNS, UNQUERIED_COLUMNS, Column
from runner.domain.errors import ExitCode
from runner.domain.evaluation import (
    CLASSIFY_METRICS,
    COST_METRICS,
    LOWER_IS_BETTER,
    RANKED_METRICS,
    SPRINT_METRICS,
)
from runner.domain.options import PolicyClass
from runner.tasks import TASKS

_INTRODUCTION = """\
# Reference

<!-- Generated from the models by `python -m runner.config.generate`. Do not edit. -->

Every option of [flywheel.yaml](#flywheelyaml) and of [a sprint's spec](#a-sprints-spec), what
[conditions](#conditions) may say, the [metrics](#metrics) that gates judge, and the [exit
codes](#exit-codes).

An editor completes and checks both files with their JSON Schemas
([project](../runner/config/schemas/project.schema.json),
[sprint](../runner/config/schemas/sprint.schema.json)). `flywheel init` puts them into the project, and `flywheel init --schemas`
again after an upgrade; the first line of flywheel.yaml, and of a spec, tells an editor where (VS Code: the extension YAML):

```yaml
# yaml-language-server: $schema=.schemas/project.schema.json
# yaml-language-server: $schema=../.schemas/sprint.schema.json
```

YAML is read strictly: no tags, anchors, aliases or duplicate keys; `on`, `yes` and `no` are text; at most
256 KiB and 20 levels. Unknown keys are refused. Paths are relative to the repository's top and must not
leave it or lead through a symlink. **Bold** options are required.

The last column says what a change of an option is for [the policy](policy.md): a finding that somebody has to approve, where the
change makes a verdict easier to reach; another model, which is judged by its results; or neutral, since no verdict depends on it."""

_EXTENDS = """\
## Extending a spec

<a id="extends"></a>A spec with `extends: 0001-first-model` starts from that spec and writes only what
differs, by the rules of JSON Merge Patch (RFC 7396): blocks are merged key by key, lists and values are
replaced as a whole, and `null` takes away what the other spec says, so that the default holds again.
`apiVersion`, `kind` and `title` are always written. The merged spec must satisfy everything that a spec
without `extends` must.

Since a list takes the place of the inherited one, `gates:` with one gate leaves out all that the other spec demanded. `plan` and
`validate` name what is no longer there. To lengthen a list instead, write the new entries under `add`:

```yaml
extends: 0001-first-model
add:
  gates: [{metric: recall, slice: night, min: 0.6}]
  slices: [{name: night, where: brightness < 0.1}]
```"""

_FROM = """\
## Fine-tuning a sprint's model

<a id="from"></a>With `train: {from: 0001-first-model}` training starts from the weights that that sprint's record in git names
(those of its first seed), with `from: champion` from those of whoever holds the stage, or held it before this sprint itself
did. They are taken from DVC's cache, which `flywheel run --pull` fills from the remote: it works in any clone and in CI. Their
hash is a parameter of the training, so that it runs again when they change; a new champion makes a sprint with `from: champion`
stale. Architecture and task are the ancestor's. Classes are matched by name: what the model knows of a class goes with its name,
new classes start from random weights, those that are gone are dropped. A sprint is refused whose test split holds images that
the ancestor, or one before it, was trained or validated on. In a spec that `extends` another, `from` takes the place of an
inherited `model`, and `model` that of an inherited `from`."""

_METADATA = """\
## Metadata

<a id="metadata"></a>`dataset.metadata` names a CSV file in UTF-8 whose column `path` holds the images' files, relative to the dataset. `init`,
`validate` and the index read it by one set of rules. Cells are separated by commas, semicolons, tabs or `|`; Excel's line `sep=;` is
understood. Lines that start with `#` and empty lines are left out. Every line has as many cells as the header, whose names differ in
more than case and are none of the index's own. Each image has at most one row; images without a row have NULL in all columns.

A column has one type, the first of these that all its cells fit: true and false (`true`/`false`, `yes`/`no`, or `y` and `n`), whole
numbers, numbers, dates and times with the year first (`2026-01-02`, `2026-01-02T03:04:05+01:00`, `2026:01:02 03:04:05`; those with a
zone in UTC), times of day; else text. Empty cells are NULL, and so are `NaN`, `NA`, `N/A`, `null`, `None` in a column that is not text, and
numbers that are infinite. Whole numbers with a leading zero are text (`08`), as are those beyond 64 bits. `0,5` is a number only where
commas do not separate cells."""

_CONDITIONS = """\
## Conditions

A condition is one SQL boolean expression, which DuckDB evaluates for each row of the index: comparisons,
`AND`, `OR`, `NOT`, `IN`, `BETWEEN`, `LIKE`, `IS NULL`, `CASE`, arithmetic, casts and the functions below.
Text goes in single quotes. A row for which it is NULL does not satisfy it. Refused are statements,
subqueries, aggregates, window functions, lambdas, parameters, comments, and every function that is not
listed. An unknown column is refused with the nearest one that there is; while the data has not been
pulled, metadata columns cannot be known, and any name passes.

What is not known satisfies nothing: a comparison with NULL, with NaN or with a division by zero is neither true nor false, and so is
its `NOT`; `column IS NULL` finds such rows. `/` divides to a fraction, `//` to a whole number. Text is compared with text:
`zone = '08'`; a column of 0 and 1 may stand alone as a true-or-false column may."""

_LABELS = """\
## Labels

What a label must hold depends on the task; one that does not fit it is a label problem, with file and line. In the
layout `yolo` numbers are fractions of the image's size, in `coco` they are pixels. A skeleton's points are those of
`keypoints` in flywheel.yaml.

| task | `yolo`: a line | `coco`: an annotation | `folders` |
| --- | --- | --- | --- |
| detect | `class cx cy w h`, or an outline, of which the box around it is taken | `bbox` |  |
| segment | `class x1 y1 x2 y2 …`, three points or more | `segmentation`: polygons, or run lengths with their `size` |  |
| pose | `class cx cy w h`, then `x y` or `x y visibility` of each point | `bbox`, `keypoints` |  |
| obb | `class x1 y1 x2 y2 x3 y3 x4 y4` | `segmentation`: one polygon of four points |  |
| classify |  |  | `CLASS/image` or `SPLIT/CLASS/image` |

Of `voc`, `cvat`, `label-studio` and `manifest`, whose shapes several tasks can take, [formats.md](formats.md) says what is read.

Labels in the layout `yolo` lie in `labels/` beside `images/`, or, in a dataset with labels for several tasks, in
`<task>/labels/`."""

_SIMILARITY = """\
What counts as similar depends on the task: the intersection over union (IoU) of boxes (detect), of masks
(segment) or of rotated boxes (obb), the object key point similarity (OKS) of skeletons (pose)."""

_METRICS = {
    "map50_95": "mean average precision over similarity 0.50 to 0.95 (COCO AP)",
    "map50": "average precision at similarity 0.50",
    "map75": "average precision at similarity 0.75",
    "ar": "average recall with 100 detections per image and class, 20 for pose (COCO AR)",
    "top1": "share of images whose class has the highest probability",
    "top5": "share of images whose class is among the five of the highest probability",
    "balanced_accuracy": "mean recall of the classes that occur",
    "precision": "share of detections that are right, at similarity 0.50 and `evaluate.operating_confidence`; "
    "classify: of images given a class, the share that has it, mean over classes",
    "recall": "share of objects that are found, at similarity 0.50 and `evaluate.operating_confidence`; "
    "classify: of images of a class, the share given it, mean over classes",
    "f1": "harmonic mean of precision and recall; classify: of each class, mean over classes",
    "latency_p50_ms": "median time for one image, milliseconds",
    "latency_p95_ms": "95th percentile of the time for one image, milliseconds",
    "latency_p99_ms": "99th percentile of the time for one image, milliseconds",
    "throughput_ips": "images per second",
    "size_mb": "size of the artefact, megabytes (10⁶ bytes)",
    "peak_memory_mb": "peak memory while it runs, megabytes",
    "cost": "computing cost of the sprint, in the project's currency",
    "duration_min": "duration of the sprint's stages, minutes",
}
_EXIT_CODES = {
    ExitCode.PASS: "every gate passed, or the command did what it was asked",
    ExitCode.GATE_NOT_PASSED: "a gate failed, is inconclusive, or was not measured",
    ExitCode.INVALID_CONFIGURATION: "flywheel.yaml, a spec or the command line is not valid",
    ExitCode.STAGE_FAILED: "a stage failed; the report says which and why",
    ExitCode.MISSING_TOOL: "a tool or an optional package is missing",
    ExitCode.PUBLISH_FAILED: "publishing failed; the report is saved",
    ExitCode.BUG: "a bug in flywheel; `--debug` shows the traceback",
    ExitCode.INTERRUPTED: "interrupted",
}


def render_reference(project: Schema, sprint: Schema) -> str:
    """The whole page, as Markdown."""
    parts = [
        _INTRODUCTION,
        "## flywheel.yaml",
        *_blocks(project["$defs"], "Project", "project"),
        "## A sprint's spec",
        "`specs/NNNN-name.yaml`: four digits, `-`, then lower-case letters, digits and `-`.",
        *_blocks(sprint["$defs"], "Sprint", "sprint"),
        _EXTENDS,
        _FROM,
        _LABELS,
        _METADATA,
        _CONDITIONS,
        *_conditions(),
        "## Expectations\n\nThose of Great Expectations that a spec's `checks` may name, with their arguments "
        "(the bold ones must be there):",
        "\n".join(f"- `{name}`: {_arguments(EXPECTATIONS[name])}" for name in sorted(EXPECTATIONS)),
        "## Metrics",
        _SIMILARITY,
        *_metrics(),
        "## Exit codes",
        _table(("code", "meaning"), [(str(int(code)), meaning) for code, meaning in _EXIT_CODES.items()]),
    ]
    return "\n\n".join(parts) + "\n"


def _arguments(arguments: Arguments) -> str:
    required = [f"**{name}**" for name in arguments.required]
    return ", ".join(name.replace("_", "\\_") for name in [*required, *arguments.optional])


# --- options --------------------------------------------------------------------------------------


def _blocks(definitions: dict[str, Schema], start: str, prefix: str) -> Iterator[str]:
    """One heading and table per block, each where it is first reached, in the order of the file."""
    classes = policy_classes()
    pending, places = [start], {start: ""}
    while pending:
        name = pending.pop(0)
        definition, path = definitions[name], places[name]
        if path:
            yield f'### <a id="{_anchor(prefix, path)}"></a>`{path}`'
        yield str(definition.get("description", ""))
        if rules := [rule["errorMessage"] for rule in definition.get("allOf", []) if "errorMessage" in rule]:
            yield "\n".join(f"- {rule[0].upper()}{rule[1:]}." for rule in rules)
        required = definition.get("required", [])
        rows: list[tuple[str, ...]] = []
        below: list[str] = []
        for key, value in definition.get("properties", {}).items():
            blocks = _inner_blocks(value, definitions)
            below += [block for _, block in blocks if block not in places]
            for suffix, block in blocks:
                places.setdefault(block, f"{path}.{key}{suffix}".removeprefix("."))
            links = " or ".join(
                f"[{places[block].rpartition('.')[2]}](#{_anchor(prefix, places[block])})"
                for _, block in blocks
            )
            shown = f"**{key}**" if key in required else key
            rows.append(
                (
                    shown,
                    _type(value, definitions, links),
                    _default(value),
                    _meaning(value, definitions),
                    _change(classes.get((name, key))),
                )
            )
        if rows:
            yield _table(("option", "type", "default", "meaning", "a change may be"), rows)
        pending = below + pending


def _inner_blocks(value: Schema, definitions: dict[str, Schema]) -> list[tuple[str, str]]:
    """The blocks that an option holds, with what its path then ends in."""
    if "$ref" in value:
        name = value["$ref"].rpartition("/")[2]
        if name == "Check":
            presets = _inner_blocks(definitions[name]["then"], definitions)
            return [*presets, (".expect_…", "Expectation")]
        return [("", name)] if definitions[name].get("type") == "object" else []
    if "$ref" in value.get("then", {}) and "else" in value:
        return _inner_blocks(value["then"], definitions)
    value = value.get("then", value)
    if "items" in value:
        return [(f"[]{suffix}", name) for suffix, name in _inner_blocks(value["items"], definitions)]
    return [
        (
            f" ({next(iter(branch['if']['properties'].values()))['const']})",
            branch["then"]["$ref"].rpartition("/")[2],
        )
        for branch in value.get("allOf", [])
        if "then" in branch and "$ref" in branch["then"]
    ]


def _anchor(prefix: str, path: str) -> str:
    plain = path.replace("[]", "").replace(" (", ".").replace(")", "").replace("…", "any")
    return f"{prefix}.{plain}"


def _type(value: Schema, definitions: dict[str, Schema], links: str) -> str:
    if links and "else" in value:
        return f"{_type(value['else'], definitions, '')} or {links}"
    if links:
        return f"list of {links}" if "items" in value else links
    value = referenced(value, definitions)
    if "enum" in value:
        return " · ".join(f"`{choice}`" for choice in value["enum"])
    if isinstance(types := value.get("type"), list):
        return " or ".join(_type({**value, "type": name}, definitions, "") for name in types)
    if value.get("type") == "array":
        return f"list of {_type(value['items'], definitions, '')}"
    names = {"string": "text", "boolean": "true or false", "object": "mapping"}
    kind = names.get(str(value.get("type")), str(value.get("type")))
    low, high = value.get("minimum"), value.get("maximum")
    if low is not None and high is not None:
        kind += f", {low:,.15g} to {high:,.15g}"
    elif low is not None:
        kind += f", at least {low:,.15g}"
    elif (above := value.get("exclusiveMinimum")) is not None:
        kind += f", above {above:,.15g}" + (f", at most {high:,.15g}" if high is not None else "")
    return kind + (f", a multiple of {value['multipleOf']}" if "multipleOf" in value else "")


def _default(value: Schema) -> str:
    if "default" not in value or value["default"] == []:
        return ""
    default: Any = value["default"]
    return f"`{default}`" if isinstance(default, str) else f"`{json.dumps(default)}`"


def _meaning(value: Schema, definitions: dict[str, Schema]) -> str:
    return str(value.get("description") or referenced(value, definitions).get("description", ""))


def _change(known: PolicyClass | None) -> str:
    """What the policy takes a change for; empty for a block, whose own options say it."""
    match known:
        case PolicyClass(effect="weakens", kinds=kinds, where=where):
            named = " or ".join(f"[`{kind}`](policy.md#{kind})" for kind in kinds)
            return f"{named}, where {where}; else another model" if where else named
        case PolicyClass(effect="changes the model"):
            return "another model"
        case PolicyClass():
            return "neutral"
    return ""


# --- conditions, metrics --------------------------------------------------------------------------


def _conditions() -> Iterator[str]:
    header = ("column", "holds", "from", "meaning")
    rows = _column_rows(IMAGE_COLUMNS.values())
    rows.append(("`n_<class>`", "number", "labels", "number of labelled objects of that class"))
    metadata = "joined by `path` ([types](#metadata))"
    rows.append(("every metadata column", "", "`dataset.metadata`", metadata))
    yield "### Columns of `images`\n\n" + _table(header, rows)
    yield (
        "### Scores of images\n\nOnce `flywheel score` has run, a condition of `flywheel query` can name the champion's scores too; they "
        "are NULL for images that it has not scored. In a spec or in flywheel.yaml they are refused: what is selected, or a slice that a "
        "gate judges, would change with every promotion. A metadata column of the same name goes before.\n\n"
        + _table(header, _column_rows(SCORE_COLUMNS.values()))
    )
    yield "### Columns of `objects`\n\n" + _table(header, _column_rows(OBJECT_COLUMNS.values()))
    shapes = ", ".join(f"`{column.name}` ({column.meaning})" for column in UNQUERIED_COLUMNS.values())
    yield f"The file index/objects.parquet also has what no condition can use: {shapes}."
    functions = ", ".join(f"`{name}`" for name in sorted(FUNCTIONS) if name.isidentifier())
    types = ", ".join(f"`{name}`" for name in sorted(TYPES))
    yield f"### Functions\n\n{functions}.\n\nCasts may name {types}."
    yield (
        f"What a condition may cost is limited, since it comes from a pull request: {MAX_LENGTH:,} characters; texts of "
        f"{MAX_TEXT:,} characters made of one row (a column counts as {COLUMN_TEXT:,}); patterns written out in quotes, a regular "
        f"expression of {MAX_STATES} states with its repetitions (`a{{3}}` is 3), {MAX_FIXED} wildcards in LIKE, {MAX_WILDCARDS} in "
        f"ILIKE, GLOB and LIKE with `_`; {CONDITION_SECONDS:.0f} seconds."
    )


def _column_rows(columns: Iterable[Column]) -> list[tuple[str, str, str, str]]:
    return [(f"`{column.name}`", column.kind, column.source, column.meaning) for column in columns]


def _metrics() -> Iterator[str]:
    quality = "Quality, 0 to 1, of every target, also per `slice` and `class`"
    ranking = [name for name, task in TASKS.items() if task.ranked]
    ranked, classified = set(RANKED_METRICS), set(CLASSIFY_METRICS)
    groups = (
        (f"{quality}; {', '.join(ranking)}", [m for m in RANKED_METRICS if m not in classified]),
        (f"{quality}; every task", [m for m in RANKED_METRICS if m in classified]),
        (
            f"{quality}; {', '.join(name for name in TASKS if name not in ranking)}",
            [m for m in CLASSIFY_METRICS if m not in ranked],
        ),
        ("Of an exported artefact, measured on the machine that ran the sprint", COST_METRICS),
        ("Of the sprint", SPRINT_METRICS),
    )
    rows = [
        (
            f'<a id="metric-{name}"></a>`{name}`',
            _METRICS[name],
            "lower" if name in LOWER_IS_BETTER else "higher",
            group,
        )
        for group, names in groups
        for name in names
    ]
    yield _table(("metric", "meaning", "better", "measured"), rows)


def _table(header: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> str:
    lines = [header, ("---",) * len(header), *rows]
    return "\n".join(
        "| " + " | ".join(cell.replace("|", "\\|").replace("\n", " ") for cell in line) + " |"
        for line in lines
    )
