"""Where work that falls into independent pieces is done: in this process, or on the machines of a Ray cluster.

`compute.executor` of flywheel.yaml says which. Who has such work asks `current()`: None is this process, with its threads, as ever; else
what is given back takes a function and its tasks, and gives the results in the order of the tasks.

It is told by the environment, since stages run in processes of their own, and no parameter of a stage may hold it: what comes out
is the same bytes, and nothing may run again because another machine did it.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal, Protocol

VARIABLE = "FLYWHEEL_EXECUTOR"
ExecutorName = Literal["local", "ray"]


class Executor(Protocol):
    """Machines that work together."""

    @property
    def workers(self) -> int:
        """How many tasks are worked on at once."""
        ...

    def map(
        self, function: Callable[..., Any], tasks: Sequence[Any], *shared: Any, reads: Path | None = None
    ) -> Iterator[Any]:
        """`function(task, *shared)` of each task, in the order of the tasks.

        A task whose machine is lost is done again on another one, so it must be a function of its arguments, and may be done twice.

        Args:
            function: of a module, which each machine imports for itself.
            shared: the same for all tasks; sent to each machine once.
            reads: a folder that the function reads: every machine has to see this very one.

        Raises:
            FlywheelError: what a task raised; no machine is left; or one has another version or does not see the folder.
        """
        ...


@contextmanager
def chosen(name: ExecutorName | None) -> Iterator[None]:
    """Has this process, and those that it starts, use an executor; None leaves it as it is.

    A cluster that was connected to is left at the end.
    """
    if name is None:
        yield
        return
    before = os.environ.get(VARIABLE)
    os.environ[VARIABLE] = name
    try:
        yield
    finally:
        leave()
        if before is None:
            del os.environ[VARIABLE]
        else:
            os.environ[VARIABLE] = before


def current() -> Executor | None:
    """What does the work; None where this process does.

    Raises:
        FlywheelError: Ray is not installed, or there is no cluster at its address.
    """
    if os.environ.get(VARIABLE) != "ray":
        return None
    from runner.adapters.system.ray_cluster import connected

    return connected()


def leave() -> None:
    """Lets go of what `current` connected to."""
    import sys

    if "runner.adapters.system.ray_cluster" in sys.modules:
        from runner.adapters.system.ray_cluster import disconnect

        disconnect()
