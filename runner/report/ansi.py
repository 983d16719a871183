"""Colours of a terminal; `terminal.render` takes them out where there are none."""

BOLD, DIM, RED, GREEN, YELLOW, END = "\x1b[1m", "\x1b[2m", "\x1b[31m", "\x1b[32m", "\x1b[33m", "\x1b[0m"
