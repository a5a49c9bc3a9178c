"""Laws of the oracle benchmark: what the oracle does to a picture, how its loop closes, what the measures measure."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

sys.path.append(str(Path(__file__).parents[1] / "benchmarks"))

from _oracle import OracleSettings, Painter, Softness, soften, window_of
from _oracle_baselines import from_srgb, matched, mkl_map, paste, to_float, to_srgb, video
from _oracle_errors import NOTHING, ErrorModel, Seen, Strength, apply_fault, apply_faults, see_error
from _oracle_measures import FrameScore, Regions, drift_slope, flicker, perfect_comp, score_frame, summarize
from _oracle_shot import RenderedShot, grain, prepare_shot

from wanfx.io import exr
from wanfx.shot import load_shot

Array = npt.NDArray[np.float32]
_HEIGHT, _WIDTH = 48, 64


@pytest.fixture
def picture() -> Array:
    return np.random.default_rng(1).uniform(0.05, 0.9, (_HEIGHT, _WIDTH, 3)).astype(np.float32)


@pytest.fixture(scope="module")
def shot(tmp_path_factory: pytest.TempPathFactory) -> RenderedShot:
    """Twenty frames: a wall with a lamp of 20, an actor and a wider character that go to the right."""
    folder = tmp_path_factory.mktemp("rendered")
    wall = np.random.default_rng(2).uniform(0.1, 0.3, (_HEIGHT, _WIDTH, 3)).astype(np.float32)
    wall[4:9, 50:56] = 20
    for frame in range(1, 21):
        alphas = {"actor": _matte(10 + frame, 6), "character": _matte(9 + frame, 9)}
        for name, figure, color in (("plate", "actor", (0.6, 0.1, 0.1)), ("truth", "character", (0.1, 0.5, 0.2))):
            alpha = alphas[figure][..., None]
            _write(folder / name, frame, wall * (1 - alpha) + alpha * np.array(color, np.float32))
        _write(folder / "clean", frame, wall)
        for name, alpha in alphas.items():
            _write(folder / f"alpha_{name}", frame, np.repeat(alpha[..., None], 3, axis=2), alpha)
    (folder / "shot.json").write_text(json.dumps({"size": [_WIDTH, _HEIGHT], "samples": 1}))
    return RenderedShot.open(folder)


def _matte(x: int, width: int) -> Array:
    matte = np.zeros((_HEIGHT, _WIDTH), np.float32)
    matte[12:44, x : x + width] = 1
    matte[12:44, [x, x + width - 1]] = 0.5
    return matte


def _write(folder: Path, frame: int, rgb: Array, alpha: Array | None = None) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    exr.write_rgb(folder / f"{frame:04d}.exr", rgb.astype(np.float16), alpha=alpha)


def _model(rho: float, seed: int = 7, **strength: float) -> ErrorModel:
    return ErrorModel(seed, rho, Strength(**strength))


def test_a_generator_without_errors_leaves_the_picture_as_it_is(picture: Array) -> None:
    window = ErrorModel(7, 0.5, Strength().times(0)).window(3)
    within = np.full((_HEIGHT, _WIDTH), 0.5, np.float32)
    made = apply_faults(picture, inside=window.inside, outside=window.outside, within=within)
    assert np.allclose(made, picture, atol=1e-6)


def test_at_correlation_one_the_error_inside_is_the_one_outside(picture: Array) -> None:
    model = _model(1.0)
    inside, outside = model.frame_faults(model.window(2, inside=_cast(0.02), outside=_cast(0.01)), 40)
    assert np.allclose(apply_fault(picture, inside), apply_fault(picture, outside), atol=1e-6)


@pytest.mark.parametrize("rho", [0.0, 0.5, 0.9])
def test_errors_inside_and_outside_go_together_as_far_as_is_stated(rho: float) -> None:
    pairs = [_model(rho, seed).frame_faults(_model(rho, seed).window(0), 1) for seed in range(600)]
    inside, outside = (np.array([fault.field.ravel() for fault in side]) for side in zip(*pairs, strict=True))
    assert np.corrcoef(inside.ravel(), outside.ravel())[0, 1] == pytest.approx(rho, abs=0.04)
    assert inside.std() == pytest.approx(outside.std(), rel=0.05)


def test_the_same_seed_makes_the_same_error_and_another_another(picture: Array) -> None:
    made = [apply_fault(picture, _model(1.0, seed).window(1).outside) for seed in (7, 7, 8)]
    assert np.array_equal(made[0], made[1])
    assert not np.allclose(made[0], made[2], atol=1e-3)


def test_no_gain_and_offset_a_channel_undo_the_error(picture: Array) -> None:
    made = apply_fault(picture, _model(1.0, offset=0, gain=0).window(0).outside)
    seen = see_error(made, picture, where=np.ones((_HEIGHT, _WIDTH), bool))
    undone = made - seen.offset - seen.gain * (picture - 0.4)
    assert np.abs(undone - picture).mean() > 0.5 * np.abs(made - picture).mean() > 1e-4


def _cast(offset: float) -> Seen:
    return Seen(np.full(3, offset), np.zeros(3))


def test_a_perfect_carry_passes_nothing_on() -> None:
    with_carry, first = (
        _model(0.7).window(4, inside=NOTHING, outside=NOTHING),
        _model(0.7).window(4),
    )
    assert np.array_equal(with_carry.inside.offset, first.inside.offset)


def test_an_error_of_the_whole_carry_is_passed_on_amplified() -> None:
    alone, after = _model(1.0).window(4), _model(1.0).window(4, inside=_cast(0.1), outside=_cast(0.1))
    assert np.allclose(after.inside.offset - alone.inside.offset, 0.11)
    assert np.allclose(after.outside.offset - alone.outside.offset, 0.11)


def test_true_pixels_around_the_character_hold_it_at_correlation_one_and_not_at_none() -> None:
    passed = {}
    for rho in (1.0, 0.0):
        alone, after = _model(rho).window(4), _model(rho).window(4, inside=_cast(0.1), outside=NOTHING)
        passed[rho] = float((after.inside.offset - alone.inside.offset).mean())
    assert passed[1.0] == pytest.approx(0.055)
    assert passed[0.0] == pytest.approx(0.11)


def test_an_error_that_is_a_cast_is_seen_as_it_is(picture: Array) -> None:
    off = np.array([0.03, -0.02, 0.01], np.float32)
    seen = see_error(picture + off, picture, where=np.ones((_HEIGHT, _WIDTH), bool))
    assert np.allclose(seen.offset, off, atol=1e-6)
    assert np.allclose(seen.gain, 0, atol=1e-6)


def test_softening_keeps_a_flat_picture_and_its_shift_moves_it_by_what_is_stated() -> None:
    flat = np.full((_HEIGHT, _WIDTH, 3), 0.4, np.float32)
    assert np.allclose(soften(flat, Softness(), window=0, seed=1), 0.4, atol=1e-5)
    bump = np.exp(-0.05 * ((np.arange(_WIDTH) - 30.0)[None] ** 2 + (np.arange(_HEIGHT) - 20.0)[:, None] ** 2))
    moved = soften(bump.astype(np.float32), Softness(0.0, (0.35, -0.25)), window=0, seed=1, blur=False)
    columns = (moved.sum(axis=0) * np.arange(_WIDTH)).sum() / moved.sum()
    rows = (moved.sum(axis=1) * np.arange(_HEIGHT)).sum() / moved.sum()
    assert (columns - 30, rows - 20) == pytest.approx((0.35, -0.25), abs=0.2)


def test_a_carried_frame_is_of_the_window_that_made_it() -> None:
    assert [window_of(frame, first=1) for frame in (1, 17, 18, 33, 34, 129)] == [0, 0, 1, 1, 2, 7]


def test_grain_has_the_variance_that_is_stated_and_is_the_frame_s_own() -> None:
    for light in (0.02, 0.18, 4.0):
        flat = np.full((128, 128, 3), light, np.float32)
        assert grain(flat, seed=3, frame=1).var() == pytest.approx(1e-4 * (0.18 * light + 0.0005), rel=0.05)
    assert not np.array_equal(grain(flat, seed=3, frame=1), grain(flat, seed=3, frame=2))


def test_the_linear_map_brings_one_covariance_to_the_other() -> None:
    random = np.random.default_rng(4)
    source, target = (a @ a.T + np.eye(3) for a in random.standard_normal((2, 3, 3)))
    made = mkl_map(source, target)
    assert np.allclose(made @ source @ made.T, target)
    assert np.allclose(made, made.T)


def test_a_picture_matched_to_itself_stays_and_srgb_goes_there_and_back() -> None:
    bytes_ = np.random.default_rng(5).integers(0, 256, (20, 20, 3)).astype(np.uint8)
    pixels = bytes_.reshape(-1, 3) / 255
    goal = pixels.mean(axis=0), np.cov(pixels, rowvar=False)
    assert np.abs(matched(bytes_, goal).astype(int) - bytes_).max() <= 1
    light = np.linspace(0, 1, 100, dtype=np.float32)
    assert np.allclose(from_srgb(to_srgb(light)), light, atol=1e-5)


def test_the_video_has_every_frame_and_pasted_it_loses_the_lamp_only_under_the_mask(shot: RenderedShot) -> None:
    made = dict(video(shot, OracleSettings.floor()))
    assert list(made) == list(shot.frames)
    early, late = (paste(shot, frame, made[frame])[6, 53].max() for frame in (1, 20))
    assert early == shot.plate(1).astype(np.float32)[6, 53].max() > 10
    assert late == shot.plate(20).astype(np.float32)[6, 53].max()
    assert from_srgb(to_float(made[1])).max() <= 1


def test_with_an_open_loop_the_video_drifts_and_without_errors_it_does_not(shot: RenderedShot) -> None:
    def off(settings: OracleSettings, frame: int) -> float:
        truth = to_srgb(shot.read("truth", frame))
        return float(np.abs(dict(video(shot, settings))[frame] / 255 - truth).mean())

    still = OracleSettings.floor()
    assert off(still, 20) == pytest.approx(off(still, 2), rel=0.2)
    assert off(OracleSettings(), 20) > off(still, 20)


def test_the_perfect_comp_is_the_plate_to_the_bit_where_nothing_is_to_change(shot: RenderedShot) -> None:
    regions = Regions.find(shot, 5)
    perfect = perfect_comp(shot, 5, regions=regions)
    plate = shot.plate(5).astype(np.float32)
    assert np.array_equal(perfect[~regions.edit], plate[~regions.edit])
    assert np.array_equal(perfect[regions.inside], shot.read("truth", 5)[regions.inside])
    assert 0 < regions.inside.sum() < regions.edit.sum() < regions.edit.size


def test_the_empty_room_has_no_actor_and_all_of_the_character_s_change(shot: RenderedShot) -> None:
    empty = RenderedShot(shot.folder, shot.frames, is_empty=True)
    assert np.array_equal(empty.read("plate", 3), shot.read("clean", 3))
    assert np.array_equal(empty.alpha("actor", 3), shot.alpha("character", 3))


def test_the_shot_that_is_prepared_is_one_that_wanfx_reads(shot: RenderedShot, tmp_path: Path) -> None:
    read = load_shot(prepare_shot(shot, tmp_path))
    assert read.frames == str(shot.frames)
    assert exr.read_frame(tmp_path / "plate" / "plate.0001.exr").rgb.dtype == np.float16
    assert np.array_equal(exr.read_matte(tmp_path / "roto" / "roto.0001.exr"), shot.alpha("actor", 1))


def _score(lab: float, true_lab: float) -> FrameScore:
    return FrameScore({}, {}, {}, np.array([lab, 0, 0]), np.array([true_lab, 0, 0]))


def test_flicker_is_what_changes_beyond_the_truth_and_a_jump_what_changes_between_windows() -> None:
    off = [0.0, 0.0, 0.0, 3.0, 3.0]
    scores = [_score(10 + frame + extra, 10 + frame) for frame, extra in enumerate(off)]
    assert flicker(scores, windows=[0, 0, 0, 1, 1]) == pytest.approx((0, 3))
    assert flicker(scores, windows=[0] * 5)[0] == pytest.approx(1.5)


def test_a_cast_is_how_far_the_mean_color_is_off() -> None:
    pytest.importorskip("scipy")
    places = dict.fromkeys(("whole", "edit", "band", "inside", "shadow"), 0.5)
    scores = [FrameScore(places, places, places, np.array([3.0, 4, 0]), np.zeros(3))] * 6
    figures = summarize(scores, windows=[0, 0, 1, 1, 2, 2])
    assert (figures["cast, dE"], figures["flicker, dE"], figures["edit dE"]) == pytest.approx((5, 0, 0.5))


def test_the_drift_of_a_line_is_its_slope_with_a_narrow_interval() -> None:
    pytest.importorskip("scipy")
    windows = [index // 4 for index in range(32)]
    assert drift_slope([1 + 0.2 * window for window in windows], windows=windows) == pytest.approx((0.2, 0.2, 0.2))
    noisy = np.random.default_rng(6).normal(1, 0.3, 32)
    slope, low, high = drift_slope(noisy.tolist(), windows=windows)
    assert low < slope < high and low < 0 < high


def test_a_perfect_comp_has_no_error_and_a_cast_has_one_where_it_is(shot: RenderedShot) -> None:
    pytest.importorskip("skimage")
    regions = Regions.find(shot, 5)
    perfect = perfect_comp(shot, 5, regions=regions)
    same = score_frame(perfect, perfect, regions)
    assert (same.delta_e["edit"], same.squared["whole"], same.ssim["whole"]) == pytest.approx((0, 0, 1))
    tinted = np.where(regions.inside[..., None], perfect * np.array([1.1, 1, 1], np.float32), perfect)
    score = score_frame(tinted, perfect, regions)
    assert score.delta_e["inside"] > score.delta_e["edit"] > 0.1
    assert score.squared["edit"] > score.squared["whole"] > 0


def test_the_painter_softens_alone_when_it_makes_no_errors(picture: Array) -> None:
    painter = Painter(OracleSettings.floor())
    window = painter.window(1, (_cast(0.0), _cast(0.0)))
    made = painter.paint(picture, np.zeros((_HEIGHT, _WIDTH), np.float32), window=window, index=1, frame=20)
    soft = soften(picture, OracleSettings.floor().softness, window=1, seed=7)
    assert np.allclose(made, np.clip(soft, 0, 1), atol=1e-6)
