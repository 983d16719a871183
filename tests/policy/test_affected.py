"""Which sprints a proposal is about."""

from __future__ import annotations

from pathlib import Path

from policy.mutations import FIRST, NEXT, S1, S2, Edit, P, snapshots

from runner.policy.affected import affected


def _statuses(folder: Path, edit: Edit) -> dict[str, str]:
    base, head = snapshots(folder, edit)
    return dict(affected(edit.changed(), base, head))


def test_specs_are_added_changed_or_removed(tmp_path: Path) -> None:
    edit = Edit(
        name="all", replaced=((S2, "epochs: 30", "epochs: 31"),), written={NEXT: FIRST}, removed=(S1,)
    )
    assert _statuses(tmp_path, edit) == {
        "0001-first-model": "removed",
        "0002-night": "changed",
        "0003-next": "added",
    }


def test_what_all_share_is_about_the_newest(tmp_path: Path) -> None:
    edit = Edit(name="project", replaced=((P, "time_limit: 6h", "time_limit: 4h"),))
    assert _statuses(tmp_path, edit) == {"0002-night": "affected"}
