"""The sprint's report: one record, and its renderings: Markdown, JSON, terminal, plots."""
