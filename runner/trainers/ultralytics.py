"""Training with Ultralytics YOLO."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta, field

from runner.domain.options import Fraction, NonNegative, NonNegativeInt, Options, PositiveInt


class Augment(Options, frozen=True, kw_only=True):
    """Augmentation strengths, by Ultralytics' names; what is absent keeps Ultralytics' default."""

    mosaic: Fraction | None = None
    mixup: Fraction | None = None
    copy_paste: Fraction | None = None
    hsv_h: Fraction | None = None
    hsv_s: Fraction | None = None
    hsv_v: Fraction | None = None
    degrees: Annotated[float, Meta(ge=0, le=180)] | None = None
    translate: Fraction | None = None
    scale: Fraction | None = None
    shear: Annotated[float, Meta(ge=0, le=180)] | None = None
    perspective: Annotated[float, Meta(ge=0, le=0.001)] | None = None
    fliplr: Fraction | None = None
    flipud: Fraction | None = None
    erasing: Fraction | None = None
    close_mosaic: NonNegativeInt | None = None


class UltralyticsTrainer(Options, frozen=True, kw_only=True, tag_field="framework", tag="ultralytics"):
    """Ultralytics YOLO, seeded, offline."""

    model: Annotated[
        str,
        Meta(
            min_length=1,
            description="A weights file in the repository (`weights/x.pt`) or an architecture to train from scratch (`yolo26n.yaml`).",
        ),
    ]
    epochs: Annotated[PositiveInt, Meta(le=10000)] = 100
    imgsz: Annotated[int, Meta(ge=32, le=4096, multiple_of=32, description="Input size in pixels (square).")] = 640
    batch: Annotated[PositiveInt, Meta(le=4096)] = 16
    seeds: Annotated[
        list[NonNegativeInt],
        Meta(min_length=1, max_length=20, description="One training per seed; the first is exported and judged, all give the seed spread."),
    ] = field(default_factory=lambda: [0])
    freeze: Annotated[NonNegativeInt | None, Meta(description="Layers of the backbone to freeze.")] = None
    patience: Annotated[NonNegativeInt | None, Meta(description="Stop after so many epochs without gain; 0 or absent never stops.")] = None
    optimizer: Literal["SGD", "Adam", "AdamW", "Adamax", "NAdam", "RAdam", "RMSProp", "MuSGD", "auto"] | None = None
    lr0: Annotated[NonNegative | None, Meta(description="Initial learning rate.")] = None
    lrf: Annotated[NonNegative | None, Meta(description="Final learning rate as a fraction of lr0.")] = None
    cos_lr: bool | None = None
    warmup_epochs: NonNegative | None = None
    weight_decay: NonNegative | None = None
    augment: Augment = Augment()
