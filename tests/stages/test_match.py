"""Whole runs with a generator that errs in color and place: what is delivered is as if it had not."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from tiny import FIRST, make_tiny_shot

from wanfx.backends.draft import DraftGenerator
from wanfx.backends.protocols import GeneratedFrame, WindowInputs
from wanfx.backends.registry import add_generator
from wanfx.cli.main import main
from wanfx.frames import Box
from wanfx.io import exr
from wanfx.manifest import read_manifest
from wanfx.ops.resample import Axis, resample
from wanfx.pixels import to_float
from wanfx.qc.measures import read_measures

Array = npt.NDArray[np.float32]
FRAMES, WINDOW = 10, 6
SHIFT = (0.4, -0.3)
_CAST = np.array([0.04, -0.01, 0.03], np.float32)


class _Straight(DraftGenerator):
    """The draft's own pictures, from one that does not promise to keep the background."""

    name = "test-straight"
    keeps_background = False
    carried_frames = 1
    window_frames = WINDOW


class _Crooked(_Straight):
    """The same, a little to the right and up, off color, and flickering."""

    name = "test-crooked"

    def generate(self, inputs: WindowInputs) -> Iterator[GeneratedFrame]:
        """Every frame of the window."""
        for frame, made in zip(inputs.frames, super().generate(inputs), strict=True):
            flicker = np.random.default_rng(frame).normal(0, 0.012, 3).astype(np.float32)
            rgb = made.rgb * np.float32(1.06) + _CAST + flicker + flicker.mean()
            assert made.alpha is not None
            yield GeneratedFrame(_moved(rgb), np.clip(_moved(made.alpha), 0, 1))


class _CrookedAround(_Straight):
    """Off color and flickering around the character alone."""

    name = "test-crooked-around"

    def generate(self, inputs: WindowInputs) -> Iterator[GeneratedFrame]:
        """Every frame of the window."""
        for frame, made in zip(inputs.frames, super().generate(inputs), strict=True):
            flicker = np.random.default_rng(frame).normal(0, 0.02, 3).astype(np.float32)
            assert made.alpha is not None
            error = made.rgb * np.float32(0.06) + _CAST + flicker + flicker.mean()
            yield GeneratedFrame(made.rgb + (1 - made.alpha[..., None]) * error, made.alpha)


class _CrookedAroundAtFirst(_Straight):
    """Off color and flickering, in the first window around the character alone."""

    name = "test-crooked-around-at-first"
    spared = WINDOW

    def generate(self, inputs: WindowInputs) -> Iterator[GeneratedFrame]:
        """Every frame of the window."""
        for frame, made in zip(inputs.frames, super().generate(inputs), strict=True):
            flicker = np.random.default_rng(frame).normal(0, 0.02, 3).astype(np.float32)
            assert made.alpha is not None
            spared = made.alpha[..., None] if frame < FIRST + self.spared else np.float32(0)
            yield GeneratedFrame(made.rgb + (1 - spared) * (_CAST + flicker), made.alpha)


class _CrookedEverywhere(_CrookedAroundAtFirst):
    """The same, the character never spared."""

    name = "test-crooked-everywhere"
    spared = 0


def _moved(picture: Array) -> Array:
    box = Box(0, 0, picture.shape[1], picture.shape[0])
    return resample(np.ascontiguousarray(picture), box=box, x=Axis(1.0, -SHIFT[0]), y=Axis(1.0, -SHIFT[1]))


def _run(folder: Path, generator: type[DraftGenerator], *flags: str) -> Path:
    if generator is not DraftGenerator:
        add_generator(generator.name, generator)
    name = generator.name + "".join(flags).replace("=", "-")
    # The world's reveal and shadow would be found from each picture anew.
    plain = {"finish": {"shadow": "off", "reveal": "clean"}, "condition": {"character": "card", "crop": "frame"}}
    shot = make_tiny_shot(folder / name, frames=FRAMES, generate={"backend": generator.name}, **plain)
    settings = [part for flag in flags for part in ("--set", flag)]
    main(["run", str(shot), "--out", str(folder / name / "out"), "--quiet", *settings])
    return folder / name / "out" / "tiny"


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("match")
    return {
        "straight": _run(folder, _Straight),
        "locked": _run(folder, _Crooked),
        "off": _run(folder, _Crooked, "match.lock=off", "match.register=off"),
        "draft": _run(folder, DraftGenerator),
    }


def _comps(run: Path) -> Array:
    paths = sorted((run / "v001" / "comp").glob("*.exr"))
    return np.stack([to_float(exr.read_frame(path, frame=0).rgb) for path in paths])


def _facts(run: Path) -> dict[str, Any]:
    facts: dict[str, Any] = read_manifest(run / "v001" / "manifest.json")["frame_facts"]
    return facts


def test_color_and_place_are_as_if_the_generator_had_not_erred(runs: dict[str, Path]) -> None:
    wanted, locked, off = (_comps(runs[name]) for name in ("straight", "locked", "off"))
    before, after = np.abs(off - wanted).mean(), np.abs(locked - wanted).mean()
    assert after < 0.25 * before


def test_flicker_is_gone(runs: dict[str, Path]) -> None:
    wanted, locked, off = (_comps(runs[name]) for name in ("straight", "locked", "off"))
    flicker = [np.abs(np.diff((comp - wanted).mean(axis=(1, 2)), axis=0)).mean() for comp in (off, locked)]
    assert flicker[1] < 0.15 * flicker[0]


def test_a_character_that_does_not_share_the_error_does_not_get_its_correction(
    runs: dict[str, Path], tmp_path: Path
) -> None:
    wanted, off = _comps(runs["straight"]), _comps(runs["off"])
    made = _comps(_run(tmp_path, _CrookedAround))
    assert np.abs(made - wanted).mean() < 0.2 * np.abs(off - wanted).mean()


def test_what_a_window_told_of_the_share_is_known_in_the_next(runs: dict[str, Path], tmp_path: Path) -> None:
    last = FIRST + FRAMES - 1

    def read(run: Path, name: str) -> exr.ExrFrame:
        (path,) = (run / "work" / "generate").rglob(f"{name}.{last}.exr")
        return exr.read_frame(path, frame=last)

    wanted, made = (read(runs["straight"], name) for name in ("carry", "gen"))
    spared, shared = _run(tmp_path, _CrookedAroundAtFirst), _run(tmp_path, _CrookedEverywhere)
    assert read(spared, "gen").rgb.tobytes() == read(shared, "gen").rgb.tobytes()
    assert made.alpha is not None
    errors = [to_float(read(run, "carry").rgb) - to_float(wanted.rgb) for run in (spared, shared)]
    inside = [np.abs(error[to_float(made.alpha) > 0.9]).mean() for error in errors]
    assert inside[0] > 2.5 * inside[1]


def test_color_and_place_are_undone_each_by_its_own_option(runs: dict[str, Path], tmp_path: Path) -> None:
    wanted, off = _comps(runs["straight"]), _comps(runs["off"])
    cast = np.abs((off - wanted).mean(axis=(0, 1, 2)))
    for option in ("match.lock", "match.register"):
        run = _run(tmp_path, _Crooked, f"{option}=off")
        (row, *_rest) = read_measures(run / "v001" / "report" / "measures.jsonl")
        is_registered, is_locked = option != "match.register", option != "match.lock"
        assert (abs(row.get("shift_x_px", 0.0)) > 0.2) == is_registered
        left = np.abs((_comps(run) - wanted).mean(axis=(0, 1, 2)))
        assert (left < 0.25 * cast).all() == is_locked


def test_a_generator_that_does_not_err_is_left_alone(runs: dict[str, Path]) -> None:
    assert _comps(runs["straight"]).tobytes() == _comps(runs["draft"]).tobytes()


def test_a_draft_is_not_even_looked_at(runs: dict[str, Path]) -> None:
    assert not (runs["draft"] / "work" / "match").exists()
    assert (runs["locked"] / "work" / "match").exists()


def test_the_promise_is_judged_by_what_is_left(runs: dict[str, Path]) -> None:
    assert main(["verify", str(runs["locked"] / "v001")]) == 0
    assert max(fact["plate_error"] for fact in _facts(runs["locked"]).values()) < 0.004


def test_a_second_run_measures_nothing_again(runs: dict[str, Path]) -> None:
    fits = runs["locked"] / "work" / "match" / _Crooked.name
    before = {path: path.stat().st_mtime_ns for path in fits.iterdir()}
    assert len(before) == FRAMES
    _run(runs["locked"].parents[2], _Crooked)
    assert {path: path.stat().st_mtime_ns for path in fits.iterdir()} == before


def test_carried_frames_are_the_plate_where_nothing_is_edited(runs: dict[str, Path]) -> None:
    one, other = (
        next((runs[name] / "work" / "generate").rglob(f"carry.{FIRST + 5}.exr")) for name in ("straight", "locked")
    )
    straight, crooked = (exr.read_frame(path, frame=0).rgb for path in (one, other))
    same = (straight == crooked).all(axis=2).mean()
    assert same > 0.6
    assert np.abs(to_float(straight) - to_float(crooked)).max(axis=2)[np.newaxis].mean() < 0.01
