"""The plots: there when there is data, and nothing in them but the data."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import msgspec

from runner.domain.error_analysis import ConfusionMatrix
from runner.domain.files import encode_json
from runner.record.report import SprintReport
from runner.report import plots
from runner.report.confusion import background_index, most_confused, top_confusions
from runner.report.sections import catalogue


def names(report: SprintReport) -> list[str]:
    return [plot.name for plot in catalogue.plots(report)]


NAMES = [
    "champion",
    "seeds",
    "slices",
    "confusion",
    "f1_confidence",
    "precision_recall",
    "calibration",
    "targets",
    "training",
]


def test_every_plot_comes_as_svg_and_png(failing: SprintReport) -> None:
    files = dict(plots.render(failing))
    assert list(files) == [f"{name}.{kind}" for name in NAMES for kind in ("svg", "png")]
    assert all(content.startswith(b"\x89PNG") for name, content in files.items() if name.endswith("png"))
    for name, content in files.items():
        if name.endswith("svg"):
            assert b"<dc:date>" not in content
            assert b"<dc:creator>" not in content
            assert b"<text" not in content  # drawn as paths: no font of the reader's machine is needed


def test_no_data_gives_no_plot(stopped: SprintReport) -> None:
    assert plots.render(stopped) == []


def test_names_are_drawn_as_they_are(hostile: SprintReport) -> None:
    with_other_script = msgspec.structs.replace(hostile, primary_target="openvino-int8 漢字 $\\frac{$")
    assert names(with_other_script) != []
    assert len(plots.render(hostile)) == 2 * len(NAMES)
    plots.render(with_other_script)


RENDER = """
import hashlib, locale, sys
from pathlib import Path
from runner.domain.files import read_json
from runner.report import markdown, plots, terminal
from runner.record.report import SprintReport
locale.setlocale(locale.LC_ALL, "")
report = read_json(Path(sys.argv[1]), SprintReport)
rendered = [("md", markdown.render(report, plots="plots").encode())]
rendered += [("cut", markdown.render(report, max_bytes=4000).encode())]
rendered += [("terminal", terminal.render(report, color=True).encode()), *plots.render(report)]
sys.stdout.writelines(f"{name} {hashlib.sha256(content).hexdigest()}\\n" for name, content in rendered)
"""
PLACES = (
    {"TZ": "UTC", "LC_ALL": "C", "PYTHONHASHSEED": "1"},
    {"TZ": "Pacific/Auckland", "LC_ALL": "C.UTF-8", "LANG": "de_DE.UTF-8", "PYTHONHASHSEED": "77"},
)


def test_the_same_report_is_the_same_bytes_in_any_place(failing: SprintReport, tmp_path: Path) -> None:
    """Another time zone, locale and hash seed, no home folder to write to, a matplotlibrc lying about."""
    (tmp_path / "report.json").write_bytes(encode_json(failing))
    (tmp_path / "matplotlibrc").write_text("lines.linewidth: 9\nfont.size: 33\n")
    running = []
    for n, place in enumerate(PLACES):
        environment = {"PYTHONPATH": str(Path(__file__).parents[2]), "PYTHONWARNINGS": "error", **place}
        environment |= {"HOME": "/proc/nowhere"} if n else {"HOME": str(tmp_path)}
        running.append(
            subprocess.Popen(
                [sys.executable, "-c", RENDER, str(tmp_path / "report.json")],
                cwd=tmp_path if n else Path(__file__).parent,
                env=environment,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
            )
        )
    results = [(*process.communicate(timeout=120), process.returncode) for process in running]
    assert [(errors, code) for _, errors, code in results] == [("", 0), ("", 0)]
    assert results[0][0] == results[1][0]
    assert results[0][0].count("\n") == 3 + 2 * len(NAMES)


def test_naming_plots_imports_no_drawing_library(failing: SprintReport) -> None:
    program = (
        "import sys; from runner.report import build, markdown, plots, terminal; "
        "found = {'matplotlib', 'numpy', 'pandas', 'torch', 'duckdb'} & set(sys.modules); "
        "sys.exit(str(found) if found else 0)"
    )
    assert names(failing) == NAMES
    done = subprocess.run([sys.executable, "-c", program], cwd=Path(__file__).parents[2], check=False)
    assert done.returncode == 0


def test_a_plot_is_there_only_with_its_data(passing: SprintReport, classifying: SprintReport) -> None:
    assert names(passing) == [name for name in NAMES if name != "champion"]
    assert names(classifying) == ["slices", "confusion", "calibration", "targets", "training"]
    assert len(plots.render(classifying)) == 10


def test_of_many_classes_the_most_confused_are_drawn(classifying: SprintReport) -> None:
    assert classifying.errors is not None
    shown = most_confused(classifying.errors.confusion)
    assert len(shown.labels) == 15
    assert shown.labels[:3] == ["part-a", "part-b", "part-c"]
    assert [len(row) for row in shown.counts] == [15] * 15


def test_a_class_called_background_is_a_class() -> None:
    matrix = ConfusionMatrix(labels=["cat", "background"], counts=[[5, 2], [1, 3]])
    assert background_index(matrix) is None
    assert [(pair.truth, pair.count, pair.truth_is_background) for pair in top_confusions(matrix)] == [
        ("cat", 2, False),
        ("background", 1, False),
    ]
    assert [pair.prediction_is_background for pair in top_confusions(matrix)] == [False, False]
    ranked = msgspec.structs.replace(matrix, counts=[[5, 2], [1, 0]], background=True)
    assert background_index(most_confused(ranked)) == 1


def test_nothing_confused_is_no_row() -> None:
    nothing = ConfusionMatrix(labels=["cat", "background"], counts=[[3, 0], [0, 0]], background=True)
    assert top_confusions(nothing) == []
    assert top_confusions(ConfusionMatrix(labels=[], counts=[])) == []
