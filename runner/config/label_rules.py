"""What becomes of wrong labels: the block `dataset.labels` of flywheel.yaml."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal, TypeAlias

from msgspec import Meta

from runner.domain.label_faults import FAULT_KINDS, FaultName, Treatment
from runner.domain.options import Options, weakens
from runner.domain.policy import FindingKind

Refused: TypeAlias = Literal["refuse", "drop"]


def _meta(text: str) -> Meta:
    return Meta(description=text, extra=weakens(FindingKind.CHECK_WEAKENED, FindingKind.TEST_CHANGED))


def _about(name: FaultName) -> Any:
    kind = FAULT_KINDS[name]
    meaning = f"{kind.meaning[0].upper()}{kind.meaning[1:]}."
    return _meta(f"{meaning} `drop` leaves out {kind.dropping}.")


class LabelRules(Options, frozen=True, kw_only=True):
    """What becomes of wrong labels: `refuse` stops the sprint and names them, `drop` leaves them out, `clip` keeps what lies
    in the image. A kind that nothing is said of is refused, but for duplicates (a warning) and labels without image (a note).
    """

    faults: Annotated[
        Refused | None,
        _meta(
            "Of every kind that is not named below; `drop` of those that can be dropped. Labels of another image size and label "
            "files that cannot be read are always refused."
        ),
    ] = None
    malformed: Annotated[Refused | None, _about("malformed")] = None
    unknown_class: Annotated[Refused | None, _about("unknown_class")] = None
    short_polygon: Annotated[Refused | None, _about("short_polygon")] = None
    zero_area: Annotated[Refused | None, _about("zero_area")] = None
    outside: Annotated[
        Treatment | None,
        _meta(
            f"{FAULT_KINDS['outside'].meaning[0].upper()}{FAULT_KINDS['outside'].meaning[1:]}. `clip` keeps what lies in the "
            "image, and leaves out a label of which nothing does; not for task obb, whose boxes would be none once cut."
        ),
    ] = None
    duplicate: Annotated[Refused | None, _about("duplicate")] = None
    mask_size: Annotated[Refused | None, _about("mask_size")] = None
    image_twice: Annotated[Refused | None, _about("image_twice")] = None
    no_image: Annotated[Refused | None, _about("no_image")] = None

    @property
    def treatments(self) -> Mapping[FaultName, Treatment]:
        """What becomes of each kind that something is said of, in the catalogue's order.

        >>> dict(LabelRules(faults="drop", outside="clip").treatments)["outside"], "image_size" in LabelRules(faults="drop").treatments
        ('clip', False)
        """
        said = {kind: getattr(self, kind, None) or self.faults for kind in FAULT_KINDS}
        return {
            kind: treatment
            for kind, treatment in said.items()
            if treatment is not None and len(FAULT_KINDS[kind].allows) > 1
        }
