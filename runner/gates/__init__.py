"""Gates: absolute thresholds, and comparisons with the champion or the torch model."""

from runner.gates.gate import Gate

__all__ = ["Gate"]
