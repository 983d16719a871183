"""The plan comment of a pull request as GitHub-flavoured Markdown: what will run and why, and what needs approval.

A proposal is made by a job that runs beside a pull request's own files: every text in it is hostile.
"""

from __future__ import annotations

from collections.abc import Sequence

from runner.domain.policy import Finding, SpecChange
from runner.planning.proposal import ConfigProblem, Proposal
from runner.report import plan_sprint
from runner.report.escape import code, markdown
from runner.report.fitting import Block, fitting
from runner.report.plan_sprint import Kept, changes_table
from runner.report.plan_words import (
    UNCOMMITTED,
    approvers,
    headline,
    nothing_to_plan,
    pointer_words,
)
from runner.report.sections.part import Part, folded, table_head, table_row
from runner.report.wording import count

COMMENT_BYTES = 60_000
_NOTE_BYTES = 500
_SHOWN_PATHS = 20
_SHOWN_OPTIONS = 8
_SHORT = 10  # digits of a commit
_LIMITS = ("compute.time_limit", "compute.cost_limit")


def render(proposal: Proposal, *, max_bytes: int | None = COMMENT_BYTES, fork: bool = False) -> str:
    """The comment; what matters least is left out when it is too long, and named at the end.

    Args:
        proposal: what is proposed; every text in it is escaped.
        max_bytes: the most UTF-8 bytes; all of it when None.
        fork: the pull request comes from a fork, whose sprints only a maintainer starts. The forge says so; the
            proposal is not asked.
    """
    several = len(proposal.sprints) > 1
    parts = [
        _head(proposal),
        *_stopped(proposal, fork=fork),
        *_problems(proposal.problems),
        *(
            plan_sprint.summary(sprint, would=bool(proposal.code), head=proposal.head_commit)
            for sprint in proposal.sprints
        ),
        *_approvals(proposal),
        *_project(proposal),
        *(part for sprint in proposal.sprints for part in plan_sprint.details(sprint, several=several)),
        _foot(proposal),
    ]
    texts = fitting([Block(parts=tuple(parts))], max_bytes, _note, _NOTE_BYTES)
    return "\n\n".join(texts or [_headline(proposal)]) + "\n"


def _note(missing: list[str]) -> str:
    return f"*Left out to fit: {', '.join(missing)}. Everything is in plan.json, the artifact `flywheel-plan` of the run.*"


def _headline(proposal: Proposal) -> str:
    icon, words = headline(proposal)
    return f"## {icon} {markdown(words, 160)}"


def _head(proposal: Proposal) -> Part:
    text = _headline(proposal)
    if nothing := nothing_to_plan(proposal):
        text += f"\n\n{nothing}"
    return Part(title="headline", priority=Kept.HEAD, head=text)


def _foot(proposal: Proposal) -> Part:
    head, base = (code(commit[:_SHORT]) for commit in (proposal.head_commit, proposal.base_commit))
    also = f" {UNCOMMITTED}" if proposal.uncommitted else ""
    text = f"<sub>Planned for {head}{also} against {base}, whose policy and gates judge.</sub>"
    return Part(title="commits", priority=Kept.STOPPED, head=text)


# --- what keeps it from running -------------------------------------------------------------------


def _stopped(proposal: Proposal, *, fork: bool) -> list[Part]:
    """What is refused, and who starts the sprints where they do not start by themselves."""
    parts = []
    if proposal.refused:
        head = "### Refused\n\nNothing is planned or run while the pull request contains this.\n"
        rows = tuple(f"- {markdown(sentence, 500)}" for sentence in proposal.refused)
        parts.append(Part(title="what is refused", priority=Kept.STOPPED, head=head, rows=rows))
    if proposal.code:
        shown = [f"- {code(path, 200)}" for path in proposal.code[:_SHOWN_PATHS]]
        more = len(proposal.code) - len(shown)
        listed = [*shown, *([f"- and {more:,} more"] if more > 0 else [])]
        summary = f"{count(len(proposal.code), 'file')} of code, workflows or the build"
        text = (
            "The pull request changes how sprints are run, so its tests run and its sprints do not: "
            "a sprint is run by the code of the default branch. Propose the sprint by itself."
        )
        parts.append(Part(title="code changes", priority=Kept.STOPPED, head=text))
        parts.append(folded("changed code", summary, "", listed, Kept.MORE_PROJECT))
    elif fork and proposal.sprints and not proposal.problems and not proposal.refused:
        text = (
            "The pull request comes from a fork, so nothing is run by itself. A maintainer who has read it starts "
            f"the run of this commit with the comment {code(f'/flywheel run {proposal.head_commit}')}."
        )
        parts.append(Part(title="how a fork is run", priority=Kept.STOPPED, head=text))
    return parts


def _problems(problems: Sequence[ConfigProblem]) -> list[Part]:
    if not problems:
        return []
    head = f"### {count(len(problems), 'problem')} to correct\n"
    rows = tuple(_problem(problem) for problem in problems)
    return [Part(title="problems", priority=Kept.PROBLEMS, head=head, rows=rows)]


def _problem(problem: ConfigProblem) -> str:
    place = ":".join(str(part) for part in (problem.file, problem.line, problem.column) if part is not None)
    hint = f"<br><sub>{markdown(problem.hint, 300)}</sub>" if problem.hint else ""
    return f"- {code(place, 200)}: {markdown(problem.message, 500)}{hint}"


# --- what needs approval --------------------------------------------------------------------------


def _approvals(proposal: Proposal) -> list[Part]:
    if not proposal.findings:
        return []
    several = len(proposal.sprints) > 1
    sprints = ["Sprint"] * several
    head = (
        "### Needs approval\n\n"
        "Each of these can make the verdict easier to reach. Until it is approved, nothing is promoted.\n\n"
        + table_head(["What", *sprints, "Who may approve", "Comment to type"])
    )
    rows = tuple(_finding(finding, proposal, several=several) for finding in proposal.findings)
    note = (
        "<sub>Not the author of the pull request, and only after the last report: an approval that was given before "
        "it does not count.</sub>"
    )
    return [Part(title="findings", priority=Kept.APPROVALS, head=head, rows=rows, tail=note)]


def _finding(finding: Finding, proposal: Proposal, *, several: bool) -> str:
    lines = [f"**{code(finding.id)}**", markdown(finding.message, 400)]
    if finding.kept:
        lines.append("<sub>Until then the base's own judges.</sub>")
    if finding.where:
        lines.append(f"<sub>{code(finding.where, 160)}</sub>")
    names = ", ".join(markdown(name, 60) for name in approvers(finding, proposal)[:12])
    sprint = [code(finding.sprint, 80) if finding.sprint else "project"] if several else []
    return table_row(["<br>".join(lines), *sprint, names, code(f"/flywheel approve {finding.id}")])


# --- the project ----------------------------------------------------------------------------------


def _project(proposal: Proposal) -> list[Part]:
    """What changes for all sprints: flywheel.yaml, and the data."""
    parts = []
    if proposal.pointers:
        rows = tuple(
            f"- {code(pointer.path, 160)}: {markdown(pointer_words(pointer.before, pointer.after))}"
            for pointer in proposal.pointers
        )
        parts.append(
            Part(title="data pointers", priority=Kept.PROJECT, head="### Data pointers\n", rows=rows)
        )
    if proposal.project_changes:
        words = plan_sprint.changes_in_words(proposal.project_changes)
        text = f"### flywheel.yaml\n\n{words}\n\n{_whose(proposal.project_changes)}"
        parts.append(Part(title="flywheel.yaml", priority=Kept.PROJECT, head=text))
        head, listed = changes_table(proposal.project_changes)
        summary = f"{count(len(proposal.project_changes), 'change')} of flywheel.yaml, one by one"
        parts.append(folded("changes of flywheel.yaml", summary, head, listed, Kept.MORE_PROJECT))
    return parts


def _whose(changes: Sequence[SpecChange]) -> str:
    """Whose copy of each changed option counts for this pull request (docs/policy.md, What is compared with what)."""
    of_base, at_once = _options(changes, of_base=True), _options(changes, of_base=False)
    sentences = []
    if of_base:
        sentences.append(
            f"The base branch's copy of {of_base} judges this pull request; the proposal's takes effect after the merge."
        )
    if any(_owner(change) == "slices" and change.effect == "added" for change in changes):
        sentences.append("New slices are looked at at once.")
    if at_once:
        sentences.append(f"The proposal's copy of {at_once} counts at once.")
    return " ".join(sentences)


def _options(changes: Sequence[SpecChange], *, of_base: bool) -> str:
    """The options that are the base's until the merge, or those that are not, each once."""
    names = [
        _owner(change) or change.path
        for change in changes
        if (_owner(change) is not None) is of_base
        and not (_owner(change) == "slices" and change.effect == "added")
    ]
    distinct = list(dict.fromkeys(names))
    more = len(distinct) - _SHOWN_OPTIONS
    shown = [code(name, 120) for name in distinct[:_SHOWN_OPTIONS]]
    shown += [f"{more:,} more"] if more > 0 else []
    return " and ".join(filter(None, [", ".join(shown[:-1]), *shown[-1:]]))


def _owner(change: SpecChange) -> str | None:
    """The part of flywheel.yaml that is the base's until the merge; None for an option that counts at once."""
    first = change.path.replace("[", ".").partition(".")[0]
    if first in ("policy", "slices"):
        return first
    return change.path if change.path in _LIMITS else None
