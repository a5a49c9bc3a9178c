"""The world's blur: light is kept, and the radius that made a picture soft is found again."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt
import pytest

from wanfx.ops.defocus import defocus, edge_softness_px, match_defocus_px

Array = npt.NDArray[np.float32]


def _picture() -> Array:
    """Overlapping rectangles and discs: edges of every direction, in depth."""
    random = np.random.default_rng(3)
    picture = np.full((270, 480, 3), 0.2, np.float32)
    for _ in range(60):
        color = tuple(float(value) for value in random.gamma(1.0, 0.3, 3))
        x, y = int(random.integers(0, 480)), int(random.integers(0, 270))
        if random.uniform() < 0.5:
            cv2.circle(picture, (x, y), int(random.integers(10, 50)), color, -1, cv2.LINE_AA)
        else:
            cv2.rectangle(
                picture, (x, y), (x + int(random.integers(20, 90)), y + int(random.integers(20, 90))), color, -1
            )
    return picture


EVERYWHERE = np.ones((270, 480), bool)


def test_no_radius_returns_the_very_picture() -> None:
    picture = _picture()
    assert defocus(picture, radius_px=0.0) is picture


@pytest.mark.parametrize("radius_px", [0.3, 1.5, 6.25])
def test_a_lamp_becomes_a_disc_of_as_much_light(radius_px: float) -> None:
    lamp = np.zeros((41, 41, 3), np.float32)
    lamp[20, 20] = 500.0
    blurred = defocus(lamp, radius_px=radius_px)
    assert blurred.sum() == pytest.approx(1500.0, rel=1e-4)
    y, x = np.nonzero(blurred[..., 0] > 1e-3)
    assert np.hypot(y - 20, x - 20).max() <= radius_px + 0.8
    assert np.abs(blurred - blurred[::-1, ::-1]).max() < 1e-3


@pytest.mark.parametrize("radius_px", [4.0, 8.0, 14.0])
def test_the_radius_that_made_a_picture_soft_is_found_from_how_soft_it_is(radius_px: float) -> None:
    picture = _picture()
    soft_px = edge_softness_px(defocus(picture, radius_px=radius_px), EVERYWHERE, gain=1.0)
    assert soft_px is not None
    found = match_defocus_px(picture, EVERYWHERE, soft_px=soft_px, gain=1.0)
    assert found == pytest.approx(radius_px, rel=0.1)


def test_softer_pictures_measure_softer_and_are_not_blurred_to_be_sharp() -> None:
    picture = _picture()
    measured = [edge_softness_px(defocus(picture, radius_px=r), EVERYWHERE, gain=1.0) or 0.0 for r in (0, 3, 6, 12)]
    assert measured == sorted(measured) and measured[-1] > measured[0]
    soft = defocus(picture, radius_px=8.0)
    assert match_defocus_px(soft, EVERYWHERE, soft_px=measured[1], gain=1.0) == 0.0


def test_a_plain_wall_does_not_tell() -> None:
    wall = np.full((270, 480, 3), 0.2, np.float32)
    assert edge_softness_px(wall, EVERYWHERE, gain=1.0) is None
    assert edge_softness_px(_picture(), np.zeros_like(EVERYWHERE), gain=1.0) is None
