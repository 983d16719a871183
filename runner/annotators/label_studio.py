"""Label Studio: over its API where a server is named, else as files that its import and export take and give."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, ClassVar

from msgspec import Meta

from runner.annotators.annotator import Pulled, Round, WorkFolder
from runner.domain.options import NEUTRAL, Options
from runner.domain.task import TaskName

SERVER_URL = r"^https?://[^\s@?#]+$"


class LabelStudio(Options, frozen=True, kw_only=True, tag_field="format", tag="label-studio"):
    """A project on a server of Label Studio, or tasks.json and the JSON export."""

    url: Annotated[
        Annotated[str, Meta(pattern=SERVER_URL, max_length=400)] | None,
        Meta(
            description="The server, such as http://127.0.0.1:8080; files are written and read when absent. The token is in the "
            "environment variable LABEL_STUDIO_API_KEY, and LABEL_STUDIO_URL there names the server that it may be sent to.",
            extra=NEUTRAL,
        ),
    ] = None
    folder: WorkFolder = None

    name: ClassVar[str] = "label-studio"
    tasks: ClassVar[tuple[TaskName, ...]] = ("detect", "segment", "pose", "obb", "classify")

    def push(self, round_: Round) -> Sequence[str]:
        """Makes the sprint's project, and imports the tasks that it does not have yet; or writes the packages."""
        if self.url is not None:
            from runner.annotators.label_studio_project import push_tasks

            return push_tasks(self.url, round_)
        from runner.annotators.label_studio_tasks import write_package_tasks
        from runner.annotators.package import write_packages

        return write_packages(round_, self.name, finish=write_package_tasks)

    def pull(self, round_: Round) -> Pulled:
        """Reads the annotations of all tasks; of the exports below `answers/`."""
        if self.url is not None:
            from runner.annotators.label_studio_project import pull_tasks

            return pull_tasks(self.url, round_)
        from runner.annotators.label_studio_answers import read_exports

        return read_exports(round_)
