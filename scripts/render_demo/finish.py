"""Makes the demo's shipped files from `render.py`'s pictures: ``python finish.py RENDERED DATA``.

Runs in wanfx's own environment. The plate gets film grain and a camera's header, in ACEScg; truth files do not get
grain. Pictures come in as scene-linear Rec.709.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
import OpenEXR

from wanfx.frames import Box, Size, Timecode
from wanfx.io.exr_header import timecode_attribute
from wanfx.io.exr_parts import Compression, Part, write_parts
from wanfx.io.pose_file import write_poses
from wanfx.ops.pose import Pose

Array = npt.NDArray[Any]

FIRST_FRAME = 1001
_RATE = 24
_FIRST_TIMECODE = Timecode.parse("01:00:00:00", rate=_RATE)
# Linear Rec.709 (D65) to ACEScg (AP1, ACES white), Bradford adaptation: from the primaries of ITU-R BT.709-6 and of
# S-2014-004 (ACEScg).
_REC709_TO_ACESCG = np.array(
    [[0.613097, 0.339523, 0.047379], [0.070194, 0.916354, 0.013452], [0.020616, 0.109570, 0.869815]], np.float32
)
# The ACEScg primaries and white point: S-2014-004, section 4.
_ACESCG = (0.713, 0.293, 0.165, 0.83, 0.128, 0.044, 0.32168, 0.33767)
# Grain's deviation: a floor, and a part that grows with the square root of the light, as photons do.
_GRAIN_FLOOR, _GRAIN_SHOT = 0.0012, 0.012
_GRAIN_SEED = 2024


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("rendered", type=Path)
    parser.add_argument("data", type=Path)
    options = parser.parse_args()
    rendered, data = options.rendered, options.data
    for frame, rgba in _pictures(rendered / "plate"):
        grained = _with_grain(_acescg(rgba), seed=_GRAIN_SEED + frame)
        _write(data / f"plate/demo.{frame}.exr", grained, frame, compression="dwaa")
    for kind in ("clean", "clean_shadow"):
        for frame, rgba in _pictures(rendered / kind):
            _write(data / f"truth/{kind}.{frame}.exr", _acescg(rgba), frame, compression="dwaa")
    for frame, rgba in _pictures(rendered / "matte"):
        _write(data / f"truth/matte.{frame}.exr", rgba[..., 3], frame, compression="zip")
    _write_poses(rendered / "actor_pose.json", data / "truth/actor_pose.json", Size(640, 360), FIRST_FRAME)
    _write_poses(rendered / "reference_pose.json", data / "truth/reference_pose.json", Size(700, 1100), 1)
    _write_reference(_read(rendered / "reference.exr"), data / "reference.png")


def _pictures(folder: Path) -> Iterator[tuple[int, Array]]:
    for path in sorted(folder.glob("*.exr")):
        yield FIRST_FRAME - 1 + int(path.stem), _read(path)


def _read(path: Path) -> Array:
    """(H, W, 4) float32, premultiplied."""
    return np.asarray(OpenEXR.File(str(path)).channels()["RGBA"].pixels, np.float32)


def _acescg(rgba: Array) -> Array:
    return rgba[..., :3] @ _REC709_TO_ACESCG.T


def _with_grain(linear: Array, *, seed: int) -> Array:
    """The picture with grain a little over a pixel wide, mostly in brightness."""
    random = np.random.default_rng(seed)
    height, width = linear.shape[:2]
    grain = random.standard_normal((height, width, 3)).astype(np.float32) * 0.55
    grain += random.standard_normal((height, width, 1)).astype(np.float32) * 0.85
    grain = cv2.GaussianBlur(grain, (3, 3), 0.55, borderType=cv2.BORDER_REFLECT_101) * 1.55
    deviation = np.sqrt(_GRAIN_FLOOR**2 + _GRAIN_SHOT**2 * np.maximum(linear, 0))
    return np.asarray(linear + grain * deviation, np.float32)


def _write(path: Path, picture: Array, frame: int, *, compression: Compression) -> None:
    height, width = picture.shape[:2]
    window = Box(0, 0, width, height)
    attributes: dict[str, Any] = {
        "timeCode": timecode_attribute(_FIRST_TIMECODE + (frame - FIRST_FRAME)),
        "framesPerSecond": Fraction(_RATE),
        "cameraModel": "wanfx demo camera",
    }
    channels: tuple[str, ...] = ("Y",)
    if picture.ndim == 3:
        channels = ("R", "G", "B")
        attributes |= {"colorInteropID": "lin_ap1_scene", "chromaticities": _ACESCG}
    path.parent.mkdir(parents=True, exist_ok=True)
    part = Part("rgba", picture.astype(np.float16), channels)
    write_parts(path, [part], data_window=window, display_window=window, attributes=attributes, compression=compression)


def _write_poses(source: Path, target: Path, size: Size, first: int) -> None:
    rows = json.loads(source.read_text(encoding="utf-8"))
    write_poses(target, {first - 1 + int(frame): Pose.from_rows(pose) for frame, pose in rows.items()}, size=size)


def _write_reference(rgba_linear: Array, path: Path) -> None:
    """As an sRGB PNG (IEC 61966-2-1), which holds straight alpha."""
    alpha = np.clip(rgba_linear[..., 3:], 0, 1)
    straight = np.clip(rgba_linear[..., :3] / np.maximum(alpha, 1e-4), 0, 1)
    encoded = np.where(straight <= 0.0031308, straight * 12.92, 1.055 * straight ** (1 / 2.4) - 0.055)
    bgra_display = np.concatenate([encoded[..., ::-1], alpha], axis=-1)
    bgra_display *= alpha > 0
    _, data = cv2.imencode(".png", np.round(bgra_display * 255).astype(np.uint8), [cv2.IMWRITE_PNG_COMPRESSION, 9])
    path.write_bytes(data.tobytes())


if __name__ == "__main__":
    main()
