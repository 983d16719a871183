"""A trained model made ready for another class map: what it knows of a class goes with the class's name."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from runner.adapters.models.torch_models import new_module


def for_classes(module: Any, class_names: Sequence[str]) -> Any:
    """The module with its class outputs in the order of `class_names`.

    Outputs of a class that both know are carried over by name; those of new classes start from fresh weights, and those of
    classes that are gone are dropped. All other weights stay.

    Args:
        module: as `load_model` gives it, with its own class names.
    """
    import torch

    known = {name: position for position, name in module.names.items()}
    if list(known) == list(class_names):
        return module
    made = new_module(module.task, dict(module.yaml), list(class_names), module.base_classes)
    rows = set(_class_layers(module)) & set(_class_layers(made))
    kept = [(position, known[name]) for position, name in enumerate(class_names) if name in known]
    before, after = module.state_dict(), made.state_dict()
    with torch.no_grad():
        for name, tensor in after.items():
            old = before.get(name)
            if old is None or old.shape[1:] != tensor.shape[1:]:
                continue
            if name in rows:
                for new, position in kept:
                    tensor[new] = old[position]
            elif old.shape == tensor.shape:
                tensor.copy_(old)
    return made


def _class_layers(module: Any) -> Iterator[str]:
    """The tensors with one row per class, by their names in the state.

    Source: `BaseModel._remap_cls_by_names` of ultralytics/nn/tasks.py (8.4), and `Classify.linear`.
    """
    from ultralytics.nn.modules.head import Classify, Detect

    for name, layer in module.named_modules():
        if isinstance(layer, Classify):
            yield from (f"{name}.linear.{part}" for part in ("weight", "bias"))
        if not isinstance(layer, Detect):
            continue
        branches = {
            f"{kind}.{position}": branch
            for kind in ("cv3", "one2one_cv3")
            for position, branch in enumerate(getattr(layer, kind, None) or ())
        }
        branches["proto.semseg"] = getattr(getattr(layer, "proto", None), "semseg", None)
        for place, branch in branches.items():
            if branch is not None:
                yield from (f"{name}.{place}.{len(branch) - 1}.{part}" for part in ("weight", "bias"))
