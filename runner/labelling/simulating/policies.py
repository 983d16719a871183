"""The policies that a simulation is asked for, and whether it can replay them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from runner.adapters.system import yaml_text
from runner.config.project import Project
from runner.dataset.columns import IMAGE_COLUMNS, own_image_columns
from runner.domain.errors import FlywheelError
from runner.domain.nearest import suggestion
from runner.labelling.simulating.replay import Policy
from runner.strategies.disagreement import Disagreement
from runner.strategies.mix import KINDS, RANDOM_ONLY, Mix, usual_mix

AS_IN = "as in: --mix uncertainty=0.5,diversity=0.3,random=0.2"
_BLOCK = "or as a spec writes it: --mix '{random: 0.2, uncertainty: {share: 0.8, measure: margin}}'"


def mix_of(text: str) -> Mix:
    """A mix as it is typed: shares by their arms, or a block as a spec has it.

    Raises:
        FlywheelError: it is none.

    >>> mix_of("uncertainty=0.8,random=0.2").describe()
    '{random: 0.2, uncertainty: 0.8}'
    """
    told = _block(text) if text.lstrip().startswith("{") else _shares(text)
    for name in told:
        if name not in KINDS:
            raise FlywheelError(f"--mix {text!a}: {name} is no strategy{suggestion(name, KINDS)}", hint=AS_IN)
    try:
        mix = msgspec.convert(told, Mix)
    except msgspec.ValidationError as error:
        raise FlywheelError(
            f"--mix {text!a}: {str(error).replace('`$.', '`')}", hint=f"{AS_IN}; {_BLOCK}"
        ) from None
    if not mix.arms:
        raise FlywheelError(f"--mix {text!a} names no arm", hint=AS_IN)
    return mix


def _shares(text: str) -> dict[str, Any]:
    told: dict[str, Any] = {}
    for part in text.split(","):
        name, equals, share = part.strip().partition("=")
        try:
            value = float(share)
        except ValueError:
            equals = ""
            value = 0.0
        if not equals or name in told:
            raise FlywheelError(
                f"--mix {text!a}: {part.strip()!a} is no arm with its share, or its arm is named twice",
                hint=AS_IN,
            )
        told[name] = value
    return told


def _block(text: str) -> dict[str, Any]:
    try:
        told = yaml_text.load(text)
    except Exception:
        told = None
    if not isinstance(told, dict) or not all(isinstance(name, str) for name in told):
        raise FlywheelError(f"--mix {text!a} is no block of arms", hint=_BLOCK)
    return told


def policies(texts: Sequence[str], project: Project, *, vectors: bool) -> list[Policy]:
    """`random` first, then what was asked for, or the usual mix.

    Args:
        vectors: whether images can be compared by embeddings here.

    Raises:
        FlywheelError: an arm cannot be replayed, or a mix stands there twice.
    """
    mixes = [mix_of(text) for text in texts] or [usual_mix(champion=True, vectors=vectors, into="train")]
    found = [Policy(name="random", mix=RANDOM_ONLY)]
    for mix in mixes:
        if [arm.name for arm in mix.arms] == ["random"]:
            continue
        require_replayable(mix, project)
        found.append(Policy(name=_name(mix), mix=mix))
    names = [policy.name for policy in found]
    for name in names:
        if names.count(name) > 1:
            raise FlywheelError(f"the mix {name} stands there twice", hint="name each --mix once")
    return found


def _name(mix: Mix) -> str:
    """Its arms with their shares; options in brackets."""
    words = []
    for arm in mix.arms:
        usual = {field.name: field.default for field in msgspec.structs.fields(KINDS[arm.name])}
        told: dict[str, Any] = msgspec.to_builtins(arm.strategy)
        other = [
            f"{name} {value}" for name, value in told.items() if name != "share" and value != usual[name]
        ]
        words.append(f"{arm.name} {arm.share:g}" + (f" ({', '.join(other)})" if other else ""))
    return " + ".join(words)


def require_replayable(mix: Mix, project: Project) -> None:
    """
    Raises:
        FlywheelError: an arm asks for what a simulated round does not have.
    """
    from_labels = {
        name
        for name in own_image_columns(project.classes)
        if name not in IMAGE_COLUMNS or IMAGE_COLUMNS[name].source == "labels"
    }
    for arm in mix.arms:
        needs = arm.strategy.needs
        if needs.failures:
            raise FlywheelError(
                "the arm failures goes by a report's worst test images, and simulated rounds have no report",
                hint="leave it out of --mix; the test split is not looked at here",
            )
        if isinstance(arm.strategy, Disagreement) and arm.strategy.between == "artefacts":
            raise FlywheelError(
                "the arm disagreement compares exports here, and simulated rounds export nothing",
                hint="--mix '{random: 0.2, disagreement: {share: 0.8, between: flips}}'",
            )
        if known := sorted(from_labels.intersection(needs.columns)):
            raise FlywheelError(
                f"the arm {arm.name} goes by {known[0]}, which is known of labelled images only",
                hint="name a column that images of the pool have too: flywheel query --help",
            )
