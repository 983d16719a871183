"""Silences what third-party libraries do at import: look-ups, downloads, telemetry, advice, own settings."""

from __future__ import annotations

import atexit
import importlib.util
import logging
import os
import shutil
import sys
import tempfile
from pathlib import Path

_FONTS = ("Arial.ttf", "Arial.Unicode.ttf")  # Ultralytics downloads these when its folder lacks them

# What an environment can say to have checkpoints unpickled, or other code imported, that a stage did not ask for.
_LOOSENING = ("TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD", "MPLBACKEND", "MATPLOTLIBRC", "ULTRALYTICS_SAFE_LOAD")


def prepare_offline() -> None:
    """Must run before ultralytics, openvino, nncf or onnxruntime is first imported; later calls do nothing.

    Ultralytics gets a settings folder of this process alone, removed at exit, so that nothing of the user's
    own settings (trackers, folders, account) leaks into a sprint and parallel sprints never meet in one file.
    """
    if os.environ.get("FLYWHEEL_OFFLINE_PID") == str(os.getpid()):
        return
    for name in _LOOSENING:
        os.environ.pop(name, None)
    folder = Path(tempfile.mkdtemp(prefix="flywheel-ultralytics-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    os.environ.update(
        FLYWHEEL_OFFLINE_PID=str(os.getpid()),
        YOLO_OFFLINE="true",
        YOLO_AUTOINSTALL="false",
        YOLO_VERBOSE="false",
        YOLO_CONFIG_DIR=str(folder),
        ULTRALYTICS_SAFE_LOAD="true",  # architectures are built without eval(), of known layers only
        NNCF_CI="1",
        ORT_DISABLE_TELEMETRY="1",  # on by default in ONNX Runtime's official builds for Linux
        # Waiting threads hardly spin: spinning made training 6 % faster alone, and 2.5 times slower beside one
        # other busy process.
        GOMP_SPINCOUNT=os.environ.get("GOMP_SPINCOUNT", "1000"),
        # Ultralytics would set one thread for the whole process; every caller here sets its own number.
        OMP_NUM_THREADS=os.environ.get("OMP_NUM_THREADS", str(os.cpu_count() or 1)),
    )
    _provide_fonts(folder)
    logging.getLogger("torch.utils.cpp_extension").setLevel(logging.ERROR)  # "No CUDA runtime is found"
    # None makes its import fail: OpenVINO and NNCF then use their own stubs. The documented switch is a file
    # in the user's home, which is not ours to write.
    sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]


def silence_ultralytics() -> None:
    """Switches off Ultralytics' events, trackers and log lines. Imports ultralytics."""
    prepare_offline()
    from ultralytics import settings

    switches = ("sync", "clearml", "comet", "dvc", "mlflow", "raytune", "tensorboard", "wandb")
    settings.update({name: False for name in (*switches, "vscode_msg", "openvino_msg") if name in settings})
    logger = logging.getLogger("ultralytics")
    logger.handlers[:] = [logging.NullHandler()]
    logger.setLevel(logging.WARNING)
    logger.propagate = False


def _provide_fonts(folder: Path) -> None:
    found = importlib.util.find_spec("matplotlib")  # locates the package without importing it
    if found is None or not found.submodule_search_locations:
        return
    font = Path(found.submodule_search_locations[0]) / "mpl-data" / "fonts" / "ttf" / "DejaVuSans.ttf"
    settings_folder = folder / "Ultralytics"  # Ultralytics appends its name to the folder it is given
    settings_folder.mkdir()
    for name in _FONTS:
        shutil.copyfile(font, settings_folder / name)
