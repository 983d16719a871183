"""data.yaml as Ultralytics and `flywheel init` read it: where the splits lie, the classes, the skeleton."""

from __future__ import annotations

from typing import Any

from runner.adapters.system.yaml_text import dump
from runner.dataset.split_names import split_role
from runner.layouts.skeleton import mirrored
from runner.writers.writer import WriteJob

ROLES = ("train", "val", "test")


def data_yaml_text(job: WriteJob) -> str:
    """Folders of several splits with one role (train2014 and train2017) are a list; splits of no role are not named."""
    document: dict[str, Any] = {}
    splits = dict.fromkeys(sorted({image.entry.split for image in job.images if image.entry.split}))
    for role in ROLES:
        folders = [f"images/{name}" for name in splits if split_role(name) == role]
        if folders:
            document[role] = folders[0] if len(folders) == 1 else folders
    document["names"] = dict(enumerate(job.scheme.classes))
    if skeleton := job.scheme.keypoints:
        document["kpt_shape"] = [len(skeleton.names), 3]
        document["flip_idx"] = skeleton.flip or mirrored(skeleton.names)
        document["kpt_names"] = {at: list(skeleton.names) for at in range(len(job.scheme.classes))}
    return dump(document)


def absent_splits(job: WriteJob) -> str:
    """Those of train and val that the dataset does not have, in words."""
    roles = {split_role(image.entry.split) for image in job.images}
    return " and no ".join(role for role in ROLES[:2] if role not in roles)
