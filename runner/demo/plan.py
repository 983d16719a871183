"""Which scenes there are: cameras, light and time of every scene, before a pixel is drawn."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import numpy as np

from runner.demo.camera import BRIGHT_LIGHTS, CAMERAS, DAYLIGHT, NIGHT, OVERCAST, Camera, Light
from runner.demo.counts import FRAMES_PER_SCENE, SPLITS, Counts

# The planted weakness: night is rare in what the first model learns from, common where it is judged.
NIGHT_SHARE = {"train": 0.02, "val": 0.07, "test": 0.30, "pool": 0.40}
_SPLIT_KEYS = {split: index for index, split in enumerate(SPLITS)}
_FIRST_DAY = datetime(2026, 3, 2, tzinfo=UTC)


@dataclass(frozen=True, kw_only=True)
class ScenePlan:
    """One scene to be drawn. `key` seeds it: its pixels do not depend on how many scenes there are."""

    name: str
    split: str
    frames: int
    camera: Camera
    light: Light
    weather: str
    captured_at: datetime
    key: tuple[int, int]

    def file_name(self, frame: int) -> str:
        return f"{self.name}_{frame:02d}.jpg"

    def metadata(self, frame: int) -> dict[str, str]:
        """The columns of metadata.csv, without `path`."""
        moment = self.captured_at + timedelta(milliseconds=400 * frame)
        return {
            "camera": self.camera.name,
            "scene": self.name,
            "captured_at": moment.isoformat(timespec="milliseconds"),
            "weather": self.weather,
            "lighting": self.light.name,
        }  # fmt: skip


def plan_scenes(counts: Counts, seed: int) -> list[ScenePlan]:
    """The scenes of every split, in order; scenes never straddle splits."""
    images = {
        "train": counts.train,
        "val": counts.val - _duplicates_in(counts, "val"),
        "test": counts.test - _duplicates_in(counts, "test"),
        "pool": counts.pool,
    }
    return [scene for split in SPLITS for scene in _plan_split(split, max(0, images[split]), seed)]


def scene_name(camera: str, split: str, index: int) -> str:
    """Unique over all splits: no scene may be in two of them."""
    return f"{camera}-{1000 * _SPLIT_KEYS[split] + index:04d}"


def _duplicates_in(counts: Counts, split: str) -> int:
    """Near-duplicates are part of their split's size: a third in val, the rest in test."""
    in_val = counts.near_duplicates // 3
    return in_val if split == "val" else counts.near_duplicates - in_val


def _plan_split(split: str, images: int, seed: int) -> list[ScenePlan]:
    scenes = -(-images // FRAMES_PER_SCENE[split])
    nights = round(scenes * NIGHT_SHARE[split])
    plans = []
    for index in range(scenes):
        rng = np.random.default_rng((seed, _SPLIT_KEYS[split], index, 0))
        # Spread evenly, and away from the last scene, which may be cut short.
        night = (2 * (index + 1) * nights // scenes + 1) // 2 > (2 * index * nights // scenes + 1) // 2
        plans.append(
            _plan_scene(
                split, index, NIGHT if night else BRIGHT_LIGHTS[rng.integers(len(BRIGHT_LIGHTS))], rng
            )
        )
    if plans:
        plans[-1] = replace(plans[-1], frames=images - FRAMES_PER_SCENE[split] * (scenes - 1))
    return plans


def _plan_scene(split: str, index: int, light: Light, rng: np.random.Generator) -> ScenePlan:
    camera = CAMERAS[int(rng.integers(len(CAMERAS)))]
    hour = rng.uniform(22, 28) if light is NIGHT else rng.uniform(8, 18)
    captured_at = _FIRST_DAY + timedelta(days=int(rng.integers(60)), seconds=round(hour * 3600))
    outside = camera.name == "gate" and light in (DAYLIGHT, OVERCAST, NIGHT)
    weathers = ("clear",) if light is DAYLIGHT else ("rain", "fog", "snow", "clear")
    return ScenePlan(
        name=scene_name(camera.name, split, index),
        split=split,
        frames=FRAMES_PER_SCENE[split],
        camera=camera,
        light=light,
        weather=weathers[rng.integers(len(weathers))] if outside else "indoor",
        captured_at=captured_at,
        key=(_SPLIT_KEYS[split], index),
    )
