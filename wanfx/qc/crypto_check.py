"""One frame's Cryptomatte looked at: whether it says of every pixel what the comp's own matte says."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from wanfx.errors import WanfxError
from wanfx.io import exr
from wanfx.io.cryptomatte import BACKGROUND, Cryptomatte, id_text, read_cryptomatte
from wanfx.pixels import to_float

Fault = Callable[[str, str], None]
_PROMISE = "two-mattes"


def check_crypto(
    path: Path, frame: int, *, manifest: Mapping[str, Any], matte: npt.NDArray[Any], header: exr.ExrHeader, fault: Fault
) -> None:
    """Look at the Cryptomatte of a comp frame, of which ``matte`` is the subject's (H, W) and ``header`` its header.

    A matte that was painted beyond 0 and 1 covers none or all of a pixel.
    """
    try:
        found = read_cryptomatte(path, layer=manifest["crypto"]["layer"], frame=frame)
    except WanfxError as error:
        fault("nothing-lost", f"crypto/{path.name}: {error.what}")
        return
    for what, ours, theirs in (
        ("data window", found.data_window, header.data_window),
        ("display window", found.display_window, header.display_window),
    ):
        if ours != theirs:
            fault("native-size", f"Cryptomatte's {what} is {ours.as_list()}, the comp's is {theirs.as_list()}")
            return
    names = {name: id_text(identifier) for name, identifier in found.names.items()}
    if names != manifest["crypto"]["names"]:
        fault(_PROMISE, f"Cryptomatte names {', '.join(names) or 'nothing'}, not what manifest.json does")
        return
    for text in _coverage_faults(found, to_float(matte), subject=manifest["subjects"][0]["name"]):
        fault(_PROMISE, text)


def _coverage_faults(found: Cryptomatte, matte: npt.NDArray[np.float32], *, subject: str) -> list[str]:
    covered, rest = found.matte(subject), found.matte(BACKGROUND)
    coverages = found.ranks.coverages
    rounding = len(coverages) * np.finfo(np.float32).eps
    wrong = {
        "coverage does not sum to 1": ~(np.abs(covered + rest - 1) <= rounding),
        f"matte of {subject} is not the comp's": covered != np.clip(matte, 0, 1),
        "ranks are not in order of coverage": ~(coverages[1:] <= coverages[:-1]).all(axis=0),
    }
    faults = []
    for what, where in wrong.items():
        if where.any():
            y, x = np.argwhere(where)[0]
            faults.append(f"Cryptomatte's {what} at pixel ({x}, {y}) of the data window ({int(where.sum())} pixels)")
    return faults
