"""Tasks as Label Studio imports them: an image, the key that we find it by, and what the champion predicts.

Label Studio doubles tasks on every import, and gives them numbers of its own; `flywheel_key` in their data says which is which.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from runner.annotators.annotator import Round
from runner.annotators.package import sized_images
from runner.domain.labelling import HandedTask
from runner.writers.label_studio_regions import regions
from runner.writers.losses import Losses
from runner.writers.writer import WriteJob

KEY = "flywheel_key"
TASKS_FILE = "tasks.json"  # as Label Studio's documentation calls what it imports
_REGION = "flywheel-"


def import_task(task: HandedTask, image: str, round_: Round) -> dict[str, Any]:
    """One task.

    Args:
        image: its address, as the server knows it.
    """
    data = {"image": image, KEY: task.key, "path": task.path}
    return {"data": data, "predictions": _predictions(task, round_)}


def made_from(task: HandedTask) -> dict[str, int]:
    """The places of proposals by the ids that their regions have."""
    return {region_id(number): number for number in range(len(task.proposals))}


def region_id(number: int) -> str:
    """What the region of a proposal is called in Label Studio."""
    return f"{_REGION}{number}"


def _predictions(task: HandedTask, round_: Round) -> list[dict[str, Any]]:
    """What the champion predicts, with its scores; none where nothing is proposed: the task then begins empty."""
    if not task.proposals:
        return []
    (image,) = sized_images([task], round_, "label-studio", None)
    job = WriteJob(folder=round_.folder, scheme=round_.scheme, images=[image], losses=Losses())
    results = [
        {**region, "score": proposal.score}
        for number, (item, proposal) in enumerate(zip(image.entry.objects, task.proposals, strict=True))
        for region in regions(region_id(number), item, image, job)
    ]
    mean = sum(proposal.score for proposal in task.proposals) / len(task.proposals)
    return [{"model_version": round_.handed.tag or "champion", "score": round(mean, 6), "result": results}]


def write_package_tasks(folder: Path, round_: Round, places: dict[str, str]) -> None:
    """Puts our tasks in place of those that the writer wrote, whose pre-annotations would be annotations.

    Args:
        folder: the package.
        places: of its images, by the keys of their tasks.
    """
    import msgspec

    tasks = [
        import_task(round_.tasks[key], f"/data/local-files/?d={place}", round_)
        for key, place in places.items()
    ]
    (folder / TASKS_FILE).write_bytes(msgspec.json.encode(tasks))
