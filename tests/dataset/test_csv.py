"""Metadata files as people really have them: one reader for `init`, `validate` and the index."""

from __future__ import annotations

import datetime
import shlex
import subprocess
import sys
import unicodedata
from pathlib import Path

import pytest

from runner.adapters.tables.duckdb import load
from runner.adapters.tables.parquet import read_table, write_table
from runner.dataset.csv_rows import read_header, read_rows
from runner.dataset.csv_values import typed
from runner.dataset.metadata import join_metadata, metadata_header
from runner.domain.errors import FlywheelError
from runner.evaluation.slices import value_slices

IMAGES = ["images/a.jpg", "images/b.jpg"]


@pytest.mark.parametrize(
    "text",
    [
        "path,light,n\nimages/a.jpg,day,1\nimages/b.jpg,night,2\n",
        "path;light;n\nimages/a.jpg;day;1\nimages/b.jpg;night;2\n",
        "path\tlight\tn\nimages/a.jpg\tday\t1\nimages/b.jpg\tnight\t2\n",
        "path|light|n\nimages/a.jpg|day|1\nimages/b.jpg|night|2\n",
        "sep=;\npath;light;n\nimages/a.jpg;day;1\nimages/b.jpg;night;2\n",
        '"sep=\t"\npath\tlight\tn\nimages/a.jpg\tday\t1\nimages/b.jpg\tnight\t2\n',
        "\ufeffpath,light,n\r\nimages/a.jpg,day,1\r\nimages/b.jpg,night,2\r\n",
        "path,light,n\rimages/a.jpg,day,1\rimages/b.jpg,night,2",
        "# a tool, 2026\n\npath,light,n\nimages/a.jpg,day,1\n# half\nimages/b.jpg,night,2\n\n",
        "path , light, n\nimages/a.jpg, day , 1\nimages/b.jpg,night,2\n,,\n",
        "path,light,n,,\nimages/a.jpg,day,1,,\nimages/b.jpg,night,2,\n",
        "path,light,n\n.\\images\\a.jpg,day,1\n./images/b.jpg,night,2\n",
        'path,light,n\n"images/a.jpg","day",1\n"images/b.jpg","night","2"\n',
        ",path,light,n\n0,images/a.jpg,day,1\n1,images/b.jpg,night,2\n",
    ],
)
def test_every_dialect_gives_the_same_columns(tmp_path: Path, text: str) -> None:
    file = tmp_path / "m.csv"
    file.write_bytes(text.encode())
    assert metadata_header(file, []) == ("path", "light", "n")
    assert join_metadata(file, IMAGES, []).columns == {"light": ["day", "night"], "n": [1, 2]}


def test_cell_may_hold_separators_quotes_line_breaks_and_number_signs(tmp_path: Path) -> None:
    file = tmp_path / "m.csv"
    file.write_text('path,note\nimages/a.jpg,"one, ""two""\n# three"\nimages/b.jpg,#4\n')
    rows = read_rows(file)
    assert rows.columns["note"] == ['one, "two"\n# three', "#4"]
    assert rows.lines == [2, 4]


@pytest.mark.parametrize(
    ("content", "line", "message"),
    [
        (b"", None, "the file is empty"),
        (b"# nothing\n", None, "has comments only"),
        (b"path,a\nx,1,2\ny,1\n", 2, "line 2 has 3: the header has 2 columns, separated by commas"),
        (
            b"# c\npath;a;b\nx;1;2\ny;1\n",
            4,
            "line 4 has 2: the header has 3 columns, separated by semicolons",
        ),
        (b'path,a\nx,"1\n\ny,2\n', 2, "not a readable CSV file: unexpected end of data"),
        (b"path,a,a\nx,1,2\n", 1, 'two columns are called "a"'),
        (
            b"path,Light,light\nx,1,2\n",
            1,
            'the columns "Light" and "light" differ in case only, which SQL ignores',
        ),
        (b"path,a\nx,gr\xfcn\n", 2, 'is not UTF-8: byte 0xfc, in CP1252 (Windows) "ü"'),
        ("path,a\nx,1\n".encode("utf-16"), None, "is UTF-16, not UTF-8"),
        ("path,a\nx,1\n".encode("utf-16-le"), None, "is not text: it holds zero bytes"),
        (b"path,a\x07b\nx,1\n", 1, "the column name 'a\\x07b' is not printable"),
    ],
)
def test_flaws_are_named_with_their_line(
    tmp_path: Path, content: bytes, line: int | None, message: str
) -> None:
    file = tmp_path / "m.csv"
    file.write_bytes(content)
    with pytest.raises(FlywheelError) as error:
        read_rows(file)
    assert (error.value.message, error.value.exit_code) == (message, 3)
    assert error.value.where == (str(file), line, None)


@pytest.mark.parametrize(("text", "encoding"), [("path,a\nx,grün\n", "cp1252"), ("path,a\nx,1\n", "utf-16")])
def test_hint_converts_the_file(tmp_path: Path, text: str, encoding: str) -> None:
    file = tmp_path / "my data.csv"
    file.write_bytes(text.encode(encoding))
    with pytest.raises(FlywheelError) as error:
        read_rows(file)
    command = str(error.value.hint).removeprefix("convert it: ").split(" (in Excel")[0]
    assert shlex.split(command)[0] == "iconv"
    subprocess.run(["bash", "-c", command], check=True)
    assert read_header(file) == ("path", "a")


@pytest.mark.parametrize(
    ("rows", "line", "message"),
    [
        ("images/a.jpg,1\n./images/a.jpg,2\n", 3, "lists images/a.jpg more than once: also on line 2"),
        (",1\n", 2, "this row has no path"),
        (
            "a.jpg,1\n",
            2,
            "no row is of an image: the first is of a.jpg, while images are called like images/a.jpg",
        ),
    ],
)
def test_rows_that_name_no_single_image_are_refused(
    tmp_path: Path, rows: str, line: int, message: str
) -> None:
    (tmp_path / "m.csv").write_text(f"path,a\n{rows}")
    with pytest.raises(FlywheelError) as error:
        join_metadata(tmp_path / "m.csv", IMAGES, [])
    assert (error.value.message, error.value.where) == (message, (str(tmp_path / "m.csv"), line, None))


def test_paths_are_the_same_however_unicode_composes_them(tmp_path: Path) -> None:
    composed = unicodedata.normalize("NFC", "images/grün.jpg")
    decomposed = unicodedata.normalize("NFD", composed)
    assert composed != decomposed
    for written, there in ((composed, decomposed), (decomposed, composed)):
        (tmp_path / "m.csv").write_text(f"path,{unicodedata.normalize('NFD', 'Grüße')}\n{written},1\n")
        assert join_metadata(tmp_path / "m.csv", [there], []).columns == {"Grüße": [1]}


@pytest.mark.parametrize(
    ("texts", "values"),
    [
        (["yes", "No", None], [True, False, None]),
        (["true", "FALSE", "NA"], [True, False, None]),
        (["y", "n"], [True, False]),
        (["y", "y"], ["y", "y"]),  # a code
        (["0", "1"], [0, 1]),
        (["yes", "maybe"], ["yes", "maybe"]),
        (["08", "11"], ["08", "11"]),
        (["8", "nan", "null"], [8, None, None]),
        (["none", "scratch"], ["none", "scratch"]),
        (["1", "2.5", "NaN"], [1.0, 2.5, None]),
        (["1e3", "5"], [1000.0, 5.0]),
        (["1e3", "a"], ["1e3", "a"]),
        (["1", "inf", "1e999"], [1.0, None, None]),
        (["12345678901234567890", "1"], ["12345678901234567890", "1"]),  # an identifier: no float holds it
        (["1_000", "1"], ["1_000", "1"]),
        (["0x1F", "1"], ["0x1F", "1"]),
        (["2026-01-02", None], [datetime.date(2026, 1, 2), None]),
        (["2026:01:02 03:04:05"], [datetime.datetime(2026, 1, 2, 3, 4, 5)]),  # EXIF
        (["2026-01-01T00:00:00+02:00"], [datetime.datetime(2025, 12, 31, 22)]),
        (
            ["2026-01-02", "2026-01-02 12:00"],
            [datetime.datetime(2026, 1, 2), datetime.datetime(2026, 1, 2, 12)],
        ),
        (["2026-01-01T00:00:00Z", "2026-01-01 00:00"], ["2026-01-01T00:00:00Z", "2026-01-01 00:00"]),
        (["02.01.2026", "13.01.2026"], ["02.01.2026", "13.01.2026"]),
        (["0000-00-00", "2026-01-01"], ["0000-00-00", "2026-01-01"]),
        (["0001-01-01T00:00:00+02:00"], ["0001-01-01T00:00:00+02:00"]),
        (["12:30", "09:00:01"], [datetime.time(12, 30), datetime.time(9, 0, 1)]),
        (["0,5", "1,25"], ["0,5", "1,25"]),
        (["nan", None], ["nan", None]),
    ],
)
def test_type_of_a_column_is_that_of_all_its_cells(texts: list[str | None], values: list[object]) -> None:
    read = typed(texts).values
    assert read == values
    assert [type(value) for value in read] == [type(value) for value in values]


def test_decimal_commas_and_infinities_are_read_and_said(tmp_path: Path) -> None:
    file = tmp_path / "m.csv"
    file.write_text("path;lux;t\nimages/a.jpg;0,5;inf\nimages/b.jpg;3;1.5\n")
    joined = join_metadata(file, IMAGES, [])
    assert joined.columns == {"lux": [0.5, 3.0], "t": [None, 1.5]}
    assert joined.notes == [
        'm.csv: column "lux": a comma is read as the decimal point',
        'm.csv: column "t": 1 infinite value is taken as not known',
    ]


def test_a_folder_that_is_called_like_a_file_is_said(tmp_path: Path) -> None:
    (tmp_path / "m.csv").mkdir()
    for read in (read_rows, read_header):
        with pytest.raises(FlywheelError, match="cannot be read: Is a directory"):
            read(tmp_path / "m.csv")


def test_the_header_is_read_without_a_heavy_library(tmp_path: Path) -> None:
    (tmp_path / "m.csv").write_text("path,a\n")
    code = (
        "import sys; from pathlib import Path; from runner.dataset.metadata import metadata_header; "
        f"metadata_header(Path({str(tmp_path / 'm.csv')!r}), []); "
        "print(sorted({'duckdb', 'numpy', 'pandas', 'pyarrow'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_slices_by_value_hold_the_rows_that_their_condition_finds(tmp_path: Path) -> None:
    columns = {
        "08": ["08", "7e2", "yes", "nan", "it's", None],
        "flag": [True, False, None, True, False, True],
        "lux": [0.1 + 0.2, 1e300, None, 0.3, -1.5, 2.0],
        "n": [1, 2, None, 1, 2, 3],
        "day": typed(["2026-01-02", None, "2026-01-03", "2026-01-02", None, None]).values,
        "when": typed(["2026-01-02 03:04", None, "2026-01-03 00:00", None, None, None]).values,
        "clock": typed(["12:30", "09:00:01", None, None, None, None]).values,
    }
    file = tmp_path / "t.parquet"
    write_table(file, columns)
    for name, values in read_table(file).items():
        parts = value_slices(name, values, maximum=9)
        for part, mask in zip(parts, load(file, [], [part.condition for part in parts])[1], strict=True):
            assert mask.tolist() == part.images.tolist(), part.condition
