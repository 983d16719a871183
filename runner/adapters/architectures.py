"""Names of the detection architectures that Ultralytics can train from scratch. Imports nothing heavy."""

from __future__ import annotations

import importlib.util
import re
from functools import cache
from pathlib import Path

_SCALED = re.compile(r"^(yolov?\d+)([nslmx])(-[a-z0-9-]+)?$")
# These need text embeddings or a trainer of their own.
_OTHER_TRAINERS = ("yoloe", "world", "-seg", "-pose", "-obb", "-cls", "-sem", "-depth", "rtdetr")


@cache
def architecture_files() -> dict[str, Path]:
    """Each architecture's name (`yolo26n.yaml`) with the file that defines it; empty without ultralytics."""
    found = importlib.util.find_spec("ultralytics")
    if found is None or not found.submodule_search_locations:
        return {}
    files = {}
    for path in sorted((Path(found.submodule_search_locations[0]) / "cfg" / "models").rglob("yolo*.yaml")):
        if any(word in path.stem for word in _OTHER_TRAINERS):
            continue
        text = path.read_text(encoding="utf-8")
        if not re.search(r"\bDetect\b", text):
            continue
        for scale in re.findall(r"^  ([nslmx]): \[", text, flags=re.MULTILINE) or [""]:
            files[_with_scale(path.stem, scale)] = path
    return files


def architecture_scale(name: str) -> str:
    """The scale letter in `yolo26n.yaml`; empty where the architecture has none."""
    match = _SCALED.match(name.removesuffix(".yaml"))
    return match[2] if match else ""


def _with_scale(stem: str, scale: str) -> str:
    head = re.match(r"yolov?\d+", stem)
    return f"{stem[: head.end()]}{scale}{stem[head.end() :]}.yaml" if head else f"{stem}.yaml"
