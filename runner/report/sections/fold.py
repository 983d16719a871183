"""Folds of a comment that belong to no section alone."""

from __future__ import annotations

from runner.report.sections.section import Fold

TOP = Fold()
ASKED = Fold()  # what somebody must approve
DECIDED = Fold()
UNSURE = Fold(line=lambda report: "How sure is this, and what would decide it")
OLDER = Fold()  # verdicts of earlier commits
