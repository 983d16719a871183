"""JSON Schemas (draft 2020-12) of flywheel.yaml and of a sprint's spec.

Generated from the typed models, with what their types cannot say: which options exclude or need one another.
The committed files are the contract; at run time nothing is generated.
"""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any, Literal

import msgspec

from runner.annotators import ANNOTATORS
from runner.annotators.label_studio import SERVER_URL
from runner.config.approval_rules import PEOPLE, POLICY_PROPERTIES
from runner.config.project import Project
from runner.config.schema_rules import METADATA_WEIGHTS, QUOTA_IMAGES, RULES, VARIANTS
from runner.config.sprint import Sprint
from runner.domain.evaluation import COST_METRICS, QUALITY_METRICS, SPRINT_METRICS
from runner.domain.options import DATASET_PATH, NEUTRAL, POLICY, Options, weakens
from runner.domain.policy import FindingKind
from runner.layouts import LAYOUTS

Kind = Literal["project", "sprint"]
Schema = dict[str, Any]

FOLDER = Path(__file__).with_name("schemas")
GATE_METRICS = (*QUALITY_METRICS, *COST_METRICS, *SPRINT_METRICS)
_DRAFT = "https://json-schema.org/draft/2020-12/schema"


def schema_path(kind: Kind) -> Path:
    """The committed schema's file."""
    return FOLDER / f"{kind}.schema.json"


@cache
def load_schema(kind: Kind) -> Schema:
    """The committed schema."""
    schema: Schema = json.loads(schema_path(kind).read_bytes())
    return schema


def generate_schema(kind: Kind) -> Schema:
    """The schema as the models say now."""
    model = Project if kind == "project" else Sprint
    raw = msgspec.json.schema(model)
    definitions: dict[str, Schema] = {name: _definition(name, value) for name, value in raw["$defs"].items()}
    root: Schema = {"$ref": f"#/$defs/{model.__name__}"}
    if kind == "project":
        definitions["People"] = PEOPLE
    else:
        definitions["Check"] = {**_CHECK, "then": _tagged_union(_preset_schema())}
        definitions |= _preset_definitions()
        definitions["Expectation"] = _expectation()
        definitions |= _extensions(definitions, "Sprint")
        root = {
            "if": {"type": "object", "required": ["extends"]},
            "then": {"$ref": "#/$defs/SprintExtension"},
            "else": {"$ref": "#/$defs/Sprint"},
        }
    title = "flywheel.yaml" if kind == "project" else "A sprint's spec, specs/NNNN-name.yaml"
    return {"$schema": _DRAFT, "title": title, **root, "$defs": definitions}


def referenced(schema: Schema, definitions: dict[str, Schema]) -> Schema:
    """Follows a `$ref`; other schemas are returned as they are."""
    while "$ref" in schema:
        schema = definitions[schema["$ref"].rpartition("/")[2]]
    return schema


# --- what types cannot say ------------------------------------------------------------------------


_ONCE_MERGED = ("UltralyticsTrainer", "Sprint", "Dedupe", "Quota", "Sample")

# What a pattern asks for, in words: an error says it.
_PATTERNS = {
    r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,79}$": "a name has letters, digits, `_`, `.`, `-`, at most 80",
    r"^[0-9]{4}-[a-z0-9-]{1,60}$": "a sprint's name looks like 0001-first-model",
    r"^(champion|[0-9]{4}-[a-z0-9-]{1,60})$": "`champion`, or a sprint's name: 0001-first-model",
    r"^[a-z][a-z0-9-/]*[a-z0-9]$": "a model's name has lower-case letters, digits, `-` and `/`",
    DATASET_PATH: "a path is relative to the dataset's folder, is written with /, and has no `..`",
    r"^[a-z][a-z0-9-]*$": "a stage has lower-case letters, digits and `-`, and starts with a letter",
    SERVER_URL: "an address is http:// or https:// with a host, without an account, a query or a fragment",
    r"^(s3|gs|az|file)://[^\s*?]+/$": "a place is s3://, gs://, az:// or file://, and ends with /: s3://bucket/folder/",
    r"^[A-Z]{3}$": "a currency has three capital letters (ISO 4217): EUR",
    r"^[1-9][0-9]{0,6}[hms]$": "a time limit is a whole number with its unit: 6h, 90m or 3600s",
    r"^(auto|cpu|cuda(:[0-9]+)?)$": "a device is auto, cpu, cuda, or cuda:0, cuda:1, …",
}

_TAGS = {
    "framework": "What trains the model.",
    "format": "What the model is exported to.",
    "preset": "Which preset.",
    "source": "Whose vectors they are.",
}
_LAYOUT_TAG: dict[str, Schema] = {"format": {"description": "Which layout."}}
_TOOL_TAG: dict[str, Schema] = {"format": {"description": "Which tool, or which format its files have."}}
_PROPERTIES: dict[str, dict[str, Schema]] = {
    "Gate": {"metric": {"enum": list(GATE_METRICS)}},
    "Claim": {"metric": {"enum": list(QUALITY_METRICS)}},
    "Goal": {"metric": {"enum": list(QUALITY_METRICS)}},
    "Evaluate": {"optimizing": {"enum": list(QUALITY_METRICS)}},
    "Sprint": {"checks": {"items": {"$ref": "#/$defs/Check"}}, "variants": VARIANTS},
    "Additions": {"checks": {"items": {"$ref": "#/$defs/Check"}}},
    "Policy": POLICY_PROPERTIES,
    "Quota": {"images": QUOTA_IMAGES},
    "Metadata": {"weights": METADATA_WEIGHTS},
    **{type(layout).__name__: _LAYOUT_TAG for layout in LAYOUTS.values()},
    **{type(tool).__name__: _TOOL_TAG for tool in ANNOTATORS.values()},
}

_CHECK: Schema = {
    "title": "Check",
    "description": "A preset, or one Great Expectations expectation and its arguments.",
    "type": "object",
    "if": {"required": ["preset"]},
    "else": {
        "patternProperties": {"^expect_[a-z0-9_]+$": {"$ref": "#/$defs/Expectation"}},
        "additionalProperties": False,
        "allOf": [
            {
                "minProperties": 1,
                "maxProperties": 1,
                "errorMessage": "a check is a preset (`preset: detection`) or one expectation (`expect_…`)",
            }
        ],
    },
}

_EXPECTATION: Schema = {
    "title": "Expectation",
    "description": "The table, and the arguments by Great Expectations' names (`min_value`, …).",
    "type": "object",
    "properties": {
        "table": {"enum": ["images", "objects"], "description": "The index table that is checked."},
        "column": {"type": "string", "minLength": 1, "description": "A column of that table."},
        "mostly": {
            "type": "number",
            "minimum": 0,
            "maximum": 1,
            "default": 1,
            "description": "Share of rows that must meet it.",
        },
        "severity": {
            "enum": ["error", "warning"],
            "default": "error",
            "description": "An error stops the sprint, a warning is reported.",
        },
        "split": {
            "enum": ["train", "val", "test"],
            "description": "Only this split's rows; all when absent.",
        },
        "description": {"type": "string", "minLength": 1, "description": "What the report says of it."},
    },
    "required": ["table"],
}

EXPECTATION_CLASSES = {
    name: (NEUTRAL if name == "description" else weakens(FindingKind.CHECK_WEAKENED))[POLICY]
    for name in _EXPECTATION["properties"]
}
"""What a change of an expectation's options means for the policy; of its arguments too it may be `check_weakened`."""


# --- from msgspec's schema to ours ----------------------------------------------------------------


def _preset_schema() -> Schema:
    from runner.checks.expectations import Preset

    return msgspec.json.schema(Preset)


def _preset_definitions() -> dict[str, Schema]:
    return {name: _definition(name, value) for name, value in _preset_schema()["$defs"].items()}


def _expectation() -> Schema:
    from runner.checks.expectations import REFUSED_ARGUMENTS

    refused = {"not": {}, "errorMessage": "this argument of Great Expectations is not accepted in a spec"}
    return {**_EXPECTATION, "allOf": [{"properties": dict.fromkeys(sorted(REFUSED_ARGUMENTS), refused)}]}


def _definition(name: str, schema: Schema) -> Schema:
    factories = _factory_defaults().get(name, {})
    overrides = _PROPERTIES.get(name, {})
    properties = {
        key: _property(value | overrides.get(key, {}), factories.get(key))
        for key, value in schema.get("properties", {}).items()
    }
    for tag, meaning in _TAGS.items():
        if tag in properties:
            properties[tag].setdefault("description", meaning)
    for key in overrides.keys() & properties.keys():
        if "enum" in overrides[key]:
            properties[key].pop("type", None)
    description = " ".join(str(schema.get("description", "")).split())
    schema = {**schema, "description": description, "properties": properties}
    return schema | ({"allOf": RULES[name]} if name in RULES else {})


def _property(schema: Schema, default: Any) -> Schema:
    """One option's schema: no explicit null, no block as default, unions told apart by their tag."""
    schema = dict(schema)
    if default is not None:
        schema["default"] = default
    if schema.get("default", 0) is None or isinstance(schema.get("default"), dict):
        del schema["default"]
    if "discriminator" in schema:
        schema = _tagged_union(schema)
    if "anyOf" in schema:
        branches = [branch for branch in schema.pop("anyOf") if branch != {"type": "null"}]
        schema = (branches[0] if len(branches) == 1 else _of_either_type(branches)) | schema
    if "items" in schema:
        schema["items"] = _property(schema["items"], None)
    if "pattern" in schema:
        schema |= {"errorMessage": _PATTERNS[schema["pattern"]], "pattern": _to_the_end(schema["pattern"])}
    return schema


def _of_either_type(branches: list[Schema]) -> Schema:
    """Branches of different types as one schema: a keyword speaks of values of its own type only.

    Unlike `anyOf`, it lets an error say what is wrong with the branch that was meant.
    """
    tagged = next((branch for branch in branches if "discriminator" in branch), None)
    if tagged:
        return _name_or_block(tagged)
    block = next((branch for branch in branches if "$ref" in branch), None)
    if block:
        rest = [branch for branch in branches if branch is not block]
        return {
            "if": {"type": "object"},
            "then": block,
            "else": {**rest[0]} if len(rest) == 1 else _of_either_type(rest),
        }
    merged = {key: value for branch in branches for key, value in branch.items()}
    return merged | {"type": [branch["type"] for branch in branches]}


def _name_or_block(tagged: Schema) -> Schema:
    """A tagged union, of which the tag alone may be written where no option is given."""
    block = _tagged_union(tagged)
    names = block["properties"][tagged["discriminator"]["propertyName"]]
    return {"if": {"type": "object"}, "then": block, "else": names}


def _to_the_end(pattern: str) -> str:
    r"""Python's `$` also matches before a final newline, a JSON Schema's does not: this says it for both."""
    return pattern.removesuffix("$") + r"(?!\n)$"


def _tagged_union(schema: Schema) -> Schema:
    """A union as if/then per tag, so that an error speaks of the branch that was meant."""
    tag, mapping = schema["discriminator"]["propertyName"], schema["discriminator"]["mapping"]
    described = {"description": schema["description"]} if "description" in schema else {}
    return {
        **described,
        "type": "object",
        "required": [tag],
        "properties": {tag: {"enum": sorted(mapping)}},
        "allOf": [
            {
                "if": {"required": [tag], "properties": {tag: {"const": value}}},
                "then": {"$ref": mapping[value]},
            }
            for value in sorted(mapping)
        ],
    }


def _factory_defaults() -> dict[str, dict[str, Any]]:
    """Defaults that are made by a factory, which msgspec's schema leaves out, by model and key."""
    found: dict[str, dict[str, Any]] = {}
    pending: list[type[Options]] = list(Options.__subclasses__())
    for model in pending:
        pending.extend(model.__subclasses__())
        found[model.__name__] = {
            item.encode_name: msgspec.to_builtins(item.default_factory())
            for item in msgspec.structs.fields(model)
            if item.default_factory is not msgspec.NODEFAULT and not isinstance(item.default_factory, type)
        }
    return found


# --- specs that extend another --------------------------------------------------------------------


def _extensions(definitions: dict[str, Schema], start: str) -> dict[str, Schema]:
    """Of `start` and every block inside it, a variant for a spec that `extends`.

    Keys may be left out, and null takes away what the other spec says (JSON Merge Patch, RFC 7396). Lists are
    replaced as a whole, so what is inside them is not relaxed.
    """
    made: dict[str, Schema] = {}
    pending = [start]
    while pending:
        name = pending.pop()
        base = definitions[name]
        keep = {"apiVersion", "kind", "title", "extends"} if name == start else set[str]()
        properties: dict[str, Schema] = {}
        for key, value in base["properties"].items():
            if "$ref" in value:
                block = value["$ref"].rpartition("/")[2]
                pending.extend([block] if f"{block}Extension" not in made else [])
                value = {**value, "$ref": f"#/$defs/{block}Extension"}
            removable = key not in base.get("required", []) and key not in keep
            properties[key] = _or_null(value) if removable else value
        made[f"{name}Extension"] = {
            # which of several options is given is known only once what it extends is merged in
            **{key: value for key, value in base.items() if key != "allOf" or name not in _ONCE_MERGED},
            "title": f"{name}Extension",
            "properties": properties,
            "required": sorted(keep),
        }
    return made


def _or_null(schema: Schema) -> Schema:
    schema = {key: value for key, value in schema.items() if key != "default"}
    if "enum" in schema:
        return {**schema, "enum": [*schema["enum"], None]}
    if "$ref" in schema:
        reference = {"$ref": schema.pop("$ref")}
        return {**schema, "if": {"not": {"type": "null"}}, "then": reference}
    if "if" in schema:
        described = {key: schema.pop(key) for key in ("description",) if key in schema}
        return {**described, "if": {"not": {"type": "null"}}, "then": schema}
    types = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
    return {**schema, "type": [*types, "null"]}
