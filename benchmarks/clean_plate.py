"""How far the clean plate is from the truth on the demo shot, seen and never seen, and how long the stage takes."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
from _report import Figure, parse_arguments, report

from wanfx.cancel import Cancellation
from wanfx.delivery import ShotFolder
from wanfx.demo.shot import make_demo_shot
from wanfx.events import EventLog
from wanfx.io import exr
from wanfx.ops.edges import grow_matte
from wanfx.session import resolve_options
from wanfx.shot import load_shot
from wanfx.stages.camera import run_camera
from wanfx.stages.clean import Cleaned, read_clean, run_clean
from wanfx.stages.context import RunContext
from wanfx.stages.ingest import Ingested, open_plate, run_ingest
from wanfx.stages.matte import run_matte
from wanfx.stages.refine import Refined, run_refine
from wanfx_color.configs import load_config

_DARKEST = 0.02
_AROUND_PX = 40.0


def main() -> None:
    """Make the clean plate of the demo, or of a folder like it, and measure it where there is a truth."""
    more: list[tuple[str, type, object, str]] = [
        ("shot", str, "", "shot file; the demo's when not given"),
        ("truth", str, "", "folder of clean.<frame>.exr; the demo's when not given"),
    ]
    given = parse_arguments(__doc__ or "", more=more)
    truth = Path(given.truth) if given.truth else Path(__file__).parents[1] / "wanfx" / "demo" / "data" / "truth"
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        shot = Path(given.shot) if given.shot else make_demo_shot(folder / "shot")
        run = _context(shot, folder)
        ingested = run_ingest(run, open_plate(run.shot, run.options, color=run.color))
        (tracked,) = run_matte(run, ingested)
        refined, camera = run_refine(run, ingested, tracked), run_camera(run, ingested, tracked)
        start = time.perf_counter()
        cleaned = run_clean(run, ingested, refined, camera, frames=list(ingested.plate.frames))
        seconds = (time.perf_counter() - start) / len(ingested.plate.frames)
        figures = _measure(ingested, refined, cleaned, truth, grow_px=run.options.clean.grow_px)
    report([*figures, Figure("clean stage", seconds, "s/frame")], json_file=given.json)


def _context(shot_file: Path, folder: Path) -> RunContext:
    shot = load_shot(shot_file)
    place = ShotFolder.of(folder / "out", shot=shot.name)
    cancellation = Cancellation(folder / "cancel", beat=lambda: None, on_forced=lambda: None)
    events = EventLog(folder / "events.jsonl", run="bench")
    return RunContext(shot, resolve_options(shot), place, place.in_progress(), load_config(), events, cancellation)


def _measure(ingested: Ingested, refined: Refined, cleaned: Cleaned, truth: Path, *, grow_px: float) -> list[Figure]:
    """Errors relative to the truth where the subject was removed, and around it."""
    plate = ingested.plate
    errors: dict[str, list[np.ndarray[Any, Any]]] = {
        "seen": [],
        "never seen": [],
        "around, clean": [],
        "around, plate": [],
    }
    hidden_pixels = 0
    for path in sorted(truth.glob("clean.*.exr")):
        frame = int(path.name.split(".")[1])
        rgb, seen = read_clean(cleaned.layer.pattern.path(frame), plate=plate, frame=frame)
        wanted = exr.read_frame(path, canvas=plate.canvas).rgb.astype(np.float32)
        error = _relative(rgb.astype(np.float32), wanted)
        matte = exr.read_matte(refined.matte.path(frame), canvas=plate.canvas)
        hidden = grow_matte(matte, radius_px=grow_px) > 0
        around = (grow_matte(matte, radius_px=_AROUND_PX) > 0) & ~hidden
        shot = exr.read_frame(plate.path(frame), canvas=plate.canvas).rgb.astype(np.float32)
        hidden_pixels += int(hidden.sum())
        errors["seen"].append(error[hidden & (seen >= 0.5)])
        errors["never seen"].append(error[hidden & (seen < 0.5)])
        errors["around, clean"].append(error[around])
        errors["around, plate"].append(_relative(shot, wanted)[around])
    figures = []
    for name, parts in errors.items():
        all_of_it = np.concatenate(parts)
        if all_of_it.size:
            figures.append(Figure(f"{name}: mean relative error", float(all_of_it.mean()), ""))
            figures.append(Figure(f"{name}: 95th percentile", float(np.percentile(all_of_it, 95)), ""))
    unseen = sum(part.size for part in errors["never seen"])
    figures.append(Figure("never seen, of what is hidden", unseen / max(1, hidden_pixels), ""))
    return figures


def _relative(rgb: np.ndarray[Any, Any], wanted: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    return np.asarray(np.abs(rgb - wanted).mean(axis=2) / (np.abs(wanted).mean(axis=2) + _DARKEST))


if __name__ == "__main__":
    main()
