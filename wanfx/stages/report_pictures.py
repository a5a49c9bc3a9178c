"""The report's pictures, read from a delivery: each chosen frame once, at full size, then made small.

8-bit, display-encoded and lossy: for the report only.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from wanfx.ahead import make_ahead
from wanfx.errors import FrameReadError
from wanfx.frames import Box, Size
from wanfx.images import FramePattern
from wanfx.io import exr
from wanfx.manifest import keeps_actor
from wanfx.pixels import to_float
from wanfx.qc.page_pictures import GAIN, FramePictures, Overlay
from wanfx.stages.view import choose_view, in_display_window, picture_size, resize, show
from wanfx_color.configs import ColorConfig
from wanfx_color.transforms import DisplayConverter

Bytes8 = npt.NDArray[np.uint8]
LARGE_BYTES, OVERLAY_BYTES = 1_400_000, 700_000
"""What all large pictures, and all overlays, may take together; as text in the page they are a third larger."""
_LARGE_PX, _THUMB_PX = 960, 256
_QUALITIES = (86, 78, 68, 56, 42, 28)
_THUMB_QUALITY = 76
_SHRINKS = (1, 2, 4)
_MATTE_LEVELS = 15
# From the bottom up: what covers most comes first.
_REPLACE = (
    Overlay("matte_edit", "edit", "#3aa0ff"),
    Overlay("matte_reveal", "reveal (clean plate)", "#ffb000"),
    Overlay("matte_subject", "old subject", "#ff5a36"),
    Overlay("matte_character", "new character", "#22c55e"),
    Overlay("check_confidence", "low confidence", "#d65bff"),
    Overlay("check_ceiling", "at the ceiling", "#ffee00"),
)
_NAMES_OF_BACKGROUND = {"matte_subject": "actor's alpha", "matte_character": "kept actor", "matte_edit": "new world"}


def overlays_of(manifest: Mapping[str, Any]) -> tuple[Overlay, ...]:
    """The mattes and checks that a comp of this task has, those of several subjects together."""
    subjects = manifest["subjects"]
    if len(subjects) > 1:
        return tuple(_named(one, subject) for one in _REPLACE for subject in (subjects if _is_own(one) else [None]))
    if not keeps_actor(manifest):
        return _REPLACE
    return tuple(Overlay(one.part, _NAMES_OF_BACKGROUND.get(one.part, one.label), one.color) for one in _REPLACE)


def _is_own(overlay: Overlay) -> bool:
    return overlay.part in ("matte_reveal", "matte_subject", "matte_character")


def _named(overlay: Overlay, subject: Mapping[str, Any] | None) -> Overlay:
    if subject is None:
        return overlay
    return Overlay(f"{overlay.part}_{subject['layer']}", f"{overlay.label}, {subject['name']}", overlay.color)


@dataclass(frozen=True, eq=False)
class _Read:
    """A frame's pictures, 8-bit BGR, and its overlays' alpha, before they are encoded.

    Those of the contact sheet alone have a thumb only.
    """

    frame: int
    thumb: Bytes8
    comp: Bytes8 | None
    plate: Bytes8 | None
    overlays: Mapping[str, Bytes8]
    difference: Bytes8 | None = None


class PictureReader:
    """Reads a delivery's pictures as its ``manifest`` describes them; ``folder`` is the version's."""

    def __init__(self, folder: Path, manifest: Mapping[str, Any], *, color: ColorConfig) -> None:
        plate, options = manifest["plate"], manifest["options"]
        self._comp = FramePattern(str(folder / manifest["comp"]["pattern"]))
        self._plate = FramePattern(str(folder / plate["pattern"]))
        self._held = {int(frame): other for frame, other in plate["held"].items()}
        self._overlays = overlays_of(manifest)
        self._window = Box(*plate["data_window" if any(plate.get("border", ())) else "display_window"])
        self._display: DisplayConverter = choose_view(
            color, plate_space=manifest["comp"]["colorspace"], source_space=plate["source_colorspace"],
            display=options["review.display"]["value"], view=options["review.view"]["value"],
        )  # fmt: skip
        self.size = picture_size(self._window, pixel_aspect=plate["pixel_aspect"], width_px=_LARGE_PX)
        self._thumb = picture_size(self._window, pixel_aspect=plate["pixel_aspect"], width_px=_THUMB_PX)

    @property
    def view(self) -> str:
        """The OCIO display and view of the pictures."""
        return f"{self._display.display}, {self._display.view}"

    def read(
        self, frames: Iterable[int], *, large: Iterable[int], on_frame: Callable[[int], None]
    ) -> list[FramePictures]:
        """The pictures of ``frames``, those in ``large`` with plate and overlays.

        Raises FrameReadError for a comp frame that cannot be read.
        """
        is_large = set(large)
        found = []
        for read in make_ahead(frames, lambda frame: self._read(frame, is_large=frame in is_large), name="report"):
            found.append(read)
            on_frame(read.frame)
        return _encode(found, self._overlays)

    def _read(self, frame: int, *, is_large: bool) -> _Read:
        parts, header = exr.read_parts(self._comp.path(frame), frame=frame)
        rgb = np.stack(list(parts["rgba"].planes.values())[:3], axis=2)
        comp = self._show(rgb, header.data_window)
        thumb = _to_8_bit(np.clip(resize(comp, self._thumb), 0, 1))
        if not is_large:
            return _Read(frame, thumb, None, None, {})
        overlays = {}
        for overlay in self._overlays:
            if overlay.part in parts:
                matte = to_float(next(iter(parts[overlay.part].planes.values())))
                alpha = self._alpha(overlay, matte, header.data_window)
                overlays.update({overlay.part: alpha} if alpha.any() else {})
        plate = self._read_plate(frame)
        if plate is None:
            return _Read(frame, thumb, _to_8_bit(comp), None, overlays)
        # Of the unrounded pictures: what is kept of the plate is exactly black.
        difference = _to_8_bit(np.clip(np.abs(comp - plate) * np.float32(GAIN), 0, 1))
        return _Read(frame, thumb, _to_8_bit(comp), _to_8_bit(plate), overlays, difference)

    def _read_plate(self, frame: int) -> npt.NDArray[np.float32] | None:
        """The plate's picture; None where its file is gone, for a delivery may be looked at without it."""
        path = self._plate.path(self._held.get(frame, frame))
        if not path.is_file():
            return None
        try:
            read = exr.read_frame(path, frame=frame)
        except FrameReadError:
            return None
        return self._show(read.rgb, read.header.data_window)

    def _show(self, rgb: npt.NDArray[Any], data_window: Box) -> npt.NDArray[np.float32]:
        return show(rgb, data_window=data_window, display_window=self._window, size=self.size, display=self._display)

    def _alpha(self, overlay: Overlay, matte: npt.NDArray[np.float32], data_window: Box) -> Bytes8:
        if overlay.part == "check_confidence":
            matte = 1 - matte
        return _levels(resize(in_display_window(matte, data_window, self._window), self.size))


def read_thumb(folder: Path, manifest: Mapping[str, Any], frame: int, *, color: ColorConfig) -> bytes:
    """A JPEG of one comp frame, small. Raises FrameReadError, and ColorSpaceError."""
    (pictures,) = PictureReader(folder, manifest, color=color).read([frame], large=(), on_frame=lambda _frame: None)
    return pictures.thumb


def _levels(alpha: npt.NDArray[np.float32]) -> Bytes8:
    """Few levels make small files, and no eye sees more in a tint."""
    return (np.rint(np.clip(alpha, 0, 1) * _MATTE_LEVELS) * (255 / _MATTE_LEVELS)).astype(np.uint8)


def _encode(read: list[_Read], overlays: Iterable[Overlay]) -> list[FramePictures]:
    """All pictures encoded: the large ones in the best quality, the overlays at the best size, in which they fit."""
    large: dict[tuple[int, str], bytes] = {}
    for quality in _QUALITIES:
        large = {
            (one.frame, name): _jpeg(picture, quality=quality)
            for one in read
            for name, picture in (("comp", one.comp), ("plate", one.plate), ("difference", one.difference))
            if picture is not None
        }  # fmt: skip
        if sum(map(len, large.values())) <= LARGE_BYTES:
            break
    tints: dict[tuple[int, str], bytes] = {}
    for shrink in _SHRINKS:
        tints = {
            (one.frame, overlay.part): _tint(one.overlays[overlay.part], overlay.color, shrink=shrink)
            for one in read for overlay in overlays if overlay.part in one.overlays
        }  # fmt: skip
        if sum(map(len, tints.values())) <= OVERLAY_BYTES:
            break
    return [
        FramePictures(
            one.frame, _jpeg(one.thumb, quality=_THUMB_QUALITY), large.get((one.frame, "comp")),
            large.get((one.frame, "plate")), {part: tints[one.frame, part] for part in one.overlays},
            large.get((one.frame, "difference")),
        )
        for one in read
    ]  # fmt: skip


def _tint(alpha: Bytes8, color: str, *, shrink: int) -> bytes:
    """A PNG of one colour with this alpha."""
    if shrink > 1:
        size = Size(max(1, alpha.shape[1] // shrink), max(1, alpha.shape[0] // shrink))
        alpha = _levels(resize(alpha.astype(np.float32) / np.float32(255), size))
    picture = np.empty((*alpha.shape, 4), np.uint8)
    picture[..., :3] = [int(color[index : index + 2], 16) for index in (5, 3, 1)]
    picture[..., 3] = alpha
    return _encoded(".png", picture, [cv2.IMWRITE_PNG_COMPRESSION, 7])


def _to_8_bit(display_rgb: npt.NDArray[np.float32]) -> Bytes8:
    return np.ascontiguousarray(np.rint(display_rgb[..., ::-1] * 255).astype(np.uint8))


def _jpeg(bgr: Bytes8, *, quality: int) -> bytes:
    return _encoded(".jpg", bgr, [cv2.IMWRITE_JPEG_QUALITY, quality, cv2.IMWRITE_JPEG_OPTIMIZE, 1])


def _encoded(suffix: str, picture: Bytes8, settings: list[int]) -> bytes:
    _done, data = cv2.imencode(suffix, picture, settings)
    return data.tobytes()
