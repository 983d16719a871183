"""What types cannot say: which options exclude or need one another, by the block that they belong to."""

from __future__ import annotations

from typing import Any

from runner.domain.options import MAX_COUNT

Schema = dict[str, Any]

_THRESHOLDS = ("min", "max", "max_drop", "min_gain")

QUOTA_IMAGES: Schema = {
    "patternProperties": {
        "^.": {"type": "integer", "minimum": 1, "maximum": MAX_COUNT},
    },
    "additionalProperties": False,
    "minProperties": 1,
}

VARIANT_NAME = "[a-z0-9][a-z0-9-]{0,39}"
METADATA_WEIGHTS: Schema = {
    "patternProperties": {"^.": {"type": "number", "exclusiveMinimum": 0, "maximum": 1e6}},
    "additionalProperties": False,
    "minProperties": 1,
}
VARIANTS: Schema = {
    "patternProperties": {f"^{VARIANT_NAME}$": {"$ref": "#/$defs/Variant"}},
    "additionalProperties": False,
    "errorMessage": "a variant's name has lower-case letters, digits and `-`, at most 40, and does not begin with `-`",
}


def _only(required: tuple[str, ...], refused: tuple[str, ...]) -> Schema:
    return {"required": list(required), "properties": dict.fromkeys(refused, False)}


RULES: dict[str, list[Schema]] = {
    "Dedupe": [
        {
            "if": {"required": ["method"], "properties": {"method": {"enum": ["exact", "embedding"]}}},
            "then": {
                "properties": {
                    "distance": {
                        "not": {},
                        "errorMessage": "a distance is of `method: perceptual`, whose hashes it is between",
                    }
                }
            },
        }
    ],
    "Quota": [
        {
            "anyOf": [{"required": ["max"]}, {"required": ["images"]}],
            "errorMessage": "a quota says how many: `max` of each value, `images` by value, or both",
        }
    ],
    "Sample": [
        {
            "not": {"required": ["balance", "stratify"]},
            "errorMessage": "a sample has equal shares (`balance`) or those of the data (`stratify`), not both",
        }
    ],
    "Gate": [
        {
            "oneOf": [{"required": [name]} for name in _THRESHOLDS],
            "errorMessage": "a gate has exactly one of min, max, max_drop, min_gain",
        },
        {
            "if": {"anyOf": [{"required": ["max_drop"]}, {"required": ["min_gain"]}]},
            "then": {
                "required": ["against"],
                "errorMessage": "max_drop and min_gain compare: add `against: champion` or `against: torch`",
            },
            "else": {
                "properties": {
                    "against": {
                        "not": {},
                        "errorMessage": "`against` belongs to max_drop and min_gain only",
                    }
                }
            },
        },
    ],
    "UltralyticsTrainer": [
        {
            "oneOf": [{"required": ["model"]}, {"required": ["from"]}],
            "errorMessage": "training starts from exactly one of `model` (an architecture or a weights file) and `from` (a "
            "sprint or `champion`)",
        }
    ],
    "Sprint": [
        {
            "properties": {
                "add": {
                    "not": {},
                    "errorMessage": "`add` lengthens inherited lists: it belongs to a spec that `extends` another",
                }
            }
        }
    ],
    "SliceSpec": [
        {
            "oneOf": [
                _only(("name", "where"), ("objects", "by", "auto", "max", "min_images")),
                _only(("name", "objects"), ("where", "by", "auto", "max", "min_images")),
                _only(("by",), ("name", "where", "objects", "auto", "min_images")),
                _only(("auto",), ("name", "where", "objects", "by")),
            ],
            "errorMessage": "a slice has `name` and `where`, `name` and `objects`, `by` (and `max`), or `auto` "
            "(and `max`, `min_images`)",
        }
    ],
    "OpenVinoExporter": [
        {
            "if": {"required": ["precision"], "properties": {"precision": {"const": "int8"}}},
            "then": {
                "required": ["calibration"],
                "errorMessage": "int8 needs calibration images: add `calibration: {split: train, size: 300}`",
            },
            "else": {
                "properties": {
                    "calibration": {
                        "not": {},
                        "errorMessage": "calibration belongs to `precision: int8` only",
                    }
                }
            },
        }
    ],
}
