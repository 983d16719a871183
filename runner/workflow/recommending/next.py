"""`next`: what to do next as things stand now, and the sprint that does it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import msgspec

from runner.config.load import list_sprints, load_project, load_sprint, sprint_name
from runner.domain.errors import ExitCode, FlywheelError, Where
from runner.domain.records import Record
from runner.planning.registry import ChampionUnknownError
from runner.record.catalogue import PIPELINE, VERDICT, sprint_folder
from runner.record.recommendation import Action, Recommendation
from runner.record.rounds import round_of
from runner.report.escape import plain
from runner.report.sections.recommendation import lines, options_table, unit
from runner.report.wording import aligned
from runner.workflow.load import load
from runner.workflow.recommending.recommend import evidence
from runner.workflow.recommending.spec import write_spec


class Advice(Record, frozen=True, kw_only=True):
    """What `flywheel next` says.

    Attributes:
        waiting: sprints that were planned after the judged one, and are not judged yet: they may be what was recommended.
        written: the spec that was written; None without `--write`. `then`: what to type after that.
        sprint: the written one's name, where it asks for a batch.
    """

    recommendation: Recommendation
    waiting: list[str] = []
    written: str | None = None
    then: list[str] = []
    sprint: str | None = None


def advise(root: Path, name: str | None, say: Callable[[str], None]) -> Advice:
    """What to do after a sprint that was judged; the newest of them when None.

    Args:
        say: told where it is not known who holds the stage.

    Raises:
        FlywheelError: no sprint was judged, or a record cannot be read.
    """
    judged, waiting = _judged(root, name)
    situation = load(root, judged)
    try:
        champion = situation.registry.champion()
    except ChampionUnknownError as error:
        say(f"warning: {error}")
        champion = None
    project, loaded = situation.project, situation.loaded
    found = evidence(root, situation.folder, project, loaded)
    if found is None:
        raise _not_judged(root, judged)
    for line in found.unread:
        say(f"warning: not looked at, since it cannot be read: {line}")
    if found.counts is None:
        say(f"warning: the index is not here, so slices are not counted: dvc pull {PIPELINE.of(judged)}")
    advice = found.recommendation(project, loaded, champion.sprint if champion else None)
    return Advice(recommendation=advice, waiting=waiting)


def _judged(root: Path, name: str | None) -> tuple[str, list[str]]:
    """The sprint that is asked about, and those after it that were not judged."""
    load_project(root)
    sprints = list_sprints(root)
    judged = [sprint for sprint in sprints if (sprint_folder(root, sprint) / VERDICT.name).is_file()]
    if name is not None:
        asked = sprint_name(root, name)
        if asked in sprints and asked not in judged:
            raise _not_judged(root, asked)
        return asked, []
    if not judged:
        first = sprints[0] if sprints else "0001-first-model"
        raise _not_judged(root, first)
    return judged[-1], [sprint for sprint in sprints if sprint > judged[-1]]


def _not_judged(root: Path, sprint: str) -> FlywheelError:
    """What to do first: a sprint that waits for labels needs them before it can be run."""
    hint = f"flywheel run {sprint}"
    if sprint in list_sprints(root):
        asked = load_sprint(root, sprint, load_project(root)).sprint.asks_for_labels
        labels = round_of(sprint_folder(root, sprint), asked=asked)
        hint = labels.detail(sprint) if labels is not None else hint
    return FlywheelError(
        "no model of it was judged yet, so there is nothing to go by",
        where=Where(f"specs/{sprint}.yaml"),
        hint=hint,
        exit_code=ExitCode.STAGE_FAILED,
    )


def write(root: Path, advice: Advice, option: Action | None) -> Advice:
    """The advice with the spec of the recommended sprint, or of another option, written.

    Raises:
        FlywheelError: nothing is recommended that a spec can say, or the option is not among those there are.
    """
    found = advice.recommendation
    action = option or found.action
    if action is None:
        raise FlywheelError(
            f"nothing is recommended: {found.abstains}",
            hint=f"choose: flywheel next {found.sprint} --write --option {found.options[0].action}",
        )
    if action in ("ship", "stop", "collect"):
        raise FlywheelError(_no_spec(action, found), hint=_instead(action, found))
    chosen = next((each for each in found.options if each.action == action), None)
    if chosen is None:
        others = ", ".join(
            each.action for each in found.options if each.action not in ("ship", "stop", "collect")
        )
        raise FlywheelError(
            f"there is nothing to {action.replace('_', ' ')} here",
            hint=f"what there is: {others or 'nothing'}",
        )
    project = load_project(root)
    loaded = load_sprint(root, found.sprint, project)
    written, then = write_spec(root, project, loaded, found, chosen)
    asks = chosen.action in ("label", "label_test")
    return msgspec.structs.replace(
        advice, written=written, then=then, sprint=Path(written).stem if asks else None
    )


def _no_spec(action: Action, found: Recommendation) -> str:
    if action == "ship":
        return f"what is recommended is to ship {found.sprint}: that is no new sprint"
    if action == "collect":
        return "what is recommended is to collect images: the pool has none to label, and a spec cannot take them"
    return "what is recommended is to stop: no sprint is expected to pay"


def _instead(action: Action, found: Recommendation) -> str:
    if action == "ship":
        return f"flywheel promote {found.sprint}; what comes after it: flywheel next {found.sprint} --write --option label"
    if action == "collect":
        return "add images to the pool (`splits.pool`), then: dvc add data, flywheel next"
    return f"to go on all the same: flywheel next {found.sprint} --write --option label"


def render(advice: Advice) -> str:
    """The advice for a person."""
    found = advice.recommendation
    shown = [f"after {found.sprint} ({unit(found)})", *lines(found), ""]
    shown += [f"  {row}" for row in aligned(options_table(found.options, found.currency))]
    reasons = list(dict.fromkeys(reason for option in found.options for reason in option.rests))
    if reasons:
        shown += ["", "It rests on", *(f"  {plain(reason, 160)}" for reason in reasons)]
    if found.separates:
        shown += [
            "",
            "What would tell the options apart",
            *(f"  {plain(line, 160)}" for line in found.separates),
        ]
    if found.question:
        shown += ["", f"{found.question} {plain(found.answer, 400)}"]
    if advice.waiting:
        shown += ["", f"not judged yet: {', '.join(advice.waiting)} (flywheel status)"]
    if advice.written is not None:
        shown += ["", f"written: {advice.written}", *(f"  {command}" for command in advice.then)]
    elif found.chosen is not None and found.chosen.command:
        shown += ["", f"  {found.chosen.command}"]
    return "\n".join(shown)
