"""The plate lock: its laws, on a synthetic shot whose generator errs as it is told."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
import pytest

from wanfx.frames import Box, Size
from wanfx.ops.lock import fit_corrections, lock_window, plate_error
from wanfx.ops.lock_colors import NO_CORRECTION, TERMS, Correction, color_terms, correct
from wanfx.ops.lock_evidence import Evidence, gather
from wanfx.ops.lock_fit import fit_window
from wanfx.ops.lock_share import Change, find_changes, share_of
from wanfx_color.model_space import ModelSpace

Array = npt.NDArray[np.float32]
RANDOM = np.random.default_rng(3)
WIDTH, HEIGHT, FRAMES = 192, 128, 14
SIZE, WHOLE = Size(WIDTH, HEIGHT), Box(0, 0, WIDTH, HEIGHT)


def _texture(seed: int, *, width: int = WIDTH) -> Array:
    """Scene-linear, with soft patches of many colours."""
    random = np.random.default_rng(seed)
    stops = np.full((HEIGHT, width, 3), -2.5, np.float32)
    for cell, strength in ((40, 1.3), (18, 0.9), (7, 0.2)):
        noise = random.normal(0, strength, (HEIGHT // cell + 2, width // cell + 2, 3)).astype(np.float32)
        stops += cv2.resize(noise, (width, HEIGHT), interpolation=cv2.INTER_CUBIC)
    return np.exp2(stops)


@cache
def _shot(exposure_stops: float = 0.0) -> tuple[list[Array], list[Array], list[Array]]:
    """Plates and perfect pictures in model space, and mattes: a figure that sways before a wall that pans."""
    space, light = ModelSpace(-exposure_stops), np.float32(2.0**exposure_stops)
    wall, figure = _texture(1, width=WIDTH + 2 * FRAMES), _texture(2)
    plates, perfect, mattes = [], [], []
    for frame in range(FRAMES):
        behind = wall[:, 2 * frame : 2 * frame + WIDTH]
        x = WIDTH // 2 + round(6 * np.sin(frame / 3))
        matte = np.zeros((HEIGHT, WIDTH), np.float32)
        cv2.ellipse(matte, (x, HEIGHT // 2 + 8), (26, 52), 0, 0, 360, 1.0, -1)
        moved = np.roll(figure, x - WIDTH // 2, axis=1)
        plates.append(space.encode(np.where(matte[..., None] > 0, 0.5 * moved[:, ::-1], behind) * light))
        perfect.append(space.encode(np.where(matte[..., None] > 0, moved, behind) * light))
        mattes.append(matte)
    return plates, perfect, mattes


def _flicker(seed: int) -> Array:
    flicker = np.random.default_rng(seed).normal(0, 0.012, 3).astype(np.float32)
    return np.asarray(flicker + flicker.mean(), np.float32)


def _err(picture: Array, seed: int) -> Array:
    """Cast, contrast and curve, the same for all frames, and flicker: of the seed."""
    cast = np.array([0.03, -0.02, 0.04], np.float32)
    curved = picture - np.float32(0.03) * np.sin(np.float32(np.pi) * picture)
    return np.asarray(curved * np.float32(1.06) + cast + _flicker(seed), np.float32)


def _generate(perfect: list[Array], mattes: list[Array], *, is_shared: bool) -> list[Array]:
    """The error outside; inside the same, or one of its own that flickers by itself."""
    made = []
    for frame, (picture, matte) in enumerate(zip(perfect, mattes, strict=True)):
        within = picture + np.float32(0.02) + np.random.default_rng(500 + frame).normal(0, 0.015, 3).astype(np.float32)
        made.append(np.where(matte[..., None] > 0, _err(picture, frame) if is_shared else within, _err(picture, frame)))
    return made


def _evidence(made: list[Array], plates: list[Array], mattes: list[Array]) -> dict[int, Evidence]:
    frames = zip(made, plates, mattes, strict=True)
    return {index: gather(*frame, guard_px=4) for index, frame in enumerate(frames)}


def _inside(pictures: list[Array], perfect: list[Array], mattes: list[Array]) -> npt.NDArray[Any]:
    """The mean error (frames, 3) inside."""
    return np.array([(a - b)[m > 0].mean(axis=0) for a, b, m in zip(pictures, perfect, mattes, strict=True)])


def _locked(made: list[Array], corrections: dict[int, Correction]) -> list[Array]:
    return [correct(picture, corrections[frame], box=WHOLE, size=SIZE) for frame, picture in enumerate(made)]


def test_cast_contrast_and_flicker_that_the_inside_shares_are_removed_by_nine_tenths() -> None:
    plates, perfect, mattes = _shot()
    made = _generate(perfect, mattes, is_shared=True)
    evidence = _evidence(made, plates, mattes)
    locked = _locked(made, fit_corrections(evidence).corrections)
    before, after = (
        np.mean([np.linalg.norm((a - b)[m > 0], axis=1).mean() for a, b, m in zip(x, perfect, mattes, strict=True)])
        for x in (made, locked)
    )
    assert after < 0.1 * before
    flicker, left = (np.abs(np.diff(_inside(x, perfect, mattes), axis=0)).mean() for x in (made, locked))
    assert left < 0.1 * flicker


def test_an_inside_with_an_error_of_its_own_is_not_made_worse() -> None:
    plates, perfect, mattes = _shot()
    made = _generate(perfect, mattes, is_shared=False)
    evidence = _evidence(made, plates, mattes)
    before, after = (
        np.abs(_inside(x, perfect, mattes)).mean() for x in (made, _locked(made, fit_corrections(evidence).corrections))
    )
    assert after < 1.05 * before


def test_a_perfect_generator_is_left_alone_to_the_bit() -> None:
    plates, perfect, mattes = _shot()
    corrections = fit_corrections(_evidence(perfect, plates, mattes)).corrections
    assert all(correction.is_none for correction in corrections.values())
    assert correct(perfect[0], corrections[0], box=WHOLE, size=SIZE) is perfect[0]


def test_a_perfect_generator_whose_pictures_are_halves_is_left_alone_too() -> None:
    plates, perfect, mattes = _shot()
    halves = [picture.astype(np.float16).astype(np.float32) for picture in perfect]
    corrections = fit_corrections(_evidence(halves, plates, mattes)).corrections
    assert all(correction.is_none for correction in corrections.values())


def test_the_order_of_a_windows_frames_does_not_matter() -> None:
    plates, perfect, mattes = _shot()
    evidence = _evidence(_generate(perfect, mattes, is_shared=True), plates, mattes)
    shuffled = {frame: evidence[frame] for frame in np.random.default_rng(4).permutation(FRAMES).tolist()}
    one, other = fit_corrections(evidence).corrections, fit_corrections(shuffled).corrections
    assert all(one[frame].terms.tobytes() == other[frame].terms.tobytes() for frame in evidence)


def test_a_plate_of_another_exposure_gets_the_same_correction() -> None:
    terms = []
    for stops in (0.0, 1.0):
        plates, perfect, mattes = _shot(stops)
        terms.append(fit_corrections(_evidence(_generate(perfect, mattes, is_shared=True), plates, mattes)).corrections)
    for frame in range(FRAMES):
        np.testing.assert_allclose(terms[0][frame].terms, terms[1][frame].terms, atol=2e-4)


def test_a_frame_that_shows_hardly_any_background_takes_its_neighbours_correction() -> None:
    plates, perfect, mattes = _shot()
    made = _generate(perfect, mattes, is_shared=True)
    hidden = [matte.copy() for matte in mattes]
    hidden[6][:, 4:] = 1
    corrections = fit_corrections(_evidence(made, plates, hidden)).corrections
    error = _inside(_locked(made, corrections), perfect, mattes)
    # Its own flicker cannot be known; all else is undone.
    np.testing.assert_allclose(error[6], _flicker(6), atol=0.012)
    assert np.abs(np.delete(error, 6, axis=0)).mean() < 0.005


def test_where_the_actor_is_kept_he_is_the_anchor() -> None:
    plates, perfect, mattes = _shot()
    wall = [np.where(m[..., None] > 0, p, g) for m, p, g in zip(mattes, plates, perfect, strict=True)]
    made = [_err(picture, frame) for frame, picture in enumerate(wall)]
    edits = [1 - matte for matte in mattes]
    corrections = fit_corrections(_evidence(made, plates, edits)).corrections
    before, after = (np.abs(_inside(x, wall, edits)).mean() for x in (made, _locked(made, corrections)))
    assert after < 0.25 * before
    carried = lock_window(made[3], plates[3], edits[3], correction=corrections[3])
    assert carried[mattes[3] == 1].tobytes() == plates[3][mattes[3] == 1].tobytes()


def test_the_share_is_what_the_inside_has_of_the_error() -> None:
    plates, perfect, mattes = _shot()
    for is_shared, low, high in ((True, 0.95, 1.0), (False, 0.0, 0.3)):
        evidence = _evidence(_generate(perfect, mattes, is_shared=is_shared), plates, mattes)
        assert low <= share_of(find_changes(evidence, fit_window(evidence))) <= high


def test_windows_before_keep_a_window_from_taking_chance_for_a_share() -> None:
    plates, perfect, mattes = _shot()
    own = fit_corrections(_evidence(_generate(perfect, mattes, is_shared=False), plates, mattes)).changes
    shared = _evidence(_generate(perfect, mattes, is_shared=True), plates, mattes)
    few = {frame: shared[frame] for frame in range(6)}
    alone, told = (fit_corrections(few, before=before).corrections[3].terms for before in ((), [*own] * 8))
    whole = fit_window(few)[3]
    assert np.allclose(alone, whole.terms, rtol=0.05, atol=1e-4)
    assert np.linalg.norm(told) < 0.5 * np.linalg.norm(whole.terms)
    given = fit_corrections(few, share=0.25, before=own).corrections[3].terms
    assert given.tobytes() == whole.times(0.25).terms.tobytes()


def _changes(*, share: float, jolts: int = 0) -> list[Change]:
    """Of a character with errors of the same size of its own beside what it shares, and some jolts in its motion."""
    random = np.random.default_rng(8)
    error, own = 0.006 * random.normal(0, 1, (2, 80, 3))
    moved = 0.003 * (random.normal(0, 1, (80, 1)) + 0.5 * random.normal(0, 1, (80, 3)))
    moved[:jolts] += 0.1 * random.normal(0, 1, (jolts, 3))
    inside = share * error + np.sqrt(1 - share**2) * own + moved
    return [Change(*rows) for rows in zip(error, inside, strict=True)]


@pytest.mark.parametrize("jolts", [0, 4])
@pytest.mark.parametrize(("share", "low", "high"), [(1.0, 0.97, 1.0), (0.5, 0.35, 0.65), (0.0, 0.0, 0.1)])
def test_chance_is_not_taken_for_a_share_nor_jolts_for_errors(
    share: float, low: float, high: float, jolts: int
) -> None:
    assert low <= share_of(_changes(share=share, jolts=jolts)) <= high


def test_few_frames_of_a_character_that_errs_on_its_own_are_not_enough_to_be_misled() -> None:
    changes = _changes(share=0.0)
    found = [share_of(changes[start : start + 16]) for start in range(0, 80, 16)]
    assert np.mean(found) < 0.2 and max(found) < 0.5


def test_what_the_error_leaves_unexplained_is_not_taken_for_its_whole() -> None:
    error, own = 0.006 * np.random.default_rng(5).normal(0, 1, (2, 16, 3))
    own -= error * (own * error).sum() / (error**2).sum()
    # By chance seven tenths go along.
    inside = 0.7 * error + np.sqrt(1 - 0.7**2) * own
    assert share_of([Change(*rows) for rows in zip(error, inside, strict=True)]) < 0.8


def test_a_character_that_does_not_flicker_where_all_else_does_shares_nothing() -> None:
    quiet = [replace(one, inside=np.zeros(3)) for one in _changes(share=0.0)[:5]]
    assert share_of(quiet) < 0.01


def test_without_evidence_most_of_the_error_is_taken_for_shared() -> None:
    still = [replace(one, error=np.zeros(3)) for one in _changes(share=0.0)]
    assert share_of([]) == share_of(still) == pytest.approx(0.85)


def test_a_carried_frame_is_the_plate_outside_and_the_generated_picture_inside() -> None:
    generated, plate = (RANDOM.uniform(-1, 1, (6, 8, 3)).astype(np.float32) for _ in range(2))
    mask = np.zeros((6, 8), np.float32)
    mask[2:4, 2:6] = 1
    carried = lock_window(generated, plate, mask)
    assert carried[mask == 0].tobytes() == plate[mask == 0].tobytes()
    np.testing.assert_allclose(carried[mask == 1], generated[mask == 1], atol=1e-6)


def test_a_correction_adds_what_its_terms_say_in_any_part_of_a_picture() -> None:
    picture = RANDOM.uniform(-1.1, 1.1, (HEIGHT, WIDTH, 3)).astype(np.float32)
    correction = Correction(RANDOM.normal(0, 0.05, (3, TERMS)))
    y, x = np.mgrid[0:HEIGHT, 0:WIDTH]
    across, down = ((x + 0.5) / WIDTH * 2 - 1).reshape(-1), ((y + 0.5) / HEIGHT * 2 - 1).reshape(-1)
    added = np.einsum("cnt,ct->nc", color_terms(picture.reshape(-1, 3), across, down), correction.terms)
    box = Box(20, 10, 150, 120)
    found = correct(np.ascontiguousarray(picture[box.slices()]), correction, box=box, size=SIZE)
    wanted = (picture + added.reshape(picture.shape))[box.slices()]
    np.testing.assert_allclose(found, wanted, atol=2e-6)
    assert correct(picture, NO_CORRECTION, box=WHOLE, size=SIZE) is picture


def test_what_met_the_ceiling_is_no_evidence() -> None:
    plates, perfect, mattes = _shot()
    lamp = [picture.copy() for picture in perfect]
    for picture in lamp:
        picture[:20, :40] = 1
    corrections = fit_corrections(_evidence(lamp, plates, mattes)).corrections
    assert all(correction.is_none for correction in corrections.values())


@pytest.mark.parametrize("reach_px", [0.0, 5.0])
def test_the_error_is_what_the_generator_added_away_from_the_mask(reach_px: float) -> None:
    plate = RANDOM.uniform(-1, 1, (24, 32, 3)).astype(np.float32)
    mask = np.zeros((24, 32), np.float32)
    mask[0] = 1
    generated = plate + np.float32(0.125)
    generated[: int(reach_px)] = 9
    assert plate_error(generated, plate, mask, reach_px=reach_px) == np.float32(0.125)
    assert plate_error(generated, plate, np.ones_like(mask), reach_px=0) is None


def test_a_mask_between_the_looked_at_pixels_of_a_large_picture_still_counts() -> None:
    plate = np.zeros((600, 800, 3), np.float32)
    mask = np.zeros((600, 800), np.float32)
    mask[:, ::4] = 1
    assert plate_error(plate, plate, mask, reach_px=2) is None
