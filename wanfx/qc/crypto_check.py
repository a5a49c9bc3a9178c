"""One frame's Cryptomatte looked at: whether it says of every pixel what the comp's own matte says."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from wanfx.errors import WanfxError
from wanfx.io import exr
from wanfx.io.cryptomatte import BACKGROUND, Cryptomatte, id_text, read_cryptomatte
from wanfx.ops.ranks import cover_each_other
from wanfx.pixels import to_float

Fault = Callable[[str, str], None]
_PROMISE = "two-mattes"


def check_crypto(
    path: Path, frame: int, *, manifest: Mapping[str, Any], mattes: Sequence[npt.NDArray[Any]], header: exr.ExrHeader,
    fault: Fault,
) -> None:  # fmt: skip
    """Look at the Cryptomatte of a comp frame, of which ``mattes`` (H, W) are the subjects', back to front, and
    ``header`` its header.

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
    subjects = [subject["name"] for subject in manifest["subjects"]]
    covers = cover_each_other([to_float(matte) for matte in mattes])
    for text in _coverage_faults(found, dict(zip(subjects, covers, strict=True))):
        fault(_PROMISE, text)


def _coverage_faults(found: Cryptomatte, covers: Mapping[str, npt.NDArray[np.float32]]) -> list[str]:
    covered = {name: found.matte(name) for name in covers}
    total = sum(covered.values()) + found.matte(BACKGROUND)
    coverages = found.ranks.coverages
    rounding = len(coverages) * np.finfo(np.float32).eps
    wrong = {
        "coverage does not sum to 1": ~(np.abs(total - 1) <= rounding),
        **{f"matte of {name} is not the comp's": covered[name] != cover for name, cover in covers.items()},
        "ranks are not in order of coverage": ~(coverages[1:] <= coverages[:-1]).all(axis=0),
    }
    faults = []
    for what, where in wrong.items():
        if where.any():
            y, x = np.argwhere(where)[0]
            faults.append(f"Cryptomatte's {what} at pixel ({x}, {y}) of the data window ({int(where.sum())} pixels)")
    return faults
