"""Gates: absolute thresholds, and comparisons with the champion or the torch model."""

from runner.gates.claim import Claim
from runner.gates.gate import Gate

__all__ = ["Claim", "Gate"]
