"""The demo's data: a seeded generator of small parcel scenes with known faults, and nothing downloaded."""

from runner.demo.counts import Counts
from runner.demo.generate import generate

__all__ = ["Counts", "generate"]
