"""CIEDE2000: the published test data, and scikit-image's where that is installed."""

from __future__ import annotations

import numpy as np
import pytest

from wanfx_color.difference import ciede2000, lab_from_srgb

# Sharma, Wu, Dalal (2005), table 1: two colors and their difference. The pairs that tell wrong formulas apart.
_PUBLISHED = [
    (50, 2.6772, -79.7751, 50, 0, -82.7485, 2.0425), (50, 3.1571, -77.2803, 50, 0, -82.7485, 2.8615),
    (50, 2.8361, -74.0200, 50, 0, -82.7485, 3.4412), (50, -1.3802, -84.2814, 50, 0, -82.7485, 1.0000),
    (50, -1.1848, -84.8006, 50, 0, -82.7485, 1.0000), (50, -0.9009, -85.5211, 50, 0, -82.7485, 1.0000),
    (50, 0, 0, 50, -1, 2, 2.3669), (50, -1, 2, 50, 0, 0, 2.3669),
    (50, 2.4900, -0.0010, 50, -2.4900, 0.0009, 7.1792), (50, 2.4900, -0.0010, 50, -2.4900, 0.0010, 7.1792),
    (50, 2.4900, -0.0010, 50, -2.4900, 0.0011, 7.2195), (50, 2.4900, -0.0010, 50, -2.4900, 0.0012, 7.2195),
    (50, -0.0010, 2.4900, 50, 0.0009, -2.4900, 4.8045), (50, -0.0010, 2.4900, 50, 0.0010, -2.4900, 4.8045),
    (50, -0.0010, 2.4900, 50, 0.0011, -2.4900, 4.7461), (50, 2.5, 0, 50, 0, -2.5, 4.3065),
    (50, 2.5, 0, 73, 25, -18, 27.1492), (50, 2.5, 0, 61, -5, 29, 22.8977),
    (50, 2.5, 0, 56, -27, -3, 31.9030), (50, 2.5, 0, 58, 24, 15, 19.4535),
    (50, 2.5, 0, 50, 3.1736, 0.5854, 1.0000), (50, 2.5, 0, 50, 3.2972, 0, 1.0000),
    (50, 2.5, 0, 50, 1.8634, 0.5757, 1.0000), (50, 2.5, 0, 50, 3.2592, 0.3350, 1.0000),
    (60.2574, -34.0099, 36.2677, 60.4626, -34.1751, 39.4387, 1.2644),
    (63.0109, -31.0961, -5.8663, 62.8187, -29.7946, -4.0864, 1.2630),
    (61.2901, 3.7196, -5.3901, 61.4292, 2.2480, -4.9620, 1.8731),
    (35.0831, -44.1164, 3.7933, 35.0232, -40.0716, 1.5901, 1.8645),
    (22.7233, 20.0904, -46.6940, 23.0331, 14.9730, -42.5619, 2.0373),
    (36.4612, 47.8580, 18.3852, 36.2715, 50.5065, 21.2231, 1.4146),
    (90.8027, -2.0831, 1.4410, 91.1528, -1.6435, 0.0447, 1.4441),
    (90.9257, -0.5406, -0.9208, 88.6381, -0.8985, -0.7239, 1.5381),
    (6.7747, -0.2908, -2.4247, 5.8714, -0.0985, -2.2286, 0.6377),
    (2.0776, 0.0795, -1.1350, 0.9033, -0.0636, -0.5514, 0.9082),
]  # fmt: skip


def _random_colors(count: int) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    return np.random.default_rng(4).random((count, 3))


def test_it_meets_the_published_test_data() -> None:
    table = np.array(_PUBLISHED)
    np.testing.assert_allclose(ciede2000(table[:, :3], table[:, 3:6]), table[:, 6], atol=6e-5)


def test_no_color_is_off_itself_and_either_way_round_is_the_same() -> None:
    one, other = lab_from_srgb(_random_colors(500)), lab_from_srgb(_random_colors(1000)[500:])
    assert not ciede2000(one, one).any()
    np.testing.assert_allclose(ciede2000(one, other), ciede2000(other, one), atol=1e-9)


def test_a_picture_gives_what_its_pixels_give() -> None:
    picture = _random_colors(12).reshape(3, 4, 3)
    off = ciede2000(lab_from_srgb(picture), lab_from_srgb(picture[::-1]))
    assert off.shape == (3, 4)
    assert off[0, 1] == ciede2000(lab_from_srgb(picture[0, 1]), lab_from_srgb(picture[2, 1]))


def test_grays_differ_in_lightness_alone() -> None:
    lab = lab_from_srgb(np.repeat(np.linspace(0, 1, 11)[:, None], 3, axis=1))
    assert np.abs(lab[:, 1:]).max() < 1e-9
    assert (np.diff(lab[:, 0]) > 0).all()


def test_scikit_image_says_the_same() -> None:
    color = pytest.importorskip("skimage.color")
    one, other = _random_colors(4000)[:2000], _random_colors(4000)[2000:]
    lab, other_lab = color.rgb2lab(one), color.rgb2lab(other)
    np.testing.assert_allclose(ciede2000(lab, other_lab), color.deltaE_ciede2000(lab, other_lab), atol=1e-9)
    # The white differs in the fifth digit.
    np.testing.assert_allclose(lab_from_srgb(one), lab, atol=0.01)
