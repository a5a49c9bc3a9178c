"""The two libraries that run SAM 2.1: they read one file, answer alike, and keep nothing."""

from __future__ import annotations

import gc
import hashlib
import importlib.util
import json
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from sam2_tiny import MovingDiscs, require_engine, require_torch, tiny_models

from wanfx.backends.protocols import BoxPrompt, Prompts
from wanfx.backends.sam2 import Sam2Segmenter
from wanfx.backends.sam2_engine import Answer, Asked, Engine, Remembered, prepare_picture
from wanfx.backends.sam2_engines import choose_engine, load_engine
from wanfx.backends.torch_env import has_gpu
from wanfx.backends.weights import MODELS_FOLDER, ModelFile, ModelSet, set_folder
from wanfx.errors import MissingError, OptionError

require_torch()
__all__ = ["tiny_models"]
_NO_POINTS = np.zeros((0, 2), np.float32), np.zeros(0, np.int32)


def _walk(engine: Engine, asked: Asked, *, frames: int = 20) -> list[Answer]:
    """A shot as an engine sees it: asked in the first frame, corrected in the eighth."""
    shot, answers = MovingDiscs(frames), []
    known: dict[int, Remembered] = {}
    recent: dict[int, Remembered] = {}
    for index, frame in enumerate(shot.frames):
        seen = engine.see(prepare_picture(shot.read(frame), engine.side_px))
        point = np.array([[40.0, 30.0]], np.float32), np.array([1], np.int32)
        here = asked if index == 0 else Asked("correction", *point) if index == 8 else None
        answers.append(engine.look(seen, index=index, direction="forward", asked=here, known=known, recent=recent))
        (recent if here is None else known)[index] = answers[-1].remembered
        recent = {other: one for other, one in recent.items() if index - other < engine.pointer_frames}
        recent = {
            other: one if index - other < engine.memory_frames else one.without_maps() for other, one in recent.items()
        }
    return answers


def _asked(kind: str) -> Asked:
    if kind == "mask":
        mask = np.zeros((64, 64), np.float32)
        mask[14:34, 30:50] = 1
        return Asked("start", *_NO_POINTS, mask)
    if kind == "box":
        return Asked("start", np.array([[28, 12], [52, 36]], np.float32), np.array([2, 3], np.int32))
    return Asked("start", np.array([[40, 24], [5, 60]], np.float32), np.array([1, 0], np.int32))


@pytest.mark.parametrize("kind", ["points", "box", "mask"])
def test_both_answer_alike_from_the_same_file(models: ModelSet, kind: str) -> None:
    require_engine("package")
    pairs = zip(*(_walk(load_engine(models, name), _asked(kind)) for name in ("transformers", "package")), strict=True)
    for one, other in pairs:
        assert one.logits.std() > 1
        # Both remember in half precision, where the last bit of a float32 may be the first of what is kept.
        np.testing.assert_allclose(one.logits, other.logits, atol=0.03)
        assert one.score == pytest.approx(other.score, abs=0.01)


@pytest.mark.parametrize("name", ["transformers", "package"])
def test_a_config_as_older_libraries_wrote_it_is_the_same_network(
    models: ModelSet, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    require_engine(name)
    new = _walk(load_engine(models, name), _asked("box"), frames=4)
    config = json.loads((set_folder(models) / "config.json").read_text(encoding="utf-8"))
    config["memory_attention_rope_theta"] = config.pop("rope_parameters")["rope_theta"]
    old = _copy(models, tmp_path, monkeypatch, {"config.json": json.dumps(config).encode()})
    for one, other in zip(new, _walk(load_engine(old, name), _asked("box"), frames=4), strict=True):
        assert np.array_equal(one.logits, other.logits)


def _copy(models: ModelSet, folder: Path, monkeypatch: pytest.MonkeyPatch, changed: Mapping[str, bytes]) -> ModelSet:
    """The set with other contents of some files, elsewhere."""
    whole = {name: (set_folder(models) / name).read_bytes() for name in models.files} | changed
    monkeypatch.setenv(MODELS_FOLDER, str(folder))
    set_folder(models).mkdir(parents=True)
    for name, content in whole.items():
        (set_folder(models) / name).write_bytes(content)
    pinned = (ModelFile(name, len(content), hashlib.sha256(content).hexdigest()) for name, content in whole.items())
    return replace(models, contents=tuple(pinned))


def test_the_package_does_not_import_what_it_does_not_need(models: ModelSet) -> None:
    require_engine("package")
    load_engine(models, "package")
    assert not any(name.startswith("sam2.sam2_video_predictor") for name in sys.modules)


def test_half_precision_is_for_gpus_and_answers_nearly_the_same(models: ModelSet) -> None:
    """By what a CPU can do of it."""
    engines = [load_engine(models, "transformers")]
    if has_gpu():
        pytest.skip("with a GPU the networks are in half precision from the start")
    if importlib.util.find_spec("sam2") is not None:
        engines.append(load_engine(models, "package"))
    for engine in engines:
        device = engine.device  # type: ignore[attr-defined]
        assert device.precision == "float32"
        whole = _walk(engine, _asked("box"), frames=3)
        device.precision = "bfloat16"
        half = _walk(engine, _asked("box"), frames=3)
        for one, other in zip(whole, half, strict=True):
            assert not np.array_equal(one.logits, other.logits)
            assert np.isfinite(other.logits).all() and other.logits.dtype == np.float32
        assert np.abs(whole[0].logits - half[0].logits).mean() < 0.1 * whole[0].logits.std()


@pytest.mark.gpu
@pytest.mark.parametrize("name", ["transformers", "package"])
def test_on_a_gpu_the_networks_run_in_half_precision(models: ModelSet, name: str) -> None:
    if not has_gpu():
        pytest.skip("there is no GPU")
    require_engine(name)
    engine = load_engine(models, name)
    assert engine.device.precision == "bfloat16" and engine.device.name == "cuda"  # type: ignore[attr-defined]
    answers = _walk(engine, _asked("box"))
    assert all(np.isfinite(one.logits).all() and one.remembered.pointer.is_cuda for one in answers)


@pytest.mark.parametrize("name", ["transformers", "package"])
def test_no_tensor_is_left_of_the_frames_that_are_over(models: ModelSet, name: str) -> None:
    import torch

    require_engine(name)
    segmenter = Sam2Segmenter(models, engine=name)
    segmenter.load()

    def tensors(count: int) -> int:
        shot = MovingDiscs(count)
        x, y = shot.center(1001)
        box = Prompts(boxes=(_around(x, y),))
        most = 0
        for one in segmenter.segment(shot, subjects={"red": box}):
            if one.frame == shot.frames.last:
                gc.collect()
                most = sum(one.numel() for one in gc.get_objects() if type(one) is torch.Tensor)
        return most

    tensors(20)
    assert 0 < tensors(25) == tensors(75)


def _around(x: float, y: float) -> BoxPrompt:
    return BoxPrompt(1001, x - 11, y - 11, x + 11, y + 11)


def test_auto_is_transformers_or_else_the_package(monkeypatch: pytest.MonkeyPatch) -> None:
    there: set[str] = set()
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: object() if name in there else None)
    assert choose_engine("auto") == "transformers"  # whose extra is then named
    there.add("sam2")
    assert choose_engine("auto") == "package"
    there.add("transformers")
    assert choose_engine("auto") == "transformers" and choose_engine("package") == "package"
    with pytest.raises(OptionError, match="torchscript") as caught:
        choose_engine("torchscript")
    assert caught.value.key == "matte.engine"


def test_without_the_package_its_extra_is_named(models: ModelSet, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sam2", None)
    for name in [one for one in sys.modules if one.startswith("sam2.")]:
        monkeypatch.delitem(sys.modules, name)
    with pytest.raises(MissingError, match="sam2 cannot be imported") as caught:
        load_engine(models, "package")
    assert 'pip install "wanfx[sam2-package]"' in caught.value.remedy


def test_a_file_of_another_network_is_refused_by_the_package(
    models: ModelSet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    require_engine("package")
    from safetensors.torch import load_file, save

    weights = load_file(set_folder(models) / "model.safetensors")
    weights.pop("no_object_pointer")
    other = _copy(models, tmp_path, monkeypatch, {"model.safetensors": save(weights)})
    with pytest.raises(MissingError, match="no_obj_ptr") as caught:
        load_engine(other, "package")
    assert "matte.engine = transformers" in caught.value.remedy
