"""A shadow on the background is not the generator's error, and the lock does not take it for one."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from wanfx.ops.lock_colors import apply_terms
from wanfx.ops.lock_evidence import gather
from wanfx.ops.lock_fit import fit_window
from wanfx.ops.lock_relit import find_relit
from wanfx_color.model_space import ModelSpace

Array = npt.NDArray[np.float32]
WIDTH, HEIGHT = 240, 160
SPACE = ModelSpace(0.0)


def _wall(seed: int = 1) -> Array:
    """Scene-linear soft patches of many colours."""
    random = np.random.default_rng(seed)
    stops = np.full((HEIGHT, WIDTH, 3), -2.5, np.float32)
    for cell, strength in ((40, 1.3), (18, 0.9), (7, 0.2)):
        noise = random.normal(0, strength, (HEIGHT // cell + 2, WIDTH // cell + 2, 3)).astype(np.float32)
        stops += cv2.resize(noise, (WIDTH, HEIGHT), interpolation=cv2.INTER_CUBIC)
    return np.exp2(stops)


def _shade(stops: float) -> Array:
    """(H, W, 1): light with a soft shadow right of the middle, over nearly a quarter of the picture."""
    shadow = np.zeros((HEIGHT, WIDTH), np.float32)
    cv2.ellipse(shadow, (180, 110), (48, 44), 0, 0, 360, 1.0, -1)
    soft = cv2.GaussianBlur(shadow, (0, 0), 8)
    return np.asarray(np.exp2(np.float32(stops) * soft)[..., None], np.float32)


def _edit() -> Array:
    edit = np.zeros((HEIGHT, WIDTH), np.float32)
    cv2.ellipse(edit, (110, 90), (22, 55), 0, 0, 360, 1.0, -1)
    return edit


def _cells(picture: Array) -> Array:
    return np.asarray(cv2.resize(picture, (WIDTH // 4, HEIGHT // 4), interpolation=cv2.INTER_AREA), np.float32)


CLEAR = np.ones((HEIGHT // 4, WIDTH // 4), np.bool_)


def test_nothing_is_relit_where_both_are_the_same() -> None:
    wall = _cells(SPACE.encode(_wall()))
    assert not find_relit(wall, wall, CLEAR).any()


def test_a_shadow_is_found_whole_and_nothing_far_from_it() -> None:
    for stops in (-1.0, 1.0):
        shade = _shade(stops)
        relit = find_relit(_cells(SPACE.encode(_wall() * shade)), _cells(SPACE.encode(_wall())), CLEAR)
        depth = np.abs(_cells(np.asarray(np.log2(shade), np.float32)))
        assert relit[depth > 0.25].all()
        assert not relit[depth < 0.001].mean() > 0.01


def test_a_cast_and_a_gain_that_varies_a_little_are_no_shadow() -> None:
    wall = SPACE.encode(_wall())
    across = np.linspace(-1, 1, WIDTH, dtype=np.float32)[None, :, None]
    made = (wall + 1) * (1 + np.float32(0.012) * across) * np.array([1.1, 0.97, 0.9], np.float32) - np.float32(0.97)
    assert find_relit(_cells(made), _cells(wall), CLEAR).mean() < 0.02


def test_a_shadow_beside_the_character_leaves_the_character_alone() -> None:
    plate, edit = SPACE.encode(_wall()), _edit()
    made = SPACE.encode(_wall() * _shade(-1.0))
    correction = fit_window({1: gather(made, plate, edit, guard_px=4)})[1]
    rows, columns = np.nonzero(edit > 0)
    places = np.stack([(columns + 0.5) / WIDTH * 2 - 1, (rows + 0.5) / HEIGHT * 2 - 1])
    added = apply_terms(made[rows, columns].astype(np.float64), places, correction)
    assert np.abs(added).mean() < 0.004


def test_a_cast_is_found_the_same_with_a_shadow_as_without() -> None:
    plate, edit = SPACE.encode(_wall()), _edit()
    cast = np.array([0.05, -0.03, 0.02], np.float32)
    rows, columns = np.nonzero(edit > 0)
    places = np.stack([(columns + 0.5) / WIDTH * 2 - 1, (rows + 0.5) / HEIGHT * 2 - 1])
    added = []
    for stops in (0.0, -1.0):
        made = SPACE.encode(_wall() * _shade(stops)) + cast
        correction = fit_window({1: gather(made, plate, edit, guard_px=4)})[1]
        added.append(apply_terms(plate[rows, columns].astype(np.float64), places, correction).mean(axis=0))
    assert np.abs(added[0] + cast).max() < 0.005
    assert np.abs(added[1] - added[0]).max() < 0.008


def test_too_few_cells_tell_nothing() -> None:
    clear = np.zeros_like(CLEAR)
    clear[0, :9] = True
    made = _cells(SPACE.encode(_wall()))
    assert not find_relit(made, made - 1, clear).any()
