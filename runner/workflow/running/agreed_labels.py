"""No model is trained on labels whose annotators agree less than the spec wants."""

from __future__ import annotations

from runner.config.load import LoadedSprint
from runner.domain.annotation_quality import failures
from runner.domain.errors import ExitCode, FlywheelError, Where
from runner.planning.situation import Situation
from runner.record.catalogue import QUALITY


def require_agreed_labels(situation: Situation) -> None:
    """Looks at what `flywheel annotate pull` measured, with the limit that the spec has now.

    Raises:
        FlywheelError: it is below the limit (exit code 1).
    """
    loaded: LoadedSprint = situation.loaded
    annotation = loaded.sprint.annotation
    limit = annotation.agreement_limit if annotation is not None else None
    found = QUALITY.read_if_there(situation.folder) if limit is not None else None
    failed = failures(found, limit) if found is not None else []
    if found is None or not failed:
        return
    raise FlywheelError(
        f"{failed[0]}: no model is trained on these labels",
        where=Where(QUALITY.of(situation.name)),
        hint=f"its `review` names {found.review_images} images to look at again; then: flywheel annotate pull {situation.name}. Or lower "
        f"annotation.quality.agreement.min in {loaded.path}",
        exit_code=ExitCode.GATE_NOT_PASSED,
    )
