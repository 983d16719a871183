"""Data selection rules, applied in order: condition, exclusion, deduplication, sampling."""
