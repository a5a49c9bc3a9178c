"""The reference picture: cut out once, editable (``work/reference/reference.exr``), in the plate's own linear space."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from wanfx.colors import color_errors
from wanfx.errors import BadPixelsError, NothingFoundError, ShotError
from wanfx.frames import Box
from wanfx.io import exr, stills
from wanfx.io.atomic import sha256_file
from wanfx.keys import make_key
from wanfx.ops.cutout import cut_out, has_cut_out, solid_colors
from wanfx.pixels import to_float
from wanfx.shot import ReferenceInput
from wanfx.stages.context import Made, RunContext, paintable, stage_key
from wanfx.stages.hand_matte import check_range, still_matte
from wanfx.units import Unit
from wanfx_color.configs import ColorConfig
from wanfx_color.spaces import tell_color_space
from wanfx_color.transforms import converter, to_linear_rec709, to_srgb_display

STAGE = "reference"
VERSION = 1
Array = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Reference:
    """The cut-out: premultiplied RGBA (H, W, 4), plate-linear, and its hash."""

    rgba: Array
    sha256: str


def run_reference(run: RunContext, *, plate_space: str) -> Reference:
    """Cut the reference out. Raises FrameReadError, ColorSpaceError, NothingFoundError, ShotError."""
    given, source = _find_source(run)
    matte = _matte_path(run, given)
    hashes = [sha256_file(path) for path in (source, matte) if path is not None]
    path = run.work / "reference" / "reference.exr"
    folder = paintable(run, "reference")
    key = stage_key(STAGE, VERSION, hashes, given.colorspace, plate_space, run.color.sha256)

    def make() -> Made:
        folder.write(path, lambda target: _write(target, _cut(run, given, source, matte, plate_space)))
        return Made((path,))

    with run.stage(STAGE, units=1) as progress:
        record = progress.make(Unit(STAGE, "reference", key), make)
    read = exr.read_frame(path)
    if read.alpha is None:
        raise ShotError("has no alpha", key="reference", path=path, remedy="paint it with alpha, or remove the file")
    rgba = np.concatenate([read.rgb, read.alpha[..., None]], axis=2).astype(np.float32)
    return Reference(rgba, next(iter(record.files.values())))


def read_whole(run: RunContext, *, plate_space: str) -> tuple[Array, str]:
    """The picture as given, nothing cut out, over black: plate-linear (H, W, 3); and a hash of its file and space."""
    given, source = _find_source(run)
    rgb, alpha, name = _read(run, given, source)
    _check_finite(rgb, source)
    linear = converter(run.color, name, plate_space)(np.array(rgb, np.float32, order="C"))
    whole = linear if alpha is None else linear * alpha[..., None]
    return whole, make_key(sha256_file(source), name, plate_space)


def cut_reference(run: RunContext, *, plate_space: str) -> Array:
    """The cut-out (H, W, 4) as `run_reference` makes it, not kept. Raises as that does."""
    given, source = _find_source(run)
    return _cut(run, given, source, _matte_path(run, given), plate_space)


def reference_hashes(run: RunContext) -> list[str | None]:
    """Of the picture's files: itself, its matte and its pose, where they are given. Raises ShotError."""
    given, source = _find_source(run)
    pose = None if given.pose is None else Path(run.shot.resolve(given.pose))
    return [None if path is None else sha256_file(path) for path in (source, _matte_path(run, given), pose)]


def _matte_path(run: RunContext, given: ReferenceInput) -> Path | None:
    return None if given.matte is None else Path(run.shot.resolve(given.matte))


def _find_source(run: RunContext) -> tuple[ReferenceInput, Path]:
    given = run.shot.reference
    assert given is not None
    source = Path(run.shot.resolve(given.path))
    if not source.is_file():
        raise ShotError("there is no such picture", key="reference.path", path=source, remedy="check the path")
    return given, source


def _check_finite(rgb: Array, source: Path) -> None:
    if not np.isfinite(rgb).all():
        raise BadPixelsError("has NaN or Inf pixels", key="reference.path", path=source, remedy="mend the picture")


def _cut(run: RunContext, given: ReferenceInput, source: Path, matte: Path | None, plate_space: str) -> Array:
    rgb, alpha, name = _read(run, given, source)
    _check_finite(rgb, source)
    linear = converter(run.color, name, plate_space)(np.ascontiguousarray(rgb))
    if matte is not None:
        alpha = _read_matte(matte)
        if alpha.shape != linear.shape[:2]:
            raise ShotError(
                f"is {alpha.shape[1]}x{alpha.shape[0]}, the picture {linear.shape[1]}x{linear.shape[0]}",
                key="reference.matte", path=matte, remedy="give a matte of the picture's size",
            )  # fmt: skip
    display = to_srgb_display(to_linear_rec709(run.color, plate_space)(linear.copy()))
    try:
        cut = cut_out(display, alpha=alpha)
    except NothingFoundError as error:
        error.path = str(source)
        raise
    # A picture's own alpha comes with straight colours; any other edge still shows the old background.
    is_own = matte is None and alpha is not None and has_cut_out(alpha)
    straight = linear if is_own else solid_colors(linear, cut)
    return np.concatenate([straight * cut[..., None], cut[..., None]], axis=2)


def _read(run: RunContext, given: ReferenceInput, source: Path) -> tuple[Array, Array | None, str]:
    """Straight RGB as the file encodes it, alpha, and its colour space."""
    kind: Literal["exr", "still"]
    tags: Mapping[str, object]
    if source.suffix.lower() == ".exr":
        frame = exr.read_frame(source)
        rgb, tags, kind = to_float(frame.rgb), frame.header.attributes, "exr"
        alpha = None if frame.alpha is None else to_float(frame.alpha)
        is_premultiplied = alpha is not None
    else:
        still = stills.read_still(source)
        is_premultiplied = still.alpha_association == "premultiplied"
        rgb, alpha, tags, kind = still.pixels, still.alpha, stills.read_still_header(source).color_tags, "still"
    if is_premultiplied and alpha is not None:
        rgb = np.divide(rgb, alpha[..., None], out=np.zeros_like(rgb), where=alpha[..., None] > 0)
    return rgb, alpha, tell_reference_space(run.color, given, source, kind=kind, tags=tags)


def tell_reference_space(
    color: ColorConfig, given: ReferenceInput, source: Path, *, kind: Literal["exr", "still"],
    tags: Mapping[str, object], key: str = "reference",
) -> str:  # fmt: skip
    """The colour space of the picture at ``source``, from which there is a way to the working space.

    Raises ColorSpaceError under ``key``.
    """
    with color_errors(key=f"{key}.colorspace", path=str(source)):
        told = tell_color_space(color, path=str(source), kind=kind, declared=given.colorspace, tags=tags)
        converter(color, told.name, color.scene_linear)
    return told.name


def _read_matte(path: Path) -> Array:
    matte = exr.read_matte(path) if path.suffix.lower() == ".exr" else still_matte(path)
    check_range(matte, path=path)
    return matte


def _write(path: Path, rgba: Array) -> None:
    box = Box(0, 0, rgba.shape[1], rgba.shape[0])
    part: Any = exr.Part("reference", rgba.astype(np.float32), ("R", "G", "B", "A"))
    exr.write_parts(path, [part], data_window=box, display_window=box, durable=False)
