"""What the policy finds in every way to cheat and in every everyday edit of tests/policy/mutations.py.

    python benchmarks/policy_mutations.py

Prints both tables as Markdown, how long one proposal takes to judge, and exits with 1 when one is not as it should be.
"""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from policy.mutations import BENIGN, CHEATS, Edit, findings, snapshots


def row(edit: Edit) -> tuple[str, str, str, bool]:
    """Its name, what should be found, what is, and whether that is right."""
    with tempfile.TemporaryDirectory() as folder:
        base, head = snapshots(Path(folder), edit)
        if edit.refused:
            refused = any(edit.refused in str(error) for error in head.errors)
            return edit.name, "refused", "refused" if refused else "accepted", refused
        kinds = dict.fromkeys(str(finding.kind) for finding in findings(base, head, edit))
    found = ", ".join(f"`{kind}`" for kind in kinds) or "nothing"
    right = edit.kind in kinds if edit.kind else not kinds
    return edit.name, f"`{edit.kind}`" if edit.kind else "nothing", found, right


def main() -> int:
    """Prints the tables."""
    start = time.perf_counter()
    wrong = 0
    for title, edits in (("Ways to cheat", CHEATS), ("Everyday edits", BENIGN)):
        rows = [row(edit) for edit in edits]
        right = sum(good for *_, good in rows)
        wrong += len(rows) - right
        print(f"\n## {title}: {right} of {len(rows)} as they should be\n")
        print("| edit | expected | found | |\n| --- | --- | --- | --- |")
        for name, expected, found, good in rows:
            print(f"| {name} | {expected} | {found} | {'✓' if good else '✗'} |")
    count = len(CHEATS) + len(BENIGN)
    print(f"\n{count} proposals in {time.perf_counter() - start:.1f} s, loading both sides included.")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
