"""Pictures from one colour space to another, and to a display."""

from __future__ import annotations

import numpy as np
import PyOpenColorIO as ocio
import pytest

from wanfx_color import (
    ColorError,
    UnknownColorSpace,
    converter,
    display_converter,
    from_linear_rec709,
    load_config,
    to_linear_rec709,
    to_srgb_display,
)

CONFIG = load_config(environ={})


def picture(*, seed: int = 0, channels: int = 3) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return (rng.standard_normal((9, 7, channels)) * 20).astype(np.float32)


def test_the_same_space_leaves_every_bit_alone() -> None:
    pixels = picture()
    pixels[0, 0] = (np.nan, np.inf, -0.0)
    before = pixels.tobytes()
    identity = converter(CONFIG, "ACEScg", "lin_ap1")
    assert identity.is_identity
    assert identity(pixels).tobytes() == before


def test_pixels_are_converted_in_place_and_unclamped() -> None:
    pixels = np.array([[[40.0, -0.05, 2.0]]], np.float32)
    result = converter(CONFIG, "lin_rec709", "ACEScg")(pixels)
    assert result is pixels
    back = converter(CONFIG, "ACEScg", "lin_rec709")(result)
    np.testing.assert_allclose(back, [[[40.0, -0.05, 2.0]]], atol=4e-6)


def test_conversion_between_linear_spaces_is_linear() -> None:
    to_p3 = converter(CONFIG, "ACEScg", "lin_p3d65")
    a, b = picture(seed=1), picture(seed=2)
    np.testing.assert_allclose(to_p3(a + 2 * b), to_p3(a.copy()) + 2 * to_p3(b.copy()), rtol=1e-4, atol=1e-4)


def test_alpha_is_kept() -> None:
    pixels = picture(channels=4)
    alpha = pixels[..., 3].copy()
    assert np.array_equal(converter(CONFIG, "ACEScg", "lin_rec709")(pixels)[..., 3], alpha)


def test_neutral_stays_neutral() -> None:
    grey = np.full((1, 1, 3), 0.18, np.float32)
    np.testing.assert_allclose(converter(CONFIG, "ACEScg", "lin_rec709")(grey), 0.18, rtol=1e-6)


def test_the_same_question_gives_the_same_processor() -> None:
    assert converter(CONFIG, "ACEScg", "lin_rec709") is converter(CONFIG, "lin_ap1", "Linear Rec.709 (sRGB)")


def test_an_unknown_space_is_named() -> None:
    with pytest.raises(UnknownColorSpace, match=r"Reg\.709"):
        converter(CONFIG, "ACEScg", "Reg.709")


@pytest.mark.parametrize("bad", [np.zeros((2, 2, 3)), np.zeros((2, 2, 2), np.float32), np.zeros((4, 4, 3), "f4")[::2]])
def test_pixels_that_cannot_be_converted_in_place_are_refused(bad: np.ndarray) -> None:
    with pytest.raises(ColorError, match="in place"):
        converter(CONFIG, "ACEScg", "lin_rec709")(bad)


def test_rec709_is_reached_without_the_config_having_it() -> None:
    config = load_config("ocio://studio-config-v4.0.0_aces-v2.0_ocio-v2.5")
    there = to_linear_rec709(config)(picture())
    np.testing.assert_allclose(there, converter(config, "scene_linear", "lin_rec709")(picture()), rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(from_linear_rec709(config)(there), picture(), atol=1e-4)


def test_the_baked_view_is_near_the_view_on_ordinary_colors() -> None:
    rng = np.random.default_rng(3)
    light = np.exp2(rng.uniform(-10, 3, (100, 100, 1))) * rng.uniform(0.05, 1, (100, 100, 3))
    light = from_linear_rec709(CONFIG)(light.astype(np.float32))
    exact = light.copy()
    view = ocio.DisplayViewTransform(src="ACEScg", display=CONFIG.display, view=CONFIG.view)
    CONFIG.ocio.getProcessor(view).getDefaultCPUProcessor().applyRGB(exact)
    error = np.abs(display_converter(CONFIG, "ACEScg")(light) - np.clip(exact, 0, 1))
    assert error.mean() < 0.0005
    assert np.quantile(error, 0.99) < 0.003
    assert error.max() < 0.02


def test_the_baked_view_stays_on_the_display_for_any_light() -> None:
    pixels = np.array([[[65504.0, -65504.0, 0.0], [-1.0, 300.0, 1e-8]]], np.float32)
    shown = display_converter(CONFIG, "ACEScg")(pixels)
    assert shown.min() >= 0 and shown.max() <= 1


def test_an_unknown_view_lists_those_there_are() -> None:
    with pytest.raises(ColorError) as caught:
        display_converter(CONFIG, "ACEScg", view="Filmic")
    assert "Un-tone-mapped" in caught.value.remedy
    with pytest.raises(ColorError, match="no display"):
        display_converter(CONFIG, "ACEScg", display="Cathode")


def test_the_analysis_picture_is_srgb_below_its_shoulder_and_ordered_above() -> None:
    light = np.array([-1.0, 0.0, 0.18, 0.5, 0.8, 1.0, 1.5, 3.0], np.float32)
    shown = to_srgb_display(light)
    np.testing.assert_allclose(shown[2:4], [0.46136, 0.73536], atol=1e-4)
    assert shown[0] == shown[1] == 0 and (np.diff(shown[1:]) > 0).all() and shown.max() < 1
    np.testing.assert_allclose(to_srgb_display(light, exposure_stops=-1.0)[2], to_srgb_display(np.float32([0.09]))[0])
