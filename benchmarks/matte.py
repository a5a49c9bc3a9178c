"""How far mattes are from the truth: a raw mask, refined from it, refined from an ideal trimap; and comps with them.

`--truth` is a folder with `truth.json` and, a scene, `plate`, `alpha`, `fg` (premultiplied) and `bg` sequences. The raw
mask stands in for a network's: the truth sampled at 256 x 256, cut at 0.5, off by a pixel, brought to analysis size.

Comps are judged where the truth is soft, over three new backgrounds: in linear light, and as seen (sRGB, clipped). The
naive comp is what is done without any of this: the raw mask with the plate's own colours. "With the plate's colours" is
the same matte without the estimated foreground.
"""

from __future__ import annotations

import json
import time
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
from _report import Figure, parse_arguments, report

from wanfx.io import exr
from wanfx.ops.alpha import refine_alpha
from wanfx.ops.decontaminate import own_colors
from wanfx.ops.flow import dense_flow
from wanfx.ops.matte_errors import (
    absolute_difference,
    connectivity_error,
    edge_band,
    flicker_error,
    gradient_error,
    mean_squared_error,
)
from wanfx.ops.matting import MattingMethod, find_alpha
from wanfx.ops.trimap import UNKNOWN, edge_motion

Array = npt.NDArray[np.float32]
METHODS: tuple[MattingMethod, ...] = ("guided", "closed-form")
_ANALYSIS_WIDTH_PX = 640
_MASK_PX = 256
_PLATE_COLORS, _OWN_COLORS = "comp with the plate's colours", "comp"
_NEW_BACKGROUNDS = ((0.18, 0.18, 0.18), (0.03, 0.8, 0.03), (0.0, 0.3, 0.9))


@dataclass(frozen=True, eq=False)
class Truth:
    """A frame of which alpha is known: plate, premultiplied foreground (H, W, 3), linear, and alpha (H, W)."""

    scene: str
    frame: int
    plate: Array
    alpha: Array
    foreground: Array

    @property
    def band(self) -> npt.NDArray[np.bool_]:
        """The edge band: soft pixels and two mask pixels around."""
        return edge_band(self.alpha, radius_px=2 * max(self.alpha.shape) / _MASK_PX)


def main() -> None:
    """Measure every scene and all of them."""
    given = parse_arguments(__doc__ or "", more=[("truth", str, "", "folder of the ground truth")])
    folder = Path(given.truth)
    totals: dict[str, list[float]] = defaultdict(list)
    for scene in json.loads((folder / "truth.json").read_text(encoding="utf-8"))["scenes"]:
        for name, value in _measure_scene(folder, scene["name"], tuple(scene["frames"])):
            totals[f"{scene['name']}: {name}"].append(value)
            totals[f"all: {name}"].append(value)
    figures = [Figure(name, float(np.mean(values)), _unit(name)) for name, values in totals.items()]
    report([*figures, *_gains(figures)], json_file=given.json)


def _measure_scene(folder: Path, scene: str, ends: tuple[int, ...]) -> Iterator[tuple[str, float]]:
    before: tuple[Truth, dict[str, Array]] | None = None
    for frame in range(ends[0], ends[1] + 1):
        truth = read_truth(folder / scene, frame)
        after = read_truth(folder / scene, frame + 1 if frame < ends[1] else frame - 1)
        mattes = {}
        for name, alpha, seconds in find_mattes(truth, after):
            mattes[name] = alpha
            yield from _errors(name, alpha, truth)
            yield from ((f"{name}, {what}", value) for what, value in _comps(alpha, truth))
            yield f"{name}, time", seconds
            if before is not None:
                first, earlier = before
                flicker = flicker_error(
                    earlier[name], alpha, truth_before=first.alpha, truth_after=truth.alpha, where=truth.band
                )
                yield f"{name}, dtSSD in the band", flicker
        yield from ((f"true alpha, {what}", value) for what, value in _comps(truth.alpha, truth))
        before = truth, mattes


def read_truth(folder: Path, frame: int) -> Truth:
    """A scene's frame."""
    plate, foreground = (exr.read_frame(folder / f"{name}.{frame:04d}.exr").rgb for name in ("plate", "fg"))
    alpha = exr.read_matte(folder / f"alpha.{frame:04d}.exr")
    return Truth(folder.name, frame, plate.astype(np.float32), alpha, foreground.astype(np.float32))


def find_mattes(truth: Truth, neighbor: Truth) -> Iterator[tuple[str, Array, float]]:
    """Each matte of the frame, its name, and the seconds it took."""
    raw, ideal = _raw_mask(truth), _ideal_trimap(truth.alpha)
    yield "raw mask", raw, 0.0
    for method in METHODS:
        start = time.perf_counter()
        motion = _motion(truth, neighbor, raw)
        radius = 0.01 * truth.alpha.shape[1]
        alpha = refine_alpha(truth.plate, raw, radius_px=radius, method=method, motion_px=motion)
        yield f"{method} from raw", alpha, time.perf_counter() - start
        start = time.perf_counter()
        prior = np.where(ideal == UNKNOWN, raw, ideal).astype(np.float32)
        alpha = find_alpha(truth.plate, ideal, prior, method=method)
        yield f"{method} from ideal trimap", alpha, time.perf_counter() - start


def _raw_mask(truth: Truth) -> Array:
    """What stands in for a network's mask, at the plate's size as refine makes it from analysis size."""
    height, width = truth.alpha.shape
    small = np.asarray(cv2.resize(truth.alpha, (_MASK_PX, _MASK_PX), interpolation=cv2.INTER_AREA), np.float32)
    jitter = np.random.default_rng(truth.frame).integers(-1, 2, 2)
    shift = np.array([[1, 0, jitter[0]], [0, 1, jitter[1]]], np.float32)
    hard = (small >= 0.5).astype(np.float32)
    hard = np.asarray(cv2.warpAffine(hard, shift, (_MASK_PX, _MASK_PX), borderMode=cv2.BORDER_REPLICATE), np.float32)
    size = (_ANALYSIS_WIDTH_PX, round(_ANALYSIS_WIDTH_PX * height / width))
    small = np.asarray(cv2.resize(hard, size, interpolation=cv2.INTER_LINEAR), np.float32)
    return np.asarray(np.clip(cv2.resize(small, (width, height), interpolation=cv2.INTER_CUBIC), 0, 1), np.float32)


def _motion(truth: Truth, neighbor: Truth, raw: Array) -> Array:
    """How far the edge moves, as refine finds it from analysis pictures of half the size."""
    height, width = raw.shape
    size = (_ANALYSIS_WIDTH_PX // 2, round(_ANALYSIS_WIDTH_PX * height / width / 2))
    here, there, matte = (
        np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA), np.float32)
        for picture in (to_display(truth.plate), to_display(neighbor.plate), raw)
    )
    scale = width / size[0]
    moved = edge_motion(dense_flow(here, there), matte, reach_px=0.02 * size[0])
    return np.asarray(cv2.resize(moved, (width, height), interpolation=cv2.INTER_LINEAR) * scale, np.float32)


def to_display(linear: Array) -> Array:
    """Linear light as it is about seen, clipped."""
    return np.asarray(np.clip(linear, 0, 1) ** (1 / 2.2), np.float32)


def _ideal_trimap(alpha: Array) -> Array:
    """Unknown where alpha is neither 0 nor 1, and half a hundredth of the width around."""
    unknown = edge_band(alpha, radius_px=0.005 * alpha.shape[1])
    return np.where(unknown, UNKNOWN, (alpha >= 0.5).astype(np.float32))


def _errors(name: str, alpha: Array, truth: Truth) -> Iterator[tuple[str, float]]:
    everywhere = np.ones(alpha.shape, bool)
    for place, where in (("in the band", truth.band), ("whole", everywhere)):
        yield f"{name}, MSE {place}", mean_squared_error(alpha, truth.alpha, where=where)
        yield f"{name}, SAD {place}", absolute_difference(alpha, truth.alpha, where=where) / 1000
        yield f"{name}, gradient {place}", gradient_error(alpha, truth.alpha, where=where) / 1000
        yield f"{name}, connectivity {place}", connectivity_error(alpha, truth.alpha, where=where) / 1000


def _comps(alpha: Array, truth: Truth) -> Iterator[tuple[str, float]]:
    """Mean colour errors of comps over new backgrounds where the truth is soft: with the plate's, with own colours."""
    soft = (truth.alpha > 0.02) & (truth.alpha < 0.98)
    start = time.perf_counter()
    own = own_colors(truth.plate, alpha)
    seconds = time.perf_counter() - start
    right, matte, kept = truth.foreground[soft], truth.alpha[soft][:, None], alpha[soft][:, None]
    for what, colors in ((_PLATE_COLORS, truth.plate[soft]), (_OWN_COLORS, own[soft])):
        pairs = [
            (colors * kept + (1 - kept) * new, right + (1 - matte) * new)
            for new in np.asarray(_NEW_BACKGROUNDS, np.float32)
        ]
        yield what, float(np.mean([np.abs(made - wanted).mean() for made, wanted in pairs]))
        seen = [np.abs(to_display(made) - to_display(wanted)).mean() for made, wanted in pairs]
        yield f"{what} as seen", float(np.mean(seen))
    yield "time of colours", seconds


def _unit(name: str) -> str:
    if "time" in name:
        return "s/frame"
    return "1000 px" if any(word in name for word in ("SAD", "gradient", "connectivity")) else ""


def _gains(figures: list[Figure]) -> Iterator[Figure]:
    """What the goals are about: how much lower SAD is in the band, and the comp's colour error over the naive one's."""
    found = {figure.name: figure.value for figure in figures}
    for name, value in found.items():
        if name.endswith("SAD in the band") and "raw mask" not in name:
            scene = name.split(":")[0]
            yield Figure(f"{name} lower by", 1 - value / found[f"{scene}: raw mask, SAD in the band"], "")
        for end in ("", " as seen"):
            scene = name.split(":")[0]
            if name.endswith(f", {_OWN_COLORS}{end}"):
                same = found[name.replace(_OWN_COLORS, _PLATE_COLORS)]
                naive = found[f"{scene}: raw mask, {_PLATE_COLORS}{end}"]
                yield Figure(f"{name} over the naive comp", value / max(naive, 1e-9), "")
                yield Figure(f"{name} over the same with the plate's colours", value / max(same, 1e-9), "")


if __name__ == "__main__":
    main()
