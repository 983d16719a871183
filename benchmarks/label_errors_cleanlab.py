"""What `label_errors.py` runs in an interpreter with cleanlab 2.9: its order of the labels, or of the predictions for overlooked ones."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
from cleanlab.object_detection.rank import (
    compute_badloc_box_scores,
    compute_overlooked_box_scores,
    compute_swap_box_scores,
)


def main(folder: Path, kind: str) -> None:
    data = np.load(folder / "in.npz")
    classes, images = int(data["classes"]), len(data["fold"])
    labels, predictions, label_rows, found_rows = [], [], [], []
    for image in range(images):
        own = np.flatnonzero(data["image"] == image)
        labels.append({"bboxes": data["boxes"][own].astype(np.float32), "labels": data["label"][own]})
        label_rows.append(own)
        theirs = np.flatnonzero(data["found_image"] == image)
        rows = [theirs[data["found_label"][theirs] == name] for name in range(classes)]
        table = np.column_stack([data["found_boxes"], data["found_score"]]).astype(np.float32)
        predictions.append(np.array([table[each] for each in rows] + [None], dtype=object)[:-1])
        found_rows.append(np.concatenate(rows).astype(np.int64))
    score_of = {
        "wrong_class": compute_swap_box_scores,
        "missed": compute_overlooked_box_scores,
    }.get(kind, compute_badloc_box_scores)
    scores = score_of(labels=labels, predictions=predictions)
    rows = found_rows if kind == "missed" else label_rows
    flat = np.concatenate([np.asarray(each, float).reshape(-1) for each in scores])
    order = np.argsort(np.where(np.isnan(flat), np.inf, flat), kind="stable")
    np.save(folder / "out.npy", np.concatenate(rows)[order])


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
