"""What may lie in a sprint's folder: its record, and nothing else.

Stages work there, and so does whoever reads a pull request; many libraries read their configuration, or code, from the working
folder. What flywheel and DVC do not write is therefore refused by name.
"""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Collection, Iterable, Iterator
from pathlib import Path, PurePosixPath

from runner.adapters.git import repository
from runner.domain.errors import FlywheelError, Where
from runner.record.catalogue import (
    PLOTS,
    REPORTS,
    STORED,
    kept_by_git,
    sprint_path,
)

# What is left where a process was killed while it wrote (`atomic_path`, DVC), and by file managers.
_LEFT = re.compile(r"\.(?P<name>.+)\.[a-z0-9_]{8}(?:\.[a-z]+)?")
_OF_OTHERS = re.compile(r"\.[A-Za-z0-9]{22}\.tmp|\.DS_Store|Thumbs\.db|desktop\.ini")
_LEFT_FOLDER = re.compile(r"\.[a-z]+\.partial")
_SHOWN = 5
_STORED = frozenset(file.name for file in STORED)


def committed_strangers(paths: Iterable[str]) -> list[str]:
    """Those of git's paths that lie in a sprint's folder and are of no record; sorted.

    >>> committed_strangers(["reports/0001-x/report.md", "reports/0001-x/.numba_config.yaml", "reports/README.md"])
    ['reports/0001-x/.numba_config.yaml']
    """
    return sorted(
        path
        for path in paths
        if len(parts := PurePosixPath(path).parts) > 2
        and parts[0].lower() == REPORTS
        and not (parts[0] == REPORTS and kept_by_git("/".join(parts[2:])))
    )


def strangers(root: Path, sprint: str) -> list[str]:
    """What lies in a sprint's folder and is of no record, committed or not, by its path from `root`; sorted.

    What DVC keeps is not looked into, unless git has some of it.
    """
    folder = sprint_path(sprint)
    found = {f"{folder}/{name}" for name in _unknown(root / folder)}
    return sorted({*found, *committed_strangers(repository.tracked_below(root, folder))})


def refuse_strangers(root: Path, sprint: str) -> None:
    """Refuses to work beside what no run wrote.

    Raises:
        FlywheelError: with the names, and what to type.
    """
    found = collapsed(strangers(root, sprint))
    if not found:
        return
    shown = [path if path.isprintable() else ascii(path) for path in found]
    more = f", and {len(found) - _SHOWN} more" if len(found) > _SHOWN else ""
    raise FlywheelError(
        f"not of a record: {', '.join(shown[:_SHOWN])}{more}; libraries would take such files for their configuration or code",
        where=Where(f"{sprint_path(sprint)}/"),
        hint=advice(found[0]),
    )


def collapsed(paths: Iterable[str]) -> list[str]:
    """A folder of which nothing is known, or that DVC keeps, once, instead of everything in it; sorted.

    >>> collapsed(["reports/0001-x/.c/a/1.nbi", "reports/0001-x/.c/2.nbi", "reports/0001-x/plots/x.py"])
    ['reports/0001-x/.c', 'reports/0001-x/plots/x.py']
    """
    parted = [PurePosixPath(path).parts for path in paths]
    return sorted({"/".join(parts if parts[2:3] == (PLOTS.name,) else parts[:3]) for parts in parted})


def advice(path: str) -> str:
    """What to type about something that is of no record."""
    name = shlex.quote(path)
    if PurePosixPath(path).parts[2:] and PurePosixPath(path).parts[2] in _STORED:
        return f"git rm -r --cached {name} (DVC keeps it, not git)"
    return f"git rm -r --cached --ignore-unmatch {name} && rm -r {name}; what you want to keep lies elsewhere than below {REPORTS}/"


def _unknown(folder: Path) -> Iterator[str]:
    """The files and links below a sprint's folder that are no records, by their paths inside it."""
    for parent, folders, files in os.walk(folder):
        inside = Path(parent).relative_to(folder)
        if inside == Path():
            folders[:] = [
                name for name in folders if name not in _STORED and not _LEFT_FOLDER.fullmatch(name)
            ]
        links = [name for name in folders if Path(parent, name).is_symlink()]
        for name in (*files, *links):
            if not _may_lie(inside, name):
                yield (inside / name).as_posix()


def is_left(name: str, written: Collection[str]) -> bool:
    """Whether something in a folder is what a killed process left of `written`, or what a file manager put there.

    >>> is_left(".scores.json.a1b2c3d4", ["scores.json"]), is_left(".selection.partial", []), is_left("x.py", ["x"])
    (True, True, False)
    """
    left = _LEFT.fullmatch(name)
    ours = left is not None and left["name"] in written
    return ours or bool(_LEFT_FOLDER.fullmatch(name) or _OF_OTHERS.fullmatch(name))


def refuse_others(folder: Path, shown: str, written: Collection[str], work: str) -> None:
    """Refuses to work in the folder of another kind of work than a sprint beside what it did not write, as in a sprint's own.

    Args:
        shown: the folder from the repository's top. `written`: what may lie in it, by path.
        work: what the kind is called: "scoring".

    Raises:
        FlywheelError: with a name.
    """
    top = {path.split("/")[0] for path in written}
    for path in sorted(folder.iterdir()) if folder.is_dir() else ():
        if path.is_symlink() or (path.name not in top and not is_left(path.name, top)):
            raise FlywheelError(
                f"{path.name!a} is of no {work}; libraries would take such files for their configuration or code",
                where=Where(f"{shown}/"),
                hint=f"move it elsewhere than below {shown.split('/')[0]}/",
            )


def _may_lie(inside: Path, name: str) -> bool:
    left = _LEFT.fullmatch(name)
    names = [name, left["name"]] if left else [name]
    return bool(_OF_OTHERS.fullmatch(name)) or any(kept_by_git((inside / each).as_posix()) for each in names)
