"""What a dataset's own splits are for, by their names."""

from __future__ import annotations

from typing import Literal, TypeAlias

Role: TypeAlias = Literal["train", "val", "test", "pool"]

_ROLES: dict[str, Role] = {
    "train": "train",
    "val": "val",
    "dev": "val",
    "test": "test",
    "holdout": "test",
    "pool": "pool",
    "unlabel": "pool",
}


def split_role(name: str | None) -> Role | None:
    """What a layout's split is for, by its name.

    >>> [split_role(name) for name in ("train2017", "valid", "testing", "unlabeled", "extra", None)]
    ['train', 'val', 'test', 'pool', None, None]
    """
    plain = (name or "").lower()
    for beginning, role in _ROLES.items():
        if plain.startswith(beginning):
            return role
    return None
