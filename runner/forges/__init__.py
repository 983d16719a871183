"""Forges: where pull requests live. One file per forge, and one line here."""
