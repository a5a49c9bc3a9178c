"""The shadow layer: what a generator changed on the kept background, and nothing else."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
import pytest

from wanfx.ops.shadow import BRIGHTEST, DARKEST, find_shadow, near_field

Array = npt.NDArray[np.float32]
HEIGHT, WIDTH = 270, 200
FLOOR = 0.005


def _wall(random: np.random.Generator) -> Array:
    """Texture at several scales, scene-linear."""
    picture = np.full((HEIGHT, WIDTH, 3), 0.2, np.float32)
    for cell in (3, 9, 30):
        noise = random.uniform(-0.06, 0.06, (HEIGHT // cell + 3, WIDTH // cell + 3, 3)).astype(np.float32)
        picture += cv2.resize(noise, (WIDTH, HEIGHT), interpolation=cv2.INTER_CUBIC)
    return np.clip(picture, 0.01, None)


def _places() -> tuple[Array, Array]:
    """The character's alpha, and how much of the light a shadow at its feet takes, both (H, W)."""
    y, x = np.mgrid[0:HEIGHT, 0:WIDTH].astype(np.float32)
    radius = np.hypot((x - 100) / 32, (y - 120) / 97)
    alpha = np.clip((1 - radius) * 16, 0, 1).astype(np.float32)
    return alpha, np.exp(-(((x - 112) / 44) ** 2) - ((y - 222) / 10) ** 2).astype(np.float32)


def _scene(multiplier: Array, *, grain: float = 0.03, blur_px: float = 1.0, shift_px: float = 0.3) -> dict[str, Array]:
    """A plate, and what a generator makes of it: softer, moved, of another cast, with noise, and its own light."""
    random = np.random.default_rng(3)
    alpha, _cast = _places()
    clean = _wall(random)
    truth = clean * multiplier
    specks = np.asarray(random.standard_normal(clean.shape), np.float32)
    plate = clean * (1 + np.float32(grain) * specks)
    roots = np.sqrt(truth + alpha[..., None] * (np.array([0.5, 0.2, 0.1], np.float32) - truth))
    if blur_px:
        roots = cv2.GaussianBlur(roots, (0, 0), blur_px)
    move = np.array([[1, 0, shift_px], [0, 1, -shift_px / 2]], np.float32)
    roots = cv2.warpAffine(roots, move, (WIDTH, HEIGHT), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
    cast = cv2.resize(
        random.standard_normal((4, 4, 3)).astype(np.float32), (WIDTH, HEIGHT), interpolation=cv2.INTER_CUBIC
    )
    noise = 1 + np.float32(0.01) * np.asarray(random.standard_normal(roots.shape), np.float32)
    generated = roots**2 * (1 + 0.015 * cast) * noise
    return {"plate": plate, "truth": truth, "alpha": alpha, "generated": generated.astype(np.float32)}


def _find(scene: dict[str, Array], **changes: Any) -> npt.NDArray[np.float16]:
    near = near_field(scene["alpha"], reach_px=100, open_sides=(False,) * 4)
    wanted: dict[str, Any] = {"character": scene["alpha"], "near": near, "bleed_px": 3.0, "floor": FLOOR} | changes
    shadow = find_shadow(scene["generated"], scene["plate"], **wanted)
    return np.ones((HEIGHT, WIDTH, 3), np.float16) if shadow is None else shadow


def _miss(picture: Array, truth: Array, where: npt.NDArray[np.bool_]) -> float:
    """The mean error in stops, of light without grain."""
    soft = [cv2.GaussianBlur(light.astype(np.float32), (0, 0), 1.5) for light in (picture, truth)]
    return float(np.abs(np.log2(soft[0] / soft[1]))[where].mean())


@pytest.mark.parametrize("depth", [-0.6, 0.3, 0.6, 0.85])
@pytest.mark.parametrize("look", [{}, {"grain": 0.08}, {"blur_px": 2.0}, {"shift_px": 0.8}])
def test_the_contact_regions_error_falls_by_more_than_half(depth: float, look: dict[str, float]) -> None:
    alpha, cast = _places()
    scene = _scene((1 - depth * cast)[..., None], **look)
    shadow = _find(scene).astype(np.float32)
    where = (cast > 0.15) & (alpha == 0)
    dropped = _miss(scene["plate"], scene["truth"], where)
    assert _miss(scene["plate"] * shadow, scene["truth"], where) < 0.4 * dropped


@pytest.mark.parametrize("look", [{}, {"grain": 0.08}, {"blur_px": 2.5}, {"shift_px": 1.0}])
def test_a_generator_whose_picture_is_only_soft_noisy_and_moved_casts_no_shadow(look: dict[str, float]) -> None:
    scene = _scene(np.ones((1, 1, 1), np.float32), **look)
    shadow = _find(scene, bleed_px=3 * look.get("blur_px", 1.0)).astype(np.float32)
    assert (shadow != 1).any(axis=2).mean() < 0.05
    assert np.abs(np.log2(shadow)).max() < 0.2


def test_a_generator_that_changes_nothing_casts_none_at_all() -> None:
    scene = _scene(np.ones((1, 1, 1), np.float32))
    alpha = scene["alpha"][..., None]
    same = np.where(alpha > 0, np.float32(3), scene["plate"])
    near = near_field(scene["alpha"], reach_px=100, open_sides=(True,) * 4)
    found = find_shadow(same, scene["plate"], character=scene["alpha"], near=near, bleed_px=0, floor=FLOOR)
    assert found is None
    in_half = same.astype(np.float16).astype(np.float32)
    found = find_shadow(in_half, scene["plate"], character=scene["alpha"], near=near, bleed_px=0, floor=FLOOR)
    assert found is None, "a half's rounding is no shadow"


def test_the_shadow_is_1_to_the_bit_away_from_the_character_and_never_nan() -> None:
    _alpha, cast = _places()
    scene = _scene((1 - 0.6 * cast)[..., None])
    scene["plate"][5, 5] = np.nan
    scene["plate"][220, 110] = np.inf
    scene["generated"][221, 112] = np.nan
    scene["plate"][230, 100] = -0.5
    near = near_field(scene["alpha"], reach_px=60, open_sides=(False,) * 4)
    shadow = _find(scene, near=near)
    assert np.isfinite(shadow).all()
    assert (shadow[near == 0] == 1).all()
    assert (near == 0).mean() > 0.2
    assert (shadow != 1).any()


def test_the_shadow_stays_within_its_range() -> None:
    _alpha, cast = _places()
    for light in (1 - 0.999 * cast, 1 + 30 * cast):
        shadow = _find(_scene(light[..., None]))
        assert shadow.min() >= np.float16(DARKEST)
        assert shadow.max() <= np.float16(BRIGHTEST)
        assert (shadow != 1).any()


def test_a_brighter_exposure_of_both_gives_the_same_shadow() -> None:
    _alpha, cast = _places()
    scene = _scene((1 - 0.6 * cast)[..., None])
    brighter = {**scene, "plate": scene["plate"] * 8, "generated": scene["generated"] * 8}
    np.testing.assert_allclose(_find(scene), _find(brighter, floor=8 * FLOOR), rtol=2e-3)


def test_the_gain_scales_its_stops_and_0_is_none() -> None:
    _alpha, cast = _places()
    scene = _scene((1 - 0.6 * cast)[..., None])
    stops = np.log2(_find(scene).astype(np.float32))
    np.testing.assert_allclose(np.log2(_find(scene, gain=0.5).astype(np.float32)), stops / 2, atol=3e-3)
    assert (_find(scene, gain=0.0) == 1).all()


def test_where_the_old_actors_shadow_fell_the_plate_is_brightened_again() -> None:
    _alpha, cast = _places()
    scene = _scene(np.ones((1, 1, 1), np.float32))
    truth, scene["plate"] = scene["plate"].copy(), scene["plate"] * (1 - 0.5 * cast)[..., None]
    shadow = _find(scene).astype(np.float32)
    where = (cast > 0.15) & (scene["alpha"] == 0)
    assert shadow[where].mean() > 1.3
    assert _miss(scene["plate"] * shadow, truth, where) < 0.4 * _miss(scene["plate"], truth, where)


def test_near_is_1_at_the_subject_0_at_its_reach_and_0_at_the_edges_of_what_was_generated() -> None:
    matte = np.zeros((120, 90), np.float32)
    matte[50:70, 40:50] = 1
    field = near_field(matte, reach_px=30, open_sides=(True,) * 4)
    assert (field[matte == 1] == 1).all()
    assert (field[:18] == 0).all()
    assert (field[:, 82:] == 0).all()
    assert (np.diff(field[70:, 45]) <= 0).all()
    closed = near_field(matte, reach_px=400, open_sides=(True, False, True, True))
    assert (closed[0] == 0).all()
    assert closed[-1].min() > 0.5
    assert not near_field(np.zeros_like(matte), reach_px=30, open_sides=(True,) * 4).any()
