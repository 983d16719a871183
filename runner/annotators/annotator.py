"""What a tool for annotation is: takes the tasks of a batch, and gives back what annotators answered."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, ClassVar, Protocol

from msgspec import Meta

from runner.domain.labelling import Answer, HandedOut, HandedTask
from runner.domain.options import NEUTRAL, RelativePath
from runner.domain.task import TaskName
from runner.tasks import TASKS

if TYPE_CHECKING:
    from runner.writers.writer import Scheme

DRAWN: Mapping[str, TaskName] = {
    strategy: name for name, task in TASKS.items() for strategy in task.strategies
}
"""The task whose labels annotators draw, by the strategy."""


WorkFolder = Annotated[
    RelativePath | None,
    Meta(
        description="Where packages and answers lie, a folder per sprint; `.flywheel/annotate` when absent.",
        extra=NEUTRAL,
    ),
]
"""The option `folder` of tools that read and write files."""


@dataclass(frozen=True, kw_only=True)
class Round:
    """One batch that is with a tool.

    Attributes:
        project: the project's name. `root`: the repository's top.
        handed: its tasks, as they were handed out.
        scheme: what is drawn: the strategy's task, the project's classes in their order, and its skeleton.
        folder: where tools of files have their packages and answers; local to this machine.
        files: the image of each task by its key, where it lies now; one that is not found is left out.
        guidelines: the annotators' instructions.
        finished: the annotators say that they looked at every image: one that came back as it was sent is an answer.
        say: takes what is done, a line at a time.
    """

    project: str
    root: Path
    handed: HandedOut
    scheme: Scheme
    folder: Path
    files: Mapping[str, Path]
    guidelines: Path | None = None
    finished: bool = False
    say: Callable[[str], None] = lambda line: None

    @property
    def tasks(self) -> Mapping[str, HandedTask]:
        """By their keys."""
        return {task.key: task for task in self.handed.tasks}


@dataclass(kw_only=True)
class Pulled:
    """What a tool has at the moment.

    Attributes:
        answers: one per task and annotator.
        untouched: tasks that came back as they were sent, where the tool does not tell whether somebody looked at them.
        problems: what could not be taken, in sentences; it stays where it is, and is taken once it is put right.
    """

    answers: list[Answer] = field(default_factory=list)
    untouched: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)

    def add(self, other: Pulled) -> None:
        """Takes over what another one holds."""
        self.answers += other.answers
        self.untouched += other.untouched
        self.problems += other.problems


class Annotator(Protocol):
    """The options of one tool, and how tasks go there and answers come back. Importing its module imports nothing heavy.

    Attributes:
        name: as a spec writes it; also the tag `format` of its block of options.
        tasks: what can be drawn with it.
    """

    name: ClassVar[str]
    tasks: ClassVar[tuple[TaskName, ...]]

    def push(self, round_: Round) -> Sequence[str]:
        """Hands out the tasks that the tool does not have yet, found by their keys; killed at any point, it is called again.

        Returns:
            Where annotators find them, and what to do, in sentences.

        Raises:
            FlywheelError: the tool cannot be reached, or does not hold such labels.
        """
        ...

    def pull(self, round_: Round) -> Pulled:
        """What was answered so far; nothing is changed in the tool, and asking again gives the same.

        Raises:
            FlywheelError: the tool cannot be reached.
        """
        ...
