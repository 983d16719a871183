"""The tool `simulated`: annotators that know the answers, and make the errors that they are told to make."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, ClassVar

from msgspec import Meta, field

from runner.annotators.annotator import Pulled
from runner.annotators.simulated_errors import Rates, label
from runner.domain.errors import FlywheelError
from runner.domain.labelling import Answer, AnsweredObject, HandedTask
from runner.domain.nearest import suggestion
from runner.domain.options import NEUTRAL, Fraction, Name, NonNegative, Options, RelativePath, Seed, Text
from runner.domain.task import TASK_NAMES, TaskName

if TYPE_CHECKING:
    from runner.annotators.annotator import Round
    from runner.writers.writer import Scheme


class Bias(Options, frozen=True, kw_only=True, rename={"class_name": "class", "taken_for": "as"}):
    """A class that an annotator overlooks, or takes for another."""

    class_name: Annotated[Text, Meta(description="The class.", extra=NEUTRAL)]
    share: Annotated[Fraction, Meta(description="How often, of its objects.", extra=NEUTRAL)]
    taken_for: Annotated[
        Text | None, Meta(description="What it is taken for; it is overlooked when absent.", extra=NEUTRAL)
    ] = None


class SimulatedPerson(Options, frozen=True, kw_only=True):
    """One simulated annotator: what goes wrong, and how long it takes."""

    name: Annotated[Name, Meta(description="As answers name it.", extra=NEUTRAL)] = "simulated"
    missed: Annotated[
        Fraction,
        Meta(
            description="Share of objects that are overlooked, and of wrong pre-annotations that are left standing.",
            extra=NEUTRAL,
        ),
    ] = 0.04
    spurious: Annotated[
        float, Meta(ge=0, le=100, description="Objects per image that are not there.", extra=NEUTRAL)
    ] = 0.02
    wrong_class: Annotated[
        Fraction, Meta(description="Share of objects that get any other class.", extra=NEUTRAL)
    ] = 0.02
    jitter: Annotated[
        Fraction,
        Meta(
            description="Standard deviation of each side of a drawn box, as a share of the box's size.",
            extra=NEUTRAL,
        ),
    ] = 0.04
    bias: Annotated[
        list[Bias], Meta(description="Classes that it overlooks, or takes for others.", extra=NEUTRAL)
    ] = field(default_factory=list)
    accepts: Annotated[
        Fraction,
        Meta(description="IoU from which on a pre-annotation is left as it lies.", extra=NEUTRAL),
    ] = 0.8
    image_seconds: Annotated[NonNegative, Meta(description="To open an image.", extra=NEUTRAL)] = 2
    label_seconds: Annotated[
        NonNegative, Meta(description="To draw a label; half of it to move one.", extra=NEUTRAL)
    ] = 7
    review_seconds: Annotated[
        NonNegative, Meta(description="To look at a pre-annotation.", extra=NEUTRAL)
    ] = 1.5

    def rates(self) -> Rates:
        """For one image."""
        return Rates(
            missed=self.missed,
            spurious=self.spurious,
            wrong_class=self.wrong_class,
            jitter=self.jitter,
            missed_of={one.class_name: one.share for one in self.bias if one.taken_for is None},
            taken_for={
                one.class_name: (one.taken_for, one.share) for one in self.bias if one.taken_for is not None
            },
            accepts=self.accepts,
            image_seconds=self.image_seconds,
            label_seconds=self.label_seconds,
            review_seconds=self.review_seconds,
        )


class SimulatedAnnotator(Options, frozen=True, kw_only=True, tag_field="format", tag="simulated"):
    """Annotators that look the answers up in a key, with errors: for tests, and to try a strategy on labelled data."""

    name: ClassVar[str] = "simulated"
    tasks: ClassVar[tuple[TaskName, ...]] = TASK_NAMES

    answers: Annotated[
        list[RelativePath],
        Meta(
            description="Folders with the right labels: label files of YOLO (`data/answers`), or datasets in any layout. Labels are "
            "found by the image's name, of several by its folders.",
            extra=NEUTRAL,
        ),
    ] = field(default_factory=list)
    annotators: Annotated[
        list[SimulatedPerson],
        Meta(
            min_length=1, description="Who labels; images are dealt to them by their content.", extra=NEUTRAL
        ),
    ] = field(default_factory=lambda: [SimulatedPerson()])
    finished: Annotated[
        Fraction, Meta(description="Share of the tasks that have been answered.", extra=NEUTRAL)
    ] = 1
    seed: Annotated[Seed, Meta(description="Another seed makes other errors.", extra=NEUTRAL)] = 0

    def push(self, round_: Round) -> Sequence[str]:
        """Nothing leaves this machine; the answer key is looked at.

        Raises:
            FlywheelError: there is no answer key.
        """
        self._folders(round_.root)
        people = ", ".join(person.name for person in self.annotators)
        number = len(self.annotators)
        return [
            f"answered from {', '.join(self.answers)} by {number} simulated annotator{'s' * (number > 1)}: {people}",
            *self._too_few(round_.handed.tasks),
        ]

    def pull(self, round_: Round) -> Pulled:
        """The answers: the same for the same tasks, key, options and seed, whatever else is asked."""
        pulled = self.answered(
            round_.handed.tasks, round_.scheme, round_.root, guidelines=round_.handed.guidelines
        )
        pulled.problems += self._too_few(round_.handed.tasks)
        return pulled

    def answered(
        self,
        tasks: Iterable[HandedTask],
        scheme: Scheme,
        root: Path,
        *,
        guidelines: str | None = None,
        truth_of: Callable[[HandedTask], list[AnsweredObject] | None] | None = None,
    ) -> Pulled:
        """What the annotators say of these tasks.

        Args:
            root: what the folders of the answer key are relative to.
            guidelines: SHA-256 of the guidelines, for the answers.
            truth_of: gives what is on an image, in place of the answer key.

        Raises:
            FlywheelError: there is no answer key, or it cannot be read; two annotators share a name, or a class is not known.
        """
        from runner.annotators.answer_key import AnswerKey

        self._refuse_unknown(scheme)
        known = truth_of or AnswerKey.read(self._folders(root), scheme).of
        pulled = Pulled()
        for task in tasks:
            if self._dice(task, "finished").random() >= self.finished:
                continue
            truth = known(task)
            if truth is None:
                pulled.problems.append(f"{task.path}: no labels of this name, or several, in the answer key")
                continue
            for person in self._asked(task):
                drawn = label(
                    truth, task.proposals, scheme.classes, person.rates(), self._dice(task, person.name)
                )
                pulled.answers.append(
                    Answer(
                        key=task.key,
                        path=task.path,
                        image_id=task.image_id,
                        annotator=person.name,
                        tool=self.name,
                        seconds=drawn.seconds,
                        guidelines=guidelines,
                        proposals=task.proposals,
                        objects=drawn.objects,
                    )
                )
        return pulled

    def _too_few(self, tasks: Sequence[HandedTask]) -> list[str]:
        """What is said where images are for more annotators than there are: nobody else is going to answer them."""
        people = len(self.annotators)
        wanted = [task.annotators for task in tasks if task.annotators > people]
        if not wanted:
            return []
        return [
            f"{len(wanted)} of {len(tasks)} images {'is' if len(wanted) == 1 else 'are'} for {max(wanted)} annotators, and only "
            f"{people} {'is' if people == 1 else 'are'} simulated: add another to annotation.tool.annotators in the spec"
        ]

    def _refuse_unknown(self, scheme: Scheme) -> None:
        names = [person.name for person in self.annotators]
        for name in names:
            if names.count(name) > 1:
                raise FlywheelError(
                    f"two simulated annotators are called {name}",
                    hint="give each one of annotation.tool.annotators a name of its own",
                )
        for person in self.annotators:
            for bias in person.bias:
                for class_name in (bias.class_name, bias.taken_for or bias.class_name):
                    if class_name not in scheme.classes:
                        raise FlywheelError(
                            f"{person.name} is biased about {class_name}, which is not a class of the project"
                            f"{suggestion(class_name, scheme.classes)}",
                            hint="annotation.tool.annotators: bias names classes of flywheel.yaml",
                        )

    def _folders(self, root: Path) -> list[Path]:
        if not self.answers:
            raise FlywheelError(
                "the simulated annotator has no answer key",
                hint="name folders with the right labels: tool: {format: simulated, answers: [data/answers]}",
            )
        return [root / folder for folder in self.answers]

    def _asked(self, task: HandedTask) -> list[SimulatedPerson]:
        """As many as the task wants, from another one on for each image."""
        people = sorted(
            self.annotators,
            key=lambda person: hashlib.sha256(f"{task.image_id}:{person.name}".encode()).digest(),
        )
        return people[: max(1, task.annotators)]

    def _dice(self, task: HandedTask, name: str) -> random.Random:
        return random.Random(f"{self.seed}:{task.image_id}:{name}")  # noqa: S311 - errors, not secrets
