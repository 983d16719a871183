"""All gates that judge a sprint, each with where it is written: its own, the policy's, and those kept of the base's."""

from __future__ import annotations

from runner.config.load import LoadedSprint
from runner.config.project import Project
from runner.gates.judge import WrittenGate


def written_gates(project: Project, loaded: LoadedSprint) -> list[WrittenGate]:
    """In the order that a verdict lists them."""
    own = [
        WrittenGate(gate=gate, origin="sprint", source=source)
        for gate, source in zip(loaded.sprint.gates, loaded.gate_sources, strict=True)
    ]
    policy = [
        WrittenGate(gate=gate, origin="policy", source=source)
        for gate, source in zip(project.policy.gates, loaded.policy_sources, strict=True)
    ]
    kept = [
        WrittenGate(gate=gate, origin="sprint", source=source, finding=finding)
        for gate, source, finding in loaded.kept
    ]
    return [*own, *policy, *kept]


def written_claim(loaded: LoadedSprint) -> WrittenGate | None:
    """What the sprint claims to bring, as the gate that would demand it."""
    claim = loaded.sprint.expect
    return WrittenGate(gate=claim.as_gate, origin="sprint", source=loaded.claim_source) if claim else None
