"""The alpha of every frame, from the tracker, an artist's roto and the frames beside it."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from tiny import FIRST, make_tiny_shot, plate_pixels

from wanfx.cancel import Cancellation
from wanfx.delivery import ShotFolder
from wanfx.events import EventLog
from wanfx.io import exr
from wanfx.session import resolve_options
from wanfx.shot import load_shot
from wanfx.stages.context import RunContext
from wanfx.stages.ingest import open_plate, run_ingest
from wanfx.stages.matte import run_matte
from wanfx.stages.refine import Refined, run_refine
from wanfx_color.configs import load_config

Array = npt.NDArray[np.float32]


def _refine(folder: Path, *, frames: int = 4, options: Mapping[str, Any] | None = None) -> tuple[Refined, list[Array]]:
    """The stage's result and its alphas; a second call in the same folder finds what is still good."""
    shot = load_shot(make_tiny_shot(folder / "shot", frames=frames))
    chosen = resolve_options(shot).with_values({"matte.backend": "flow", **(options or {})}, source="flag")
    place = ShotFolder.of(folder / "out", shot=shot.name)
    cancellation = Cancellation(folder / "cancel", beat=lambda: None, on_forced=lambda: None)
    with contextlib.closing(EventLog(folder / "events.jsonl", run="test")) as events:
        run = RunContext(shot, chosen, place, place.in_progress(), load_config(), events, cancellation)
        ingested = run_ingest(run, open_plate(run.shot, run.options, color=run.color))
        (tracked,) = run_matte(run, ingested)
        refined = run_refine(run, ingested, tracked)
    return refined, [exr.read_matte(refined.matte.path(FIRST + index)) for index in range(frames)]


def test_alpha_covers_the_figure_and_little_else(tmp_path: Path) -> None:
    _refined, alphas = _refine(tmp_path)
    for index, alpha in enumerate(alphas):
        figure = plate_pixels(index)[1].slices()
        assert alpha[figure].mean() > 0.85
        assert alpha.sum() < 1.2 * alpha[figure].size


@pytest.mark.parametrize("values", [{"refine.steady": 0.8}, {"refine.method": "closed-form"}, {"refine.motion": False}])
def test_every_way_gives_the_same_bits_in_every_run(tmp_path: Path, values: dict[str, Any]) -> None:
    first, _alphas = _refine(tmp_path / "one", options=values)
    second, _alphas = _refine(tmp_path / "two", options=values)
    assert first.hashes == second.hashes


def test_a_gamma_over_1_makes_the_edge_fuller_and_leaves_0_and_1(tmp_path: Path) -> None:
    _refined, plain = _refine(tmp_path / "plain")
    _refined, fuller = _refine(tmp_path / "fuller", options={"matte.gamma": 2.0})
    for before, after in zip(plain, fuller, strict=True):
        assert not after[before == 0].any()
        assert (after[before == 1] == 1).all()
        soft = (before > 0.01) & (before < 0.99)
        assert (after[soft] > before[soft]).all()


def test_a_shot_of_one_frame_has_alpha_too(tmp_path: Path) -> None:
    _refined, (alpha,) = _refine(tmp_path, frames=1, options={"refine.steady": 1.0})
    assert alpha[plate_pixels(0)[1].slices()].mean() > 0.8
