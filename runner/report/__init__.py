"""The sprint's report: one record, and its renderings: Markdown, terminal, plots (report.json is the record itself)."""
