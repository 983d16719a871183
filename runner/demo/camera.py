"""Cameras and light: from a clean picture to what the sensor would have written."""

from __future__ import annotations

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from runner.demo.textures import Image
from runner.domain.records import Record


class Camera(Record, frozen=True, kw_only=True):
    """One fixed camera.

    Attributes:
        tilt: perspective foreshortening towards the top edge; 0 looks straight down.
        cast: gain of red, green and blue.
        blur_px: the lens's blur.
        noise: read noise, standard deviation in [0, 1].
        jpeg_quality: of the files it writes.
    """

    name: str
    width: int
    height: int
    tilt: float
    cast: tuple[float, float, float]
    vignette: float
    blur_px: float
    noise: float
    jpeg_quality: int


CAMERAS = (
    Camera(name="dock-a", width=224, height=224, tilt=0.00, cast=(1.00, 1.00, 1.00),
           vignette=0.15, blur_px=0.4, noise=0.012, jpeg_quality=86),
    Camera(name="dock-b", width=224, height=192, tilt=0.10, cast=(1.06, 1.00, 0.88),
           vignette=0.35, blur_px=0.6, noise=0.022, jpeg_quality=84),
    Camera(name="gate", width=192, height=224, tilt=0.18, cast=(0.92, 1.00, 1.08),
           vignette=0.25, blur_px=0.7, noise=0.018, jpeg_quality=82),
)  # fmt: skip


class Light(Record, frozen=True, kw_only=True):
    """A kind of light; ranges are drawn from once per scene.

    Attributes:
        brightness: the picture's mean luminance in [0, 1] after exposure.
        contrast: 1 keeps it; less is haze.
        noise: factor on the camera's own (a sensor's gain at night).
    """

    name: str
    brightness: tuple[float, float]
    contrast: tuple[float, float]
    noise: float


DAYLIGHT = Light(name="daylight", brightness=(0.42, 0.60), contrast=(0.9, 1.05), noise=1.0)
OVERCAST = Light(name="overcast", brightness=(0.36, 0.52), contrast=(0.75, 0.95), noise=1.2)
LAMP = Light(name="lamp", brightness=(0.33, 0.46), contrast=(0.85, 1.05), noise=1.5)
NIGHT = Light(name="night", brightness=(0.055, 0.12), contrast=(0.5, 0.75), noise=2.8)
BRIGHT_LIGHTS = (DAYLIGHT, OVERCAST, LAMP)


class Exposure(Record, frozen=True, kw_only=True):
    """One scene's light as drawn. `lamp_xy` is in fractions of the picture, `motion_px` a horizontal blur."""

    light: Light
    brightness: float
    contrast: float
    lamp_xy: tuple[float, float]
    lamp_share: float
    motion_px: float


def draw_exposure(light: Light, rng: Generator) -> Exposure:
    """The scene's own values within the light's ranges."""
    return Exposure(
        light=light,
        brightness=float(rng.uniform(*light.brightness)),
        contrast=float(rng.uniform(*light.contrast)),
        lamp_xy=(float(rng.uniform(0.1, 0.9)), float(rng.uniform(0.1, 0.9))),
        lamp_share=float(
            rng.uniform(0.35, 0.65) if light.name in ("lamp", "night") else rng.uniform(0.0, 0.25)
        ),
        motion_px=float(rng.choice([0.0, 0.0, 0.0, 1.5, 2.5])),
    )


def homography(camera: Camera) -> NDArray[np.float64]:
    """The (3, 3) viewpoint of a tilted camera, on pixels of its picture; identity without tilt."""
    import cv2

    right, bottom, inset = camera.width, camera.height, camera.width * camera.tilt / 2
    source = np.array([(0, 0), (right, 0), (right, bottom), (0, bottom)], np.float32)
    target = np.array([(inset, 0), (right - inset, 0), (right + inset, bottom), (-inset, bottom)], np.float32)
    matrix: NDArray[np.float64] = cv2.getPerspectiveTransform(source, target)
    return matrix


def photograph(clean: Image, camera: Camera, exposure: Exposure, rng: Generator) -> NDArray[np.uint8]:
    """What the camera records: (height, width, 3) uint8 RGB.

    Args:
        clean: the scene's reflectance, float32 RGB in [0, 1], of the camera's size.
        rng: this frame's own, for sensor noise and flicker.
    """
    import cv2

    picture = clean * _illumination(camera, exposure)[..., None] * np.array(camera.cast, np.float32)
    picture = picture.mean() + (picture - picture.mean()) * exposure.contrast
    picture = cv2.GaussianBlur(np.clip(picture, 0, None), (0, 0), camera.blur_px)
    if exposure.motion_px:
        width = 2 * int(np.ceil(exposure.motion_px)) + 1
        picture = cv2.blur(picture, (width, 1))
    goal = exposure.brightness * rng.uniform(0.97, 1.03)
    for _ in range(3):  # clipping eats light: expose again until the mean is right
        picture *= goal / max(1e-6, float(np.clip(luminance(picture), 0, 1).mean()))
    sigma = camera.noise * exposure.light.noise
    grain = rng.standard_normal(picture.shape).astype(np.float32)
    picture += grain * sigma * np.sqrt(0.5 + np.clip(picture, 0, 1))  # read noise and shot noise
    recorded: NDArray[np.uint8] = np.clip(picture * 255 + 0.5, 0, 255).astype(np.uint8)
    return recorded


def luminance(rgb: Image) -> Image:
    """Rec. 601 luma, as JPEG and OpenCV define grey: (H, W, 3) -> (H, W)."""
    grey: Image = rgb @ np.array((0.299, 0.587, 0.114), np.float32)
    return grey


def _illumination(camera: Camera, exposure: Exposure) -> Image:
    """Light falling on each pixel, (H, W): a lamp's pool of light, and the lens's vignette."""
    rows, columns = np.mgrid[0 : 1 : camera.height * 1j, 0 : 1 : camera.width * 1j].astype(np.float32)
    lamp_x, lamp_y = exposure.lamp_xy
    from_lamp = (columns - lamp_x) ** 2 + (rows - lamp_y) ** 2
    pool = 1 - exposure.lamp_share + exposure.lamp_share * np.exp(-from_lamp / 0.18)
    from_centre = (columns - 0.5) ** 2 + (rows - 0.5) ** 2
    light: Image = (pool * (1 - camera.vignette * 2 * from_centre)).astype(np.float32)
    return light
