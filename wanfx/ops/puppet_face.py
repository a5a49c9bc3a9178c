"""A face that turns, nods, opens its mouth and blinks, as far as a flat picture of it can."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from wanfx.frames import Box
from wanfx.ops import pose as points
from wanfx.ops.pose import Points, Pose
from wanfx.ops.puppet_features import EYES, Features, read_features
from wanfx.ops.puppet_joints import KNOWN

Array = npt.NDArray[np.float32]
# How far the features of a flat face can slide before it looks pulled, in its width.
MOST_TURN, MOST_NOD = 0.13, 0.09
_REACH = 0.75
_DARK = np.float32(0.25)


@dataclass(frozen=True, eq=False)
class Face:
    """A face in the reference: its middle, its own axes (across to the right, down; of length 1) and width in pixels.

    ``mouth`` is (middle of the upper lip's edge, half width, opening) in face axes from the middle, or None where its
    points are not known; ``eyes`` are (x, y, half width, half height) each. ``features`` are its own, (1,).
    """

    middle: Points
    across: Points
    down: Points
    width_px: float
    mouth: tuple[float, float, float, float, float] | None
    eyes: dict[str, tuple[float, float, float, float]]
    features: Features

    @property
    def box(self) -> Box:
        """What of the reference the face's motion can change."""
        reach = _REACH * self.width_px * 1.3
        x, y = self.middle
        return Box(int(x - reach), int(y - reach), int(x + reach) + 1, int(y + reach) + 1)


def find_face(pose: Pose) -> Face | None:
    """The face of a pose, or None where neither its points nor ears, eyes and nose are known."""
    with_face = bool(np.median(pose.confidence[points.FACE]) >= KNOWN)
    features = read_features(pose.xy[None], pose.confidence[None], with_face=with_face)
    if not features.has_turn[0]:
        return None
    face = pose.xy[points.FACE]
    left, right = (face[16], face[0]) if with_face else (pose.xy[points.LEFT_EAR], pose.xy[points.RIGHT_EAR])
    width = float(np.linalg.norm(left - right))
    across = (left - right) / max(width, 1e-6)
    down = np.array([-across[1], across[0]])
    if width < 8 or down[1] < 0.2:
        return None
    nose = face[30] if with_face else pose.xy[points.NOSE]
    middle = 0.5 * (nose + 0.5 * (left + right))
    if not with_face:
        return Face(middle, across, down, width, None, {}, features)
    local = (face - middle) @ np.stack([across, down], axis=1)
    eyes = {name: _eye(local[list(eye)]) for name, eye in EYES.items()}
    x, y = local[62]
    half = 0.5 * float(np.linalg.norm(local[64] - local[60]))
    mouth = (float(x), float(y), half, float(np.linalg.norm(local[66] - local[62])), float(local[8][1] - y))
    return Face(middle, across, down, width, mouth, eyes, features)


def _eye(corners: Points) -> tuple[float, float, float, float]:
    x, y = corners.mean(axis=0)
    height = 0.5 * (corners[[4, 5], 1].mean() - corners[[1, 2], 1].mean())
    return float(x), float(y), 0.5 * float(np.linalg.norm(corners[3] - corners[0])), max(float(height), 1e-3)


def move_face(picture: Array, face: Face, *, box: Box, step: float, doing: tuple[float, ...]) -> Array:
    """``picture`` (h, w, 4), which shows ``box`` of the reference every ``step`` pixels, with its face doing something.

    ``doing`` is the turn, the nod, how much further the mouth is open (in its width), and how open the left and the
    right eye are (1 as in the picture). Premultiplied, linear, unclamped; pixels far from the face keep their bits.
    """
    if doing == (0.0, 0.0, 0.0, 1.0, 1.0):
        return picture
    part = face.box.clip(box)
    x0, y0 = int((part.x0 - box.x0) / step), int((part.y0 - box.y0) / step)
    x1, y1 = int((part.x1 - box.x0) / step), int((part.y1 - box.y0) / step)
    if x1 <= x0 or y1 <= y0:
        return picture
    rows, columns = np.mgrid[y0:y1, x0:x1].astype(np.float32)
    px = (columns + np.float32(0.5)) * np.float32(step) + np.float32(box.x0 - face.middle[0])
    py = (rows + np.float32(0.5)) * np.float32(step) + np.float32(box.y0 - face.middle[1])
    u = px * np.float32(face.across[0]) + py * np.float32(face.across[1])
    v = px * np.float32(face.down[0]) + py * np.float32(face.down[1])
    from_u, from_v, dark = _from(u, v, face, doing)
    du, dv = from_u - u, from_v - v
    x = columns + (du * np.float32(face.across[0]) + dv * np.float32(face.down[0])) / np.float32(step)
    y = rows + (du * np.float32(face.across[1]) + dv * np.float32(face.down[1])) / np.float32(step)
    moved = np.asarray(cv2.remap(picture, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE), np.float32)
    moved[..., :3] *= (1 - dark * (1 - _DARK))[..., None]
    out = picture.copy()
    still = (np.abs(du) + np.abs(dv) + dark < 1e-6)[..., None]
    out[y0:y1, x0:x1] = np.where(still, picture[y0:y1, x0:x1], moved)
    return out


def _from(u: Array, v: Array, face: Face, doing: tuple[float, ...]) -> tuple[Array, Array, Array]:
    """Where each pixel comes from, in face axes, and how far it is inside an opened mouth."""
    turn, nod, mouth, left, right = doing
    reach = np.float32(_REACH * face.width_px)
    bulge = np.maximum(1 - (u * u + v * v) / (reach * reach), 0) ** 2
    u = np.asarray(u - np.float32(turn * face.width_px) * bulge, np.float32)
    v = np.asarray(v - np.float32(nod * face.width_px) * bulge, np.float32)
    for name, openness in (("left", left), ("right", right)):
        if name in face.eyes and openness != 1.0:
            v = v + _lid_shift(u, v, face.eyes[name], openness)
    dark = np.zeros_like(u)
    if face.mouth is not None and mouth != 0.0:
        v, dark = _open(u, v, face.mouth, mouth)
    return u, v, dark


def _lid_shift(u: Array, v: Array, eye: tuple[float, float, float, float], openness: float) -> Array:
    """How much further from the eye's middle each pixel comes from: lids close over the eye."""
    x, y, wide, high = (np.float32(value) for value in eye)
    beside = np.maximum(1 - ((u - x) / (1.5 * wide)) ** 2, 0) ** 1.5
    away = v - y
    shut = np.float32(max(openness, 0.12)) * high
    inner = np.clip(np.abs(away) / shut, 0, 1) * (high - shut)
    outer = np.clip(1 - (np.abs(away) - shut) / (2.5 * high), 0, 1)
    return np.asarray(np.sign(away) * inner * outer * beside, np.float32)


def _open(u: Array, v: Array, mouth: tuple[float, float, float, float, float], more: float) -> tuple[Array, Array]:
    """Where each pixel comes from down the face, with the jaw lower, and how far it is inside the mouth."""
    x, y, half, opening, chin = (np.float32(value) for value in mouth)
    across = (u - x) / half
    lens = np.sqrt(np.maximum(1 - across * across, 0))
    beside = np.maximum(1 - (across / 2) ** 2, 0) ** 2
    below = v - y
    was = np.maximum(opening, np.float32(0.03) * half) * lens
    now = np.maximum(was + np.float32(2 * more) * half * lens, np.float32(0.02) * half * lens)
    inside = (below > 0) & (below < now)
    drop = np.float32(2 * more) * half * np.where(lens > 0, np.maximum(lens, beside), beside)
    drop = np.maximum(drop, -was) if more < 0 else drop
    fade = np.clip(1 - (below - np.maximum(now, 0)) / (1.6 * chin), 0, 1)
    under = np.where(below > 0, below - drop * fade * np.clip(below / np.maximum(drop, np.float32(1e-3)), 0, 1), below)
    within = below * was / np.maximum(now, np.float32(1e-3))
    gained = np.clip((now - 1.5 * was) / (np.float32(0.15) * half), 0, 1)
    soft = np.clip(np.minimum(below, now - below) / (np.float32(0.1) * half + np.float32(0.5)), 0, 1)
    dark = np.where(inside, gained * soft, np.float32(0))
    return np.asarray(y + np.where(inside, within, under), np.float32), np.asarray(dark, np.float32)
