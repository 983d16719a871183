"""The terms that a proposal's sprint is judged under: computed from git, kept beside its record, computed again."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec.structs import replace

from runner.config.load import LoadedSprint
from runner.config.project import Project
from runner.domain.errors import FlywheelError
from runner.domain.files import encode_json, write_bytes
from runner.domain.records import JUDGED
from runner.planning.situation import Situation
from runner.record.catalogue import BATCH, EVALUATION, SELECTION, SELECTION_FOLDER, TERMS, sprint_folder

if TYPE_CHECKING:  # most runs have no terms, and need not wait for what makes them
    from runner.policy.brought import Brought
    from runner.record.terms import Terms


@dataclass(frozen=True, kw_only=True)
class Judging:
    """What judges a run. It is decided before the run, and stands in the sprint's folder when there is something to judge.

    Attributes:
        situation: the sprint as it is judged.
        terms: None where the working tree's own policy judges.
    """

    situation: Situation
    terms: Terms | None = None

    def keep(self) -> None:
        """Leaves terms.json as decided: a run that never came to its report must not cost the terms of the last one."""
        if self.terms is None:
            (self.situation.folder / TERMS.name).unlink(missing_ok=True)
        else:
            _keep(self.situation.folder, self.terms)


def read_terms(folder: Path) -> Terms | None:
    """The terms in a sprint's folder; None where it was judged under its own policy.

    Raises:
        FlywheelError: the file does not hold terms.
    """
    return TERMS.read_if_there(folder)


def under_terms(root: Path, project: Project, loaded: LoadedSprint) -> tuple[Project, LoadedSprint]:
    """The configuration as it is judged: with the terms in its folder in place of its own copies."""
    terms = read_terms(sprint_folder(root, loaded.name))
    if terms is None:
        return project, loaded
    from runner.policy.terms import judged

    return judged(project, loaded, terms)


def settle(written: Situation, base: str | None, say: Callable[[str], None]) -> Judging:
    """Decides before a run what judges it; nothing is written.

    Raises:
        FlywheelError: git does not know the base, or its configuration is not valid.
    """
    root, name, folder = written.root, written.name, written.folder
    if base is None:
        if (folder / TERMS.name).is_file():
            say(
                f"{name}: no --base: judged under this working tree's own policy; "
                f"once it has run, {TERMS.name} is removed"
            )
        return Judging(situation=written)
    from runner.policy.terms import judged

    terms = computed(root, name, base)
    before = _earlier(folder)
    if before is not None and replace(before, evidence=[]) == terms:
        terms = before  # what its data showed is looked at again after the run
    count = len(terms.findings)
    to_approve = f": {count} finding{'s' * (count != 1)} to approve" if count else ""
    say(f"{name}: judged under the terms of {terms.base_commit[:10]}{to_approve}")
    project, loaded = judged(written.project, written.loaded, terms)
    return Judging(situation=Situation(root, project, loaded), terms=terms)


def add_evidence(root: Path, folder: Path) -> None:
    """Adds to the terms what only the data shows, now that the stages have run; nothing where there are no terms."""
    terms = read_terms(folder)
    if terms is not None:
        _keep(folder, with_evidence(root, folder, terms))


def _earlier(folder: Path) -> Terms | None:
    """The terms of an earlier run; None where they were written by a version with other records."""
    try:
        return read_terms(folder)
    except FlywheelError:
        return None


def _keep(folder: Path, terms: Terms) -> None:
    """Writes the terms where they differ from what is there."""
    content = encode_json(terms)
    if not (folder / TERMS.name).is_file() or (folder / TERMS.name).read_bytes() != content:
        write_bytes(folder / TERMS.name, content)


def computed(root: Path, name: str, base: str, head: str | None = None) -> Terms:
    """The terms of a sprint by its specs alone, without evidence.

    Args:
        base: the branch or commit that judges.
        head: the proposed commit; what is checked out when None.

    Raises:
        FlywheelError: git does not know a commit, or the configuration of one is not valid.
    """
    from runner.policy.terms import terms_of
    from runner.workflow.snapshots import compared

    return terms_of(*compared(root, base, head), name)


def recomputed(root: Path, name: str, recorded: Terms, head: str | None = None) -> Terms | None:
    """The terms as git and the sprint's records give them now, evidence included; None where git lacks their history.

    What is not equal to `recorded` was not judged under the base's terms, or is not its record.

    Args:
        head: the commit that was judged; what is checked out when None.

    Raises:
        FlywheelError: the configuration of a commit is not valid, or a record cannot be read.
    """
    from runner.adapters.git import repository
    from runner.policy.reference import OrderUnknownError

    if repository.run_git(root, "cat-file", "-e", f"{recorded.base_commit}^{{commit}}").returncode != 0:
        return None
    try:
        again = computed(root, name, recorded.base_commit, head)
    except OrderUnknownError:
        return None
    return with_evidence(root, sprint_folder(root, name), again)


def with_evidence(root: Path, folder: Path, terms: Terms) -> Terms:
    """The terms with the findings that the records in `folder` show, beside the reference's at the base commit."""
    if terms.recorded_reference is None and not terms.records:
        return terms
    from runner.domain.policy import distinct
    from runner.policy.agreed import readable_at
    from runner.policy.evidence import RecordedData, evidence_of
    from runner.record.terms import RecordAt

    here = {
        name: (folder / name).read_bytes() if (folder / name).is_file() else None
        for name in (SELECTION.name, EVALUATION.name)
    }
    own = RecordedData(sprint=folder.name, selection=here[SELECTION.name], evaluation=here[EVALUATION.name])
    origin = brought_to_test(root, folder)
    of_old = [RecordAt(sprint=str(terms.recorded_reference), commit=terms.base_commit)]
    evidence = [
        finding
        for record in terms.records or of_old
        for finding in evidence_of(
            readable_at(root, record.sprint, record.commit), own, terms.policy.frozen_splits, origin
        )
    ]
    return replace(terms, evidence=distinct(evidence))


def brought_to_test(root: Path, folder: Path) -> Brought:
    """Of the sprint's test images, those that labelling rounds brought."""
    from runner.config.load import list_sprints
    from runner.policy.brought import Brought, brought
    from runner.record.labelling import read_batch

    folders = {name: sprint_folder(root, name) for name in list_sprints(root)}
    drawn = [name for name, each in folders.items() if (each / BATCH.name).is_file()]
    manifest = folder / SELECTION_FOLDER.name / "manifest.parquet"
    if not drawn or not manifest.is_file():
        return Brought()
    from runner.adapters.tables.parquet import read_table

    table = read_table(manifest, ["image_id", "assigned", "selected"])
    judged = table["selected"].astype(bool) & (table["assigned"] == JUDGED)
    batches = ((name, BATCH.read(folders[name]), read_batch(folders[name])) for name in drawn)
    return brought(table["image_id"][judged].tolist(), batches)
