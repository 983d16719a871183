"""Writes the JSON Schemas and docs/reference.md: `python -m runner.config.generate [--check]`."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from runner.config.reference import render_reference
from runner.config.schema import Kind, generate_schema, schema_path
from runner.domain.files import write_text

KINDS: tuple[Kind, ...] = ("project", "sprint")
REFERENCE = Path(__file__).parents[2] / "docs" / "reference.md"


def generated_files() -> dict[Path, str]:
    """The content that every generated file should have."""
    schemas = {kind: generate_schema(kind) for kind in KINDS}
    files = {
        schema_path(kind): json.dumps(schema, indent=2, ensure_ascii=False) + "\n"
        for kind, schema in schemas.items()
    }
    files[REFERENCE] = render_reference(schemas["project"], schemas["sprint"])
    return files


def stale_files() -> list[Path]:
    """Generated files that are missing or differ from what the models say."""
    return [
        path
        for path, content in generated_files().items()
        if not path.exists() or path.read_text(encoding="utf-8") != content
    ]


def main(arguments: list[str] | None = None) -> int:
    """Writes the files; with `--check` exits with 1 when one is stale."""
    parser = argparse.ArgumentParser(prog="python -m runner.config.generate", description=__doc__)
    parser.add_argument(
        "--check", action="store_true", help="write nothing; exit with 1 when a file is stale"
    )
    stale = stale_files()
    if parser.parse_args(arguments).check:
        for path in stale:
            print(f"{path}: stale; run: python -m runner.config.generate", file=sys.stderr)
        return 1 if stale else 0
    files = generated_files()
    for path in stale:
        write_text(path, files[path])
        print(path)
    return 0


if __name__ == "__main__":
    sys.exit(main())
