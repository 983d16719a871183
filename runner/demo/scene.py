"""Scenes: parcels with handwritten labels that move past a fixed camera, a few frames each."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from runner.demo.camera import Camera, Exposure, homography, photograph
from runner.demo.digits import STENCIL_PX, pick_scan, stencil
from runner.demo.textures import SURFACES, Image, cardboard

_SUPERSAMPLE = 2  # drawn at twice the camera's resolution, so that edges are smooth
_BOX_MARGIN = 0.06  # of the digit's height: annotators leave a little air
_MIN_VISIBLE = 0.6
_STICKERS = (
    (0.97, 0.96, 0.92),
    (0.97, 0.96, 0.92),
    (0.98, 0.90, 0.55),
    (0.95, 0.72, 0.45),
    (0.70, 0.88, 0.93),
)
_INKS = ((0.05, 0.05, 0.06), (0.06, 0.08, 0.35), (0.40, 0.05, 0.06))

Matrix = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class Box:
    """A labelled digit; pixels of the picture, `x_max` and `y_max` exclusive."""

    class_id: int
    x_min: float
    y_min: float
    x_max: float
    y_max: float


@dataclass(frozen=True, kw_only=True)
class Item:
    """A digit in a scene. Positions and heights are in fractions of the picture's width and shorter side."""

    class_id: int
    ink: Image  # (64, 64) opacity
    x: float
    y: float
    height: float
    angle: float
    squeeze: float
    ink_colour: tuple[float, float, float]
    sticker: tuple[float, float, float] | None


@dataclass(frozen=True, kw_only=True)
class Scene:
    """What its frames share. `ground` and `parcel` are drawn at twice the camera's size."""

    name: str
    camera: Camera
    exposure: Exposure
    ground: Image
    parcel: Image
    parcel_pose: tuple[float, ...]  # x, y, size, angle
    items: tuple[Item, ...]
    straps: tuple[tuple[float, ...], ...]  # x, y, angle, thickness, shade
    drift: tuple[float, float]  # fractions of the picture per frame


def make_scene(name: str, split: str, camera: Camera, exposure: Exposure, rng: np.random.Generator) -> Scene:
    """Draws everything of a scene that its frames share."""
    height, width = camera.height * _SUPERSAMPLE, camera.width * _SUPERSAMPLE
    direction = rng.uniform(0, 2 * np.pi)
    speed = rng.uniform(0.01, 0.035)
    return Scene(
        name=name,
        camera=camera,
        exposure=exposure,
        ground=SURFACES[rng.integers(len(SURFACES))](height, width, rng),
        parcel=cardboard(height, width, rng),
        parcel_pose=_draw(rng, (0.35, 0.65), (0.35, 0.65), (0.55, 0.85), (-25, 25)),
        items=_place_items(split, rng),
        straps=tuple(
            _draw(rng, (0.1, 0.9), (0.1, 0.9), (0, 180), (0.02, 0.045), (0.1, 0.9))
            for _ in range(rng.choice([0, 0, 1, 1, 2]))
        ),
        drift=(float(np.cos(direction) * speed), float(np.sin(direction) * speed)),
    )  # fmt: skip


def _draw(rng: np.random.Generator, *ranges: tuple[float, float]) -> tuple[float, ...]:
    return tuple(float(rng.uniform(*limits)) for limits in ranges)


def _place_items(split: str, rng: np.random.Generator) -> tuple[Item, ...]:
    """Three to five digits that do not touch each other."""
    wanted = int(rng.integers(3, 6))
    items: list[Item] = []
    for _ in range(60):
        height = rng.uniform(0.11, 0.15) if rng.random() < 0.15 else rng.uniform(0.19, 0.31)
        x, y = rng.uniform(0.15, 0.85, size=2)
        if all(np.hypot(x - other.x, y - other.y) > 0.62 * (height + other.height) for other in items):
            items.append(_make_item(split, x, y, height, rng))
        if len(items) == wanted:
            break
    return tuple(items)


def _make_item(split: str, x: float, y: float, height: float, rng: np.random.Generator) -> Item:
    class_id = int(rng.integers(10))
    return Item(
        class_id=class_id,
        ink=stencil(pick_scan(class_id, split, rng), rng.uniform(0, 1)),
        x=x,
        y=y,
        height=height,
        angle=rng.uniform(-14, 14),
        squeeze=rng.uniform(0.85, 1.1),
        ink_colour=_INKS[rng.integers(len(_INKS))],
        sticker=_STICKERS[rng.integers(len(_STICKERS))] if rng.random() < 0.8 else None,
    )


def render(scene: Scene, frame: int, rng: np.random.Generator) -> tuple[NDArray[np.uint8], list[Box]]:
    """One frame: (height, width, 3) uint8 RGB, and its labels, clipped to the picture."""
    import cv2

    camera = scene.camera
    canvas = scene.ground.copy()
    _draw_parcel(canvas, scene, frame)
    inks = [_draw_item(canvas, item, _pose(scene, item, frame, rng)) for item in scene.items]
    hidden = _draw_straps(canvas, scene, frame)
    clean = cv2.resize(canvas, (camera.width, camera.height), interpolation=cv2.INTER_AREA)
    boxes = [
        box
        for item, ink in zip(scene.items, inks, strict=True)
        if (box := _box(item.class_id, ink, hidden)) is not None
    ]
    return photograph(clean, camera, scene.exposure, rng), boxes


def _pose(scene: Scene, item: Item, frame: int, rng: np.random.Generator) -> Matrix:
    """Stencil pixels to canvas pixels, (3, 3): size, turn, place, drift, then the camera's viewpoint."""
    camera = scene.camera
    scale = item.height * min(camera.width, camera.height) / (STENCIL_PX * 0.8)  # a scan fills 8 of 10 cells
    angle = np.deg2rad(item.angle + rng.uniform(-1.5, 1.5))
    drift_x, drift_y = _moved(scene, frame)
    cos, sin = np.cos(angle) * scale, np.sin(angle) * scale
    x = (item.x + drift_x) * camera.width + rng.uniform(-0.5, 0.5)
    y = (item.y + drift_y) * camera.height + rng.uniform(-0.5, 0.5)
    centre = np.array([(1, 0, -STENCIL_PX / 2), (0, 1, -STENCIL_PX / 2), (0, 0, 1)])
    turn = np.array([(cos * item.squeeze, -sin, x), (sin * item.squeeze, cos, y), (0, 0, 1)])
    pose: Matrix = _to_canvas(camera) @ turn @ centre
    return pose


def _moved(scene: Scene, frame: int) -> tuple[float, float]:
    """How far everything has moved from its place in frame 1, in fractions of the picture."""
    step = frame - 1
    return scene.drift[0] * step, scene.drift[1] * step


def _to_canvas(camera: Camera) -> Matrix:
    matrix: Matrix = np.diag((_SUPERSAMPLE, _SUPERSAMPLE, 1.0)) @ homography(camera)
    return matrix


def _draw_item(canvas: Image, item: Item, pose: Matrix) -> Image:
    """Draws the sticker, its shadow and the ink; returns the ink's opacity on the canvas."""
    import cv2

    size = (canvas.shape[1], canvas.shape[0])
    if item.sticker is not None:
        margin = STENCIL_PX // 8
        label = np.zeros((STENCIL_PX + 2 * margin, STENCIL_PX + 2 * margin), np.float32)
        cv2.rectangle(label, (6, 4), (label.shape[1] - 7, label.shape[0] - 5), 1.0, -1)
        shift = np.array([(1, 0, -margin), (0, 1, -margin), (0, 0, 1.0)])
        sheet = cv2.warpPerspective(cv2.GaussianBlur(label, (0, 0), 1.0), pose @ shift, size)
        shadow = cv2.GaussianBlur(np.roll(sheet, (4, 3), axis=(0, 1)), (0, 0), 3.0)
        canvas *= 1 - 0.35 * shadow[..., None]
        _blend(canvas, sheet, item.sticker)
    ink: Image = cv2.warpPerspective(item.ink, pose, size)
    _blend(canvas, 0.92 * ink, item.ink_colour if item.sticker else _readable_on(canvas, ink))
    return ink


def _readable_on(canvas: Image, ink: Image) -> tuple[float, float, float]:
    """Black marker on a light surface, white on a dark one."""
    under = canvas[ink > 0.5]
    return (0.04, 0.04, 0.05) if not len(under) or under.mean() > 0.42 else (0.95, 0.95, 0.93)


def _draw_parcel(canvas: Image, scene: Scene, frame: int) -> None:
    """A cardboard box with tape that drifts with its labels."""
    import cv2

    camera = scene.camera
    x, y, size, angle = scene.parcel_pose
    drift_x, drift_y = _moved(scene, frame)
    centre = ((x + drift_x) * camera.width, (y + drift_y) * camera.height)
    corners = cv2.boxPoints((centre, (size * camera.width, size * 0.8 * camera.height), angle))
    corners = cv2.perspectiveTransform(corners[None].astype(np.float32), _to_canvas(camera))[0]
    mask = np.zeros(canvas.shape[:2], np.float32)
    cv2.fillConvexPoly(mask, np.round(corners).astype(np.int32), 1.0, cv2.LINE_AA)
    canvas *= 1 - 0.4 * cv2.GaussianBlur(mask, (0, 0), 6.0)[..., None]
    canvas += (scene.parcel - canvas) * mask[..., None]
    tape = np.zeros_like(mask)
    ends = np.round([(corners[0] + corners[1]) / 2, (corners[2] + corners[3]) / 2]).astype(np.int32)
    cv2.line(tape, ends[0].tolist(), ends[1].tolist(), 1.0, max(4, canvas.shape[1] // 30), cv2.LINE_AA)
    _blend(canvas, 0.5 * tape * mask, (0.80, 0.70, 0.52))


def _draw_straps(canvas: Image, scene: Scene, frame: int) -> Image:
    """Straps across everything: the occlusion. Returns their opacity, (H, W)."""
    import cv2

    height, width = canvas.shape[:2]
    hidden = np.zeros((height, width), np.float32)
    drift_x, drift_y = _moved(scene, frame)
    for x, y, angle, thickness, shade in scene.straps:
        centre = np.array([(x + drift_x) * width, (y + drift_y) * height])
        along = np.array([np.cos(np.deg2rad(angle)), np.sin(np.deg2rad(angle))]) * 2 * width
        ends = np.round([centre - along, centre + along]).astype(np.int32)
        strap = np.zeros_like(hidden)
        cv2.line(strap, ends[0].tolist(), ends[1].tolist(), 1.0, max(3, int(thickness * width)), cv2.LINE_AA)
        _blend(canvas, strap, (shade, shade, shade * 0.9))
        hidden = np.maximum(hidden, strap)
    return hidden


def _blend(canvas: Image, opacity: Image, colour: tuple[float, float, float]) -> None:
    canvas += (np.array(colour, np.float32) - canvas) * opacity[..., None]


def _box(class_id: int, ink: Image, hidden: Image) -> Box | None:
    """The digit's box in pixels of the picture; None when too little of it can be seen."""
    rows, columns = np.nonzero(ink > 0.5)
    if not len(rows) or (ink * (1 - hidden)).sum() < _MIN_VISIBLE * ink.sum():
        return None
    height, width = (side / _SUPERSAMPLE for side in ink.shape)
    top, bottom = rows.min() / _SUPERSAMPLE, (rows.max() + 1) / _SUPERSAMPLE
    left, right = columns.min() / _SUPERSAMPLE, (columns.max() + 1) / _SUPERSAMPLE
    margin = _BOX_MARGIN * (bottom - top)
    return Box(
        class_id=class_id,
        x_min=max(0.0, left - margin),
        y_min=max(0.0, top - margin),
        x_max=min(width, right + margin),
        y_max=min(height, bottom + margin),
    )
