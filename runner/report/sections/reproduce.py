"""How does one get the same again?"""

from __future__ import annotations

from runner.record.report import SprintReport
from runner.report.escape import code, commands, markdown
from runner.report.sections.part import Part
from runner.report.sections.section import Fold, Section, Shown
from runner.report.wording import NOT_MEASURED


def _reproduce(report: SprintReport, _: Shown) -> list[Part]:
    """The commands, and the digests to compare with."""
    source = report.reproduction
    weights = ", ".join(
        f"seed {markdown(seed, 20)} {code(digest[:12])}" for seed, digest in source.weights.items()
    )
    libraries = ", ".join(
        f"{markdown(name, 40)} {markdown(version, 40)}" for name, version in source.libraries.items()
    )
    facts = [
        ("spec", f"{code(report.spec.path, 160)}, SHA-256 {code(report.spec.sha256[:12])}"),
        ("data", f"{code(source.data_pointer, 160)}, MD5 {_digest(source.data_md5)}"),
        ("selection", _digest(source.selection_digest)),
        ("test images and labels", _digest(source.test_digest)),
        ("weights", weights or NOT_MEASURED),
        ("libraries", libraries or NOT_MEASURED),
    ]
    lines = ["### How to reproduce", "", commands(source.commands), ""]
    lines += [f"- {name}: {text}" for name, text in facts]
    return [Part(title="how to reproduce", head="\n".join(lines))]


def _digest(digest: str | None) -> str:
    return (
        code(digest[:36] if digest and digest.endswith(".dir") else digest[:12]) if digest else NOT_MEASURED
    )


FOLD = Fold(line=lambda report: "How to reproduce")
REPRODUCE = Section(parts=_reproduce, fold=FOLD, chapter="How to reproduce")
