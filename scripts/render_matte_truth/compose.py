"""Makes the matte truth from `render.py`'s pictures: ``python compose.py RENDERED OUT``.

Runs where wanfx is installed. For every scene: ``plate`` (the subject over the room, RGB), ``fg`` (premultiplied RGB),
``bg`` (RGB), float, scene-linear Rec.709, and ``alpha`` (float, R=G=B=A). The plate is made here, fg + (1 - alpha) bg,
so what the alpha should be is known exactly. ``truth.json`` lists the scenes; PNGs beside them are for looking at.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np
import numpy.typing as npt
import OpenEXR

from wanfx.io import exr, stills
from wanfx_color.transforms import to_srgb_display

Array = npt.NDArray[np.float32]
_WHAT = {
    "hair": "long red hair, seen from near, before red bricks and a window of 12.0; the head turns",
    "darkhair": "the same with dark brown hair",
    "blur": "arms with motion blur of 0.9 of a frame",
    "defocus": "a figure out of focus before a room still more so",
    "cloth": "a figure behind a waving veil that is wider than she is",
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("rendered", type=Path)
    parser.add_argument("out", type=Path)
    given = parser.parse_args()
    scenes = []
    for folder in sorted(path for path in given.rendered.iterdir() if (path / "fg").is_dir()):
        frames = [int(path.stem) for path in sorted((folder / "fg").glob("*.exr"))]
        for frame in frames:
            _compose(folder, given.out / folder.name, frame)
        scenes.append({"name": folder.name, "frames": [frames[0], frames[-1]], "what": _WHAT[folder.name]})
    (given.out / "truth.json").write_text(json.dumps({"scenes": scenes}, indent=2) + "\n")


def _compose(rendered: Path, out: Path, frame: int) -> None:
    subject = _read(rendered / "fg" / f"{frame:04d}.exr")
    room = _read(next((rendered / "bg").glob("*.exr")))[..., :3]
    fg, alpha = subject[..., :3], np.clip(subject[..., 3], 0, 1)
    plate = fg + (1 - alpha[..., None]) * room
    for name, picture in (("plate", plate), ("fg", fg), ("bg", room)):
        exr.write_rgb(out / f"{name}.{frame:04d}.exr", np.ascontiguousarray(picture))
    exr.write_rgb(out / f"alpha.{frame:04d}.exr", np.repeat(alpha[..., None], 3, axis=2), alpha=alpha)
    over_green = fg + (1 - alpha[..., None]) * np.array([0.02, 0.5, 0.05], np.float32)
    looks = [to_srgb_display(plate), np.repeat(alpha[..., None], 3, axis=2), to_srgb_display(over_green)]
    stills.write_picture(out / f"look.{frame:04d}.png", np.rint(np.concatenate(looks, axis=1) * 255).astype(np.uint8))


def _read(path: Path) -> Array:
    channels = OpenEXR.File(str(path), separate_channels=True).channels()
    names = {name.rpartition(".")[2]: name for name in channels}
    return np.stack([channels[names[c]].pixels for c in "RGBA"], axis=2).astype(np.float32)


if __name__ == "__main__":
    main()
