"""Great Expectations' data docs of one validation or several: one page that fetches nothing.

The library's page asks nine hosts for styles, scripts, fonts and logos, and runs scripts of its own. Its sections are rendered by the
library and set into a page that does neither.
"""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from typing import Any

_STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; color: #1f2328; background: #fff; max-width: 75rem; margin: 2rem auto; padding: 0 1rem }
h2 { margin-top: 3rem; border-bottom: 2px solid #1f2328 }
table { border-collapse: collapse; margin: .5rem 0 }
td, th { border: 1px solid #d1d9e0; padding: .25rem .6rem; text-align: left; vertical-align: top; overflow-wrap: anywhere }
.alert { background: #f6f8fa; padding: .1rem .6rem; margin-top: 1.5rem }
.badge { background: #e7ecf0; border-radius: .3rem; padding: 0 .35rem }
.fas.text-success::before { content: "met" } .fas.text-danger::before { content: "not met" } .fas.text-warning::before { content: "not computed" }
.text-success { color: #1a7f37 } .text-danger { color: #b42318 } .text-warning { color: #8a6100 }
"""


class DataDocs:
    """The page of a sprint's data checks, suite by suite."""

    def __init__(self, title: str) -> None:
        self._title = title
        self._suites: list[tuple[str, str]] = []

    def add(self, name: str, validated: Any) -> None:
        """Takes up what Great Expectations found of a suite.

        Args:
            name: of the table and the part of it that was looked at.
            validated: an `ExpectationSuiteValidationResult`.
        """
        try:
            body = self._body(validated)
        except Exception as error:  # of the library's templates, for expectations that few use
            body = f"<p>Great Expectations could not render this suite: {escape(str(error))}</p>"
        self._suites.append((name, body))

    def _body(self, validated: Any) -> str:
        from great_expectations.render.renderer import ValidationResultsPageRenderer
        from great_expectations.render.view.view import DefaultJinjaSectionView

        document = ValidationResultsPageRenderer(run_info_at_end=True).render(validated).to_json_dict()
        view = DefaultJinjaSectionView()
        # The last one tells when it ran and with which version of the library, which is no finding.
        overview, *tables, _ = _plain(document["sections"])
        overview["content_blocks"] = overview["content_blocks"][1:]  # the library's names of suite and asset
        first = len(self._suites) * 1000  # ids in the page are numbers of sections
        rendered = [
            view.render({"section": section, "section_loop": {"index": first + at}})
            for at, section in enumerate([overview, *tables])
        ]
        return "\n".join(rendered)

    def page(self) -> str:
        """HTML that no browser fetches anything for, or runs a script of, whatever the data says."""
        parts = [f"<h2>{escape(name)}</h2>\n{body}" for name, body in self._suites]
        return "\n".join(
            [
                '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">',
                "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'; form-action 'none'\">",
                f"<title>{escape(self._title)}</title><style>{_STYLE}</style></head><body>",
                f"<h1>{escape(self._title)}</h1>",
                *parts,
                "</body></html>\n",
            ]
        )


def _plain(value: Any) -> Any:
    """Text of the data as text: the library puts it into the page as it is."""
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    return value.replace("<", "&lt;") if isinstance(value, str) else value
