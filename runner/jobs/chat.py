"""`flywheel ci chat`: answers a comment that begins with /flywheel."""

from __future__ import annotations

import os
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import msgspec

from runner.domain.errors import ExitCode, FlywheelError
from runner.forges import open_forge
from runner.forges.environment import read_environment
from runner.forges.forge import Comment, Forge
from runner.pullrequests.approvable import approvable
from runner.pullrequests.comment_commands import Answer, CommandContext, answer, parse, say
from runner.pullrequests.publishing.publish import publish_again
from runner.pullrequests.publishing.publisher import Publisher
from runner.pullrequests.trusted_runs import git_access
from runner.report.escape import paragraphs


class _Author(msgspec.Struct):
    login: str


class _Comment(msgspec.Struct):
    id: int
    user: _Author
    body: str | None
    created_at: str
    updated_at: str


class _Issue(msgspec.Struct):
    number: int
    pull_request: dict[str, Any] | None = None


class _Event(msgspec.Struct):
    """What is read of the payload of `issue_comment`."""

    action: str
    comment: _Comment
    issue: _Issue


def run(root: Path, *, forge: Forge | None = None, variables: Mapping[str, str] | None = None) -> int:
    """Answers the event's comment; what it says and who wrote it come from the event, not from what it may be edited to.

    Args:
        root: a clone of the default branch.
        forge: the environment's when None.
        variables: the job's environment; this process's when None.

    Raises:
        FlywheelError: the forge refuses (exit code 5). The comment is answered with what went wrong where that is possible.
    """
    environment = read_environment(os.environ if variables is None else variables)
    try:
        event = msgspec.convert(environment.event, _Event)
    except msgspec.ValidationError as error:
        raise FlywheelError(
            f"the event is no comment: {error}", hint="this job is for on: issue_comment"
        ) from error
    comment = _asked(event)
    if event.action != "created" or event.issue.pull_request is None or parse(comment.body) is None:
        print("no command on a pull request: nothing to do")
        return int(ExitCode.PASS)
    known = forge or open_forge(environment)
    publisher = Publisher(forge=known, environment=environment, root=root, access=git_access(environment))
    pull = known.pull_request(event.issue.number)
    context = CommandContext(
        forge=known,
        pull=pull,
        repository=environment.repository,
        findings=partial(approvable, publisher, pull, comment.created_at),
        publish_again=partial(publish_again, publisher, pull),
    )
    try:
        said = answer(context, comment)
    except FlywheelError as error:
        trouble = Answer(text=f"That did not work: {paragraphs(str(error))}", reaction="confused")
        say(known, pull.number, comment, trouble, bot=environment.bot)
        raise
    if said is not None:
        say(known, pull.number, comment, said, bot=environment.bot)
        print(said.text)
    return int(ExitCode.PASS)


def _asked(event: _Event) -> Comment:
    given = event.comment
    return Comment(
        id=given.id,
        author=given.user.login,
        body=given.body or "",
        created_at=given.created_at,
        updated_at=given.updated_at,
    )
