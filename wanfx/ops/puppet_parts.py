"""Which part of the character each pixel of its picture belongs to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import cv2
import numpy as np
import numpy.typing as npt

from wanfx.ops.pose import Points
from wanfx.ops.puppet_joints import ARMS, LEGS, LIMBS, RestPose

Array = npt.NDArray[np.float32]
Labels = npt.NDArray[np.intp]
BODY = "body"
# How thin and thick a limb's half can be, as parts of the torso's length: joints are found beside a limb's middle, and
# clothes hide where arms end and the torso begins.
_RADII = {"arm.upper": (0.1, 0.17), "arm.lower": (0.075, 0.17), "leg.upper": (0.13, 0.26), "leg.lower": (0.09, 0.26)}
_FEATHER_PX = 1.2
_FARTHEST = 2.0
_HAND, _FINGER = 0.7, 0.28
_WAIST, _ASIDE = 0.12, 0.06
_SLIVER, _LOOSE = 0.03, 0.1


@dataclass(frozen=True, eq=False)
class Part:
    """A limb's segment in the picture: it follows its chain of joints; ``radius_px`` is half its thickness.

    ``joints`` are the ends of the bones that it consists of: two, or three with a hand or foot.
    """

    name: str
    limb: str
    joints: tuple[str, ...]
    radius_px: float


def find_parts(alpha: Array, rest: RestPose) -> list[Part]:
    """The parts of every limb that the picture shows: ``left_arm.upper``, ``left_arm.lower`` and so on."""
    # Joints are found beside a limb's middle.
    aside = 2 * round(_ASIDE * rest.torso_px) + 1
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (aside, aside))
    inside = np.asarray(cv2.dilate(_depth_px(alpha), disc), np.float32)
    parts = []
    for limb, chain in LIMBS.items():
        shown = rest.limbs[limb]
        if shown >= 2:
            parts.append(_part(f"{limb}.upper", limb, chain[:2], inside, rest))
        if shown >= 3:
            parts.append(_part(f"{limb}.lower", limb, chain[1:], inside, rest))
    return parts


def _part(name: str, limb: str, joints: tuple[str, ...], inside: Array, rest: RestPose) -> Part:
    start, end = rest.joints[joints[0]], rest.joints[joints[1]]
    thinnest, thickest = (radius * rest.torso_px for radius in _RADII[name.partition("_")[2]])
    along = start + np.linspace(0.3, 0.9, 13)[:, None] * (end - start)
    columns = np.clip(along[:, 0].astype(int), 0, inside.shape[1] - 1)
    rows = np.clip(along[:, 1].astype(int), 0, inside.shape[0] - 1)
    radius = float(np.percentile(inside[rows, columns], 40)) * 1.25
    return Part(name, limb, joints, float(np.clip(radius, thinnest, thickest)))


def label_pixels(alpha: Array, rest: RestPose, parts: Sequence[Part]) -> Labels:
    """Which part each pixel belongs to (H, W): 0 for the body, else the part's place in ``parts``, from 1.

    A pixel goes to the bone whose surface is nearest.
    """
    y, x = np.mgrid[0 : alpha.shape[0], 0 : alpha.shape[1]].astype(np.float32) + np.float32(0.5)
    best = _body_depth(x, y, rest, head_px=_head_radius(alpha, rest))
    label = np.zeros(alpha.shape, np.intp)
    nearest, second = np.full(alpha.shape, np.inf, np.float32), np.zeros(alpha.shape, np.intp)
    for index, part in enumerate(parts, start=1):
        depth = part_depth(x, y, part, rest)
        second[depth < nearest] = index
        nearest = np.minimum(nearest, depth)
        # An arm before the torso is inside both: there, what is within its thickness is the arm's.
        depth = np.where((depth < 0) & (part.limb in ARMS), depth - np.float32(1e4), depth)
        # What is farther off hangs on the body (a robe, hair), unless nothing but the limb holds it.
        depth = np.where(depth > np.float32(_FARTHEST * part.radius_px), np.float32(1e4) + depth, depth)
        label[depth < best] = index
        best = np.minimum(best, depth)
    is_body = (label == 0) & (alpha > 0.1)
    # What only a limb holds, or hangs on by a sliver, is the limb's.
    loose = (label == 0) & ~_main_part(is_body)
    loose |= (
        is_body & ~_thick_part(is_body, rest) & (nearest < _LOOSE * rest.torso_px) & _is_below(x, y, rest.chest, rest)
    )
    return np.where(loose, second, label)


def _thick_part(mask: npt.NDArray[np.bool_], rest: RestPose) -> npt.NDArray[np.bool_]:
    """The largest part of a mask without what is thinner than a sliver of cloth."""
    reach = max(1, round(_SLIVER * rest.torso_px))
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * reach + 1, 2 * reach + 1))
    core = _main_part(cv2.erode(mask.astype(np.uint8), disc) > 0, edge_px=1)
    return np.asarray(cv2.dilate(core.astype(np.uint8), disc, iterations=2) > 0)


def _is_below(x: Array, y: Array, place: Points, rest: RestPose) -> npt.NDArray[np.bool_]:
    above = (x - float(place[0])) * float(rest.up[0]) + (y - float(place[1])) * float(rest.up[1])
    return np.asarray(above < 0)


def part_depth(x: Array, y: Array, part: Part, rest: RestPose) -> Array:
    """How far outside of a part each pixel is (negative inside); hands are thinner than sleeves."""
    line = _line(part, rest)
    depth = segment_distance(x, y, line[:2]) - np.float32(part.radius_px)
    if len(line) > 2:
        thick = part.radius_px * (_HAND if part.limb in ARMS else 1.0)
        depth = np.minimum(depth, segment_distance(x, y, line[1:]) - np.float32(thick))
    if len(line) > 2 and part.limb in rest.hands:
        hand = rest.hands[part.limb]
        thick = _FINGER * float(np.linalg.norm(hand[9] - hand[0]))
        for first in range(1, 21, 4):
            finger = [hand[0], *hand[first : first + 4]]
            depth = np.minimum(depth, segment_distance(x, y, finger) - np.float32(thick))
    return np.asarray(depth, np.float32)


def _line(part: Part, rest: RestPose) -> list[Points]:
    """The part's bones; an arm's begin a little way down from its shoulder, whose top stays with the body."""
    line = [rest.joints[joint] for joint in part.joints]
    if part.limb in ARMS and part.name.endswith(".upper"):
        along = line[1] - line[0]
        line[0] = line[0] + along * min(0.4, 0.5 * part.radius_px / float(np.linalg.norm(along)))
    return line


def soft_shares(alpha: Array, label: Labels, parts: Sequence[Part]) -> dict[str, Array]:
    """How far each pixel belongs to the body and each part: (H, W) each, summing to 1; the seams are feathered."""
    weight = np.maximum(alpha, np.float32(1e-3))
    total = cv2.GaussianBlur(weight, (0, 0), _FEATHER_PX)
    names = [BODY, *(part.name for part in parts)]
    shares = {
        name: cv2.GaussianBlur(np.where(label == index, weight, np.float32(0)), (0, 0), _FEATHER_PX) / total
        for index, name in enumerate(names)
    }
    return {name: np.asarray(share, np.float32) for name, share in shares.items()}


def _main_part(mask: npt.NDArray[np.bool_], *, edge_px: int = 13) -> npt.NDArray[np.bool_]:
    """The largest part of a mask, and its soft edge, ``edge_px`` / 2 wide."""
    _count, labels, stats, _centers = cv2.connectedComponentsWithStats(mask.astype(np.uint8), connectivity=4)
    largest = 1 + int(np.argmax(stats[1:, cv2.CC_STAT_AREA])) if len(stats) > 1 else 0
    return np.asarray(cv2.dilate((labels == largest).astype(np.uint8), np.ones((edge_px, edge_px), np.uint8)) > 0)


def _depth_px(alpha: Array) -> Array:
    """How far inside the matte each pixel is."""
    return np.asarray(cv2.distanceTransform((alpha >= 0.5).astype(np.uint8), cv2.DIST_L2, 5), np.float32)


def _head_radius(alpha: Array, rest: RestPose) -> float:
    """Half the thickness of the head."""
    inside = _depth_px(alpha)
    along = rest.chin + np.linspace(0.0, 1.0, 17)[:, None] * (rest.crown - rest.chin)
    columns = np.clip(along[:, 0].astype(int), 0, inside.shape[1] - 1)
    rows = np.clip(along[:, 1].astype(int), 0, inside.shape[0] - 1)
    return max(0.2 * rest.torso_px, float(inside[rows, columns].max()))


def _body_depth(x: Array, y: Array, rest: RestPose, *, head_px: float) -> Array:
    """How far each pixel is outside of the body (negative inside), apart from its limbs."""
    quad = np.stack([rest.joints[name] for name in ("left_shoulder", "right_shoulder", "right_hip", "left_hip")])
    has_legs = any(rest.limbs[leg] for leg in LEGS)
    if has_legs:
        # Trousers begin about as far above the hip joints as the body is thick.
        quad[2:] += _WAIST * rest.torso_px * rest.up
    spread = 0.12 * rest.torso_px
    inner = quad.mean(axis=0) + 0.9 * (quad - quad.mean(axis=0))
    down = -rest.up * rest.torso_px
    depth = segment_distance(x, y, [*inner, inner[0]]) - np.float32(spread)
    waist = rest.pelvis - (0.35 if has_legs else 0.0) * down
    depth = np.minimum(depth, segment_distance(x, y, [rest.chest, waist]) - np.float32(2 * spread))
    if not has_legs:
        for hip in quad[2:]:
            depth = np.minimum(depth, segment_distance(x, y, [hip, hip + 4 * down]) - np.float32(2 * spread))
    head = segment_distance(x, y, [rest.chest, rest.chin, rest.crown])
    is_head = ~_is_below(x, y, rest.chin, rest)
    return np.asarray(np.where(is_head, np.minimum(depth, head - np.float32(head_px)), depth), np.float32)


def segment_distance(x: Array, y: Array, line: list[Points]) -> Array:
    """The distance of each pixel to a line through points."""
    nearest = np.full(x.shape, np.inf, np.float32)
    for start, end in pairwise(line):
        # Python numbers keep the arrays in single precision.
        (left, top), (dx, dy) = map(float, start), map(float, end - start)
        px, py = x - left, y - top
        along = np.clip((px * dx + py * dy) * (1 / max(dx * dx + dy * dy, 1e-6)), 0, 1)
        px -= along * dx
        py -= along * dy
        np.minimum(nearest, px * px + py * py, out=nearest)
    return np.sqrt(nearest)
