"""Grain: measured from a plate, made again, and given to what lacks it."""

from __future__ import annotations

import itertools
import json
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from wanfx.frames import Box
from wanfx.ops.grain import NO_GRAIN, REACH_PX, GrainCurve, GrainModel, fine_curves, fit_grain, own_share
from wanfx.ops.grain_field import GrainField, GrainPlace, make_tile
from wanfx.ops.grain_patches import Patches, find_usable, frame_patches, join_patches, pair_patches
from wanfx.ops.grain_plate import measure_plate

Array = npt.NDArray[np.float32]
_SIZE = (432, 768)
_FLOOR = 2.0**-10
_LEVELS = tuple(2.0**stops for stops in range(-8, 3))


def _model(*, width_px: float = 0.7, strength: float = 1.0) -> GrainModel:
    """Film-like grain: a floor and photon noise, wider in the first field, mostly common to all channels."""
    curve = GrainCurve(_LEVELS, tuple(strength * np.sqrt(0.0012**2 + 0.012**2 * x) for x in _LEVELS))
    fields = []
    for width in (width_px, 0.6 * width_px, 0.5 * width_px):
        down, across = np.arange(REACH_PX + 1)[:, None], np.arange(-REACH_PX, REACH_PX + 1)[None]
        fields.append(tuple(map(tuple, np.exp(-(down**2 + across**2) / (4 * width**2)).tolist())))
    mix = np.array([[0.9, 0.35, 0.25], [0.9, -0.35, 0.25], [0.9, 0.0, -0.43]])
    mix /= np.sqrt(np.square(mix).sum(axis=1, keepdims=True))
    return GrainModel((curve, curve, curve), tuple(map(tuple, mix.tolist())), tuple(fields))


def _steps() -> Array:
    """A flat chart: columns of grey over six stops, 96 px wide."""
    stops = np.repeat(np.linspace(-5.9, 0.1, 8), _SIZE[1] // 8)
    return np.broadcast_to(np.exp2(stops)[None, :, None], (*_SIZE, 3)).astype(np.float32)


def _grain(field: GrainField, under: Array, *, frame: int = 1, box: Box | None = None, **changes: Any) -> Array:
    """``under`` as a character that hides everything, unless ``changes`` say otherwise."""
    size = under.shape[:2]
    layers = {"char_alpha": np.ones(size, np.float32), "reveal": np.zeros(size, np.float32)} | changes
    place = GrainPlace.of(seed=3, frame=frame, subject="walker")
    return field.add(under, place=place, box=box or Box(0, 0, size[1], size[0]), **layers)


@pytest.fixture(scope="module")
def field() -> GrainField:
    return GrainField(_model(), seed=3)


@pytest.fixture(scope="module")
def measured(field: GrainField) -> GrainModel:
    """What is measured of four pairs of frames of the chart with the model's grain."""
    ok = np.ones(_SIZE, bool)
    frames = [_grain(field, _steps(), frame=frame) for frame in range(8)]
    pairs = [pair_patches(frames[at], frames[at + 1], usable=(ok, ok), matrix=np.eye(3)) for at in range(0, 8, 2)]
    return fit_grain(join_patches(pairs), floor=_FLOOR, pick="flat")


def test_the_grain_that_is_measured_is_the_grain_that_was_put_there(measured: GrainModel) -> None:
    for ours, theirs in zip(measured.curves, _model().curves, strict=True):
        assert len(ours.levels) == 8
        np.testing.assert_allclose(ours.sigmas, theirs.at(np.array(ours.levels)), rtol=0.06)


def test_its_spectrum_and_its_colors_are_those_that_were_put_there(measured: GrainModel) -> None:
    model = _model()
    for channel in range(3):
        ours, theirs = measured.channel_correlation(channel), model.channel_correlation(channel)
        np.testing.assert_allclose(ours[:4, REACH_PX - 3 : REACH_PX + 4], theirs[:4, REACH_PX - 3 : REACH_PX + 4],
                                   atol=0.04)  # fmt: skip
    ours, theirs = np.array(measured.mix), np.array(model.mix)
    np.testing.assert_allclose(ours @ ours.T, theirs @ theirs.T, atol=0.03)


def test_grain_of_a_single_frame_is_measured_where_nothing_else_is_to_be_had(field: GrainField) -> None:
    frame = _grain(field, _steps())
    found = fit_grain(frame_patches(frame, usable=np.ones(_SIZE, bool)), floor=_FLOOR, pick="quiet")
    for ours, theirs in zip(found.curves, _model().curves, strict=True):
        np.testing.assert_allclose(ours.sigmas, theirs.at(np.array(ours.levels)), rtol=0.2)


@pytest.mark.parametrize("what", ["motion", "flicker", "texture"])
def test_what_moves_flickers_or_is_textured_is_not_taken_for_grain(field: GrainField, what: str) -> None:
    random = np.random.default_rng(1)
    light = [_steps(), _steps()]
    if what == "flicker":
        light[1] = light[1] * np.float32(1.05)
    else:
        texture = np.repeat(np.repeat(random.uniform(0.7, 1.3, (54, 96, 1)), 8, axis=0), 8, axis=1).astype(np.float32)
        light = [picture * texture for picture in light]
        if what == "motion":
            light[1] = light[1].copy()
            light[1][100:300] = np.roll(light[0], 5, axis=1)[100:300]
    frames = [_grain(field, picture, frame=frame) for frame, picture in enumerate(light)]
    ok = np.ones(_SIZE, bool)
    found = fit_grain(pair_patches(*frames, usable=(ok, ok), matrix=np.eye(3)), floor=_FLOOR, pick="flat")
    for ours, theirs in zip(found.curves, _model().curves, strict=True):
        ratio = np.array(ours.sigmas) / theirs.at(np.array(ours.levels))
        assert 0.85 < np.median(ratio) < 1.15, ratio


def test_a_moving_camera_is_followed_by_whole_pixels(field: GrainField) -> None:
    random = np.random.default_rng(2)
    wall = np.repeat(np.repeat(random.uniform(0.1, 0.4, (54, 96, 1)), 8, axis=0), 8, axis=1)
    first = np.repeat(wall, 3, axis=2).astype(np.float32)
    second = np.roll(first, (2, 7), axis=(0, 1))
    frames = [_grain(field, picture, frame=frame) for frame, picture in enumerate((first, second))]
    ok = np.ones(_SIZE, bool)
    matrix = np.array([[1.0, 0, 7.2], [0, 1.0, 1.9], [0, 0, 1.0]])
    found = fit_grain(pair_patches(*frames, usable=(ok, ok), matrix=matrix), floor=_FLOOR, pick="flat")
    for ours, theirs in zip(found.curves, _model().curves, strict=True):
        assert np.median(np.array(ours.sigmas) / theirs.at(np.array(ours.levels))) == pytest.approx(1, abs=0.15)


def test_what_is_hidden_clipped_or_bad_is_not_measured() -> None:
    linear = np.full((64, 64, 3), 0.2, np.float32)
    linear[10, 10], linear[30, 30, 1], linear[50, 50, 2] = 40.0, np.nan, np.inf
    hidden = np.zeros((64, 64), np.float32)
    hidden[:, 60:] = 0.01
    usable = find_usable(linear, hidden, ceiling=1.0)
    assert not usable[8:13, 8:13].any() and not usable[28:33, 28:33].any() and not usable[48:53, 48:53].any()
    assert not usable[:, 60:].any()
    assert usable[20:26, :60].all()


def test_a_plate_without_grain_or_without_a_flat_place_gives_no_grain_to_add() -> None:
    ok = np.ones(_SIZE, bool)
    still = pair_patches(_steps(), _steps(), usable=(ok, ok), matrix=np.eye(3))
    assert fit_grain(still, floor=_FLOOR, pick="flat").is_none
    assert fit_grain(join_patches([]), floor=_FLOOR, pick="flat") == NO_GRAIN
    under = _steps()
    assert _grain(GrainField(NO_GRAIN, seed=0), under) is under


def test_an_amount_of_0_is_identity() -> None:
    under = _steps()
    assert _grain(GrainField(_model(), seed=3, amount=0.0), under) is under


def test_an_amount_scales_the_deviation(field: GrainField) -> None:
    under = np.full((64, 64, 3), 0.2, np.float32)
    double = _grain(GrainField(_model(), seed=3, amount=2.0), under) - under
    np.testing.assert_allclose(double, 2 * (_grain(field, under) - under), atol=1e-6)


def test_a_model_survives_json() -> None:
    model = _model()
    assert GrainModel.from_dict(json.loads(json.dumps(model.as_dict()))) == model


def test_a_tile_has_mean_0_and_the_deviation_it_should() -> None:
    tile = make_tile(_model(), side_px=945, seed=1)
    np.testing.assert_allclose(tile.mean(axis=(0, 1)), 0, atol=1e-6)
    np.testing.assert_allclose(tile.std(axis=(0, 1)), np.sqrt(0.5), rtol=0.02)


@given(x=st.integers(0, 1200), y=st.integers(0, 1200), width=st.integers(1, 120), height=st.integers(1, 150))
def test_a_pixel_gets_the_same_bits_whatever_the_box(
    field: GrainField, x: int, y: int, width: int, height: int
) -> None:
    under = np.full((200, 200, 3), 0.2, np.float32)
    whole = _grain(field, under, box=Box(x, y, x + 200, y + 200))
    box = Box(x + 7, y + 31, x + 7 + width, y + 31 + height)
    part = _grain(field, np.full((height, width, 3), 0.2, np.float32), box=box)
    np.testing.assert_array_equal(part, whole[31 : 31 + height, 7 : 7 + width])


def test_frames_seeds_and_subjects_differ() -> None:
    places = {GrainPlace.of(seed=s, frame=f, subject=n) for s in (0, 1) for f in (1, 2, 3) for n in ("a", "b")}
    assert len(places) == 12


def test_the_grain_of_one_frame_tells_nothing_of_the_next(field: GrainField) -> None:
    under = np.full((400, 400, 3), 0.2, np.float32)
    one, two = (_grain(field, under, frame=frame)[..., 0] - under[..., 0] for frame in (1, 2))
    assert abs(np.corrcoef(one.ravel(), two.ravel())[0, 1]) < 0.02


def test_grain_that_is_held_changes_slowly_and_stays_as_strong(field: GrainField) -> None:
    under, ones = np.full((300, 300, 3), 0.2, np.float32), np.ones((300, 300), np.float32)
    box = Box(0, 0, 300, 300)
    frames = []
    for frame in range(1, 8):
        place = GrainPlace.of(seed=3, frame=frame, subject="walker", hold_frames=4.0)
        frames.append(field.add(under, place=place, box=box, char_alpha=ones, reveal=0 * ones) - under)
    sigma = float(_model().curves[0].at(np.array(0.2)))
    for one in frames:
        assert one.std() == pytest.approx(sigma, rel=0.04)
    steps = [np.corrcoef(a.ravel(), b.ravel())[0, 1] for a, b in itertools.pairwise(frames)]
    assert np.mean(steps) == pytest.approx(np.cos(np.pi / 8), abs=0.04)
    assert abs(np.corrcoef(frames[0].ravel(), frames[-1].ravel())[0, 1]) < 0.45


def _codec(frames: list[Array]) -> list[Array]:
    """As a codec leaves them: each frame takes over most of the one before."""
    out = [frames[0]]
    for frame in frames[1:]:
        held = np.float32(0.9) * (out[-1] - _steps()) + np.float32(np.sqrt(1 - 0.81)) * (frame - _steps())
        out.append((_steps() + held).astype(np.float32))
    return out


@pytest.mark.parametrize("is_held", [False, True])
def test_grain_that_a_codec_holds_is_told_from_fresh_grain(field: GrainField, is_held: bool) -> None:
    frames = [_grain(field, _steps(), frame=frame) for frame in range(30)]
    frames = _codec(frames) if is_held else frames
    ok = np.ones(_SIZE, bool)

    def pairs(*, apart: int) -> Patches:
        found = [pair_patches(frames[at], frames[at + apart], usable=(ok, ok), matrix=np.eye(3)) for at in (0, 5, 15)]
        return join_patches(found)

    single = join_patches([frame_patches(frames[at], usable=ok) for at in (0, 15)])
    found = measure_plate(pairs(apart=1), pairs(apart=14), single, floor=_FLOOR)
    assert found.method == ("held differences" if is_held else "differences")
    assert found.model.hold_frames == pytest.approx(3.5 if is_held else 1.0, rel=0.2)
    for ours, theirs in zip(found.model.curves, _model().curves, strict=True):
        np.testing.assert_allclose(ours.sigmas, theirs.at(np.array(ours.levels)), rtol=0.25 if is_held else 0.06)


def test_grain_has_mean_0(field: GrainField) -> None:
    under = np.full((400, 400, 3), 0.2, np.float32)
    added = _grain(field, under) - under
    assert np.abs(added.mean(axis=(0, 1))).max() < 0.02 * added.std()


def test_kept_plate_keeps_its_bits(field: GrainField) -> None:
    """Where neither character nor clean plate shows; minus 0, NaN and infinities as well."""
    under = np.random.default_rng(0).uniform(-0.1, 2, (80, 80, 3)).astype(np.float32)
    under[3, 4], under[5, 6, 0], under[7, 8, 1] = -0.0, np.nan, np.inf
    alpha, reveal = np.zeros((80, 80), np.float32), np.zeros((80, 80), np.float32)
    alpha[40:], reveal[20:60] = 0.5, 1.0
    out = _grain(field, under, char_alpha=alpha, reveal=reveal)
    np.testing.assert_array_equal(out[:20].view(np.uint32), under[:20].view(np.uint32))
    assert (out[20:] != under[20:]).mean() > 0.98


def test_bad_bright_and_negative_pixels_stay_sane(field: GrainField) -> None:
    under = np.full((64, 64, 3), 0.2, np.float32)
    under[0], under[1], under[2], under[3], under[4] = np.nan, np.inf, -np.inf, 40.0, -0.5
    out = _grain(field, under)
    assert np.isnan(out[0]).all()
    np.testing.assert_array_equal(out[1:3], under[1:3])
    assert np.isfinite(out[3:]).all()
    assert np.abs(out[3] - 40).max() < 0.4
    assert np.abs(out[4] + 0.5).max() < 0.02


@pytest.mark.parametrize("own", [0.0, 0.3, 1.0])
@pytest.mark.parametrize(("alpha", "reveal"), [(1.0, 0.0), (0.5, 0.0), (0.3, 1.0), (0.0, 1.0), (0.5, 0.5), (0.0, 0.5)])
def test_every_mix_of_layers_ends_with_the_plates_grain(
    field: GrainField, own: float, alpha: float, reveal: float
) -> None:
    """Whatever each layer has already, and however soft the mattes are."""
    size, light = (256, 256), np.float32(0.2)
    sigma = float(_model().curves[0].at(np.array(0.2)))
    plate, char, clean = np.random.default_rng(4).standard_normal((3, *size, 3)).astype(np.float32) * sigma
    char, clean = char * np.float32(np.sqrt(own)), clean * np.float32(np.sqrt(own))
    mixed = light + alpha * char + (1 - alpha) * ((1 - reveal) * plate + reveal * clean)
    out = _grain(
        field, mixed.astype(np.float32), char_alpha=np.full(size, alpha, np.float32),
        reveal=np.full(size, reveal, np.float32), own_char=(own,) * 3, own_clean=(own,) * 3,
    )  # fmt: skip
    assert out.std() == pytest.approx(sigma, rel=0.03)


@pytest.mark.parametrize("share", [0.0, 0.25, 0.6, 1.0])
def test_what_a_layer_has_of_the_grain_is_found(share: float) -> None:
    def curves(strength: float) -> tuple[tuple[GrainCurve, ...], Array]:
        frame = _grain(GrainField(_model(strength=strength), seed=5), _steps())
        patches = frame_patches(frame, usable=np.ones(_SIZE, bool))
        return fine_curves(patches, floor=_FLOOR), patches.level

    plate, _levels = curves(1.0)
    own, levels = curves(share**0.5)
    assert own_share(own, plate, levels=levels) == pytest.approx((share,) * 3, abs=0.08)


def test_a_layer_of_which_nothing_is_known_has_none_of_the_grain() -> None:
    nothing = GrainCurve((), ())
    levels = np.full((4, 3), 0.2, np.float32)
    assert own_share((nothing,) * 3, _model().curves, levels=levels) == (0.0, 0.0, 0.0)
    assert own_share(_model().curves, (nothing,) * 3, levels=levels) == (0.0, 0.0, 0.0)
