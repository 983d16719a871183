"""A section: one question that a report answers, and how each rendering shows the answer."""

from __future__ import annotations

from collections.abc import Callable, Sequence, Set
from dataclasses import dataclass

from runner.adapters.pictures.canvas import Picture
from runner.record.report import SprintReport
from runner.report.sections.part import Part


@dataclass(frozen=True, kw_only=True)
class Pictures:
    """Where a rendering finds the pictures.

    Attributes:
        folder: goes before their paths, which are relative to the sprint's folder; `query` after them.
        width: what they are scaled to, in pixels; None leaves them as they are.
        published: they come with the rendering, and need not be brought from DVC.
    """

    folder: str = ""
    query: str = ""
    width: int | None = None
    published: bool = False


@dataclass(frozen=True, kw_only=True)
class Shown:
    """What a rendering shows beside the report's own text.

    Attributes:
        pictures: where it finds the gallery; None shows none of it.
        plot: Markdown or HTML of a plot, by its name and what it shows; None shows no plots.
        accepted: undecided gates that were accepted, by the ids of their findings.
        in_comment: sections lie behind the folds of a comment.
    """

    pictures: Pictures | None = None
    plot: Callable[[str, str], str] | None = None
    accepted: Set[str] = frozenset()
    in_comment: bool = False


@dataclass(frozen=True, kw_only=True)
class Plot:
    """A picture below a section, as SVG and PNG.

    Attributes:
        name: of its files, without a suffix. `shows`: what it shows, for those who do not see it.
        there: whether the report has data for it; draws nothing.
        draw: draws it; asked only where it is `there`.
    """

    name: str
    shows: str
    there: Callable[[SprintReport], bool]
    draw: Callable[[SprintReport], Picture]


@dataclass(frozen=True, kw_only=True, eq=False)
class Fold:
    """Sections that a comment shows together, behind a click on `line` (HTML); without one in plain sight."""

    line: Callable[[SprintReport], str] | None = None


@dataclass(frozen=True, kw_only=True, eq=False)
class Section:
    """One part of the report, in every rendering. Its place among the others: `catalogue`.

    Attributes:
        parts: its Markdown, the first part with a heading of three `#`; empty where there is nothing to say.
        leads: whether the report shows it right after the verdict.
        fold: where a comment shows it; None: not there. `in_sight`: whether it is at the comment's top instead.
        plots: what is shown below its first part.
        chapter: of the model card, which shows it there; empty: nowhere.
        terminal: its lines in a terminal, a block of their own; every text went through `escape.plain`.
        foot: its one line among the last of the terminal; empty where there is nothing to say.
    """

    parts: Callable[[SprintReport, Shown], Sequence[Part]]
    leads: Callable[[SprintReport], bool] = lambda report: False
    fold: Fold | None = None
    in_sight: Callable[[SprintReport], bool] = lambda report: False
    plots: tuple[Plot, ...] = ()
    chapter: str = ""
    terminal: Callable[[SprintReport], Sequence[str]] = lambda report: ()
    foot: Callable[[SprintReport], str] = lambda report: ""

    @property
    def more(self) -> tuple[Section, bool]:
        """Its further rows, for a place in `catalogue.KEPT`."""
        return (self, True)


TOP = Fold()  # folds of a comment that belong to no section alone
ASKED = Fold()  # what somebody must approve
DECIDED = Fold()
UNSURE = Fold(line=lambda report: "How sure is this, and what would decide it")
OLDER = Fold()  # verdicts of earlier commits
