"""A labelling round for a terminal: what `flywheel annotate` ends with."""

from __future__ import annotations

from runner.record.annotated import PulledRound, Pushed, RoundStatus
from runner.record.catalogue import QUALITY
from runner.report.escape import plain
from runner.report.wording import count

_SHOWN = 10
_STATES = {
    "labelled": "labelled",
    "kept": "kept the labels that they had",
    "skipped": "skipped by the annotators",
    "waiting": "not to be merged yet",
    "gold": "gold: the dataset keeps its labels",
}


def pushed(found: Pushed) -> str:
    """How much was handed out, and where it is."""
    lines = [
        f"{count(found.tasks, 'image')} with {count(found.proposals, 'pre-annotation')} handed out to {plain(found.tool, 40)}",
        *(f"  {plain(line, 400)}" for line in found.where),
    ]
    if found.missing:
        lines.append(
            f"{count(len(found.missing), 'image')} of the batch cannot be found in the dataset: {plain(found.missing[0], 160)}"
        )
    return "\n".join([*lines, "", f"then: flywheel annotate pull {found.sprint}"])


def status(found: RoundStatus) -> str:
    """How many images are answered, and by whom."""
    lines = [
        f"{plain(found.sprint, 80)}: {found.answered} of {count(found.images, 'image')} answered in {plain(found.tool, 40)}, "
        f"{found.merged} merged"
    ]
    lines += [f"  {plain(name, 80)}: {count(number, 'answer')}" for name, number in found.annotators.items()]
    if found.untouched:
        verb = "is" if found.untouched == 1 else "are"
        lines.append(
            f"{count(found.untouched, 'image')} {verb} as sent, so that it is not known whether somebody looked: --finished takes "
            "them as answers"
        )
    if found.partly:
        lines.append(
            f"{count(found.partly, 'image')} {'waits' if found.partly == 1 else 'wait'} for another annotator's answer, since two are "
            "compared; pull again once it is there, or with --finished, which takes the one there is"
        )
    return "\n".join([*lines, *_problems(found.problems)])


def pulled(found: PulledRound) -> str:
    """What became of the batch, and the commit."""
    lines = [status(found.status), ""]
    lines += [f"{count(number, 'image')} {_STATES[state]}" for state, number in found.states.items()]
    if found.objects or any(found.outcomes.values()):
        words = ", ".join(f"{number} {kind}" for kind, number in found.outcomes.items())
        lines.append(f"{count(found.objects, 'object')} in the answers; pre-annotations: {words}")
    if found.commit:
        lines.append(f"committed as {found.commit[:10]}")
    elif found.uncommitted:
        paths = " ".join(found.uncommitted)
        lines.append(
            f"not committed: git switch -c {found.status.sprint} (where the default branch is checked out), then: "
            f"git add {paths} && git commit; or: flywheel annotate pull --commit-here"
        )
    return "\n".join([*lines, *_below(found)])


def _below(found: PulledRound) -> list[str]:
    """What is below the spec's limit, and what to look at again."""
    if not found.failed:
        return []
    more = found.review_images - len(found.review)
    return [
        "",
        *(f"FAIL  {plain(why, 200)}" for why in found.failed),
        f"No model is trained on these labels before they agree. To review, of {count(found.review_images, 'image')}:",
        *(f"  {plain(one.path, 120)}: {plain('; '.join(one.why), 200)}" for one in found.review),
        *([f"  and {more} more: {QUALITY.of(found.status.sprint)}"] if more > 0 else []),
        f"then: flywheel annotate pull {found.status.sprint}; or lower annotation.quality.agreement.min in the spec",
    ]


def _problems(problems: list[str]) -> list[str]:
    if not problems:
        return []
    more = (
        [f"  and {len(problems) - _SHOWN} more: --format json lists them"] if len(problems) > _SHOWN else []
    )
    return [
        f"not taken ({len(problems)}); it stays where it is, and is taken once it is put right:",
        *(f"  {plain(problem, 400)}" for problem in problems[:_SHOWN]),
        *more,
    ]
