"""Where something was measured, in words."""

from __future__ import annotations

from runner.domain.records import Device
from runner.report.escape import markdown
from runner.report.wording import count


def ran_on(device: Device) -> str:
    """`cpu (Intel Xeon), 2 threads of 2 cores`."""
    return (
        f"{markdown(device.kind, 20)} ({markdown(device.name, 80)}), "
        f"{count(device.threads, 'thread')} of {count(device.cpu_count, 'core')}"
    )
