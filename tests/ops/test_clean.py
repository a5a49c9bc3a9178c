"""The clean plate from other frames."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
import pytest

from wanfx.frames import Box
from wanfx.ops.clean import Sample, choose_samples, gather_clean
from wanfx.ops.glance import take_glance

Array = npt.NDArray[np.float32]
Seen = tuple[Array, Array, npt.NDArray[np.float64]]
SIZE = (120, 200)
BOX = Box(50, 16, 150, 110)
NOISE = 0.01
FLOOR = 0.01
NEAR_PX = 16.0


def _world(seed: int = 0) -> Array:
    """A background wider than a frame, values 0 to about 1."""
    noise = np.random.default_rng(seed).uniform(0.1, 1, (SIZE[0], SIZE[1] + 100, 3))
    return np.asarray(cv2.GaussianBlur(noise, (0, 0), 4), np.float32)


def _subject(x: int) -> Array:
    mask = np.zeros(SIZE, np.float32)
    mask[40:100, x : x + 30] = 1
    return mask


def _frame(world: Array, *, pan: int, subject: int, gain: float = 1.0, seed: int = 0) -> tuple[Array, Array]:
    """A frame of ``world`` seen from ``pan`` with a red subject, and where that is."""
    mask = _subject(subject)
    noise = np.random.default_rng(seed).normal(0, NOISE, (*SIZE, 3))
    rgb = (world[:, pan : pan + SIZE[1]] + noise) * gain
    return np.where(mask[..., None] > 0, (2.0, 0.0, 0.0), rgb).astype(np.float32), mask


def _samples(world: Array, *, gain: float = 1.0, subject: int = 30, step: int = 0) -> list[Seen]:
    """Six frames in which the camera pans and the subject stands elsewhere (or, with a step, walks)."""
    samples = []
    for order in range(6):
        pan = 40 + 3 * (order - 2)
        rgb, mask = _frame(world, pan=pan, subject=subject + step * order, gain=gain, seed=order + 1)
        matrix = np.eye(3)
        matrix[0, 2] = pan - 40
        samples.append((rgb, 1 - mask, matrix))
    return samples


def _gather(plate: Array, hidden: Array, samples: list[Seen], **more: Any) -> tuple[Array, Array]:
    """The clean plate from samples as (rgb, visible, homography)."""
    glances = [
        Sample(take_glance(rgb, 1 - shown, floor=FLOOR), lambda rgb=rgb: rgb, matrix)  # type: ignore[misc]
        for rgb, shown, matrix in samples
    ]
    glance = take_glance(plate, hidden, floor=FLOOR)
    return gather_clean(plate, hidden, glance, glances, box=BOX, near_px=NEAR_PX, **more)


def test_a_background_that_was_seen_is_rebuilt_within_its_noise() -> None:
    world = _world()
    plate, hidden = _frame(world, pan=40, subject=85)
    clean, seen = _gather(plate, hidden, _samples(world))
    truth = world[:, 40:240][BOX.slices()]
    inside = hidden[BOX.slices()] > 0
    assert np.sqrt(np.mean((clean - truth)[inside] ** 2)) < NOISE
    assert seen.min() == 1


def test_the_exposure_of_other_frames_is_matched() -> None:
    world = _world()
    plate, hidden = _frame(world, pan=40, subject=85)
    clean, _seen = _gather(plate, hidden, _samples(world, gain=1.4))
    truth, inside = world[:, 40:240][BOX.slices()], hidden[BOX.slices()] > 0
    assert abs(float(np.mean((clean / truth)[inside])) - 1) < 0.01


def test_what_no_frame_saw_is_marked_and_filled_from_around() -> None:
    world = _world()
    plate, hidden = _frame(world, pan=40, subject=85)
    # The subject stands still before the background: it hides the same part of it in every frame.
    samples = [(rgb, 1 - mask, np.eye(3)) for rgb, mask in [_frame(world, pan=40, subject=85)] * 4]
    clean, seen = _gather(plate, hidden, samples)
    inside = hidden[BOX.slices()] > 0
    assert seen[inside].max() == 0
    assert seen[~inside].min() == 1
    assert clean[inside].min() >= plate[hidden == 0].min() - 0.05
    assert clean[inside].max() <= plate[hidden == 0].max() + 0.05


def test_without_any_sample_everything_hidden_is_filled() -> None:
    plate, hidden = _frame(_world(), pan=40, subject=85)
    clean, seen = _gather(plate, hidden, [])
    assert np.isfinite(clean).all()
    np.testing.assert_array_equal(seen, hidden[BOX.slices()] == 0)


def test_a_passer_by_in_one_frame_is_left_out() -> None:
    world = _world()
    plate, hidden = _frame(world, pan=40, subject=85)
    samples = _samples(world)
    samples[0][0][50:90, 80:110] = 8.0
    clean, _seen = _gather(plate, hidden, samples)
    truth, inside = world[:, 40:240][BOX.slices()], hidden[BOX.slices()] > 0
    assert np.abs(clean - truth)[inside].max() < 0.15


@pytest.mark.parametrize("value", [40.0, -0.05])
def test_pixels_that_are_not_hidden_keep_their_bits(value: float) -> None:
    world = _world()
    plate, hidden = _frame(world, pan=40, subject=85)
    plate[20:22, 60:62] = value
    clean, _seen = _gather(plate, hidden, _samples(world))
    outside = hidden[BOX.slices()] == 0
    assert clean[outside].tobytes() == plate[BOX.slices()][outside].tobytes()


def test_values_beyond_white_and_below_black_are_rebuilt_unclamped() -> None:
    world = _world() * np.float32(40) - np.float32(0.05)
    world[:, 130:140] = -0.05
    plate, hidden = _frame(world, pan=40, subject=85)
    clean, _seen = _gather(plate, hidden, _samples(world))
    truth, inside = world[:, 40:240][BOX.slices()], hidden[BOX.slices()] > 0
    assert np.abs(clean - truth)[inside].max() < 0.25
    assert clean[inside].max() > 10
    assert clean[inside].min() < 0


def test_a_soft_edge_shows_no_ring() -> None:
    world = _world()
    plate, mask = _frame(world, pan=40, subject=85)
    hidden = cv2.GaussianBlur(cv2.dilate(mask, np.ones((5, 5), np.uint8)), (0, 0), 1.5)
    hidden[hidden < 0.01] = 0
    clean, _seen = _gather(plate, np.asarray(hidden, np.float32), _samples(world))
    truth = world[:, 40:240][BOX.slices()]
    ring = (hidden > 0)[BOX.slices()] & (mask == 0)[BOX.slices()]
    assert np.abs(clean - truth)[ring].max() < 5 * NOISE


def test_the_clean_plate_is_the_same_each_time_and_with_any_number_of_threads() -> None:
    world = _world()
    plate, hidden = _frame(world, pan=40, subject=85)
    threads = cv2.getNumThreads()
    try:
        cleaned = []
        for count in (1, 2, 2):
            cv2.setNumThreads(count)
            clean, seen = _gather(plate, hidden, _samples(world, step=9))
            cleaned.append(clean.tobytes() + seen.tobytes())
    finally:
        cv2.setNumThreads(threads)
    assert cleaned[0] == cleaned[1] == cleaned[2]


def test_samples_are_spread_over_the_shot_without_the_frame_itself_nearest_first() -> None:
    frames = range(1001, 1101)
    chosen = choose_samples(frames, 1050, count=12, confidence=dict.fromkeys(frames, 1.0))
    assert 11 <= len(chosen) <= 12
    assert 1050 not in chosen
    assert (min(chosen), max(chosen)) == (1001, 1100)
    assert [abs(frame - 1050) for frame in chosen] == sorted(abs(frame - 1050) for frame in chosen)


def test_frames_whose_camera_is_unknown_are_not_looked_at() -> None:
    confidence = {frame: 1.0 if frame < 5 else 0.1 for frame in range(10)}
    assert max(choose_samples(range(10), 2, count=12, confidence=confidence)) < 5
    assert choose_samples(range(10), 2, count=12, confidence={}) == ()


def test_what_no_frame_saw_comes_from_the_fill_and_is_the_same_in_every_frame() -> None:
    world = _world()
    picture = np.asarray(world + 0.3 * np.sin(np.arange(world.shape[1]) / 2)[None, :, None] + 0.4, np.float32)
    shown = []
    for pan in (40, 46):
        # The subject walks with the camera's pan: the same part of the world is hidden in both frames.
        plate, hidden = _frame(picture, pan=pan, subject=125 - pan)
        matrix = np.eye(3)
        matrix[0, 2] = -pan
        none = np.zeros(picture.shape[:2], np.float32)
        fill = Sample(take_glance(picture, none, floor=FLOOR, step=1), lambda: picture, matrix)
        clean, seen = _gather(plate, hidden, [], fill=fill)
        assert seen.min() == 0
        shown.append(clean[24:84, 85 + 40 - pan - BOX.x0 + 2 : 85 + 40 - pan - BOX.x0 + 28])
    assert np.abs(shown[0] - shown[1]).mean() < 0.02
    assert np.abs(np.diff(shown[0][..., 0], axis=1)).mean() > 0.03


def test_a_shadow_beside_the_subject_is_no_part_of_the_clean_plate() -> None:
    world = _world()
    shade = np.ones((*SIZE, 1), np.float32)
    shade[60:100, 115:127] = 0.75
    plate, hidden = _frame(world, pan=40, subject=85)
    samples = _samples(world, subject=0)
    shaded = plate * np.where(hidden[..., None] > 0, np.float32(1), shade)
    clean, seen = _gather(np.asarray(shaded, np.float32), hidden, samples)
    truth = world[:, 40:240][BOX.slices()]
    where = np.s_[66 - BOX.y0 : 94 - BOX.y0, 117 - BOX.x0 : 125 - BOX.x0]
    assert np.abs(clean - truth)[where].mean() < 0.3 * np.abs(shaded[BOX.slices()] - truth)[where].mean()
    assert seen[where].min() == 1
