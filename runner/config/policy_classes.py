"""The policy class of every option that flywheel.yaml, a spec or a check may have, as their models declare it."""

from __future__ import annotations

from collections.abc import Iterator

from msgspec import inspect

from runner.config.project import Project
from runner.config.schema import EXPECTATION_CLASSES
from runner.config.sprint import Sprint
from runner.domain.options import POLICY, PolicyClass, weakens
from runner.domain.policy import FindingKind

Declared = dict[tuple[str, str], PolicyClass | None]


def policy_classes() -> Declared:
    """By block (the model's name, as in the schema) and option; None where an option declares none.

    An option that is nothing but a block has no class of its own: its options have. The tag of a union (`format: onnx`) has
    that of the option that holds it.
    """
    from runner.checks.expectations import Preset

    declared: Declared = {("Expectation", name): known for name, known in EXPECTATION_CLASSES.items()}
    checks = weakens(FindingKind.CHECK_WEAKENED)[POLICY]
    pending: list[tuple[inspect.Type, PolicyClass | None]] = [
        (inspect.type_info(model), known)
        for model, known in ((Project, None), (Sprint, None), (Preset, checks))
    ]
    seen: set[str] = set()
    while pending:
        block, holder = pending.pop(0)
        for part in _parts(block):
            if not isinstance(part, inspect.StructType) or part.cls.__name__ in seen:
                continue
            name = part.cls.__name__
            seen.add(name)
            if part.tag_field is not None:
                declared[name, part.tag_field] = holder
            for option in part.fields:
                known = _declared(option.type)
                pending.append((option.type, known))
                if known is not None or not _is_block(option.type):
                    declared[name, option.encode_name] = known
    return declared


def _parts(kind: inspect.Type) -> Iterator[inspect.Type]:
    """The type and all that it is made of."""
    yield kind
    match kind:
        case (
            inspect.Metadata(type=inner)
            | inspect.ListType(item_type=inner)
            | inspect.DictType(value_type=inner)
        ):
            yield from _parts(inner)
        case inspect.UnionType(types=inner):
            for each in inner:
                yield from _parts(each)


def _declared(kind: inspect.Type) -> PolicyClass | None:
    match kind:
        case inspect.Metadata(extra=extra, type=inner):
            return (extra or {}).get(POLICY) or _declared(inner)
        case inspect.UnionType(types=inner):
            return next(filter(None, map(_declared, inner)), None)
    return None


def _is_block(kind: inspect.Type) -> bool:
    match kind:
        case inspect.Metadata(type=inner):
            return _is_block(inner)
        case inspect.UnionType(types=inner):
            return all(map(_is_block, inner))
    return isinstance(kind, inspect.StructType)
