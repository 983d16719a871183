"""Loading flywheel.yaml and specs: typed models, or every error of every file in one pass."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

import msgspec

from runner.config.accepts import accepts
from runner.config.ancestors import ancestor_problems, folds_problems, not_run_problems
from runner.config.dropped import dropped
from runner.config.explain import SchemaProblem, explain
from runner.config.located import in_order, located, told
from runner.config.merging import merged_chain, origin_of
from runner.config.node import Node
from runner.config.project import Project
from runner.config.references import ProjectFacts, project_facts, project_problems, sprint_problems
from runner.config.root import PROJECT_FILE
from runner.config.schema import Kind, load_schema
from runner.config.sprint import SPEC_NAME, Sprint
from runner.config.variant_rules import variant_problems
from runner.config.yaml_loader import DataPath, Document, read_document, show_path
from runner.domain.errors import ConfigurationErrors, FlywheelError, Where
from runner.domain.nearest import suggestion
from runner.domain.task import TaskName
from runner.gates import Gate

SPECS = "specs"
_FIRST_LINES: dict[Kind, str] = {
    "project": "it begins with `apiVersion: flywheel/v1` and `kind: Project`; flywheel init --data PATH writes one",
    "sprint": "it begins with `apiVersion: flywheel/v1`, `kind: Sprint`, `title: …` and has a block `train:`",
}
_SPEC_FILE = re.compile(SPEC_NAME.removesuffix("$") + r"\.yaml")


@dataclass(frozen=True, kw_only=True)
class LoadedSprint:
    """A sprint's spec, with what it extends merged in.

    Attributes:
        name: the spec file's name without its ending: "0001-first-model".
        path: the spec file, relative to the repository.
        sprint: the typed spec.
        gate_sources: of each of `sprint.gates`, where it is written: "specs/0001-first-model.yaml:41:5".
        policy_sources: of each of the project's policy gates, where it is written.
        claim_source: where `sprint.expect` is or would be written.
        raw_sha256: of the spec file's bytes, in hex.
        kept: gates of the base's version that judge as well, each with its source and the id of the finding that it is
            kept for; from the terms of a proposal (runner/policy), never from a spec.
        chain: the documents that it was read from, itself first.
    """

    name: str
    path: str
    sprint: Sprint
    gate_sources: list[str]
    policy_sources: list[str]
    claim_source: str
    raw_sha256: str
    kept: list[tuple[Gate, str, str]] = field(default_factory=list)
    chain: list[Document] = field(default_factory=list, repr=False, compare=False)

    def where(self, path: DataPath) -> Where:
        """Where an option is written: in the spec, or in the one that it extends."""
        document, local = origin_of(self.chain, path)
        return document.where(local)


def list_sprints(root: Path) -> list[str]:
    """The names of all specs, in order.

    Files whose name is not a spec's are left out; `validate` reports them.
    """
    return [file.removesuffix(".yaml") for file in _spec_files(root) if _SPEC_FILE.fullmatch(file)]


def load_project(root: Path) -> Project:
    """Loads flywheel.yaml.

    Raises:
        ConfigurationErrors: with everything that is wrong with it.
    """
    document = read_document(root, PROJECT_FILE)
    _raise_all(_project_errors(root, document)[0])
    return msgspec.convert(document.data, Project)


def load_sprint(root: Path, name_or_path: str, project: Project) -> LoadedSprint:
    """Loads one spec, named by its name, its number ("0001", or 1) or its path.

    Raises:
        ConfigurationErrors: with everything that is wrong with it.
        FlywheelError: there is no such spec.
    """
    name = sprint_name(root, name_or_path)
    facts = project_facts(root, Node(msgspec.to_builtins(project)))
    spec = _Spec(root, name)
    _raise_all(spec.errors(facts))
    own = spec.chain[0].data
    # What another sprint claimed is not claimed by those that extend it.
    merged = {
        key: value
        for key, value in spec.merged.items()
        if key != "extends" and (key != "expect" or key in own)
    }
    extends = {"extends": own["extends"]} if len(spec.chain) > 1 else {}
    sprint = msgspec.convert(merged | extends, Sprint)
    policy = read_document(root, PROJECT_FILE)
    return LoadedSprint(
        name=name,
        path=spec.chain[0].file,
        sprint=sprint,
        gate_sources=[str(spec.where(("gates", index))) for index in range(len(sprint.gates))],
        policy_sources=[str(policy.where(("policy", "gates", i))) for i in range(len(project.policy.gates))],
        claim_source=str(spec.where(("expect",))),
        raw_sha256=spec.chain[0].digest,
        chain=spec.chain,
    )


def sprint_name(root: Path, name_or_path: str) -> str:
    """The name of the spec that a user means.

    Raises:
        FlywheelError: there is no such spec, or more than one with that number.
    """
    names = list_sprints(root)
    path = Path(name_or_path)
    name = (path if path.name.strip(".") else path.resolve()).name.removesuffix(".yaml")
    if name in names:
        return name
    if (root / SPECS / f"{name}.yaml").is_file():
        raise _bad_file_name(f"{name}.yaml")
    number = name.zfill(4) if re.fullmatch(r"[0-9]{1,4}", name) else None
    numbered = [known for known in names if number and known.startswith(f"{number}-")]
    if len(numbered) == 1:
        return numbered[0]
    if numbered:
        raise FlywheelError(
            f"more than one sprint has the number {number}: {', '.join(numbered)}", hint="give its whole name"
        )
    raise FlywheelError(
        f'no sprint "{name}" in {SPECS}/{suggestion(name, names, plural="sprints")}',
        hint=None if names else f"write a first spec: {SPECS}/0001-first-model.yaml",
    )


def validate(
    root: Path, names: list[str] | None = None, warnings: list[FlywheelError] | None = None
) -> list[FlywheelError]:
    """Everything that is wrong with flywheel.yaml and with the specs (all, or those named), sorted by place.

    Args:
        warnings: is given what valid specs leave out of lists that they inherit.

    Raises:
        FlywheelError: a spec that is named does not exist.
    """
    document = read_document(root, PROJECT_FILE)
    errors, facts = _project_errors(root, document)
    if names is None:
        errors += [_bad_file_name(file) for file in _spec_files(root) if not _SPEC_FILE.fullmatch(file)]
    if (root / SPECS).is_symlink():
        errors.append(FlywheelError("is a symlink; the project's folders must be real", where=Where(SPECS)))
    for name in list_sprints(root) if names is None else [sprint_name(root, name) for name in names]:
        spec = _Spec(root, name)
        found = spec.errors(facts)
        if warnings is not None and not found:
            warnings += dropped(spec.chain)
        errors += found or [located(problem, spec.chain) for problem in not_run_problems(root, spec.ancestor)]
    return in_order(errors)


def dropped_entries(root: Path, names: list[str]) -> list[FlywheelError]:
    """A warning for every list of a spec that leaves out entries of the one it extends; none for a spec that is wrong."""
    warnings: list[FlywheelError] = []
    validate(root, names, warnings)
    return warnings


# --- flywheel.yaml --------------------------------------------------------------------------------


def _project_errors(root: Path, document: Document) -> tuple[list[FlywheelError], ProjectFacts]:
    node = Node(document.data)
    facts = project_facts(root, node)
    problems = [*_schema_problems("project", document.data), *project_problems(node, facts)]
    errors = [*document.errors, *(located(problem, [document]) for problem in told(problems, document))]
    return errors, facts


# --- specs ----------------------------------------------------------------------------------------


class _Spec:
    """One spec and those it extends, nearest first; `merged` is what a run would see."""

    def __init__(self, root: Path, name: str) -> None:
        self._root, self._name = root, name
        self.chain = [read_document(root, f"{SPECS}/{name}.yaml")]
        self.broken_link: tuple[Document, str] | None = None
        names = [name]
        while isinstance(data := self.chain[-1].data, dict) and isinstance(
            parent := data.get("extends"), str
        ):
            if problem := _link_problem(root, parent, names):
                self.broken_link = (self.chain[-1], problem)
                break
            names.append(parent)
            self.chain.append(read_document(root, f"{SPECS}/{parent}.yaml"))
        self.merged = merged_chain(self.chain)

    def where(self, path: DataPath) -> Where:
        document, local = origin_of(self.chain, path)
        return document.where(local)

    @property
    def ancestor(self) -> Node:
        """What its training starts from, where that is another sprint."""
        return Node(self.merged).get("train", "from")

    def _ancestor_of(self, name: str) -> str | None:
        return _Spec(self._root, name).ancestor.text

    def errors(self, facts: ProjectFacts) -> list[FlywheelError]:
        """Everything that is wrong with the spec and those it extends."""
        errors: list[FlywheelError] = []
        for document in self.chain:
            problems = told(_schema_problems("sprint", document.data), document)
            errors += [*document.errors, *(located(problem, [document]) for problem in problems)]
        if self.broken_link:
            document, message = self.broken_link
            errors.append(located(SchemaProblem(path=("extends",), message=message), [document]))
        elif not errors and len(self.chain) > 1:
            problems = [
                SchemaProblem(
                    path=("extends",),
                    message=f"{show_path(problem.path)}: {problem.message}".removeprefix(": "),
                )
                for problem in _schema_problems("sprint", {**self.merged, "extends": None}, merged=True)
            ]
            errors += [located(problem, self.chain) for problem in problems]
        found = self._references(self.merged, facts)
        found += folds_problems(self.ancestor, Node(self.merged).get("evaluate", "folds"))
        if not errors and not found:
            found = list(variant_problems(self.merged, facts.task, partial(self._of_variant, facts)))
        problems = [problem for problem in found if self._is_told(problem)]
        return in_order([*errors, *(self._placed(problem, facts) for problem in problems)])

    def _references(self, data: dict[str, Any], facts: ProjectFacts) -> list[SchemaProblem]:
        ancestor = Node(data).get("train", "from")
        return [
            *sprint_problems(Node(data), facts),
            *ancestor_problems(self._name, ancestor, list_sprints(self._root), self._ancestor_of),
        ]

    def _of_variant(
        self, facts: ProjectFacts, data: dict[str, Any], task: TaskName | None
    ) -> list[SchemaProblem]:
        """What is wrong with the spec that a variant comes to; by its schema first, as with a spec."""
        seen = msgspec.structs.replace(facts, task=task)
        return _schema_problems("sprint", data, merged=True) or self._references(data, seen)

    def _is_told(self, problem: SchemaProblem) -> bool:
        document, path = origin_of(self.chain, problem.path)
        return bool(told([replace(problem, path=path)], document))

    def _placed(self, problem: SchemaProblem, facts: ProjectFacts) -> FlywheelError:
        """An error at the value; where that is inherited and right by itself, at the `extends` that made it wrong."""
        holder, path = origin_of(self.chain, problem.path)
        place = next(index for index, document in enumerate(self.chain) if document is holder)
        culprit = next(
            (index for index in range(place, 0, -1) if problem.path in self._wrong(index, facts)), 0
        )
        if culprit == place:
            return located(problem, self.chain)
        message = f"{show_path(path)} ({holder.where(path)}): {problem.message}"
        return located(
            SchemaProblem(path=("extends",), message=message, hint=problem.hint), [self.chain[culprit]]
        )

    def _wrong(self, index: int, facts: ProjectFacts) -> set[DataPath]:
        """What is wrong with one of the extended specs by itself."""
        return {problem.path for problem in sprint_problems(Node(merged_chain(self.chain[index:])), facts)}


def _link_problem(root: Path, parent: str, names: list[str]) -> str | None:
    if parent in names:
        return f"extends itself: {' → '.join([*names[names.index(parent) :], parent])}"
    if not _SPEC_FILE.fullmatch(f"{parent}.yaml") or not (root / SPECS / f"{parent}.yaml").is_file():
        others = [name for name in list_sprints(root) if name not in names]
        return f'no sprint "{parent}"{suggestion(parent, others, plural="sprints")}'
    return None


def _spec_files(root: Path) -> list[str]:
    folder = root / SPECS
    if folder.is_symlink() or not folder.is_dir():
        return []
    return sorted(path.name for path in folder.iterdir() if path.suffix in (".yaml", ".yml"))


def _bad_file_name(file: str) -> FlywheelError:
    shown = file if file.isprintable() else repr(file)
    return FlywheelError(
        "not a spec's name: four digits, `-`, then lower-case letters, digits and `-`, ending in .yaml",
        where=Where(f"{SPECS}/{shown}"),
        hint="rename it, for example: 0001-first-model.yaml",
    )


# --- from problems to errors ----------------------------------------------------------------------


def _schema_problems(kind: Kind, data: Any, *, merged: bool = False) -> list[SchemaProblem]:
    """What the schema has against a document. A document of the wrong kind is told that, and no more."""
    expected = kind.capitalize()
    if data is None:
        return [SchemaProblem(path=(), message="expected a mapping, found nothing", hint=_FIRST_LINES[kind])]
    if isinstance(data, dict) and isinstance(found := data.get("kind"), str) and found != expected:
        return [SchemaProblem(path=("kind",), message=_wrong_kind(expected, found))]
    schema = load_schema(kind)
    if merged:
        data = {key: value for key, value in data.items() if key != "extends"}
    if accepts(schema, data):
        return []
    from runner.adapters.system.json_schema import violations

    return explain(violations(schema, data))


def _wrong_kind(expected: str, found: str) -> str:
    place = {"Project": f"; a project is {PROJECT_FILE}", "Sprint": f"; a sprint's spec lies in {SPECS}/"}
    return f'expected kind {expected}, found "{found}"{place.get(found, "")}'


def _raise_all(errors: list[FlywheelError]) -> None:
    if errors:
        raise ConfigurationErrors(in_order(errors))
