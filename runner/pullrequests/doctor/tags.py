"""The rule of the set-up that is about tags: who may make one that workflows, or the registry, would believe."""

from __future__ import annotations

from collections.abc import Iterator
from fnmatch import fnmatchcase

import msgspec

from runner.forges.forge import Forge
from runner.pullrequests.doctor.diagnosis import Diagnosis

ID, TITLE = "tag-rules", "nobody makes a tag that stands for the default branch, or for a model"
_TAGS = "refs/tags/"
_OF_THE_REGISTRY = ("model#prod#1", "model@v1.0.0")
_FIX = "Settings, Rules: a ruleset for tags {names} that restricts creations and updates; let only the deploy key bypass it"


class _Listed(msgspec.Struct):
    id: int
    enforcement: str
    target: str = "branch"


class _Names(msgspec.Struct):
    include: list[str] = []
    exclude: list[str] = []


class _Conditions(msgspec.Struct):
    ref_name: _Names = msgspec.field(default_factory=_Names)


class _Rule(msgspec.Struct):
    type: str


class _Ruleset(msgspec.Struct):
    rules: list[_Rule] = []
    conditions: _Conditions | None = None


def tag_rules(forge: Forge) -> Diagnosis:
    """Whether rules of the repository keep tags from people who may only write.

    `uses: …@main` takes a tag `main` before the branch, so that such a tag would decide what runs with the data's
    credentials; and a tag `model#prod#2` decides which model holds the stage.

    Raises:
        FlywheelError: the forge refuses.
        msgspec.ValidationError: it answers otherwise than documented.
    """
    branch = forge.default_branch()
    rulesets = list(_active(forge))
    if not _kept(rulesets, branch):
        detail = (
            f"whoever may write can make a tag `{branch}`, and `uses: …@{branch}` takes a tag before a branch"
        )
        fix = _FIX.format(names=f"`{branch}`, `*#*` and `*@*`")
        return Diagnosis(id=ID, title=TITLE, state="problem", detail=detail, fix=fix)
    if not all(_kept(rulesets, name) for name in _OF_THE_REGISTRY):
        detail = (
            "whoever may write can make a tag `model#stage#N`, and so assign any commit's model to the stage"
        )
        fix = _FIX.format(names="`*#*` and `*@*`")
        return Diagnosis(id=ID, title=TITLE, state="warning", detail=detail, fix=fix)
    return Diagnosis(
        id=ID, title=TITLE, state="ok", detail=f"rules keep the tags `{branch}`, `*#*` and `*@*`"
    )


def _active(forge: Forge) -> Iterator[_Ruleset]:
    listed = msgspec.convert(forge.get("rulesets?per_page=100") or [], list[_Listed])
    for ruleset in listed:
        if ruleset.target == "tag" and ruleset.enforcement == "active":
            yield msgspec.convert(forge.get(f"rulesets/{ruleset.id}") or {}, _Ruleset)


def _kept(rulesets: list[_Ruleset], tag: str) -> bool:
    """Whether one of them restricts the making of a tag."""
    return any(
        any(rule.type == "creation" for rule in ruleset.rules) and _is_meant(ruleset.conditions, tag)
        for ruleset in rulesets
    )


def _is_meant(conditions: _Conditions | None, tag: str) -> bool:
    names = conditions.ref_name if conditions is not None else _Names()

    def named(patterns: list[str]) -> bool:
        return any(pattern == "~ALL" or fnmatchcase(_TAGS + tag, pattern) for pattern in patterns)

    return named(names.include) and not named(names.exclude)
