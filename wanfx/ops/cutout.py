"""The reference character cut out of its picture."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from wanfx.errors import NothingFoundError
from wanfx.frames import Box
from wanfx.ops.edges import bounding_box, fill_holes, remove_specks

Array = npt.NDArray[np.float32]
_WORK_PX = 480
_PLAIN = 0.02
_REMEDY = "give a hand-made matte as reference.matte, or a picture with alpha"


def cut_out(reference_display: Array, *, alpha: Array | None) -> Array:
    """The character's alpha (H, W) in [0, 1].

    ``reference_display`` is (H, W, 3) display-encoded in [0, 1]. An ``alpha`` that hides something is taken; else a
    plain background is keyed; else the figure in the middle is found (GrabCut: Rother et al., SIGGRAPH 2004).
    Raises NothingFoundError.
    """
    if alpha is not None and alpha.min() < 0.5:
        cut = np.clip(alpha, 0, 1)
    elif (plain := _plain_color(reference_display)) is not None:
        cut = _key_plain(reference_display, plain)
    else:
        cut = _cut_middle(reference_display)
    area = cut.sum() / cut.size
    if not 0.005 < area < 0.98:
        raise NothingFoundError(f"no character was found in the reference picture ({area:.0%} of it)", remedy=_REMEDY)
    return np.asarray(cut, np.float32)


def _plain_color(picture: Array) -> Array | None:
    """The colour of the picture's border where it is plain."""
    border = np.concatenate([picture[0], picture[:, 0], picture[:, -1]])
    color = np.median(border, axis=0)
    is_near = np.abs(border - color).max(axis=1) < _PLAIN
    return color if is_near.mean() > 0.85 else None


def _key_plain(picture: Array, color: Array) -> Array:
    """What is not the background's colour, or is enclosed by what is not: white eyes stay on a white background."""
    away = np.abs(picture - color).max(axis=2)
    solid = (away > 3 * _PLAIN).astype(np.uint8)
    flooded = np.pad(1 - solid, 1, constant_values=1)
    mask = np.zeros((flooded.shape[0] + 2, flooded.shape[1] + 2), np.uint8)
    cv2.floodFill(flooded, mask, (0, 0), 2)
    outside = flooded[1:-1, 1:-1] == 2
    soft = np.clip((away - _PLAIN) / (6 * _PLAIN), 0, 1).astype(np.float32)
    near_outside = cv2.dilate(outside.astype(np.uint8), np.ones((5, 5), np.uint8)) > 0
    cut = np.where(outside, np.float32(0), np.where(near_outside, soft, np.float32(1)))
    return _largest(cut.astype(np.float32))


def _cut_middle(picture: Array) -> Array:
    scale = min(1.0, _WORK_PX / max(picture.shape[:2]))
    size = (max(8, round(picture.shape[1] * scale)), max(8, round(picture.shape[0] * scale)))
    small = np.rint(cv2.resize(picture, size, interpolation=cv2.INTER_AREA) * 255).astype(np.uint8)
    mask = _prior(small)
    background, foreground = np.zeros((1, 65)), np.zeros((1, 65))
    cv2.setRNGSeed(1)
    cv2.grabCut(small, mask, None, background, foreground, 8, cv2.GC_INIT_WITH_MASK)
    found = np.isin(mask, (cv2.GC_FGD, cv2.GC_PR_FGD)).astype(np.float32)
    found = _largest(fill_holes(found, area_px=found.size * 0.02))
    rough = cv2.resize(found, (picture.shape[1], picture.shape[0]), interpolation=cv2.INTER_LINEAR)
    radius = max(2, round(2 / scale))
    return np.clip(cv2.ximgproc.guidedFilter(picture, rough, radius, 1e-4), 0, 1)


def _prior(small: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """A person in the middle, from near the top down to the bottom edge: sure inside, maybe around, never at the sides.

    What is sharp is likelier to be the character than what is blurred: pictures of characters have soft backgrounds.
    """
    height, width = small.shape[:2]
    y, x = np.mgrid[0:height, 0:width]
    across = np.abs((x + 0.5) / width - 0.5)
    down = (y + 0.5) / height
    gray = cv2.cvtColor(small, cv2.COLOR_BGR2GRAY).astype(np.float32)
    detail = cv2.GaussianBlur(np.abs(cv2.Laplacian(gray, cv2.CV_32F, ksize=3)), (0, 0), width / 60)
    columns = cv2.GaussianBlur(detail.mean(axis=0, keepdims=True), (0, 0), width / 20).ravel()
    center = float((np.arange(width) * columns**2).sum() / max((columns**2).sum(), 1e-6) + 0.5) / width
    center = float(np.clip(center, 0.3, 0.7))
    from_center = np.abs((x + 0.5) / width - center)
    mask = np.full((height, width), cv2.GC_PR_BGD, np.uint8)
    mask[(from_center < 0.22) & (down > 0.06)] = cv2.GC_PR_FGD
    mask[(from_center < 0.04) & (down > 0.3)] = cv2.GC_FGD
    mask[(across > 0.47) | (down < 0.02)] = cv2.GC_BGD
    return mask


def _largest(matte: Array) -> Array:
    """The largest island of the matte."""
    count, labels, stats, _centers = cv2.connectedComponentsWithStats((matte >= 0.5).astype(np.uint8))
    if count < 2:
        return np.zeros_like(matte)
    largest = 1 + int(np.argmax(stats[1:, cv2.CC_STAT_AREA]))
    near = cv2.dilate((labels == largest).astype(np.uint8), np.ones((5, 5), np.uint8)) > 0
    return remove_specks(np.where(near, matte, np.float32(0)), area_px=4)


def character_box(alpha: Array) -> Box:
    """The box of the character in its picture."""
    return bounding_box(alpha, above=0.1)
