"""The reference character cut out of its picture."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from wanfx.errors import NothingFoundError
from wanfx.frames import Box
from wanfx.ops.edges import bounding_box, fill_holes, remove_specks
from wanfx.ops.fill import fill_smooth

Array = npt.NDArray[np.float32]
Mask = npt.NDArray[np.uint8]
_WORK_PX = 480
_PLAIN = 0.02
_ROUNDS = 4
_ALIKE = np.float32(0.01)
_UNLIKE = 0.1
_SOLID = 0.98
_REMEDY = "give a hand-made matte as reference.matte, or a picture with alpha"


def cut_out(reference_display: Array, *, alpha: Array | None) -> Array:
    """The character's alpha (H, W) in [0, 1].

    ``reference_display`` is (H, W, 3) display-encoded in [0, 1]. An ``alpha`` that hides something is taken; else a
    plain background is keyed; else the figure in the middle is found (GrabCut: Rother et al., SIGGRAPH 2004).
    Raises NothingFoundError.
    """
    if alpha is not None and has_cut_out(alpha):
        cut = np.clip(alpha, 0, 1)
    elif (plain := _plain_color(reference_display)) is not None:
        cut = _key_plain(reference_display, plain)
    else:
        cut = _cut_middle(reference_display)
    area = cut.sum() / cut.size
    if not 0.005 < area < 0.98:
        raise NothingFoundError(f"no character was found in the reference picture ({area:.0%} of it)", remedy=_REMEDY)
    return np.asarray(cut, np.float32)


def has_cut_out(alpha: Array) -> bool:
    """Whether a picture's own alpha hides something; many files carry an alpha that is 1 everywhere."""
    return bool(alpha.min() < 0.5)


def solid_colors(rgb_linear: Array, alpha: Array) -> Array:
    """The character's own colours (H, W, 3, linear, straight, unclamped): those of its solid inside go on outwards.

    Pixels of a soft edge show the old background too, which would be a halo over another one. Solid pixels are kept
    as they are.
    """
    solid = _shrink((alpha >= _SOLID).astype(np.uint8), 1)
    # Thin strands are solid nowhere: their own densest pixels count a little, and matter where nothing better is near.
    known = np.maximum(solid.astype(np.float32), np.float32(0.02) * (alpha >= 0.9))
    filled = fill_smooth(rgb_linear, known)
    return np.where((solid > 0)[..., None], rgb_linear, filled)


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
    small = np.clip(cv2.resize(picture, size, interpolation=cv2.INTER_AREA), 0, 1)
    # Dark characters before dark backgrounds differ little in display values: the square root tells them apart.
    seen = np.sqrt(small).astype(np.float32)
    figure = _sharp_figure(picture, size)
    mask = _middle_prior(size) if figure is None else _figure_prior(seen, *figure)
    background, foreground = np.zeros((1, 65)), np.zeros((1, 65))
    cv2.setRNGSeed(1)
    cv2.grabCut(
        np.rint(seen * 255).astype(np.uint8), mask, (0, 0, 0, 0), background, foreground, _ROUNDS, cv2.GC_INIT_WITH_MASK
    )
    found = np.isin(mask, (cv2.GC_FGD, cv2.GC_PR_FGD)).astype(np.float32)
    found = _without_necks(_largest(fill_holes(found, area_px=found.size * 0.002)))
    rough = cv2.resize(found, (picture.shape[1], picture.shape[0]), interpolation=cv2.INTER_LINEAR)
    return _largest(_unmix(picture, np.asarray(rough, np.float32), reach=max(2, round(1.4 / scale))))


def _unmix(picture: Array, rough: Array, *, reach: int) -> Array:
    """Alpha by how far each pixel near the edge is from the background's colour to the character's, both nearby.

    The two colours go on smoothly from either side of a band of ``reach`` px; where they are alike, the rough matte
    counts, its edge following the picture (guided filter: He, Sun, Tang, ECCV 2010).
    """
    seen = np.sqrt(np.clip(picture, 0, 1)).astype(np.float32)
    hard = (rough >= 0.5).astype(np.uint8)
    is_inside = _shrink(hard, reach) > 0
    is_outside = cv2.dilate(hard, _disc(reach)) == 0
    character = fill_smooth(seen, is_inside.astype(np.float32))
    background = fill_smooth(seen, is_outside.astype(np.float32))
    smooth = cv2.ximgproc.guidedFilter(seen, rough, reach, 1e-4)
    apart = character - background
    along = ((seen - background) * apart).sum(axis=2)
    mixed = (along + _ALIKE * smooth) / ((apart * apart).sum(axis=2) + _ALIKE)
    # Texture spreads the ends of the range: the outer tenths count as all and nothing.
    alpha = np.clip((mixed - np.float32(0.1)) / np.float32(0.8), 0, 1)
    return np.where(is_inside, np.float32(1), np.where(is_outside, np.float32(0), alpha))


def _sharp_figure(picture: Array, size: tuple[int, int]) -> tuple[Mask, Mask] | None:
    """What is in focus (0 or 1, ``size``), as one solid figure and as its detail; None where it does not tell.

    Detail is finer than 1.2 px and in stops, so that dark parts count as much as bright ones; Otsu's threshold parts
    sharp from blurred. The figure may go on below the picture, but not beyond its sides.
    """
    energy = _detail(picture, size)
    low, high = np.percentile(energy, (1, 99))
    ranked = np.rint(np.clip((energy - low) / max(high - low, 1e-6), 0, 1) * 255).astype(np.uint8)
    _level, sharp = cv2.threshold(ranked, 0, 1, cv2.THRESH_OTSU)
    step = max(1, round(max(size) / 100))
    # Resampling and compression leave false detail along the picture's edges.
    sharp[:, :step], sharp[:, -step:], sharp[:step] = 0, 0, 0
    joined = cv2.morphologyEx(cv2.morphologyEx(sharp, cv2.MORPH_OPEN, _disc(1)), cv2.MORPH_CLOSE, _disc(step // 2))
    parts = _main_parts(np.asarray(joined, np.uint8))
    figure = _solid(parts, reach=3 * step)
    sides = np.concatenate([figure[0], figure[:, step], figure[:, -step - 1]])
    is_telling = 0.02 < figure.mean() < 0.8 and sides.mean() < 0.3
    return (figure, parts) if is_telling else None


def _detail(picture: Array, size: tuple[int, int]) -> Array:
    """The logarithm of the energy of detail around each pixel."""
    scale = min(1.0, 2 * _WORK_PX / max(picture.shape[:2]))
    gray = picture.mean(axis=2)
    if scale < 1:
        gray = cv2.resize(gray, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    stops = np.log2(np.maximum(gray, 0) + np.float32(0.04))
    fine = np.abs(stops - cv2.GaussianBlur(stops, (0, 0), 1.2))
    near = cv2.GaussianBlur(cv2.resize(fine, size, interpolation=cv2.INTER_AREA), (0, 0), max(size) / 200)
    return np.asarray(np.log2(near + np.float32(1e-3)), np.float32)


def _main_parts(mask: Mask) -> Mask:
    """The largest island and those of at least a tenth of it."""
    count, labels, stats, _centers = cv2.connectedComponentsWithStats(mask)
    if count < 2:
        return mask
    is_kept = stats[:, cv2.CC_STAT_AREA] >= 0.1 * stats[1:, cv2.CC_STAT_AREA].max()
    is_kept[0] = False
    return np.asarray(is_kept[labels], np.uint8)


def _solid(mask: Mask, *, reach: int) -> Mask:
    """The mask with gaps up to ``reach`` closed and holes filled, also those open to the picture's lower edge."""
    around = cv2.copyMakeBorder(mask, reach, 0, reach, reach, cv2.BORDER_CONSTANT, value=0)
    around = cv2.copyMakeBorder(around, 0, reach, 0, 0, cv2.BORDER_REPLICATE)
    closed = cv2.morphologyEx(around, cv2.MORPH_CLOSE, _disc(reach))[reach:-reach, reach:-reach]
    outside = np.pad(1 - closed, 1, constant_values=1)
    columns = np.flatnonzero(closed[-1])
    if columns.size:
        outside[-1, columns[0] + 1 : columns[-1] + 2] = 0
    cv2.floodFill(outside, np.zeros((outside.shape[0] + 2, outside.shape[1] + 2), np.uint8), (0, 0), 2)
    return np.asarray(outside[1:-1, 1:-1] != 2, np.uint8)


def _figure_prior(seen: Array, figure: Mask, detail: Mask) -> Mask:
    """Sure well inside the figure, within its detail, and well outside; open near its edge."""
    step = max(1, round(max(figure.shape) / 100))
    mask = np.where(figure > 0, cv2.GC_PR_FGD, cv2.GC_PR_BGD).astype(np.uint8)
    outside = cv2.dilate(figure, _disc(2 * step)) == 0
    # Closing and blur take in some background between thin parts: what looks like that beside it is left open.
    is_unlike = np.abs(seen - fill_smooth(seen, outside.astype(np.float32))).max(axis=2) > _UNLIKE
    near = _shrink(figure, 2 * step) | _shrink(detail, max(1, round(0.7 * step)))
    mask[((near > 0) & is_unlike) | (_shrink(figure, 4 * step) > 0)] = cv2.GC_FGD
    mask[outside] = cv2.GC_BGD
    return mask


def _middle_prior(size: tuple[int, int]) -> Mask:
    """A person in the middle, from near the top down to the lower edge: sure inside, maybe around, not at the sides."""
    width, height = size
    y, x = np.mgrid[0:height, 0:width]
    across, down = np.abs((x + 0.5) / width - 0.5), (y + 0.5) / height
    mask = np.full((height, width), cv2.GC_PR_BGD, np.uint8)
    mask[(across < 0.22) & (down > 0.06)] = cv2.GC_PR_FGD
    mask[(across < 0.04) & (down > 0.3)] = cv2.GC_FGD
    mask[(across > 0.47) | (down < 0.02)] = cv2.GC_BGD
    return mask


def _without_necks(matte: Array) -> Array:
    """The matte without what hangs on it by a thin neck only."""
    solid = (matte >= 0.5).astype(np.uint8)
    opened = _largest(cv2.morphologyEx(solid, cv2.MORPH_OPEN, _disc(2)).astype(np.float32))
    # What the opening took off comes back where it is near: thin fingers and hair stay.
    near = cv2.dilate((opened >= 0.5).astype(np.uint8), _disc(max(4, round(max(matte.shape) / 40)))) > 0
    return _largest(np.where(near, matte, np.float32(0)))


def _shrink(mask: Mask, radius: int) -> Mask:
    return np.asarray(cv2.erode(mask, _disc(radius), borderType=cv2.BORDER_REPLICATE), np.uint8)


def _disc(radius: int) -> Mask:
    return np.asarray(cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * radius + 1, 2 * radius + 1)), np.uint8)


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
