"""The sticky comment of one sprint on its pull request: the verdict in half a minute, everything else in one click."""

from __future__ import annotations

import shlex
from collections.abc import Sequence

import msgspec

from runner.domain.errors import ExitCode, FlywheelError
from runner.domain.records import Record
from runner.policy.approvals import Decision
from runner.record.report import BaseTerms, Reproduction, SprintReport, ToApprove
from runner.report import history
from runner.report.approved import under_approvals
from runner.report.escape import code, markdown
from runner.report.fitting import Block, fitting, size
from runner.report.history import PastVerdict
from runner.report.markdown import illustrated
from runner.report.sections import (
    champion,
    data,
    effort,
    errors,
    findings,
    gallery,
    gates,
    near,
    slices,
    summary,
    targets,
    verdict,
    wear,
)
from runner.report.sections.gallery import Pictures
from runner.report.sections.part import Part, Priority, headless, table_head, table_row
from runner.report.tables import differences, optimizing, overall_row, slice_rows
from runner.report.wording import ICONS, count, duration, label, money, number

MAX_BYTES = 60_000  # GitHub cuts a comment at 65,536 characters; this leaves room for the forge's own lines
LEAST_BYTES = 2_000
_PICTURE_WIDTH, _PLOT_WIDTH = 240, 640
_SHORT = 10
_HISTORY_SHARE = 4  # of a comment that must be very short, older verdicts take at most a quarter


class CommentContext(Record, frozen=True, kw_only=True):
    """What the publishing job knows of the pull request. Nothing of it comes from the bundle.

    Attributes:
        sprint: its name, which the marker carries.
        repository_url: `https://github.com/OWNER/NAME`, of whatever server the job's environment names.
        base_commit, head_commit: full SHAs: under whose terms was judged, and what.
        run_url: the page of the run that made the bundle; the HTML report is an artifact there.
        pictures: whether the gallery lies on the branch flywheel-reports.
        decisions: of every finding, whether somebody approved it, by the base's policy.
        published: the verdicts of the comment as it is now, the newest first.
    """

    sprint: str
    repository_url: str
    base_commit: str
    head_commit: str
    run_url: str
    pictures: bool = True
    decisions: list[Decision] = []
    published: list[PastVerdict] = []

    @property
    def approved(self) -> frozenset[str]:
        """The findings that count as approved."""
        return frozenset(decision.finding.id for decision in self.decisions if decision.approved)


def marker(sprint: str) -> str:
    """What the comment of a sprint is found by."""
    return f"<!-- flywheel:report:{sprint} -->"


def render(report: SprintReport, context: CommentContext, *, max_bytes: int = MAX_BYTES) -> str:
    """The comment's Markdown: at most `max_bytes` of UTF-8 (at least `LEAST_BYTES`), every table and fold closed.

    Raises:
        FlywheelError: what was rendered does not hold our marker exactly once.
    """
    report = as_decided(report, context)
    verdicts = history.with_newest(_verdict(report, context.head_commit), context.published)
    while len(verdicts) > 1 and len(history.written(verdicts)) > max_bytes // _HISTORY_SHARE:
        verdicts.pop()
    start = [marker(context.sprint), history.written(verdicts)]
    end = _footer(context)
    blocks = [
        _illustrated(block, report, context)
        for block in _blocks(report, context, verdicts[1:])
        if block.parts
    ]
    room = max_bytes - size(["\n".join(start)]) - size([end]) - 2
    titles = [part.title for block in blocks for part in block.parts]
    texts = fitting(blocks, room, lambda missing: _note(missing, context), len(_note(titles, context)) + 2)
    body = texts or [_heading(report, context, titled=False), _note(titles, context)]
    return _verified("\n".join([*start, "\n\n".join([*body, end])]) + "\n", context.sprint)


def brief(report: SprintReport, context: CommentContext, *, max_bytes: int) -> str:
    """The part that is in plain sight, for a check's summary: verdict, gates, findings. No markers, no pictures."""
    report = as_decided(report, context)
    plain = msgspec.structs.replace(context, pictures=False)
    blocks = [block for block in _blocks(report, plain, []) if block.parts and not block.summary]
    end = _footer(context)
    titles = [part.title for block in blocks for part in block.parts]
    room = max_bytes - size([end]) - 2
    texts = fitting(blocks, room, lambda missing: _note(missing, context), len(_note(titles, context)) + 2)
    return "\n\n".join([*(texts or [_heading(report, context, titled=False)]), end]) + "\n"


def as_decided(report: SprintReport, context: CommentContext) -> SprintReport:
    """The report with the findings that nobody approved yet, and without the gates that were kept for the others."""
    waiting = [
        ToApprove(finding=decision.finding, approvers=decision.may_approve)
        for decision in context.decisions
        if not decision.approved
    ]
    terms = BaseTerms(base_commit=context.base_commit, reference=None, findings=waiting)
    return under_approvals(msgspec.structs.replace(report, terms=terms), context.approved)


def _verdict(report: SprintReport, commit: str) -> PastVerdict:
    everything = overall_row(report)
    value = everything.value if everything else None
    if report.failure is not None:
        return history.past_verdict(commit, "STAGE_FAILED", optimizing(report), value)
    word = str(report.verdict.outcome) if report.verdict else "NOT_JUDGED"
    return history.past_verdict(commit, word, optimizing(report), value)


def _verified(text: str, sprint: str) -> str:
    """Text of a spec must not be able to plant a marker, and so move the comment of another sprint."""
    if text.startswith(marker(sprint)) and text.count("<!--") == 2 and text.count("-->") == 2:
        return text
    raise FlywheelError(
        f"the comment of {sprint} would not hold its marker exactly once",
        hint="this is a fault of flywheel's escaping: report it with the sprint's report.json",
        exit_code=ExitCode.BUG,
    )


def _blocks(report: SprintReport, context: CommentContext, older: Sequence[PastVerdict]) -> list[Block]:
    checks = data.check_parts(report)
    failure = [part for part in verdict.parts(report) if part.priority is Priority.FAILURE]
    judged = gates.parts(report)
    open_gates = [part for part in judged if part.priority is Priority.OPEN_GATES]
    rest = [part for part in judged if part.priority is not Priority.OPEN_GATES]
    said = report.checks is not None and not report.checks.success
    return [
        Block(parts=(_headline(report, context), *failure, *(checks if said else []))),
        Block(parts=(*findings.parts(report, context.approved), *_approved(context), *open_gates)),
        _worst(report, context),
        Block(
            parts=(*rest, *near.parts(report), *wear.parts(report)),
            summary="How sure is this, and what would decide it",
        ),
        Block(parts=headless(champion.parts(report)), summary=_against(report)),
        Block(parts=tuple(slices.parts(report)), summary=_weakest(report)),
        _gallery(report, context),
        Block(parts=tuple(errors.parts(report)), summary="Errors, confusion, operating point, calibration"),
        Block(parts=headless(targets.parts(report)), summary="Export targets: quality, latency, size"),
        Block(
            parts=(*data.split_parts(report), *([] if said else checks)),
            summary=f"Data and checks{_checked(report)}",
        ),
        Block(
            parts=(*effort.training_parts(report), *effort.cost_parts(report)),
            summary=f"Training, time and cost{_cost(report)}",
        ),
        Block(parts=headless(_reproduce(report, context)), summary="How to reproduce"),
        _older(older, context),
    ]


def _approved(context: CommentContext) -> list[Part]:
    """Who approved what, in a line each."""
    rows = tuple(
        f"- ✓ {markdown(decision.finding.message.rstrip('.'), 300)}: approved by {code(decision.by, 80)}"
        + (f", because {markdown(decision.reason, 300)}" if decision.reason else "")
        for decision in context.decisions
        if decision.by is not None
    )
    if not rows:
        return []
    return [Part(title="approvals", priority=Priority.OPEN_GATES, head="### Approved\n", rows=rows)]


def _headline(report: SprintReport, context: CommentContext) -> Part:
    head = f"{_heading(report, context)}\n\n**{markdown(verdict.because(report), 600)}**\n"
    rows = tuple(f"- {line}" for line in summary.lines(report))
    return Part(
        title="verdict",
        priority=Priority.VERDICT,
        head=head if rows else head.rstrip(),
        rows=rows,
        tail=f"**Next:** {summary.next_step(report, len(report.findings))}",
    )


def _heading(report: SprintReport, context: CommentContext, *, titled: bool = True) -> str:
    icon, word = verdict.status(report)
    title = f": {markdown(report.title, 120)}" if titled else ""
    return f"## {icon} {word} — {context.sprint}{title}"


def _against(report: SprintReport) -> str:
    rows = differences(report)
    if rows:
        return f"Against the champion: {champion.tally(rows).lower()}"
    return "Training seeds" if report.champion is None else "Against the champion"


def _weakest(report: SprintReport) -> str:
    """The fold's line names the weakest slice."""
    row = next((row for row in slice_rows(report) if row.value is not None), None)
    if row is None:
        return "Slices and classes"
    metric = label(optimizing(report))
    return f"Slices and classes: weakest is {markdown(row.name, 80)}, {metric} {number(row.value)}"


def _worst(report: SprintReport, context: CommentContext) -> Block:
    """The worst images in plain sight: a reviewer sees in a second what a table cannot tell."""
    if report.gallery is None or not report.gallery.images or not context.pictures:
        return Block(parts=())
    pictures = _pictures(context)
    head = f"### Worst images\n\n{gallery.caption(report.gallery, pictures)}\n\n{gallery.foremost(report.gallery, pictures)}"
    return Block(parts=(Part(title="the worst images", priority=Priority.GALLERY, head=head),))


def _pictures(context: CommentContext) -> Pictures:
    return Pictures(folder=_folder(context), query="?raw=true", width=_PICTURE_WIDTH, published=True)


def _gallery(report: SprintReport, context: CommentContext) -> Block:
    """All of the worst errors as pictures; in a comment they matter more than in a file."""
    if report.gallery is None or not report.gallery.images:
        return Block(parts=())
    shown = _pictures(context) if context.pictures else None
    head, rows = gallery.table(report, shown)
    caption = gallery.caption(report.gallery, shown)
    part = Part(title="worst images", priority=Priority.FOUND, head=f"{caption}\n\n{head}", rows=tuple(rows))
    return Block(parts=(part,), summary=gallery.summary(report))


def _illustrated(block: Block, report: SprintReport, context: CommentContext) -> Block:
    """The plots that lie behind a click; nothing in plain sight grows by them."""
    if not context.pictures or not block.summary:
        return block

    def picture(name: str, shows: str) -> str:
        address = f"{_folder(context)}plots/{name}.png?raw=true"
        return f'<img src="{address}" width="{_PLOT_WIDTH}" alt="{shows}">'

    return Block(parts=tuple(illustrated(report, block.parts, picture)), summary=block.summary)


def _folder(context: CommentContext) -> str:
    """Where the pictures of the judged commit lie, from a pull request's page."""
    return f"../blob/flywheel-reports/{context.sprint}/{context.head_commit}/"


def _checked(report: SprintReport) -> str:
    if report.checks is None or not report.checks.results:
        return ""
    passed = sum(result.success for result in report.checks.results)
    return f": {passed} of {count(len(report.checks.results), 'check')} passed"


def _cost(report: SprintReport) -> str:
    if report.cost.total is None:
        return ""
    return f": {duration(report.cost.seconds)}, {money(report.cost.total, markdown(report.cost.currency, 3))}"


def _reproduce(report: SprintReport, context: CommentContext) -> list[Part]:
    """The commands for a commit of a pull request, written here: those of the report are a file's."""
    pointer = shlex.quote(report.reproduction.data_pointer)
    commands = [
        f"git fetch origin {context.head_commit}",
        f"git checkout {context.head_commit}",
        f"dvc pull {pointer}",
        f"flywheel run {context.sprint} --base {context.base_commit}",
    ]
    source: Reproduction = msgspec.structs.replace(report.reproduction, commands=commands)
    return effort.reproduce_parts(msgspec.structs.replace(report, reproduction=source))


def _older(older: Sequence[PastVerdict], context: CommentContext) -> Block:
    if not older:
        return Block(parts=())
    rows = tuple(
        table_row(
            [
                _commit(past.commit, context),
                _word(past.verdict),
                f"{label(past.metric)} {number(past.value)}",
            ]
        )
        for past in older
    )
    head = table_head(["Commit", "Verdict", "Optimizing metric"])
    part = Part(title="older verdicts", priority=Priority.REPRODUCE, head=head, rows=rows)
    return Block(parts=(part,), summary=f"Older verdicts ({len(older)})")


def _word(word: str) -> str:
    icon = next((icon for outcome, icon in ICONS.items() if outcome == word), "")
    icon = "✗" if word == "STAGE_FAILED" else icon or "○"
    return f"{icon} {word.replace('_', ' ')}"


def _commit(sha: str, context: CommentContext) -> str:
    return f"[{code(sha[:_SHORT])}]({context.repository_url}/commit/{sha})"


def _footer(context: CommentContext) -> str:
    return (
        f"<sub>Judged {_commit(context.head_commit, context)} under the terms of "
        f"{_commit(context.base_commit, context)}, the base. Everything is in the [HTML report and the bundle]"
        f"({context.run_url}#artifacts) of [the run]({context.run_url}).</sub>"
    )


def _note(missing: Sequence[str], context: CommentContext) -> str:
    titles = ", ".join(dict.fromkeys(missing))
    return f"*Left out to fit: {titles}. Everything is in the HTML report: [artifacts]({context.run_url}#artifacts).*"
