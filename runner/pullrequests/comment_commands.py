"""`/flywheel …` in a comment of a pull request: who may, what is done, and the answer."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias, assert_never

from runner.domain.errors import FlywheelError
from runner.domain.nearest import suggestion
from runner.domain.policy import ID_DIGITS, Finding
from runner.forges.forge import Comment, Forge, Permission, PullRequest
from runner.policy.undecided import REASON_LENGTH, is_reason, takes_reason
from runner.report import escape

ANSWER = "<!-- flywheel:answer:{comment} -->"
MAY_COMMAND: tuple[Permission, ...] = ("admin", "maintain", "write")
COMMANDS = ("plan", "run", "approve", "rollback", "help")
_SHA = re.compile(r"[0-9a-f]{7,40}")
_FINDING = re.compile(rf"[a-z_]{{1,40}}-[0-9a-f]{{{ID_DIGITS}}}")
_SPRINT = re.compile(r"[0-9]{4}-[a-z0-9-]{1,60}")
_SHORT, _WHOLE = 10, 40
_CODE = " " * 4  # Markdown shows such a line as an example


@dataclass(frozen=True, kw_only=True)
class PlanCommand:
    """`/flywheel plan`: the plan comment again, for the newest commit."""


@dataclass(frozen=True, kw_only=True)
class RunCommand:
    """`/flywheel run [SHA]`: the sprints again; a fork's commit has to be named."""

    sha: str | None


@dataclass(frozen=True, kw_only=True)
class ApproveCommand:
    """`/flywheel approve FINDING`, or `/flywheel approve FINDING because …`."""

    finding: str
    reason: str = ""


@dataclass(frozen=True, kw_only=True)
class RollbackCommand:
    """`/flywheel rollback [SPRINT]`: the stage goes back to the previous champion, or to the one named."""

    sprint: str | None


@dataclass(frozen=True, kw_only=True)
class Help:
    """Everything that is no command of ours; `problem` says why, in Markdown."""

    problem: str = ""


Command: TypeAlias = PlanCommand | RunCommand | ApproveCommand | RollbackCommand | Help


def parse(body: str) -> Command | None:
    """The command that a comment's first line gives; None where the comment is none of ours.

    Example:
        >>> parse("/flywheel run 1a2b3c4"), parse("we should /flywheel run this"), parse("/flywheel rollback")
        (RunCommand(sha='1a2b3c4'), None, RollbackCommand(sprint=None))
    """
    line = body.lstrip("\ufeff").split("\n", 1)[0].expandtabs(4)
    words = line.split()
    if not words or words[0] != "/flywheel" or line.startswith(_CODE):
        return None
    name, arguments = (words[1], words[2:]) if len(words) > 1 else ("help", [])
    if name not in COMMANDS:
        meant = escape.markdown(suggestion(name, COMMANDS), 80) or "."
        return Help(problem=f"There is no command {escape.code(name, 40)}{meant}")
    because = name == "approve" and len(arguments) > 1 and arguments[1].casefold().rstrip(":,") == "because"
    if because and len(arguments) == 2:
        return Help(problem="Because of what? The reason is missing.")
    if because:
        reason = " ".join(arguments[2:])[:REASON_LENGTH]
        parsed = _with_argument(name, arguments[0])
        return (
            ApproveCommand(finding=parsed.finding, reason=reason)
            if isinstance(parsed, ApproveCommand)
            else parsed
        )
    if len(arguments) > 1:
        return Help(problem=f"{escape.code(name)} takes one word at most.")
    return _with_argument(name, arguments[0] if arguments else None)


def _with_argument(name: str, argument: str | None) -> Command:
    shapes = {"run": _SHA, "approve": _FINDING, "rollback": _SPRINT}
    if argument is not None and name in shapes and not shapes[name].fullmatch(argument):
        what = {
            "run": "a commit",
            "approve": f"a finding's id, which ends in {ID_DIGITS} digits",
            "rollback": "a sprint's name",
        }[name]
        return Help(problem=f"{escape.code(argument, 80)} is not {what}.")
    match name:
        case "plan":
            return PlanCommand()
        case "run":
            return RunCommand(sha=argument)
        case "approve" if argument is not None:
            return ApproveCommand(finding=argument)
        case "approve":
            return Help(problem="Which finding? Its id is in the plan and in the report.")
        case "rollback":
            return RollbackCommand(sprint=argument)
        case _:
            return Help()


@dataclass(frozen=True, kw_only=True)
class CommandContext:
    """What answering needs.

    Attributes:
        findings: everything on this pull request that can be approved now, with who may (shown as text); it is asked
            only for `approve`.
        published_again: shows the approvals on the pull request's checks and comments.
    """

    forge: Forge
    pull: PullRequest
    repository: str
    findings: Callable[[], Sequence[Approvable]]
    publish_again: Callable[[], None]


@dataclass(frozen=True, kw_only=True)
class Approvable:
    """A finding, and whether somebody's word counts for it.

    Attributes:
        refusal: of a login: None where its word counts, else why not.
        sprints: those that wait for it on the default branch, once the pull request is merged.
    """

    finding: Finding
    refusal: Callable[[str], str | None]
    sprints: Sequence[str] = ()


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What is said, and the reaction to the comment."""

    text: str
    reaction: Literal["+1", "confused", "rocket"] = "rocket"


def answer(context: CommandContext, comment: Comment) -> Answer | None:
    """Does what a comment asks, and returns what to say; None where it asks nothing.

    Nothing is done for people who may not write to the repository.

    Raises:
        FlywheelError: the forge refused or could not be reached (exit code 5).
    """
    command = parse(comment.body)
    if command is None:
        return None
    if context.forge.permission(comment.author) not in MAY_COMMAND:
        return Answer(
            text=f"Thank you, {escape.code(comment.author, 80)}. Commands are for people who can write to this repository; "
            "one of them can repeat yours here. Nothing was done.",
            reaction="confused",
        )
    match command:
        case PlanCommand():
            return _plan(context)
        case RunCommand():
            return _run(context, command)
        case ApproveCommand():
            return _approve(context, command, comment.author)
        case RollbackCommand():
            return _rollback(context, command)
        case Help():
            return Answer(text=_help(command.problem), reaction="confused" if command.problem else "+1")
        case _:
            assert_never(command)


def _help(problem: str) -> str:
    lines = [
        "- `/flywheel plan`: plan the newest commit again",
        "- `/flywheel run`: run its sprints again (`/flywheel run SHA` for a fork's commit)",
        "- `/flywheel approve FINDING`: approve a finding of the plan or the report (an undecided gate: "
        "`/flywheel approve FINDING because …`)",
        "- `/flywheel rollback`: go back to the previous champion (`/flywheel rollback SPRINT` to another)",
    ]
    return "\n".join([*([f"{problem} Nothing was done.", ""] if problem else []), *lines])


def _closed(context: CommandContext, what: str) -> Answer | None:
    if context.pull.state == "open":
        return None
    return Answer(text=f"This pull request is closed: there is nothing to {what}.", reaction="confused")


def _plan(context: CommandContext) -> Answer:
    if (closed := _closed(context, "plan")) is not None:
        return closed
    context.forge.dispatch("plan.yml", context.forge.default_branch(), _inputs(context.pull))
    return Answer(text=f"Planning `{context.pull.head_sha[:_SHORT]}` again.")


def _run(context: CommandContext, command: RunCommand) -> Answer:
    pull = context.pull
    if (closed := _closed(context, "run")) is not None:
        return closed
    short = pull.head_sha[:_SHORT]
    # In full: whoever makes two commits that begin alike, in seconds, could put the other one in place of what was read.
    if pull.head_repository != context.repository and len(command.sha or "") != _WHOLE:
        return Answer(
            text="This pull request comes from a fork, which can change between your reading and the run. "
            f"Look at its specs, then name the commit in full: `/flywheel run {pull.head_sha}`",
            reaction="confused",
        )
    if command.sha is not None and not pull.head_sha.startswith(command.sha):
        return Answer(
            text=f"`{command.sha}` is not the newest commit of this pull request; that is `{short}`. Nothing was run.",
            reaction="confused",
        )
    context.forge.dispatch("sprint.yml", context.forge.default_branch(), _inputs(pull))
    return Answer(
        text=f"Running the sprints of `{short}`. A run that is under way for this pull request is cancelled."
    )


def _inputs(pull: PullRequest) -> dict[str, str]:
    return {"pr": str(pull.number), "sha": pull.head_sha}


def _approve(context: CommandContext, command: ApproveCommand, author: str) -> Answer:
    findings = list(context.findings())
    known = {approvable.finding.id: approvable for approvable in findings}
    if command.finding not in known:
        others = ", ".join(escape.code(name) for name in known) or "none"
        return Answer(
            text=f"{escape.code(command.finding)} is not a finding of the newest commit: a finding's id changes with its "
            f"content. Open findings: {others}. Nothing was approved.",
            reaction="confused",
        )
    if sum(approvable.finding.id == command.finding for approvable in findings) > 1:
        return Answer(
            text=f"{escape.code(command.finding)} is the id of more than one finding: change one of them, and they get others. "
            "Nothing was approved.",
            reaction="confused",
        )
    if takes_reason(known[command.finding].finding) and not is_reason(command.reason):
        again = escape.code(f"/flywheel approve {command.finding} because …", 120)
        return Answer(
            text=f"A gate that is undecided is accepted with a reason, which the record keeps: {again}. Nothing was approved.",
            reaction="confused",
        )
    refusal = known[command.finding].refusal(author)
    if refusal is not None:
        return Answer(text=f"{refusal} Nothing was approved.", reaction="confused")
    because = f", because {escape.markdown(command.reason, REASON_LENGTH)}" if command.reason else ""
    text = f"{escape.code(command.finding)} is approved by {escape.code(author, 80)}{because}."
    if not context.pull.merged:
        context.publish_again()
        return Answer(text=text, reaction="+1")
    # What the pull request shows is promote's from the merge on: it may have judged again.
    sprints = known[command.finding].sprints
    for sprint in sprints:
        context.forge.dispatch("promote.yml", context.forge.default_branch(), {"sprint": sprint})
    return Answer(text=f"{text} Promoting {', '.join(map(escape.code, sprints))}.", reaction="+1")


def _rollback(context: CommandContext, command: RollbackCommand) -> Answer:
    context.forge.dispatch(
        "promote.yml", context.forge.default_branch(), {"rollback": command.sprint or "previous"}
    )
    goal = escape.code(command.sprint) if command.sprint else "the previous champion"
    return Answer(text=f"Rolling back to {goal}. The environment `promote` may ask somebody to let it in.")


def say(forge: Forge, pull: int, comment: Comment, said: Answer, *, bot: str) -> None:
    """Posts the answer once, however often the job is run, and reacts to the comment.

    Raises:
        FlywheelError: the forge refused (exit code 5).
    """
    from runner.forges.sticky import put_sticky

    marker = ANSWER.format(comment=comment.id)
    put_sticky(forge, pull, marker, f"{marker}\n{said.text}\n", bot)
    try:
        forge.react(comment.id, said.reaction)
    except FlywheelError:
        return  # the comment may be gone; the answer is there
