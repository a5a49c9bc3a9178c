"""The plate's grain measured in a shot, and what the comp's layers lack of it."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from tiny import FIRST, HEIGHT, WIDTH, make_tiny_shot, plate_attributes, plate_pixels

from wanfx.cancel import Cancellation
from wanfx.delivery import ShotFolder
from wanfx.events import EventLog
from wanfx.frames import Box, FrameRange
from wanfx.io import exr
from wanfx.io.stills import write_picture
from wanfx.ops.grain_frames import Grain
from wanfx.session import resolve_options
from wanfx.shot import load_shot
from wanfx.stages.camera import run_camera
from wanfx.stages.condition import run_condition
from wanfx.stages.context import RunContext
from wanfx.stages.generate import needed_windows, run_generate
from wanfx.stages.grain import run_grain
from wanfx.stages.ingest import open_plate, run_ingest
from wanfx.stages.matte import run_matte
from wanfx.stages.refine import run_refine
from wanfx_color.configs import load_config

Array = npt.NDArray[np.float32]
_FRAMES, _SCALE, _SIGMA = 12, 4, 0.02
_BOX = Box(0, 0, WIDTH * _SCALE, HEIGHT * _SCALE)


def _write_grainy_plate(folder: Path) -> None:
    """The tiny plate four times as large, so that it has flat places, with white grain of a fiftieth of its light."""
    for index in range(_FRAMES):
        rgb, _box = plate_pixels(index)
        large = np.repeat(np.repeat(rgb.astype(np.float32), _SCALE, axis=0), _SCALE, axis=1)
        noise = np.random.default_rng(index).standard_normal(large.shape).astype(np.float32)
        grainy = (large * (1 + np.float32(_SIGMA) * noise)).astype(np.float16)
        path = folder / "plate" / f"tiny.{FIRST + index}.exr"
        exr.write_rgb(path, grainy, data_window=_BOX, attributes=plate_attributes(index))


def _grain(
    folder: Path, *, frames: FrameRange | None = None, options: Mapping[str, Any] | None = None, **changes: Any
) -> Grain:
    """The stage's result; a second call in the same folder finds what is still good. ``changes`` are the shot's."""
    box = Box(*(value * _SCALE for value in plate_pixels(0)[1].as_list()))
    subjects = [{"name": "walker", "box": box.as_list(), "frame": FIRST}]
    path = folder / "shot" / "shot.json"
    if not path.exists():
        make_tiny_shot(folder / "shot", frames=_FRAMES, subjects=subjects, **changes)
        _write_grainy_plate(folder / "shot")
    shot = load_shot(path)
    # A draft gets grain only where it is asked for.
    chosen = resolve_options(shot).with_values({"grain.match": "on", **(options or {})}, source="flag")
    place = ShotFolder.of(folder / "out", shot=shot.name)
    cancellation = Cancellation(folder / "cancel", beat=lambda: None, on_forced=lambda: None)
    with contextlib.closing(EventLog(folder / "events.jsonl", run="test")) as events:
        run = RunContext(shot, chosen, place, place.in_progress(), load_config(), events, cancellation)
        ingested = run_ingest(run, open_plate(run.shot, run.options, color=run.color))
        (tracked,) = run_matte(run, ingested)
        refined = run_refine(run, ingested, tracked)
        camera = run_camera(run, ingested, tracked)
        wanted = frames or ingested.plate.frames
        needed = sorted({f for w in needed_windows(run, ingested.plate.frames, frames=wanted) for f in w.frames})
        conditioning = run_condition(run, ingested, tracked, refined, camera, frames=needed)
        bridge = conditioning.bridge(run.color)
        generated = run_generate(run, conditioning, refined, bridge, frames=wanted, plate_hashes=ingested.keys)
        return run_grain(
            run, ingested, refined, camera, conditioning, generated, bridge,
            frames=wanted, subject=tracked.name, hidden=refined,
        )  # fmt: skip


@pytest.fixture(scope="module")
def shot(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("grain")


@pytest.fixture(scope="module")
def grain(shot: Path) -> Grain:
    return _grain(shot)


def _add(grain: Grain, frame: int, *, alpha: float = 1.0, reveal: float = 0.0) -> Array:
    flat = np.full((128, 256, 3), 0.2, np.float32)
    layers = (np.full((128, 256), value, np.float32) for value in (alpha, reveal))
    return grain.add(flat, frame=frame, box=Box(8, 8, 264, 136), char_alpha=next(layers), reveal=next(layers)) - flat


def test_a_drawn_character_gets_the_grain_of_the_plate(grain: Grain) -> None:
    for frame in range(FIRST, FIRST + _FRAMES):
        np.testing.assert_allclose(_add(grain, frame).std(axis=(0, 1)), 0.2 * _SIGMA, rtol=0.15)


def test_the_clean_plate_gets_what_it_lacks_and_the_plate_nothing(grain: Grain) -> None:
    clean, char = _add(grain, FIRST, alpha=0, reveal=1), _add(grain, FIRST)
    assert 0 < clean.std() < char.std()
    assert not _add(grain, FIRST, alpha=0, reveal=0).any()


def test_a_still_world_gets_the_grain_of_the_plate_however_much_texture_it_has(tmp_path: Path) -> None:
    texture = np.random.default_rng(1).integers(60, 190, (HEIGHT, WIDTH, 1), np.uint8)
    rough = np.repeat(np.repeat(np.repeat(texture, _SCALE, axis=0), _SCALE, axis=1), 3, axis=2)
    write_picture(tmp_path / "world.png", rough + np.random.default_rng(2).integers(0, 30, rough.shape, np.uint8))
    world = {"path": str(tmp_path / "world.png"), "follow": "none"}
    grain = _grain(tmp_path, task="background", background=world, reference=None)
    behind, actor = _add(grain, FIRST, alpha=0, reveal=1), _add(grain, FIRST, alpha=1)
    np.testing.assert_allclose(behind.std(axis=(0, 1)), 0.2 * _SIGMA, rtol=0.15)
    assert not actor.any()


def test_frames_have_grain_of_their_own(grain: Grain) -> None:
    one, two = _add(grain, FIRST), _add(grain, FIRST + 1)
    assert abs(np.corrcoef(one.ravel(), two.ravel())[0, 1]) < 0.05


def test_the_manifest_gives_the_same_bits_again(grain: Grain) -> None:
    facts = {str(frame): {"grain": fact} for frame, fact in grain.facts.items()}
    manifest = json.loads(json.dumps({"grain": grain.models, "frame_facts": facts}))
    again = Grain.from_manifest(manifest)
    for frame in (FIRST, FIRST + 7):
        np.testing.assert_array_equal(_add(again, frame), _add(grain, frame))


def test_a_delivery_that_says_nothing_of_grain_has_none() -> None:
    grain = Grain.from_manifest({"frame_facts": {"1001": {}}})
    assert not _add(grain, 1001).any()


def test_a_range_gets_the_grain_that_the_whole_shot_gets(grain: Grain, tmp_path: Path) -> None:
    part = _grain(tmp_path, frames=FrameRange(FIRST + 9, FIRST + 10))
    assert part.models == grain.models
    assert part.facts[FIRST + 9] == grain.facts[FIRST + 9]


def test_another_amount_is_stronger_grain_and_nothing_is_measured_again(grain: Grain, shot: Path) -> None:
    other = _grain(shot, options={"grain.amount": 0.5})
    np.testing.assert_allclose(_add(other, FIRST).std(), 0.5 * _add(grain, FIRST).std(), rtol=0.01)
    events = [json.loads(line) for line in (shot / "events.jsonl").read_text().splitlines()]
    units = [event for event in events if event.get("stage") == "grain" and "unit" in event]
    assert all(event["reused"] for event in units[len(units) // 2 :])


def test_off_or_an_amount_of_0_leaves_the_comp_alone(shot: Path) -> None:
    for options in ({"grain.match": "off"}, {"grain.match": "auto"}, {"grain.amount": 0.0}):
        grain = _grain(shot, options=options)
        flat = np.full((8, 8, 3), 0.2, np.float32)
        ones = np.ones((8, 8), np.float32)
        assert grain.add(flat, frame=FIRST, box=Box(0, 0, 8, 8), char_alpha=ones, reveal=ones) is flat
        assert grain.sharpen(flat, frame=FIRST) is flat
        assert grain.models == {}


def test_a_generator_as_sharp_as_the_plate_is_not_sharpened(shot: Path) -> None:
    grain = _grain(shot, options={"grain.sharpness": "plate"})
    flat = np.random.default_rng(0).uniform(0, 1, (16, 16, 3)).astype(np.float32)
    assert grain.sharpen(flat, frame=FIRST) is flat
