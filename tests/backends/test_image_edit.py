"""The image editor, by diffusers' own pipeline with small random weights."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch")
pytest.importorskip("diffusers")

from tiny_klein import save_klein_folder

from wanfx.backends.hub_fetch import fetch_hub_set
from wanfx.backends.hub_sets import EDITOR, HUB_SETS
from wanfx.backends.image_edit import edit_picture
from wanfx.backends.weights import MODELS_FOLDER
from wanfx.errors import InputError, MissingError


@pytest.fixture(scope="module")
def given(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("klein")
    save_klein_folder(folder)
    return folder


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(MODELS_FOLDER, str(tmp_path / "models"))


def test_a_picture_is_made_from_pictures_and_words_and_the_seed_alone(given: Path) -> None:
    fetch_hub_set(EDITOR, given=given)
    random = np.random.default_rng(1)
    scene, character = (random.random(shape).astype(np.float32) for shape in ((64, 96, 3), (90, 70, 3)))
    first = edit_picture([scene, character], prompt="a", seed=1)
    assert first.shape == scene.shape and first.dtype == np.float32 and np.isfinite(first).all()
    assert first.min() >= 0 and first.max() <= 1
    assert np.array_equal(first, edit_picture([scene, character], prompt="a", seed=1))
    assert not np.array_equal(first, edit_picture([scene, character], prompt="a", seed=2))
    assert not np.array_equal(first, edit_picture([1 - scene, character], prompt="a", seed=1))
    assert not np.array_equal(first, edit_picture([scene, 1 - character], prompt="a", seed=1))


def test_a_picture_that_is_too_small_is_refused(given: Path) -> None:
    fetch_hub_set(EDITOR, given=given)
    with pytest.raises(InputError, match="too small"):
        edit_picture([np.zeros((64, 64, 3), np.float32), np.zeros((20, 64, 3), np.float32)], prompt="a", seed=1)


def test_without_weights_the_command_that_gets_them_is_told() -> None:
    with pytest.raises(MissingError) as caught:
        edit_picture([np.zeros((32, 32, 3), np.float32)], prompt="a", seed=1)
    assert f"wanfx models fetch {EDITOR}" in caught.value.remedy


def test_the_editor_may_be_used_on_paid_work_and_the_one_that_may_not_says_so() -> None:
    assert HUB_SETS[EDITOR].licence == "Apache-2.0" and HUB_SETS[EDITOR].commercial == "yes"
    assert HUB_SETS["flux-kontext"].commercial == "no" and HUB_SETS["flux-kontext"].warning
