"""Why an image is in a sprint or not: for every reason the rule, and the value that decided."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from planted_sprint import CLASSES, SprintFolder, clean_sprint

from runner.config.project import Dataset, Project, Splits
from runner.config.sprint import DataSelection, SliceSpec, SplitSelection
from runner.domain.errors import FlywheelError
from runner.planning.explanation import ExplainedRule, Explanation, explain
from runner.planning.named_image import named_image
from runner.planning.recorded_index import IndexFiles
from runner.planning.records import Action, StagePlan
from runner.planning.resolve import resolve_stages
from runner.planning.selection import planned_selection
from runner.planning.split_steps import split_steps
from runner.record.catalogue import sprint_folder
from runner.report.explained import render_explanation, render_steps
from runner.selectors.dedupe import Dedupe
from runner.selectors.quota import Quota
from runner.selectors.sample import Sample
from runner.stages import index, select
from runner.stages.kinds import Kind, step
from runner.stages.select import SelectParams

ONE = "images/train/train0-0.jpg"
TWIN = "images/train/train0-1.jpg"
SPLITS = Splits(train="split = 'train'", val="split = 'val'", test="split = 'test'", pool="split = 'pool'")


def planted(root: Path, **changes: Any) -> SprintFolder:
    """A clean sprint whose pictures differ from one another, with changes of `ONE`."""
    made = clean_sprint(root)
    rng = np.random.default_rng(7)
    for row in made.images.values():
        row["phash"] = int(rng.integers(0, 2**63))
    made.images[ONE] |= changes
    return made


def files_of(made: SprintFolder) -> IndexFiles:
    index = made.write() / "index"
    return IndexFiles(
        images=index / "images.parquet",
        objects=index / "objects.parquet",
        thumbnails=index / "thumbnails.parquet",
    )


def params(exclude: str | None = None, splits: Splits = SPLITS, **train: Any) -> SelectParams:
    data = DataSelection(train=SplitSelection(**train), exclude=exclude)
    return SelectParams(task="detect", classes=CLASSES, splits=splits, data=data)


def explained(
    made: SprintFolder, given: SelectParams, path: str = ONE, specs: tuple[SliceSpec, ...] = ()
) -> Explanation:
    return explain(files_of(made), given, specs, sorted(made.images).index(path))


def decided(made: SprintFolder, given: SelectParams) -> ExplainedRule:
    """The rule that dropped `ONE`; what comes after it was not reached, what came before keeps it."""
    found = explained(made, given)
    assert not found.selected
    (rule,) = [rule for rule in found.rules if rule.keeps is False]
    at = found.rules.index(rule)
    assert [other.keeps for other in found.rules] == [True] * at + [False] + [None] * (
        len(found.rules) - at - 1
    )
    return rule


def test_unreadable(tmp_path: Path) -> None:
    made = planted(tmp_path, readable=False, problem="the file is empty")
    rule = decided(made, params(where="brightness < 0.9"))
    assert (rule.rule, rule.said) == ("readable", "the file is empty")


def test_not_labelled(tmp_path: Path) -> None:
    rule = decided(planted(tmp_path, labelled=False), params())
    assert (rule.rule, rule.said) == ("labelled", "there is no label for it")


def test_where_says_which_part_of_it_does_not_hold(tmp_path: Path) -> None:
    made = planted(tmp_path, brightness=0.14)
    rule = decided(made, params(where="brightness > 0.2 AND (camera = 'east' OR n_cat > 3)"))
    assert rule.rule == "where"
    assert [(part.condition, part.holds, part.values) for part in rule.parts] == [
        ("brightness > 0.2", False, {"brightness": 0.14}),
        ("camera = 'east'", True, {"camera": "east"}),
        ("n_cat > 3", False, {"n_cat": 1}),
    ]


def test_a_missing_value_is_unknown_and_not_false(tmp_path: Path) -> None:
    rule = decided(planted(tmp_path, brightness=None), params(where="Brightness > 0.2"))
    assert [(part.holds, part.values) for part in rule.parts] == [(None, {"brightness": None})]


def test_exclude(tmp_path: Path) -> None:
    rule = decided(planted(tmp_path, sharpness=3.0), params(exclude="sharpness < 12"))
    assert rule.rule == "exclude"
    assert [(part.holds, part.values) for part in rule.parts] == [(True, {"sharpness": 3.0})]


def test_exact_duplicate(tmp_path: Path) -> None:
    made = planted(tmp_path)
    made.images[TWIN] |= {"image_id": made.images[ONE]["image_id"], "sharpness": 50.0}
    rule = decided(made, params(dedupe=Dedupe(method="exact")))
    assert rule.facts == {"duplicate_of": TWIN, "distance": 0}
    near = explained(made, params()).lookalike
    assert near is not None
    assert (near.path, near.identical, near.selected) == (TWIN, True, True)


def test_near_duplicate(tmp_path: Path) -> None:
    made = planted(tmp_path)
    made.images[TWIN] |= {"phash": made.images[ONE]["phash"] ^ 0b101, "sharpness": 50.0}
    rule = decided(made, params(dedupe=Dedupe(distance=4), sample=Sample(size=99)))
    assert rule.said == f"near-duplicate of {TWIN} (distance 2), which is sharper (50, this 40)"
    assert rule.facts == {"duplicate_of": TWIN, "distance": 2}
    kept = explained(made, params(dedupe=Dedupe(distance=4)), TWIN)
    assert kept.selected
    assert kept.rules[-1].said == "no image that is kept is within 4 bits of it"


def test_quota_and_sample(tmp_path: Path) -> None:
    made = planted(tmp_path, camera="west")
    of_quota = decided(made, params(quota=Quota(by="camera", images={"east": 3})))
    assert of_quota.said == "rank 1 of 1 with camera = west; none is taken (seed 0)"
    seed = next(
        seed for seed in range(99) if not explained(made, params(sample=Sample(size=3, seed=seed))).selected
    )
    of_sample = decided(made, params(sample=Sample(size=3, seed=seed)))
    assert of_sample.facts["rank"] > 3  # type: ignore[operator]
    assert of_sample.said.endswith(f" of 12; the first 3 are taken (seed {seed})")


def test_in_no_split_all_conditions_are_shown(tmp_path: Path) -> None:
    made = planted(tmp_path, split="extra")
    found = explained(made, params())
    assert (found.split, found.selected, found.reason) == (None, False, "no split's condition holds")
    assert [condition.split for condition in found.conditions] == ["train", "val", "test", "pool"]
    assert all(not condition.holds for condition in found.conditions)
    assert found.conditions[0].parts[0].values == {"split": "extra"}
    assert found.rules == []


def test_an_image_of_the_pool_is_kept_there(tmp_path: Path) -> None:
    found = explained(planted(tmp_path, split="pool", labelled=False), params())
    assert (found.split, found.selected, found.reason) == ("pool", False, "kept in the pool")


def test_slices_by_condition_value_and_objects(tmp_path: Path) -> None:
    path = "images/test/test0-0.jpg"
    made = planted(tmp_path)
    made.images[path] |= {"brightness": 0.1}
    specs = (
        SliceSpec(name="dark", where="brightness < 0.2"),
        SliceSpec(name="bright", where="brightness > 0.8"),
        SliceSpec(by="Camera"),
        SliceSpec(name="dogs", objects="class = 'dog'"),
        SliceSpec(name="huge", objects="area_px > 5000"),
        SliceSpec(auto="weakest"),
    )
    found = explained(made, params(), path, specs)
    assert [part.name for part in found.slices] == ["dark", "Camera=east", "dogs"]
    assert found.slices[2].objects == 1


def test_a_value_beyond_the_most_frequent_is_no_slice(tmp_path: Path) -> None:
    path = "images/test/test0-0.jpg"
    made = planted(tmp_path)
    made.images[path] |= {"camera": "west"}
    assert explained(made, params(), path, (SliceSpec(by="camera", max=1),)).slices == []


def test_label_problems_of_the_image_and_of_its_objects(tmp_path: Path) -> None:
    made = planted(tmp_path, label_problem="labels/x.txt:3: not numbers: a")
    made.add_object(ONE, problem="degenerate: 0.0 × 3.0 px", label_place="labels/x.txt:2")
    assert explained(made, params()).label_problems == [
        "labels/x.txt:3: not numbers: a",
        "labels/x.txt:2: cat: degenerate: 0.0 × 3.0 px",
    ]


def test_what_looks_alike_is_told_with_its_split_and_unknown_is_not_none(tmp_path: Path) -> None:
    made = planted(tmp_path)
    other = "images/test/test0-0.jpg"
    picture = np.random.default_rng(1).integers(0, 256, 256, dtype=np.uint8).tobytes()
    made.thumbnails |= {ONE: picture, other: picture}
    made.images[other] |= {"phash": made.images[ONE]["phash"] ^ 1}
    near = explained(made, params()).lookalike
    assert near is not None
    assert (near.path, near.split, near.distance, near.identical) == (other, "test", 1, False)
    files = files_of(made)
    without = IndexFiles(images=files.images, objects=files.objects, thumbnails=None)
    found = explain(without, params(), (), sorted(made.images).index(ONE))
    assert found.lookalike is None
    assert found.lookalike_unknown == "the index at hand has no thumbnails to compare"


def test_an_explanation_as_a_person_reads_it(tmp_path: Path) -> None:
    made = planted(tmp_path, brightness=0.14)
    given = params(
        where="brightness > 0.2 AND camera = 'east'", dedupe=Dedupe(distance=4), exclude="sharpness < 12"
    )
    found = explained(made, given, specs=(SliceSpec(name="dark", where="brightness < 0.2"),))
    assert render_explanation(found) == (
        f"{ONE}  ({found.image_id})\n"
        "  left out of train: does not satisfy data.train.where: brightness > 0.2 AND camera = 'east'\n"
        "\n"
        "split       train: split = 'train': yes  (split = train)\n"
        "rules       readable  keeps  the file can be read\n"
        "            labelled  keeps  it has labels\n"
        "            where     drops  brightness > 0.2 AND camera = 'east'\n"
        "                             brightness > 0.2: no  (brightness = 0.14)\n"
        "                             camera = 'east': yes  (camera = east)\n"
        "            exclude   not reached\n"
        "            dedupe    not reached\n"
        "looks as    no other image\n"
        "slices      dark\n"
        "labels      no problem"
    )


def test_what_each_rule_leaves(tmp_path: Path) -> None:
    made = planted(tmp_path, brightness=0.14)
    given = params(where="brightness > 0.2", sample=Sample(size=5), exclude="path LIKE '%/val1-%'")
    steps = split_steps(files_of(made), given, "0001-first", "the index")
    assert render_steps(steps) == (
        "0001-first: 20 images of the index\n"
        "\n"
        "rule        train     val  test  pool\n"
        "split          12       4     4     0\n"
        "readable       12       4     4     0\n"
        "labelled       12       4     4\n"
        "where     11 (−1)\n"
        "exclude        11  2 (−2)\n"
        "sample     5 (−6)\n"
        "\n"
        "train  split    keeps  split = 'train'\n"
        "train  where    keeps  brightness > 0.2\n"
        "train  exclude  drops  path LIKE '%/val1-%'\n"
        "train  sample   drops  not in the sample of 5 (seed 0)\n"
        "val    split    keeps  split = 'val'\n"
        "val    exclude  drops  path LIKE '%/val1-%'\n"
        "test   split    keeps  split = 'test'\n"
        "pool   split    keeps  split = 'pool'"
    )
    assert steps.problem is None


def test_a_split_that_is_emptied_is_counted_all_the_same(tmp_path: Path) -> None:
    steps = split_steps(
        files_of(planted(tmp_path)), params(where="brightness > 2"), "0001-first", "the index"
    )
    assert steps.problem is not None
    assert steps.problem.startswith("no image is left for train: 12 of 20 images satisfy")
    assert [step.left for step in steps.steps if step.split == "train"] == [12, 12, 12, 0]


def test_a_plan_does_not_look_at_images(tmp_path: Path) -> None:
    files_of(planted(tmp_path))
    data = DataSelection(train=SplitSelection(dedupe=Dedupe(method="embedding")))
    project = Project(
        apiVersion="flywheel/v1",
        kind="Project",
        name="x",
        task="detect",
        classes=CLASSES,
        dataset=Dataset(path="data", layout="yolo"),
    )
    steps = (step(index.STAGE, index.resolve), step(select.STAGE, lambda work: select.resolve(work, data)))
    stages = resolve_stages(Kind[Project](name="choosing", folder="reports", steps=steps), project)
    plans = [
        StagePlan(stage="index", action=Action.CACHED, reasons=[]),
        StagePlan(stage="select", action=Action.RUN, reasons=[]),
    ]
    assert planned_selection(tmp_path, sprint_folder(tmp_path, "0001-first"), stages, plans) == (
        None,
        "not known before the run: `dedupe: {method: embedding}` looks at the images themselves",
    )


# --- which image is meant -------------------------------------------------------------------------

PATHS = ["images/a/x.jpg", "images/b/x.jpg", "images/b/long-name_01.jpg"]
IDS = ["aaaabbbb1111", "aaaabbbb2222", "ccccdddd3333"]


@pytest.mark.parametrize(
    ("name", "at"),
    [
        ("images/b/x.jpg", 1),
        ("data/images/b/x.jpg", 1),
        ("./data/images/b/x.jpg", 1),
        ("b/x.jpg", 1),
        ("long-name_01.jpg", 2),
        ("name_01.jpg", 2),
        ("ccccdddd3333", 2),
        ("CCCCDDDD", 2),
        ("aaaabbbb1", 0),
    ],
)
def test_an_image_is_named_by_path_end_or_content(name: str, at: int) -> None:
    assert named_image(name, PATHS, IDS, "data") == at


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("x.jpg", '"x.jpg" names 2 images\n  hint: write more of the path; these end so: images/a/x.jpg, images/b/x.jpg'),
        ("aaaabbbb", '"aaaabbbb" names 2 images\n  hint: write more of the path; these have such content: images/a/x.jpg, images/b/x.jpg'),
        ("long-name_02.jpg", 'no image of the index is called "long-name_02.jpg"\n  hint: did you mean images/b/long-name_01.jpg?'),
        ("LONG-NAME_01.png", 'no image of the index is called "LONG-NAME_01.png"\n  hint: did you mean images/b/long-name_01.jpg?'),
        ("nothing", 'no image of the index is called "nothing"\n  hint: a path is relative to the dataset\'s folder: flywheel query true lists some'),
        ("", 'no image of the index is called ""\n  hint: a path is relative to the dataset\'s folder: flywheel query true lists some'),
    ],
)  # fmt: skip
def test_a_name_of_several_or_of_none_is_an_error(name: str, message: str) -> None:
    with pytest.raises(FlywheelError) as error:
        named_image(name, PATHS, IDS, "data")
    assert str(error.value) == message
