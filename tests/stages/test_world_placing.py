"""A new world that is an EXR lies in the frame by its display window, whatever its data window holds."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from tiny import FIRST, HEIGHT, WIDTH, make_tiny_shot, plate_attributes, plate_pixels

from wanfx.cli.main import main
from wanfx.frames import Box
from wanfx.io import exr
from wanfx.pixels import to_float

OVERSCAN = Box(-24, -12, WIDTH + 24, HEIGHT + 12)
WHOLE = Box(0, 0, WIDTH, HEIGHT)
Array = npt.NDArray[np.float32]


def _world() -> Array:
    """Ramps over the overscan, too."""
    s, t = np.meshgrid(np.linspace(0.1, 0.9, OVERSCAN.width), np.linspace(0.2, 0.8, OVERSCAN.height))
    return np.dstack([s, t, np.full_like(s, 0.3)]).astype(np.float32)


def _make(folder: Path, window: Box, *, follow: str = "none", plate: Box = WHOLE) -> Array:
    """The comp beside the actor, before a world of which ``window`` was drawn."""
    shot = make_tiny_shot(
        folder / "shot", frames=1, task="background", reference=None, background={"path": "world.exr", "follow": follow}
    )
    exr.write_rgb(
        shot.parent / "world.exr", _world()[window.slices(OVERSCAN)], data_window=window, display_window=WHOLE,
        attributes={"colorInteropID": "lin_ap1_scene"},
    )  # fmt: skip
    if plate != WHOLE:
        pads = ((-plate.y0, plate.y1 - HEIGHT), (-plate.x0, plate.x1 - WIDTH), (0, 0))
        exr.write_rgb(
            shot.parent / "plate" / f"tiny.{FIRST}.exr", np.pad(plate_pixels(0)[0], pads, mode="edge"),
            data_window=plate, display_window=WHOLE, attributes=plate_attributes(0),
        )  # fmt: skip
    run: list[Any] = ["run", shot, "--out", folder / "out", "--quiet", "--set", "condition.world_exposure=keep"]
    assert main([str(one) for one in run]) == 0
    (path,) = (folder / "out" / "tiny" / "v001" / "comp").glob("*.exr")
    comp = exr.read_frame(path)
    assert comp.header.data_window == plate
    return to_float(comp.rgb)[:, WIDTH // 2 + 24 :]


@pytest.mark.parametrize("follow", ["none", "camera"])
def test_overscan_of_the_world_lies_beyond_the_frame(tmp_path: Path, follow: str) -> None:
    plain = _make(tmp_path / "plain", WHOLE, follow=follow)
    assert np.abs(_make(tmp_path / "overscan", OVERSCAN, follow=follow) - plain).max() < 2e-3


def test_a_plate_with_overscan_shows_that_of_the_world(tmp_path: Path) -> None:
    made = _make(tmp_path, OVERSCAN, plate=OVERSCAN)
    assert np.abs(made - _world()[:, WIDTH // 2 + 24 :]).max() < 2e-3


def test_a_world_that_was_drawn_in_part_is_black_in_the_rest(tmp_path: Path) -> None:
    drawn = Box(140, 20, 180, 90)
    wanted = np.zeros_like(_world())
    wanted[drawn.slices(OVERSCAN)] = _world()[drawn.slices(OVERSCAN)]
    made = _make(tmp_path, drawn)
    assert np.abs(made - wanted[WHOLE.slices(OVERSCAN)][:, WIDTH // 2 + 24 :]).max() < 2e-3
