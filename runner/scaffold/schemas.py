"""The JSON Schemas in a project's own folder, where an editor finds them offline, whatever flywheel is installed where."""

from __future__ import annotations

from pathlib import Path

from runner.config.schema import schema_path
from runner.domain.files import write_text
from runner.domain.records import Record

FOLDER = ".schemas"


def schema_documents() -> dict[str, str]:
    """The files by their paths in the project; what the first lines of flywheel.yaml and of a spec lead to."""
    paths = [schema_path("project"), schema_path("sprint")]
    return {f"{FOLDER}/{path.name}": path.read_text(encoding="utf-8") for path in paths}


class WrittenSchemas(Record, frozen=True, kw_only=True):
    """What `init --schemas` wrote, and the first lines that lead an editor to it."""

    written: list[str]
    unchanged: list[str]
    first_lines: dict[str, str]


def write_schemas(target: Path) -> WrittenSchemas:
    """Writes the installed version's schemas into a project that is there, in place of an older version's."""
    documents = schema_documents()
    unchanged = [
        path
        for path, text in documents.items()
        if (target / path).is_file() and (target / path).read_bytes() == text.encode()
    ]
    for path in documents.keys() - set(unchanged):
        write_text(target / path, documents[path])
    return WrittenSchemas(
        written=[path for path in documents if path not in unchanged],
        unchanged=unchanged,
        first_lines={
            "flywheel.yaml": f"# yaml-language-server: $schema={FOLDER}/project.schema.json",
            "specs/*.yaml": f"# yaml-language-server: $schema=../{FOLDER}/sprint.schema.json",
        },
    )


def render_schemas(result: WrittenSchemas) -> str:
    """The result for a person."""
    lines = [f"written: {path}" for path in result.written] + [
        f"as it was: {path}" for path in result.unchanged
    ]
    lines += ["", "First lines, by which an editor completes and checks (yaml-language-server):"]
    lines += [f"  {file:<14} {line}" for file, line in result.first_lines.items()]
    return "\n".join(lines)
