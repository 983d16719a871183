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

# Where an image is named for several splits: what it is judged by counts, so that nothing is trained on and judged.
_PRECEDENCE: tuple[Role, ...] = ("train", "val", "test")


def folder_of_split(path: str) -> str | None:
    """The first folder of an image's path that is called like a split.

    >>> folder_of_split("images/valid/a/x.jpg"), folder_of_split("project-1/images/x.jpg")
    ('valid', None)
    """
    return next((name for name in path.split("/")[:-1] if split_role(name)), None)


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


def split_weight(name: str | None) -> int:
    """Which of several splits an image is in that is named for all of them: the one of the greatest weight.

    >>> [split_weight(name) for name in (None, "train", "valid", "test")]
    [-1, 0, 1, 2]
    """
    role = split_role(name)
    return _PRECEDENCE.index(role) if role in _PRECEDENCE else -1
