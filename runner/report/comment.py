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
from runner.report.sections import catalogue, findings, summary, verdict
from runner.report.sections.part import Part, table_head, table_row, without_heading
from runner.report.sections.reproduce import REPRODUCE
from runner.report.sections.section import ASKED, OLDER, TOP, Pictures, Shown
from runner.report.tables import optimizing, overall_row
from runner.report.wording import ICONS, label, number

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
    blocks = _blocks(report, context, verdicts[1:])
    room = max_bytes - size(["\n".join(start)]) - size([end]) - 2
    titles = [part.title for block in blocks for part in block.parts]
    texts = fitting(blocks, room, lambda missing: _note(missing, context), len(_note(titles, context)) + 2)
    body = texts or [_heading(report, context, titled=False), _note(titles, context)]
    return _verified("\n".join([*start, "\n\n".join([*body, end])]) + "\n", context.sprint)


def brief(report: SprintReport, context: CommentContext, *, max_bytes: int) -> str:
    """The part that is in plain sight, for a check's summary: verdict, gates, findings. No markers, no pictures."""
    report = as_decided(report, context)
    plain = msgspec.structs.replace(context, pictures=False)
    blocks = [block for block in _blocks(report, plain, []) if not block.summary]
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
    """The folds, those that have something to show, with what is of the pull request and not of the sprint."""
    report = msgspec.structs.replace(report, reproduction=_reproduction(report, context))
    folder, pictures, plot = _folder(context), None, None
    if context.pictures:
        pictures = Pictures(folder=folder, query="?raw=true", width=_PICTURE_WIDTH, published=True)

        def plot(name: str, shows: str) -> str:
            return f'<img src="{folder}plots/{name}.png?raw=true" width="{_PLOT_WIDTH}" alt="{shows}">'

    shown = Shown(pictures=pictures, plot=plot, accepted=context.approved, in_comment=True)
    blocks = []
    for fold, parts in catalogue.folds(report, shown):
        first = [_headline(report, context)] if fold is TOP else []
        last = _approved(context) if fold is ASKED else _older(older, context) if fold is OLDER else []
        line = f"Older verdicts ({len(older)})" if fold is OLDER else fold.line(report) if fold.line else ""
        blocks.append(Block(parts=without_heading([*first, *parts, *last], line), summary=line))
    return [block for block in blocks if block.parts]


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
    return [
        Part(title="approvals", head="### Approved\n", rows=rows, priority=catalogue.place(findings.FINDINGS))
    ]


def _headline(report: SprintReport, context: CommentContext) -> Part:
    head = f"{_heading(report, context)}\n\n**{markdown(verdict.because(report), 600)}**\n"
    rows = tuple(f"- {line}" for line in summary.lines(report))
    return Part(
        title="verdict",
        priority=catalogue.place(verdict.HEADLINE),
        head=head if rows else head.rstrip(),
        rows=rows,
        tail=f"**Next:** {summary.next_step(report, len(report.findings))}",
    )


def _heading(report: SprintReport, context: CommentContext, *, titled: bool = True) -> str:
    icon, word = verdict.status(report)
    title = f": {markdown(report.title, 120)}" if titled else ""
    return f"## {icon} {word} — {context.sprint}{title}"


def _folder(context: CommentContext) -> str:
    """Where the pictures of the judged commit lie, from a pull request's page."""
    return f"../blob/flywheel-reports/{context.sprint}/{context.head_commit}/"


def _reproduction(report: SprintReport, context: CommentContext) -> Reproduction:
    """The commands for a commit of a pull request, written here: those of the report are a file's."""
    pointer = shlex.quote(report.reproduction.data_pointer)
    commands = [
        f"git fetch origin {context.head_commit}",
        f"git checkout {context.head_commit}",
        f"dvc pull {pointer}",
        f"flywheel run {context.sprint} --base {context.base_commit}",
    ]
    return msgspec.structs.replace(report.reproduction, commands=commands)


def _older(older: Sequence[PastVerdict], context: CommentContext) -> list[Part]:
    if not older:
        return []
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
    return [Part(title="older verdicts", head=head, rows=rows, priority=catalogue.place(REPRODUCE))]


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
