"""Alpha is found in the band from the plate's colours."""

from __future__ import annotations

import sys

import cv2
import numpy as np
import numpy.typing as npt
import pytest

from wanfx.errors import MissingError
from wanfx.ops.matting import MattingMethod, find_alpha, make_guide
from wanfx.ops.matting_specks import remove_small_parts
from wanfx.ops.trimap import UNKNOWN, make_trimap

Array = npt.NDArray[np.float32]
METHODS: tuple[MattingMethod, ...] = ("guided", "closed-form")


def _hair() -> Array:
    """A head with strands of a pixel or two; drawn large, so that alpha is exact to a sixteenth."""
    drawn = np.zeros((200 * 4, 240 * 4), np.float32)
    cv2.circle(drawn, (480, 400), 200, 1.0, -1)
    rng = np.random.default_rng(5)
    for angle in rng.uniform(0, 2 * np.pi, 120):
        root, tip = [
            (int(480 + r * np.cos(angle + bend)), int(400 + r * np.sin(angle + bend)))
            for r, bend in ((180, 0), (268, 0.1))
        ]
        cv2.line(drawn, root, tip, 1.0, int(rng.integers(3, 8)))
    return np.asarray(cv2.resize(drawn, (240, 200), interpolation=cv2.INTER_AREA), np.float32)


def _plate(alpha: Array, *, stops: float = 0.0) -> Array:
    """Brown hair before a cool background of changing brightness and a lamp; linear."""
    y, x = np.mgrid[0:200, 0:240].astype(np.float32)
    behind = np.stack([0.1 + 0.1 * x / 240, 0.25 + 0.1 * y / 200, 0.4 + 0 * x], 2)
    cv2.circle(behind, (180, 40), 30, (6.0, 5.5, 5.0), -1)
    front = np.array([0.12, 0.06, 0.03], np.float32)
    return np.asarray((front * alpha[..., None] + behind * (1 - alpha[..., None])) * 2.0**stops, np.float32)


def _rough(alpha: Array) -> Array:
    small = (cv2.resize(alpha, (60, 50), interpolation=cv2.INTER_AREA) >= 0.5).astype(np.float32)
    large = cv2.resize(small, (240, 200), interpolation=cv2.INTER_CUBIC)
    return np.asarray(np.clip(np.roll(large, 2, axis=1), 0, 1), np.float32)


def _error(alpha: Array, truth: Array) -> float:
    return float(np.abs(alpha - truth).mean())


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("stops", [-3.0, 0.0, 4.0])
def test_hair_comes_back_from_a_mask_without_any(method: MattingMethod, stops: float) -> None:
    truth = _hair()
    rough = _rough(truth)
    found = find_alpha(_plate(truth, stops=stops), make_trimap(rough, radius_px=14), rough, method=method)
    assert _error(found, truth) < 0.4 * _error(rough, truth)


@pytest.mark.parametrize("method", METHODS)
def test_what_the_trimap_knows_is_kept_to_the_bit(method: MattingMethod) -> None:
    rough = _rough(_hair())
    trimap = make_trimap(rough, radius_px=8)
    found = find_alpha(_plate(_hair()), trimap, rough, method=method)
    assert found[trimap != UNKNOWN].tobytes() == trimap[trimap != UNKNOWN].tobytes()
    assert 0 <= found.min() <= found.max() <= 1


def test_a_blurred_edge_is_as_soft_as_it_is() -> None:
    truth = np.clip((np.mgrid[0:100, 0:160][1] - 60) / 40, 0, 1).astype(np.float32)
    plate = np.asarray(truth[..., None] * np.array([0.6, 0.2, 0.1]) + (1 - truth[..., None]) * 0.1, np.float32)
    trimap = np.where(np.abs(truth - 0.5) < 0.5, UNKNOWN, truth)
    found = find_alpha(plate, np.asarray(trimap, np.float32), (truth > 0.5).astype(np.float32), method="guided")
    assert np.abs(found - truth).max() < 0.2
    assert np.abs(found - truth).mean() < 0.03


@pytest.mark.parametrize("method", METHODS)
def test_alpha_has_the_same_bits_for_any_number_of_threads(method: MattingMethod) -> None:
    rough = _rough(_hair())
    trimap, before, made = make_trimap(rough, radius_px=10), cv2.getNumThreads(), []
    try:
        for threads in (1, 2, 4):
            cv2.setNumThreads(threads)
            made.append(find_alpha(_plate(_hair()), trimap, rough, method=method).tobytes())
    finally:
        cv2.setNumThreads(before)
    assert made[0] == made[1] == made[2]


def test_closed_form_says_which_extra_it_needs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pymatting.laplacian.cf_laplacian", None)
    rough = _rough(_hair())
    with pytest.raises(MissingError, match="pymatting") as caught:
        find_alpha(_plate(_hair()), make_trimap(rough, radius_px=8), rough, method="closed-form")
    assert "wanfx[matte]" in caught.value.remedy


def test_the_guide_is_finite_and_bounded_for_pixels_of_any_size_and_sign() -> None:
    plate = np.array([[[-3.0, 0.0, 1e-8], [0.5, 65504.0, 3e38]]], np.float32)
    guide = make_guide(plate, where=np.ones((1, 2), bool))
    assert np.isfinite(guide).all()
    assert 0 <= guide.min() <= guide.max() <= 1


def test_specks_and_pinholes_go_by_size_and_hairs_and_their_gaps_stay() -> None:
    alpha = np.zeros((80, 100), np.float32)
    alpha[20:60, 20:60] = 1
    alpha[30:33, 30:33], alpha[5:8, 80:83] = 0, 1
    cv2.line(alpha, (60, 40), (95, 10), 0.4, 1)
    cleaned = remove_small_parts(alpha, area_px=16)
    assert (cleaned[30:33, 30:33] == 1).all()
    assert not cleaned[5:8, 80:83].any()
    untouched = np.ones(alpha.shape, bool)
    untouched[30:33, 30:33] = untouched[5:8, 80:83] = False
    assert np.array_equal(cleaned[untouched], alpha[untouched])
    assert np.array_equal(remove_small_parts(alpha, area_px=0), alpha)
