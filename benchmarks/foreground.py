"""How far an actor's edge over new worlds is from the truth, by whose colours: the plate's, wanfx's own, pymatting's.

`--truth` is the folder that `scripts/render_matte_truth` made. Each scene's first frame is composited over eight plain
worlds, dark, bright and saturated, with the true alpha and with the alpha that refine finds from a network's mask.
Figures are mean differences where the truth is soft, as seen (sRGB, clipped), in thousandths. Needs the extra `matte`.
"""

from __future__ import annotations

import json
import time
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt
from _report import Figure, parse_arguments, report
from matte import find_mattes, read_truth, to_display
from pymatting import estimate_foreground_ml

from wanfx.ops.decontaminate import own_colors

Array = npt.NDArray[np.float32]
_ALPHAS = ("guided from raw",)
_WORLDS = {
    "black": (0.005, 0.005, 0.005), "night": (0.01, 0.015, 0.04), "grey": (0.18, 0.18, 0.18), "white": (0.9, 0.9, 0.9),
    "sky": (3.0, 3.2, 4.0), "green": (0.03, 0.8, 0.03), "blue": (0.0, 0.3, 0.9), "red": (0.8, 0.03, 0.02),
}  # fmt: skip


def _plates_own(plate_linear: Array, _alpha: Array) -> Array:
    return plate_linear


def _pymattings(plate_linear: Array, alpha: Array) -> Array:
    return np.asarray(estimate_foreground_ml(plate_linear, alpha.astype(np.float64)), np.float32)


_COLORS: dict[str, Callable[[Array, Array], Array]] = {
    "plate's": _plates_own, "own": own_colors, "pymatting's": _pymattings,
}  # fmt: skip


def main() -> None:
    """Measure every scene over every world."""
    given = parse_arguments(__doc__ or "", more=[("truth", str, "", "folder of the ground truth")])
    folder = Path(given.truth)
    found: dict[str, list[float]] = defaultdict(list)
    for scene in json.loads((folder / "truth.json").read_text(encoding="utf-8"))["scenes"]:
        first, second = (read_truth(folder / scene["name"], frame) for frame in scene["frames"])
        mattes = {"true alpha": first.alpha}
        mattes |= {name: alpha for name, alpha, _seconds in find_mattes(first, second) if name in _ALPHAS}
        soft = (first.alpha > 0.02) & (first.alpha < 0.98)
        right, matte = first.foreground[soft], first.alpha[soft][:, None]
        for name, alpha in mattes.items():
            for whose, colors in _COLORS.items():
                start = time.perf_counter()
                actor = colors(first.plate, alpha)[soft] * alpha[soft][:, None]
                found[f"all: {whose}, time"].append(time.perf_counter() - start)
                for world, light in _WORLDS.items():
                    made = actor + (1 - alpha[soft][:, None]) * np.array(light, np.float32)
                    wanted = right + (1 - matte) * np.array(light, np.float32)
                    error = 1000 * float(np.abs(to_display(made) - to_display(wanted)).mean())
                    found[f"{scene['name']}: {name}, {whose}"].append(error)
                    found[f"all: {name}, {whose}"].append(error)
                    found[f"all: {name}, {whose}, over {world}"].append(error)
    figures = [
        Figure(name, float(np.mean(values)), "s/frame" if name.endswith("time") else "/1000")
        for name, values in found.items()
    ]
    report(figures, json_file=given.json)


if __name__ == "__main__":
    main()
