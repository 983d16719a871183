"""What this machine computes on: device, threads, and their names for the record."""

from __future__ import annotations

import os
import platform
from pathlib import Path

from runner.adapters.system.offline import prepare_offline
from runner.domain.errors import ExitCode, FlywheelError
from runner.domain.records import Device


def cpu_count() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def cpu_device(threads: int | None) -> Device:
    """The CPU as a record; `threads` is all cores when None."""
    return Device(kind="cpu", name=_cpu_name(), threads=threads or cpu_count(), cpu_count=cpu_count())


def torch_device(requested: str, threads: int | None) -> Device:
    """The device that `auto`, `cpu`, `cuda` or `cuda:N` means here. Imports torch.

    Raises:
        FlywheelError: CUDA was asked for by name and is not there.
    """
    if requested == "cpu":
        return cpu_device(threads)
    prepare_offline()
    import torch

    index = int(requested.partition(":")[2] or 0)
    if not torch.cuda.is_available() or index >= torch.cuda.device_count():
        if requested == "auto":
            return cpu_device(threads)
        found = torch.cuda.device_count() if torch.cuda.is_available() else 0
        raise FlywheelError(
            f'compute.device is "{requested}", but PyTorch finds {found} CUDA devices on this machine',
            hint='set compute.device to "auto" or "cpu" in flywheel.yaml, or run on a machine with that GPU',
            exit_code=ExitCode.STAGE_FAILED,
        )
    name = f"cuda:{index} {torch.cuda.get_device_name(index)}"
    return Device(kind="cuda", name=name, threads=threads or cpu_count(), cpu_count=cpu_count())


def torch_name(device: Device) -> str:
    """The device as torch spells it: `cpu`, `cuda:0`."""
    return "cpu" if device.kind == "cpu" else device.name.split()[0]


def peak_memory_mb() -> float:
    """Largest resident memory of this process so far, in MB (10⁶ bytes).

    Linux's getrusage() would also count the parent from before exec, so the process's own mark is read.
    """
    status = Path("/proc/self/status")
    if status.is_file():
        for line in status.read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024 / 1e6
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / 1e6 if platform.system() == "Darwin" else peak * 1024 / 1e6


def _cpu_name() -> str:
    info = Path("/proc/cpuinfo")
    if info.is_file():
        for line in info.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()
