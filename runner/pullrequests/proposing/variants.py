"""What a proposal brings of variants that were made: only what flywheel itself writes passes, and none of it is believed."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path, PurePosixPath

from runner.config.load import load_project, load_sprint
from runner.config.schema_rules import VARIANT_NAME
from runner.config.variants import made_beside
from runner.pipeline.compile import compiled
from runner.planning.resolve import stages_of
from runner.planning.situation import Situation
from runner.planning.variants import Variant
from runner.record.catalogue import IGNORED_PLOTS, PIPELINE
from runner.stages.kinds import VARIANT

_NAME = re.compile(rf"(?P<sprint>[0-9]{{4}}-[a-z0-9-]{{1,60}})\.(?P<variant>{VARIANT_NAME})")


def is_of_variant(parts: tuple[str, ...]) -> bool:
    """Whether a path's parts are those of a file in the folder of a variant.

    >>> is_of_variant(("variants", "0001-first.medium", "dvc.yaml")), is_of_variant(("variants", "x", "dvc.yaml"))
    (True, False)
    """
    return len(parts) > 2 and parts[0] == VARIANT.folder and bool(_NAME.fullmatch(parts[1]))


def variant_strangers(paths: Iterable[str]) -> list[str]:
    """Those of git's paths that lie in the folder of a variant, and are of none; sorted.

    >>> variant_strangers(["variants/0001-a.b/dvc.lock", "variants/0001-a.b/numpy.py", "variants/notes.md"])
    ['variants/0001-a.b/numpy.py']
    """
    found = []
    for path in paths:
        parts = PurePosixPath(path).parts
        if is_of_variant((parts[0].lower(), *parts[1:])):
            inside = "/".join(parts[2:])
            known = inside in VARIANT.kept_by_git or inside == IGNORED_PLOTS.name
            if parts[0] != VARIANT.folder or not known:
                found.append(path)
    return sorted(found)


def compiled_variant(root: Path, folder: str) -> list[bytes]:
    """The pipelines that a variant may have, by its folder's name: beside the champion, or as it was before there was one.

    Raises:
        FlywheelError: flywheel.yaml or the spec is not valid, or there is no such sprint.
    """
    named = _NAME.fullmatch(folder)
    if named is None:
        return []
    project = load_project(root)
    loaded = load_sprint(root, f"{named['sprint']}.yaml", project)
    if named["variant"] not in made_beside(loaded.sprint):
        return []
    variant = Variant(Situation(root, project, loaded), named["variant"])
    champion = variant.incumbent.known()
    return [
        compiled(stages_of(project, variant.loaded, each, kind=VARIANT), loaded.path)[PIPELINE.name].encode()
        for each in ([None] if champion is None else [champion, None])
    ]
