"""What a proposal comes to, in words: for the comment and for a terminal. Plain text; whoever shows it escapes it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from runner.domain.policy import Finding, SpecChange
from runner.domain.verdict import Wear
from runner.planning.proposal import CountDelta, PointerState, Proposal, SplitDelta, SprintProposal
from runner.planning.records import (
    Action,
    Forecast,
    Plan,
    PlannedBatch,
    PlannedFetch,
    PlannedVariant,
    StagePlan,
)
from runner.report.escape import plain
from runner.report.wording import count, duration, money

NOT_KNOWN = "not known before the run"
SAME = "no change of meaning: only the order, the layout or comments differ"
UNCOMMITTED = "with uncommitted changes"
UNTOUCHED = "the spec is the same"
ALONE = "no valid sprint is on the base to compare it with"
EFFECTS = ("loosened", "tightened")
FREE_TEXTS = ("title", "hypothesis", "owner")
ANYBODY = "maintainers and admins"
_SHOWN_REASONS = 4
_SHOWN_SLICES = 3
_SLICES = 8  # of a batch


def headline(proposal: Proposal) -> tuple[str, str]:
    """An icon, and what the proposal comes to in one line."""
    needed = count(len(proposal.findings), "finding")
    needed += " needs approval" if len(proposal.findings) == 1 else " need approval"
    wrong = [
        *([count(len(proposal.problems), "problem") + " to correct"] if proposal.problems else []),
        *([count(len(proposal.refused), "thing") + " refused"] if proposal.refused else []),
    ]
    if wrong:
        return "✗", f"Not planned: {', '.join(wrong)}"
    if proposal.code:
        return "🧪", "Code changes: tests run, sprints do not"
    about = f"Plan {_about(proposal.sprints)}"
    return ("⚠", f"{about}: {needed}") if proposal.findings else ("▸", about)


def _about(sprints: Sequence[SprintProposal]) -> str:
    match sprints:
        case []:
            return "without sprints"
        case [one]:
            return f"of {plain(one.sprint, 70)}"
        case _:
            return f"of {len(sprints):,} sprints"


def nothing_to_plan(proposal: Proposal) -> str:
    """Why there is no sprint in it; empty where there is one, or something else to say."""
    shared = proposal.project_changes or proposal.pointers
    if proposal.sprints or proposal.problems or proposal.refused or shared:
        return ""
    return "No spec, no option of flywheel.yaml and no data changes: nothing is run."


def change_words(change: SpecChange) -> str:
    """A change as a person says it; free text stands in quotes, so that its end is seen."""
    if change.path not in FREE_TEXTS:
        return change.text
    before, after = (
        "unset" if text is None else f'"{" ".join(text.split())}"' for text in (change.before, change.after)
    )
    return f"{change.path} {before} → {after}"


def what_runs(plan: Plan) -> str:
    """Which stages run, from the first to the last, and what they are expected to take."""
    running, fetched = changed_stages(plan), absent_stages(plan)
    again = (
        f"outputs of {count(len(fetched), 'stage')} are fetched, or made again where DVC's remote lacks them"
    )
    if not running:
        return f"nothing changes: {again}" if fetched else "nothing runs: every stage is cached"
    first, last = running[0].stage, running[-1].stage
    which = first if len(running) == 1 else f"{first} to {last}"
    cached = len(plan.stages) - len(running) - len(fetched)
    rest = f", {cached} cached" if cached else ""
    told = f"RUN {which} ({len(running)} of {count(len(plan.stages), 'stage')}{rest}); {forecast(plan)}"
    return f"{told}; {again}" if fetched else told


def variant_words(plan: Plan) -> list[str]:
    """Of each variant what runs after the sprint's own stages, and what that is expected to take."""
    return [f"{variant.name}: {_variant_runs(variant)}" for variant in (plan.variants or [])]


def _variant_runs(variant: PlannedVariant) -> str:
    if variant.forecast is None:
        return f"not planned: {plain(variant.trouble, 500)}"
    if not variant.runs:
        return "nothing runs: every stage is cached"
    which = variant.runs[0] if len(variant.runs) == 1 else f"{variant.runs[0]} to {variant.runs[-1]}"
    stages = f"{len(variant.runs)} of {count(len(variant.stages), 'stage')}"
    return (
        f"RUN {which} ({stages}, {len(variant.stages) - len(variant.runs)} cached); {_told(variant.forecast)}"
    )


def awaited(plan: Plan) -> str:
    """That stages are planned without the labels that the sprint waits for; empty where it waits for none."""
    if not plan.round or plan.round.state == "labelled":
        return ""
    return "as the data is now: the batch's labels are still to come"


def changed_stages(plan: Plan) -> list[StagePlan]:
    """Those that run since something that they depend on changed."""
    return [stage for stage in plan.stages if stage.action is Action.RUN and not stage.absent_only]


def absent_stages(plan: Plan) -> list[StagePlan]:
    """Those that would run for no other reason than that their outputs are not on this machine."""
    return [stage for stage in plan.stages if stage.action is Action.RUN and stage.absent_only]


def forecast(plan: Plan) -> str:
    """Time and cost of what runs."""
    return _told(plan.forecast, "at most " if absent_stages(plan) else "")


def _told(ahead: Forecast, most: str = "") -> str:
    seconds, cost = ahead.seconds, ahead.cost
    if seconds is None or cost is None:
        return f"time and cost not known ({ahead.basis})"
    missing = ahead.basis.partition("; ")[2]
    price = f"{cost:.2f} {ahead.currency}" if cost >= 0.01 else money(cost, ahead.currency)
    return f"{most}about {roughly(seconds)}, {price}" + (f" ({missing})" if missing else "")


def roughly(seconds: float) -> str:
    """A forecast's time: nobody knows the seconds of an hour.

    >>> roughly(12.4), roughly(702.9), roughly(8400)
    ('12 s', '12 min', '2 h 20 min')
    """
    return duration(seconds) if seconds < 90 else duration(60 * round(seconds / 60)).removesuffix(" 00 s")


def why_it_runs(plan: Plan) -> list[str]:
    """The reasons that do not follow from another stage that runs: "train: freeze 10 → 0"."""
    running = changed_stages(plan)
    follows = {f"{stage.stage} runs" for stage in plan.stages}
    first = [_own_reasons(stage, follows) for stage in running]
    if all(reasons == ["never run"] for reasons in first if reasons):
        return ["never run"]
    reasons = [f"{stage.stage}: {'; '.join(own)}" for stage, own in zip(running, first, strict=True) if own]
    more = len(reasons) - _SHOWN_REASONS
    return [*reasons[:_SHOWN_REASONS], *([f"and {more} more"] if more > 0 else [])]


def _own_reasons(stage: StagePlan, follows: set[str]) -> list[str]:
    return [reason for reason in stage.reasons if reason not in follows]


def data_words(splits: Iterable[SplitDelta]) -> list[str]:
    """What changes in the data, a phrase per split that changes: "+300 train images (dark +280)".

    Where the number of images stays, what became of slices is said by itself: "test images: dark −40".
    """
    phrases = []
    for split in splits:
        images = difference(split.images)
        # What changed most says most; equal changes in the order of the slices.
        moved = sorted(
            ((part.name, by) for part in split.slices if (by := difference(part))), key=lambda of: -abs(of[1])
        )
        parts = ", ".join(f"{name} {signed(by)}" for name, by in moved[:_SHOWN_SLICES])
        if images:
            noun = "image" if abs(images) == 1 else "images"
            phrases.append(f"{signed(images)} {split.split} {noun}" + (f" ({parts})" if parts else ""))
        elif parts:
            phrases.append(f"{split.split} images: {parts}")
    return phrases


def difference(delta: CountDelta) -> int | None:
    """After minus before; None where either is not known."""
    return None if delta.before is None or delta.after is None else delta.after - delta.before


def signed(by: int) -> str:
    """A difference of counts with its sign.

    >>> signed(1200), signed(-3), signed(0)
    ('+1,200', '−3', '0')
    """
    return f"{'−' if by < 0 else '+' if by else ''}{abs(by):,}"


def approvers(finding: Finding, proposal: Proposal) -> list[str]:
    """Who may approve a finding, by the base's policy."""
    return proposal.approvers.get(finding.kind.value) or [ANYBODY]


def compared(sprint: SprintProposal) -> str:
    """With what a sprint is compared, and why it is part of the proposal."""
    match sprint.status:
        case "added":
            return f"beside {sprint.reference} (a new sprint)"
        case "changed" | "removed":
            return "beside the base" if sprint.reference == sprint.sprint else f"beside {sprint.reference}"
        case "affected":
            return "beside the base (its own spec stays: flywheel.yaml, the data or what it extends changes)"


def unchanged(sprint: SprintProposal) -> str:
    """What is said where the specs do not differ."""
    match sprint.status:
        case "added":
            return f"none: it means the same as {sprint.reference}"
        case "affected":
            return UNTOUCHED
        case "changed" | "removed":
            return SAME


def worn(wear: Wear) -> str:
    """How often the split has decided, and what is left of its budget."""
    used = (
        "not used to decide yet"
        if not wear.uses
        else f"used {wear.uses} time{'s' * (wear.uses > 1)} to decide"
    )
    if wear.look > 1:
        used += f", {wear.look - 1} of them for this recipe beside this champion, so that each gate is judged more strictly"
    if wear.budget is None or wear.left is None:
        return f"{used}; {wear.spent:.4g} of significance spent, no budget (policy.holdout)"
    text = f"{used}; {wear.left:.4g} of {wear.budget:.4g} significance left"
    if not wear.exhausted:
        return text
    if wear.refresh == "required":
        return f"{text}: too little for this sprint; renew the split, or comparisons with the champion stay INCONCLUSIVE"
    return f"{text}: too little for this sprint; renew the split"


def lineage(ancestors: Sequence[str]) -> str:
    """Whose model is fine-tuned, and whose that was before.

    >>> lineage(["0003-more", "0001-first"])
    'the model of 0003-more, which came from 0001-first'
    """
    nearest, *older = ancestors
    return f"the model of {nearest}" + (f", which came from {', then '.join(older)}" if older else "")


def pointer_words(before: PointerState | None, after: PointerState | None) -> str:
    """How the data that a pointer names changes: files, size, hash."""
    if before is None or after is None:
        there = after or before
        return f"{'new' if before is None else 'removed'}{f': {_state(there)}' if there else ''}"
    parts = []
    if before.files is not None and after.files is not None:
        by = after.files - before.files
        parts.append(
            f"{before.files:,} → {after.files:,} files ({signed(by)})" if by else count(after.files, "file")
        )
    if before.bytes is not None and after.bytes is not None:
        parts.append(f"{megabytes(before.bytes)} → {megabytes(after.bytes)}")
    return ", ".join([*parts, f"md5 {before.md5[:10]} → {after.md5[:10]}"])


def _state(pointer: PointerState) -> str:
    parts = [count(pointer.files, "file")] if pointer.files is not None else []
    parts += [megabytes(pointer.bytes)] if pointer.bytes is not None else []
    return ", ".join([*parts, f"md5 {pointer.md5[:10]}"])


def megabytes(size: int) -> str:
    """A size as people say it.

    >>> megabytes(812), megabytes(12_345_678), megabytes(3_200_000_000)
    ('0.8 kB', '12.3 MB', '3.2 GB')
    """
    for unit, bytes_ in (("GB", 1e9), ("MB", 1e6)):
        if size >= bytes_:
            return f"{size / bytes_:.1f} {unit}"
    return f"{size / 1e3:.1f} kB"


def fetch_words(fetch: PlannedFetch) -> str:
    """What a machine without the data fetches: `500 of 50,000 files, 12.3 MB of 1.2 GB`.

    >>> fetch_words(PlannedFetch(files=5, bytes=2_000_000, of_files=60, of_bytes=24_000_000))
    '5 of 60 files, 2.0 MB of 24.0 MB (with --pull)'
    """
    if fetch.why:
        sizes = [f"{fetch.files:,} files"] if fetch.files is not None else []
        sizes += [megabytes(fetch.bytes)] if fetch.bytes is not None else []
        return ", ".join(["all of the dataset", *sizes]) + f" (with --pull): {fetch.why}"
    files = (
        f"{fetch.files or 0:,} of {fetch.of_files:,} files"
        if fetch.of_files
        else f"{fetch.files or 0:,} files"
    )
    size = megabytes(fetch.bytes or 0)
    return (
        f"{files}, {size} of {megabytes(fetch.of_bytes)} (with --pull)"
        if fetch.of_bytes
        else f"{files}, {size} (with --pull)"
    )


def batch_words(batch: PlannedBatch) -> list[str]:
    """What was drawn to be labelled: by which arms, and which slices it covers; plain text of the project."""
    arms = ", ".join(f"{arm} {images}" for arm, images in batch.arms.items())
    labels = f"; about {count(round(batch.labels), 'label')}" if batch.labels is not None else ""
    lines = [f"{arms}, of {count(batch.pool, 'pool image')}{labels}"]
    if batch.coverage:
        parts = ", ".join(f"{part.slice} {part.batch} of {part.pool:,}" for part in batch.coverage[:_SLICES])
        more = len(batch.coverage) - _SLICES
        lines.append(f"slices: {parts}" + (f", and {more} more" if more > 0 else ""))
    return lines
