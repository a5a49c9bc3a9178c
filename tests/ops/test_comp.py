"""The comp: what it makes, and what it must never touch."""

from __future__ import annotations

import numpy as np
import pytest

from wanfx.ops.comp import composite, keep_mattes, make_mattes

RANDOM = np.random.default_rng(7)


def _plate(dtype: type = np.float16) -> np.ndarray:
    return RANDOM.normal(0.5, 2.0, (9, 11, 3)).astype(dtype)


def _char(alpha: np.ndarray) -> np.ndarray:
    rgb = RANDOM.uniform(0, 2, (*alpha.shape, 3)).astype(np.float32)
    return np.concatenate([rgb * alpha[..., None], alpha[..., None]], axis=2).astype(np.float16)


@pytest.mark.parametrize("dtype", [np.float16, np.float32])
def test_the_plates_bits_are_copied_where_nothing_is_edited_nan_and_inf_too(dtype: type) -> None:
    plate = _plate(dtype)
    plate[0, 0] = [np.nan, np.inf, -np.inf]
    plate[1, 1] = [40.0, -0.05, 0.0]
    alpha = np.zeros((9, 11), np.float32)
    alpha[4:, 5:] = RANDOM.uniform(0, 1, (5, 6))
    mattes = make_mattes(alpha, np.zeros_like(alpha))
    out = composite(plate, char=_char(alpha), clean=_plate(dtype), mattes=mattes)
    kept = mattes.edit == 0
    assert kept.sum() >= 60
    assert out.dtype == plate.dtype
    assert out[kept].tobytes() == plate[kept].tobytes()


def test_no_character_and_nothing_revealed_is_the_plate() -> None:
    plate, none = _plate(), np.zeros((9, 11), np.float32)
    out = composite(plate, char=_char(none), clean=_plate(), mattes=make_mattes(none, none))
    assert out.tobytes() == plate.tobytes()


def test_an_opaque_character_is_all_there_is() -> None:
    one = np.ones((9, 11), np.float32)
    char = _char(one)
    out = composite(_plate(), char=char, clean=_plate(), mattes=make_mattes(one, one))
    np.testing.assert_array_equal(out, char[..., :3])


def test_what_the_old_subject_hid_is_the_clean_plate() -> None:
    none, one = np.zeros((9, 11), np.float32), np.ones((9, 11), np.float32)
    plate = _plate()
    plate[2, 2] = np.nan
    clean = _plate()
    out = composite(plate, char=_char(none), clean=clean, mattes=make_mattes(none, one))
    np.testing.assert_array_equal(out, clean)


def test_the_old_subject_does_not_shine_through_the_new_ones_soft_edge() -> None:
    half = np.full((9, 11), 0.5, np.float32)
    clean, char = _plate(), _char(half)
    wanted = char[..., :3].astype(np.float32) + 0.5 * clean.astype(np.float32)
    mattes = make_mattes(half, np.ones_like(half))
    for plate in (_plate(), np.full_like(clean, 1000)):
        out = composite(plate, char=char, clean=clean, mattes=mattes)
        np.testing.assert_array_equal(out, wanted.astype(np.float16))


def test_a_shadow_darkens_what_is_behind_the_character_and_nothing_else() -> None:
    alpha = np.full((9, 11), 0.25, np.float32)
    plate = np.ones((9, 11, 3), np.float32)
    shadow = np.full((9, 11, 3), 0.5, np.float16)
    mattes = make_mattes(alpha, np.zeros_like(alpha))
    char = _char(alpha)
    out = composite(plate, char=char, clean=plate, mattes=mattes, shadow=shadow)
    np.testing.assert_allclose(out, char[..., :3].astype(np.float32) + 0.75 * 0.5, rtol=1e-6)


def test_edit_is_the_union_and_reveal_is_old_minus_new() -> None:
    new = np.array([[0.0, 0.0, 1.0, 1.0, 0.5]], np.float32)
    old = np.array([[0.0, 1.0, 0.0, 1.0, 1.0]], np.float32)
    mattes = make_mattes(new, old)
    np.testing.assert_array_equal(mattes.edit, [[0, 1, 1, 1, 1]])
    np.testing.assert_array_equal(mattes.reveal, [[0, 1, 0, 0, 1]])


def test_the_tiniest_alpha_is_edited_or_gone_but_never_half_of_each() -> None:
    alpha = np.array([[1e-9, 6e-8, 1e-4]], np.float32)
    mattes = make_mattes(alpha, np.zeros_like(alpha))
    np.testing.assert_array_equal(mattes.edit > 0, mattes.character > 0)


def test_a_kept_actor_is_the_plate_exactly_where_alpha_is_one() -> None:
    alpha = np.ones((9, 11), np.float32)
    alpha[:, :4] = [0.0, 0.3, 0.999, 0.99999]
    mattes = keep_mattes(alpha)
    plate, world = _plate(), _plate()
    char = np.concatenate([plate.astype(np.float32) * alpha[..., None], alpha[..., None]], axis=2).astype(np.float16)
    out = composite(plate, char=char, clean=world, mattes=mattes)
    kept = mattes.edit == 0
    np.testing.assert_array_equal(kept, mattes.character == 1)
    assert out[kept].tobytes() == plate[kept].tobytes()
    np.testing.assert_array_equal(out[:, 0], world[:, 0])
