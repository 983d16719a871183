"""The plan's records."""

from __future__ import annotations

from enum import StrEnum

from msgspec import UNSET, UnsetType

from runner.domain.labelling import SliceCoverage
from runner.domain.records import Record
from runner.domain.verdict import Wear
from runner.record.rounds import Round


class Action(StrEnum):
    """What will happen to a stage."""

    RUN = "RUN"
    CACHED = "CACHED"


class StagePlan(Record, frozen=True, kw_only=True):
    """One stage: RUN or CACHED, and why.

    Attributes:
        stored: outputs that an earlier run wrote and that are not here; nothing that the stage depends on changed.
        absent_only: it would run for no other reason than outputs that are not here, its own or an earlier stage's.
        recorded: the key of the same run in another sprint's record, which `run --pull` takes over; `outs` are its.
    """

    stage: str
    action: Action
    reasons: list[str]
    outs: dict[str, str] = {}  # of a CACHED or recorded stage: output → its md5 in DVC
    forecast_s: float | None = None
    stored: dict[str, str] = {}  # output → its md5 in DVC
    absent_only: bool = False
    recorded: str | None = None


class SplitPlan(Record, frozen=True, kw_only=True):
    """What will be selected for a split, beside the champion's (`None`: no champion, or unknown)."""

    split: str
    images: int
    objects: int
    champion_images: int | None = None
    champion_objects: int | None = None
    per_class: dict[str, int] = {}


class Forecast(Record, frozen=True, kw_only=True):
    """Time and money of the stages that will run; `None` where there is no history."""

    seconds: float | None
    cost: float | None
    currency: str
    basis: str


class PlannedBatch(Record, frozen=True, kw_only=True):
    """The images that a sprint would have labelled, as they were drawn.

    Attributes:
        into: the split that they go to. `pool`: how many images they were drawn from.
        arms: images of each. `labels`: how many are expected, of all annotators.
        coverage: of each slice with images of the batch.
        sheet: the contact sheet's path from the repository's top; empty where there is none.
    """

    into: str
    pool: int
    arms: dict[str, int]
    labels: float | None = None
    price: float | None = None
    currency: str = ""
    coverage: list[SliceCoverage] = []
    sheet: str = ""


class PlannedVariant(Record, frozen=True, kw_only=True):
    """What a run will do for one variant, once the sprint's own stages have run.

    Attributes:
        trouble: why that cannot be told; there is no forecast then.
    """

    name: str
    stages: list[StagePlan] = []
    forecast: Forecast | None = None
    trouble: str = ""

    @property
    def runs(self) -> list[str]:
        """The stages that will run."""
        return [stage.stage for stage in self.stages if stage.action is Action.RUN]


class PlannedFetch(Record, frozen=True, kw_only=True):
    """What `--pull` would fetch of a dataset that is not on this machine.

    Attributes:
        files, bytes: of what would be fetched; None where its pointer does not say.
        of_files, of_bytes: of the whole dataset.
        why: the reason why all of it is needed; empty where only what is looked at is fetched.
    """

    files: int | None
    bytes: int | None
    of_files: int | None
    of_bytes: int | None
    why: str = ""


class Plan(Record, frozen=True, kw_only=True):
    """What `flywheel run` will do with one sprint.

    Attributes:
        ancestors: the sprint whose model is fine-tuned, then those that it came from; none where training starts elsewhere.
        dropped: what the spec leaves out of the lists of the one it extends, each with its place.
        champion_unknown: why it is not known who holds the stage, and what to type; gates against it are not measured then.
        wear: how often the test split has been used to decide; None while the split is not known.
        round: how far its labels are; left out where it asks for none, or was judged.
        pool: images of the pool that nobody labelled; left out where there is no pool, or it is not counted yet.
        fetch: what of the dataset this machine lacks; left out where it lacks nothing that is looked at.
        batch: what was drawn to be labelled; left out where nothing was, or the sprint was judged.
        variants: what is made beside it; left out where it has none.
    """

    sprint: str
    title: str
    stages: list[StagePlan]
    splits: list[SplitPlan]
    data_note: str
    forecast: Forecast
    gates: list[str]
    champion: str | None = None
    ancestors: list[str] = []
    dropped: list[str] = []
    champion_unknown: str = ""
    wear: Wear | None = None
    round: Round | UnsetType = UNSET
    pool: int | UnsetType = UNSET
    batch: PlannedBatch | UnsetType = UNSET
    variants: list[PlannedVariant] | UnsetType = UNSET
    fetch: PlannedFetch | UnsetType = UNSET

    @property
    def runs(self) -> list[str]:
        """The stages that will run."""
        return [stage.stage for stage in self.stages if stage.action is Action.RUN]
