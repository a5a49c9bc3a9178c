"""What is measured of every frame, and ``measures.jsonl``, where it is kept: one JSON line a frame.

A line is ``{"frame": 1001, "matte_confidence": 0.93, ..., "notes": ["the matte is painted"]}``. The unit is in the
measure's name; what was not measured is left out. A measure that is in no `SPECS` is plotted too, under its own name.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

from wanfx.errors import InputError
from wanfx.io.atomic import write_text

Row = Mapping[str, Any]
Bad = Literal["low", "high", "none"]
Group = Literal["Match with the plate", "Mattes and clean plate", "Performance", "Comp"]
GROUPS: tuple[Group, ...] = get_args(Group)
FRAME, NOTES = "frame", "notes"


@dataclass(frozen=True)
class MeasureSpec:
    """How a measure is shown, and which values make a frame worth a look.

    ``limit`` is where a low or high value begins to be bad; without one, it is what stands out from the rest of the
    shot by more than ``least``. ``is_share`` is a value from 0 to 1. ``reason`` is said of a bad frame. ``beside`` is
    the measure that is drawn pale in the same plot, ``beside_label`` what it is; ``absent`` why a shot may lack the
    measure.
    """

    name: str
    label: str
    unit: str
    bad: Bad = "none"
    limit: float | None = None
    reason: str = ""
    is_share: bool = False
    group: Group = "Comp"
    least: float = 1.0
    beside: str = ""
    beside_label: str = ""
    absent: str = ""


_NO_PICTURE = "the generator makes no picture of the kept pixels to measure it by"
_NO_LOCK = "no plate lock was at work; a draft's picture is the plate itself outside the edit"
_NO_POSE = "no character performs the actor's pose"
_NO_WORLD = "no new world is made that is to move with the camera (background.follow), or its motion is not seen"
_M: Group = "Match with the plate"
_T: Group = "Mattes and clean plate"
_P: Group = "Performance"
SPECS = (
    MeasureSpec(
        "drift_after_de", "Drift from the plate after the lock", "CIEDE2000", "high", 2.0,
        "the colour is off the plate after the lock", group=_M, beside="drift_before_de", beside_label="before it",
        absent=_NO_LOCK,
    ),
    MeasureSpec(
        "seam_energy", "Step across the edit's edge", "times the plate's own", "high", 1.5, "the seam may show",
        group=_M, absent="the edit has no edge but the character's own outline, or the plate is not there",
    ),
    MeasureSpec(
        "flicker", "Flicker of the edit", "stops", "high", None, "the edit flickers", group=_M,
        least=0.02, beside="plate_flicker", beside_label="the plate's own",
        absent="the shot is too short, or nothing is edited",
    ),
    MeasureSpec(
        "grain_own_share", "Grain that the generated picture had of its own", "share of the plate's", group=_M,
        beside="clean_grain_share", beside_label="the clean plate",
        absent="grain was not matched (grain.match), or the plate has none",
    ),
    MeasureSpec(
        "grain_ratio", "Grain of the edit at the same light", "times the plate's", group=_M,
        absent="edit and plate share no light, or the plate has no grain",
    ),
    MeasureSpec(
        "world_slip_px", "Slip of the new world against the camera", "px since the first frame", group=_M,
        beside="world_slip_allowed_px", beside_label="what depth and tracking may explain", absent=_NO_WORLD,
    ),
    MeasureSpec("camera_travel_px", "How far the camera carried the picture", "px so far", group=_M),
    MeasureSpec("world_confidence", "New world that moves as one", "share of its features", is_share=True, group=_M),
    MeasureSpec("locked_share", "Correction that reaches the edit", "share", is_share=True, group=_M),
    MeasureSpec("shown_share", "Background that the lock sees", "share of the generated picture", group=_M),
    MeasureSpec(
        "shift_x_px", "Shift undone, across", "px", group=_M, beside="shift_y_px", beside_label="down",
        absent=_NO_LOCK,
    ),
    MeasureSpec("scale", "Scale undone", "beyond 1", group=_M, absent=_NO_LOCK),
    MeasureSpec(
        "plate_error_model", "Generator's error on the plate", "of 2, model space", "high", 0.01,
        "the generated picture is off where it should be the plate", group=_M, absent=_NO_PICTURE,
    ),
    MeasureSpec(
        "error_left", "Error on the plate after the lock", "of 2, model space", "high", 0.01,
        "the picture is off where it should be the plate, after the lock too", group=_M, beside="plate_error_model",
        beside_label="before it",
    ),
    MeasureSpec(
        "clipped_share", "Clipped", "share of the edit at the ceiling", "high", 0.0, "the generator met its ceiling",
        group=_M, absent="nothing is edited",
    ),
    MeasureSpec("at_ceiling_share", "Generated at the ceiling", "share of the generated picture", group=_M),
    MeasureSpec("matte_confidence", "Matte confidence", "0 to 1", "low", 0.5, "the matte is uncertain", True, _T),
    MeasureSpec(
        "matte_area_px", "Matte area, old subject", "px", group=_T, beside="character_area_px",
        beside_label="new character", absent="there is no subject",
    ),
    MeasureSpec("matte_jump_px", "Jump of the matte's centre", "px a frame", "high", None, "the matte jumps", group=_T),
    MeasureSpec(
        "camera_confidence", "Camera confidence", "0 to 1", "low", 0.5, "the camera track is uncertain", True, _T
    ),
    MeasureSpec(
        "clean_seen_share", "Clean plate seen in other frames", "share of the hidden area", "low", 0.9,
        "background was never seen; the clean plate is filled there", True, _T,
    ),
    MeasureSpec(
        "hand_confidence", "Hand confidence, the lower hand", "0 to 1", "low", 0.5, "a hand is uncertain or not found",
        True, _P,
        absent="no hand was seen, or poses were not looked for",
    ),
    MeasureSpec(
        "pose_confidence", "Pose confidence", "0 to 1", "low", 0.5, "the actor's pose is uncertain", True, _P,
        absent=_NO_POSE,
    ),
    MeasureSpec("left_wrist_px", "Left wrist, character to actor", "px", "high", None, "the left wrist is off",
                group=_P),
    MeasureSpec("right_wrist_px", "Right wrist, character to actor", "px", "high", None, "the right wrist is off",
                group=_P),
    MeasureSpec("left_ankle_px", "Left ankle, character to actor", "px", "high", None, "the left ankle is off",
                group=_P),
    MeasureSpec("right_ankle_px", "Right ankle, character to actor", "px", "high", None, "the right ankle is off",
                group=_P),
    MeasureSpec("edit_share", "Edited area", "share of the frame"),
    MeasureSpec("comp_max_linear", "Brightest of the comp", "scene-linear"),
    MeasureSpec("comp_min_linear", "Darkest of the comp", "scene-linear"),
)  # fmt: skip
BESIDE = {spec.beside: spec.name for spec in SPECS if spec.beside}
"""The measures that are drawn in another one's plot and judged by it, where that is there."""
_BY_NAME = {spec.name: spec for spec in SPECS}
_UNITS = {"px": "px", "share": "share", "linear": "scene-linear", "confidence": "0 to 1", "de": "CIEDE2000"}


def find_spec(name: str) -> MeasureSpec:
    """The measure's spec; for one that is not known here, what its name says.

    >>> find_spec("left_knee_px").label, find_spec("left_knee_px").unit
    ('Left knee', 'px')
    """
    if name in _BY_NAME:
        return _BY_NAME[name]
    words = name.split("_")
    unit = _UNITS.get(words[-1], "")
    shown = words[:-1] if unit and words[-1] != "confidence" and len(words) > 1 else words
    return MeasureSpec(name, " ".join(shown).capitalize(), unit)


def series(rows: Iterable[Row]) -> dict[str, dict[int, float]]:
    """Measure to frame to value, measures in the order of `SPECS`, then those that are not known here."""
    found: dict[str, dict[int, float]] = {}
    for row in rows:
        for name, value in row.items():
            if name != FRAME and isinstance(value, int | float):
                found.setdefault(name, {})[row[FRAME]] = float(value)
    known = [spec.name for spec in SPECS if spec.name in found]
    return {name: found[name] for name in (*known, *sorted(set(found) - set(known)))}


def write_measures(path: Path, rows: Iterable[Row]) -> None:
    """Write one line a frame. NaN and infinities are refused (ValueError): they are not JSON."""
    lines = (json.dumps(dict(row), ensure_ascii=False, allow_nan=False, sort_keys=True) + "\n" for row in rows)
    write_text(path, "".join(lines))


def read_measures(path: Path) -> list[dict[str, Any]]:
    """The rows of ``measures.jsonl``. Raises InputError where a line is not one of `write_measures`."""
    rows = []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        try:
            row: Any = json.loads(line, parse_constant=_refuse)
            rows.append({FRAME: int(row[FRAME]), **row})
        except (ValueError, KeyError, TypeError) as error:
            raise InputError(
                f"line {number} is no measure of a frame", path=path, remedy="copy the delivery again"
            ) from error
    return rows


def _refuse(constant: str) -> float:
    raise ValueError(f"{constant} is no measure")


def join_rows(frame: int, rows: Iterable[Row]) -> dict[str, Any]:
    """One row of several of a frame: of each measure the worst, by what its spec calls bad; all notes.

    >>> join_rows(7, [{"frame": 7, "matte_confidence": 0.9}, {"frame": 7, "matte_confidence": 0.4, "notes": ["n"]}])
    {'frame': 7, 'matte_confidence': 0.4, 'notes': ['n']}
    """
    joined: dict[str, Any] = {FRAME: frame}
    for row in rows:
        for name, value in row.items():
            if name == NOTES:
                notes = dict.fromkeys((*joined.get(NOTES, ()), *value))
                joined |= {NOTES: list(notes)} if notes else {}
            elif name != FRAME:
                worst = min if find_spec(name).bad == "low" else max
                joined[name] = worst(joined.get(name, value), value)
    return joined
