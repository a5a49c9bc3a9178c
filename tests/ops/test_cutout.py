"""The reference character cut out of its picture."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt
import pytest

from wanfx.errors import NothingFoundError
from wanfx.ops.cutout import character_box, cut_out, has_cut_out, solid_colors

Array = npt.NDArray[np.float32]


def _person(height: int = 240, width: int = 320) -> Array:
    """A head, arms held out and a body down to the lower edge; 0 or 1."""
    drawn = np.zeros((height, width), np.uint8)
    cv2.circle(drawn, (160, 60), 28, 1, -1)
    cv2.rectangle(drawn, (130, 80), (190, 239), 1, -1)
    cv2.line(drawn, (150, 120), (60, 100), 1, 16)
    cv2.line(drawn, (170, 120), (260, 100), 1, 16)
    return drawn.astype(np.float32)


def _in_focus(mask: Array) -> Array:
    """A textured character before a blurred background of similar colours."""
    rng = np.random.default_rng(1)
    texture = np.array([0.35, 0.3, 0.25]) + rng.normal(0, 0.08, (*mask.shape, 3))
    blobs = cv2.GaussianBlur(rng.normal(0, 1, (*mask.shape, 3)), (0, 0), 14)
    background = np.array([0.3, 0.35, 0.45]) + 0.1 * blobs / blobs.std()
    return np.clip(np.where(mask[..., None] > 0, texture, background), 0, 1).astype(np.float32)


def _overlap(a: Array, b: Array) -> float:
    return float(np.minimum(a, b).sum() / np.maximum(a, b).sum())


def test_a_given_alpha_is_taken() -> None:
    alpha = cv2.GaussianBlur(_person(), (0, 0), 2)
    picture = np.random.default_rng(0).random((240, 320, 3), np.float32)
    np.testing.assert_array_equal(cut_out(picture, alpha=alpha), alpha)


def test_an_alpha_that_hides_nothing_is_not_a_cut_out() -> None:
    mask = _person()
    picture = np.where(mask[..., None] > 0, np.float32(0.2), np.float32(1))
    assert not has_cut_out(np.ones_like(mask))
    opaque = cut_out(picture.repeat(3, axis=2), alpha=np.ones_like(mask))
    assert _overlap(opaque, mask) > 0.98


def test_a_plain_background_is_keyed_and_white_that_is_enclosed_stays() -> None:
    mask = _person()
    picture = np.ones((240, 320, 3), np.float32)
    picture[mask > 0] = (0.8, 0.1, 0.1)
    picture[55:65, 150:156] = 1.0
    cut = cut_out(picture, alpha=None)
    assert _overlap(cut, mask) > 0.98
    np.testing.assert_array_equal(cut[55:65, 150:156], 1)
    assert cut[:20].max() == 0


def test_a_character_in_focus_is_found_with_its_arms() -> None:
    mask = _person()
    cut = cut_out(_in_focus(mask), alpha=None)
    assert _overlap(cut, mask) > 0.9
    assert cut[95:108, 62:80].mean() > 0.9


def test_a_darker_picture_gives_nearly_the_same_cut_out() -> None:
    mask = _person()
    picture = _in_focus(mask)
    assert _overlap(cut_out(picture * np.float32(0.35), alpha=None), cut_out(picture, alpha=None)) > 0.93


def test_a_picture_without_a_character_is_refused() -> None:
    with pytest.raises(NothingFoundError, match="no character"):
        cut_out(np.full((120, 160, 3), 0.4, np.float32), alpha=None)


def test_the_cut_out_is_the_same_each_time_and_with_any_number_of_threads() -> None:
    picture = _in_focus(_person())
    threads = cv2.getNumThreads()
    try:
        cuts = []
        for count in (1, 2, 2):
            cv2.setNumThreads(count)
            cuts.append(cut_out(picture, alpha=None).tobytes())
    finally:
        cv2.setNumThreads(threads)
    assert cuts[0] == cuts[1] == cuts[2]


def test_the_edge_has_the_characters_color_and_not_the_old_backgrounds() -> None:
    alpha = cv2.GaussianBlur(_person(), (0, 0), 2)
    own, old = np.float32([4.0, -0.02, 0.1]), np.float32([0.0, 1.0, 0.0])
    seen = own * alpha[..., None] + old * (1 - alpha[..., None])
    colors = solid_colors(seen, alpha)
    is_edge = (alpha > 0.05) & (alpha < 0.95)
    np.testing.assert_allclose(colors[is_edge], np.broadcast_to(own, colors[is_edge].shape), atol=0.1)


def test_solid_pixels_keep_their_bits() -> None:
    mask = _person()
    rgb = np.random.default_rng(2).normal(0, 20, (240, 320, 3)).astype(np.float32)
    inside = cv2.erode(mask, np.ones((5, 5), np.uint8)) > 0
    assert solid_colors(rgb, mask)[inside].tobytes() == rgb[inside].tobytes()


def test_the_box_of_a_character_holds_all_that_is_seen_of_it() -> None:
    box = character_box(_person())
    assert (box.y1, box.x0 < 60, box.x1 > 260) == (240, True, True)
