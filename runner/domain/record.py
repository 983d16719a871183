"""What every record has in common."""

from __future__ import annotations

from msgspec import Struct


class Record(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What every record has in common."""
