"""What a sprint's record consists of: every file and folder of `reports/<sprint>/`, once.

Which names digests.json holds, what a bundle may bring, what DVC keeps, what `verify` makes again: all of that is said here of
each file, and nowhere else.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import KW_ONLY, dataclass
from pathlib import Path, PurePosixPath
from typing import Any, Generic, Literal, TypeAlias, TypeVar, overload

import msgspec

from runner.adapters.git.repository import read_file
from runner.domain.annotation_quality import AnnotationQuality
from runner.domain.cross_validation import CrossValidation, Folds
from runner.domain.drift import Drift
from runner.domain.error_analysis import Errors, Gallery
from runner.domain.errors import ExitCode, FlywheelError, Where
from runner.domain.evaluation import Evaluation
from runner.domain.files import encode_json, read_json, write_bytes, write_json
from runner.domain.label_issues import LabelIssues
from runner.domain.labelling import Batch, HandedOut
from runner.domain.leaking import Copies
from runner.domain.policy import Agreed
from runner.domain.records import (
    Benchmark,
    Checks,
    ExportedTarget,
    LastFailure,
    Selection,
    StageFailure,
    Training,
)
from runner.domain.verdict import SplitUse, Verdict
from runner.domain.worth import Ablation, Worth
from runner.record.label_next import LabelNext
from runner.record.recommendation import Recommendation
from runner.record.report import SprintReport
from runner.record.terms import Terms
from runner.record.timings import Timings
from runner.record.variants import Variants
from runner.record.versions import amended, decode_any_version

T = TypeVar("T")
U = TypeVar("U")
_Kind: TypeAlias = type[U]  # in the class below `type` is an attribute

REPORTS = "reports"  # the folder of all sprints' records, at the repository's top

# metrics.json is for `dvc metrics show`: names, and numbers below them
_Cell: TypeAlias = dict[str, float | None]
Metrics: TypeAlias = dict[str, float | dict[str, float | dict[str, float | _Cell | None] | None] | None]


_FORMATS: dict[str, Literal["json", "yaml", "csv", "picture"]] = {
    ".json": "json",
    ".yaml": "yaml",
    ".lock": "yaml",
    ".csv": "csv",
    ".jpg": "picture",
}


@dataclass(frozen=True)
class RecordFile(Generic[T]):
    """One file of a sprint's record, or a folder that a stage writes.

    Attributes:
        name: its path inside the sprint's folder.
        type: what a JSON file holds; `str` of other texts, `Path` of a folder.
        written_by: a stage, or who else: `compile`, `batch`, `annotate`, `clean`, `run`, `judge`, `report`, `promote`, `dvc`.
        kept_in: git has small texts and pictures; DVC what is large, of which git has the hash in dvc.lock.
        digested: digests.json has its SHA-256 (of a folder: of each file in it), so `verify` compares its bytes.
        bundled: the job that ran a sprint hands it on to the jobs that are trusted.
        required: a bundle of a sprint that was judged is refused without it.
        of_failure: the record of a run that failed has it too.
        remade: `verify` makes it again from what the stages stored.
        configured: it follows from flywheel.yaml and the spec too, and not from stages alone.
        optional: for people to look at; no number rests on it.
        reported: report.json carries it among its `records`, for a section to show.
        members: of a folder in git, and of one whose files are shown to people: the names of files in it, as a pattern.
    """

    name: str
    type: type[T]
    written_by: str
    _: KW_ONLY
    kept_in: Literal["git", "dvc"] = "git"
    digested: bool = True
    bundled: bool = True
    required: bool = False
    of_failure: bool = False
    remade: bool = False
    configured: bool = False
    optional: bool = False
    reported: bool = False
    members: str | None = None

    @property
    def format(self) -> Literal["json", "yaml", "csv", "text", "picture", "folder"]:
        """How its content is written."""
        if self.type is Path:
            return "folder"
        suffix = PurePosixPath(self.name).suffix
        return _FORMATS.get(suffix, "text")

    def of(self, sprint: str) -> str:
        """Its path from the repository's top.

        >>> VERDICT.of("0001-first-model")
        'reports/0001-first-model/verdict.json'
        """
        return f"{REPORTS}/{sprint}/{self.name}"

    def read(self, folder: Path) -> T:
        """What it holds in a sprint's folder, whichever version of flywheel wrote it.

        Raises:
            FlywheelError: it is missing, or does not hold what its type needs (exit code 3).
        """
        return read_json(folder / self.name, self.type, decode_any_version)

    def read_if_there(self, folder: Path) -> T | None:
        """The same; None where there is no such file."""
        return self.read(folder) if (folder / self.name).is_file() else None

    @overload
    def read_at(self, root: Path, commit: str, sprint: str) -> T | None: ...

    @overload
    def read_at(self, root: Path, commit: str, sprint: str, kind: _Kind[U]) -> U | None: ...

    def read_at(self, root: Path, commit: str, sprint: str, kind: Any = None) -> Any:
        """What it held at a commit; None where git has none there.

        Args:
            kind: the part of its type that is asked for; all of it when None.

        Raises:
            FlywheelError: what git has does not hold what its type needs (exit code 3).
        """
        content = read_file(root, commit, self.of(sprint))
        if content is None:
            return None
        try:
            return decode_any_version(content, kind or self.type)
        except msgspec.MsgspecError as error:
            raise FlywheelError(
                f"it cannot be read at {commit[:10]}: {error}",
                where=Where(self.of(sprint)),
                hint="it was spoiled, or written by a version of flywheel that this one knows nothing of",
                exit_code=ExitCode.STAGE_FAILED,
            ) from error

    def write(self, folder: Path, content: T) -> None:
        """Writes it into a sprint's folder, atomically."""
        write_json(folder / self.name, content)

    def amend(self, folder: Path, content: T) -> None:
        """Writes it in place of what lies there, whose fields that today's version does not know stay."""
        path = folder / self.name
        write_bytes(
            path, amended(path.read_bytes(), content, self.type) if path.is_file() else encode_json(content)
        )

    def holds(self, name: str) -> bool:
        """Whether a path inside the sprint's folder is this file, or one of this folder's that are named.

        >>> PLOTS.holds("plots/slices.svg"), PLOTS.holds("plots/x.py"), VERDICT.holds("verdict.json")
        (True, False, True)
        """
        if self.members is None:
            return name == self.name
        return bool(re.fullmatch(f"{re.escape(self.name)}/(?:{self.members})", name))


def sprint_path(sprint: str) -> str:
    """The folder of a sprint's record, from the repository's top: `reports/<sprint>`."""
    return f"{REPORTS}/{sprint}"


def sprint_folder(root: Path, sprint: str) -> Path:
    """The folder of a sprint's record. `root` is the repository's top, or a folder that is laid out as it is."""
    return root / REPORTS / sprint


def _folder(
    name: str, stage: str, *, digested: bool = True, optional: bool = False, members: str | None = None
) -> RecordFile[Path]:
    """What a stage writes and DVC keeps."""
    return RecordFile(
        name,
        Path,
        stage,
        kept_in="dvc",
        digested=digested,
        bundled=members is not None,  # DVC's objects travel beside a bundle; pictures that people see, in it
        optional=optional,
        members=members,
    )


def _round(
    name: str, kind: type[T], written_by: str, *, digested: bool = True, optional: bool = False
) -> RecordFile[T]:
    """What a labelling round writes. It comes with the pull request, as labels do: no run brings it, and none takes it away."""
    return RecordFile(name, kind, written_by, digested=digested, bundled=False, optional=optional)


# --- what it was compiled to, and what DVC says of the run ----------------------------------------

PARAMS = RecordFile("params.yaml", str, "compile", required=True, of_failure=True, configured=True)
PIPELINE = RecordFile("dvc.yaml", str, "compile", required=True, of_failure=True, configured=True)
# It names the model: weights and exports are in no other file of the record.
LOCK = RecordFile("dvc.lock", str, "dvc", required=True)
IGNORED = RecordFile(".gitignore", str, "dvc", digested=False, bundled=False)
IGNORED_PLOTS = RecordFile("plots/.gitignore", str, "dvc", digested=False, bundled=False)

# --- what the stages write ------------------------------------------------------------------------

INDEX_FOLDER = _folder("index", "index")
SELECTION_FOLDER = _folder("selection", "select")
SELECTION = RecordFile("selection.json", Selection, "select")
COPIES = RecordFile("copies.json", Copies, "check")
CHECKS = RecordFile("checks.json", Checks, "check")
WEIGHTS_FOLDER = _folder("weights", "train", digested=False)  # large, and dvc.lock has their hash
TRAINING = RecordFile("training.json", Training, "train")
TRAINING_CURVES = RecordFile("plots/training.csv", str, "train")
EXPORTS_FOLDER = _folder("exports", "export", digested=False)
EXPORTS = RecordFile("exports.json", list[ExportedTarget], "export")
PREDICTIONS_FOLDER = _folder("predictions", "predict")
CHAMPION_FOLDER = _folder("champion", "champion")
DRIFT = RecordFile("drift.json", Drift, "drift", reported=True)
OUTCOMES_FOLDER = _folder("outcomes", "evaluate")
EVALUATION = RecordFile("evaluation.json", Evaluation, "evaluate", required=True)
ERRORS = RecordFile("errors.json", Errors, "evaluate")
METRICS = RecordFile("metrics.json", Metrics, "evaluate")
PRECISION_RECALL = RecordFile("plots/precision_recall.csv", str, "evaluate")
CLASS_CURVES = RecordFile("plots/class_curves.csv", str, "evaluate")
F1_CONFIDENCE = RecordFile("plots/f1_confidence.csv", str, "evaluate")
FOLDS_FOLDER = _folder("folds", "folds")
FOLDS = RecordFile("folds.json", Folds, "folds", reported=True)
GALLERY_FOLDER = _folder("gallery", "inspect", optional=True, members=r"(?:[0-9]{2,4}(?:-cam)?|leaks)\.jpg")
GALLERY = RecordFile("gallery.json", Gallery, "inspect")
BENCHMARK = RecordFile("benchmark.json", Benchmark, "benchmark")

# --- what a labelling round writes before there is anything to train on --------------------------------

BATCH = _round("batch.json", Batch, "batch")
BATCH_IMAGES = _round("batch.csv", str, "batch")  # rows: record/labelling.py
BATCH_SHEET = _round("batch.jpg", str, "batch", digested=False, optional=True)
HANDED_OUT = _round("handed-out.json", HandedOut, "annotate")
ANSWERS = _round("answers.jsonl", str, "annotate")
ANNOTATIONS = _round("annotations.csv", str, "annotate")
CAUSED = _round("caused.json", Ablation, "ablate")
REVIEW = _round("review.csv", str, "clean", digested=False, optional=True)  # a person's
CLEANING = _round("cleaning.csv", str, "clean")  # rows of both: record/label_issues.py
QUALITY = RecordFile("annotation.json", AnnotationQuality, "annotate", of_failure=True, reported=True)

# --- what the run, the judgement, the report and the promotion write -------------------------------

TIMINGS = RecordFile("timings.json", Timings, "run", of_failure=True)
FAILURE = RecordFile("failure.json", StageFailure, "run", digested=False, of_failure=True)
# Beside the record of a verdict, which stays what is agreed.
LAST_FAILURE = RecordFile("last-failure.json", LastFailure, "run", digested=False, bundled=False)
TERMS = RecordFile("terms.json", Terms, "run", of_failure=True, configured=True)
USES = RecordFile("uses.json", list[SplitUse], "judge")
# These rest on other folders' records too: made again where they are here, and are those that they name.
WORTH = RecordFile("worth.json", Worth, "report", configured=True, reported=True)
VARIANTS = RecordFile("variants.json", Variants, "report", configured=True, reported=True)
RECOMMENDATION = RecordFile("recommendation.json", Recommendation, "report", reported=True, configured=True)
# Rests on the champion's scoring of the pool: drawn again where that is here.
LABEL_NEXT = RecordFile("label_next.json", LabelNext, "report", reported=True, configured=True)
# These rest on what the stage `folds` stored, and on the verdict.
CROSS_VALIDATION = RecordFile(
    "cross_validation.json", CrossValidation, "report", reported=True, configured=True
)
LABEL_ISSUES = RecordFile("label_issues.csv", str, "report", configured=True)  # rows: record/label_issues.py
LABEL_ISSUES_SUMMARY = RecordFile("label_issues.json", LabelIssues, "report", reported=True, configured=True)
LABEL_ISSUES_SHEET = RecordFile("label_issues.jpg", str, "report", digested=False, optional=True)
LABEL_NEXT_SHEET = RecordFile("label_next.jpg", str, "report", digested=False, optional=True)
VERDICT = RecordFile("verdict.json", Verdict, "judge", required=True, remade=True, configured=True)
REPORT = RecordFile(
    "report.json", SprintReport, "report", required=True, of_failure=True, remade=True, configured=True
)
REPORT_PAGE = RecordFile("report.md", str, "report", of_failure=True, remade=True, configured=True)
REPORT_HTML = RecordFile("report.html", str, "report", digested=False, bundled=False)
PLOTS = RecordFile("plots", Path, "report", of_failure=True, members=r"[a-z0-9_]{1,40}\.(?:svg|png)")
DIGESTS = RecordFile("digests.json", dict[str, str], "report", digested=False, required=True)
MODEL_CARD = RecordFile("model-card.md", str, "promote", digested=False, bundled=False)
AGREED = RecordFile("agreed.json", list[Agreed], "promote", digested=False, bundled=False)

CATALOGUE: tuple[RecordFile[Any], ...] = tuple(
    value for value in list(globals().values()) if isinstance(value, RecordFile)
)


def files(which: Callable[[RecordFile[Any]], bool]) -> tuple[RecordFile[Any], ...]:
    """The files of which something holds, in the catalogue's order."""
    return tuple(file for file in CATALOGUE if which(file))


STORED = files(lambda file: file.kept_in == "dvc")
STORED_AND_DIGESTED = files(lambda file: file.kept_in == "dvc" and file.digested)  # what `verify` reads
RECORDED = files(lambda file: file.kept_in == "git")
REPORTED = files(lambda file: file.reported)


def kept_by_git(name: str) -> bool:
    """Whether a path inside a sprint's folder is one that git keeps of a record.

    >>> [kept_by_git(name) for name in ("evaluation.json", "plots/slices.png", "weights/seed-0.pt", "matplotlibrc")]
    [True, True, False, False]
    """
    return any(file.holds(name) for file in RECORDED)


_OF_LABELLING = files(lambda file: file.written_by in ("batch", "annotate", "clean"))


def of_labelling(path: str) -> bool:
    """Whether a path from the repository's top is what a labelling round wrote into a sprint's folder.

    >>> [of_labelling(f"reports/0001-x/{name}") for name in ("batch.csv", "answers.jsonl", "verdict.json")]
    [True, True, False]
    """
    parts = PurePosixPath(path).parts
    inside = "/".join(parts[2:])
    return parts[:1] == (REPORTS,) and any(file.holds(inside) for file in _OF_LABELLING)
