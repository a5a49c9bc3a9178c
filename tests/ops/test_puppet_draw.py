"""The puppet as it is drawn."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest
from puppet_doll import HEIGHT, WIDTH, doll_pose, draw_doll

from wanfx.frames import Box
from wanfx.ops.pose import Pose
from wanfx.ops.puppet import Puppet, build_puppet
from wanfx.ops.puppet_draw import draw_puppet, puppet_box
from wanfx.ops.puppet_skin import place_corners
from wanfx.ops.retarget import Motion, perform

OWN = Box(0, 0, WIDTH, HEIGHT)
ARMS_UP = {"left_elbow": (240.0, 120.0), "left_wrist": (235.0, 60.0), "right_elbow": (90.0, 170.0)}


@pytest.fixture(scope="module")
def puppet() -> Puppet:
    return build_puppet(draw_doll(), doll_pose())


def _motion(puppet: Puppet, pose: Pose, *, canvas: Box = OWN, pixel_aspect: float = 1.0) -> Motion:
    return perform(puppet, {1: pose}, canvas=canvas, pixel_aspect=pixel_aspect)[1]


def _draw(puppet: Puppet, pose: Pose, *, box: Box = OWN, pixel_aspect: float = 1.0) -> np.ndarray:
    return draw_puppet(puppet, _motion(puppet, pose, pixel_aspect=pixel_aspect), box=box, pixel_aspect=pixel_aspect)


def test_an_actor_who_stands_as_the_character_redraws_the_picture(puppet: Puppet) -> None:
    off = np.abs(_draw(puppet, doll_pose()) - puppet.rgba)
    assert off.mean() < 2e-3
    assert np.percentile(off, 99.5) < 0.05


def test_a_moved_pose_gives_the_moved_drawing(puppet: Puppet) -> None:
    still = _draw(puppet, doll_pose(moved=ARMS_UP))
    moved = _draw(puppet, doll_pose(moved=ARMS_UP).moved(40, -7), box=OWN.shift(40, -7))
    np.testing.assert_allclose(moved, still, atol=0.1)
    assert np.abs(moved - still).mean() < 1e-3


def test_a_scaled_pose_gives_the_scaled_drawing(puppet: Puppet) -> None:
    half = _draw(puppet, doll_pose().scaled(0.5, 0.5), box=Box(0, 0, WIDTH // 2, HEIGHT // 2))
    wanted = cv2.resize(puppet.rgba, (WIDTH // 2, HEIGHT // 2), interpolation=cv2.INTER_AREA)
    assert np.abs(half - wanted).mean() < 0.01


def test_squeezed_pixels_give_the_squeezed_drawing(puppet: Puppet) -> None:
    squeezed = _draw(puppet, doll_pose().scaled(0.5, 1), box=Box(0, 0, WIDTH // 2, HEIGHT), pixel_aspect=2.0)
    wanted = cv2.resize(puppet.rgba, (WIDTH // 2, HEIGHT), interpolation=cv2.INTER_AREA)
    assert np.abs(squeezed - wanted).mean() < 0.01


def test_a_drawing_is_premultiplied_and_unclamped(puppet: Puppet) -> None:
    drawn = _draw(puppet, doll_pose(moved=ARMS_UP))
    assert drawn[..., 3].min() >= 0
    assert drawn[..., 3].max() <= 1 + 1e-5
    assert not drawn[..., :3][drawn[..., 3] == 0].any()
    assert drawn[..., 0].max() > 3.5


def test_a_part_of_the_canvas_is_drawn_as_in_the_whole(puppet: Puppet) -> None:
    motion = _motion(puppet, doll_pose(moved=ARMS_UP))
    whole = draw_puppet(puppet, motion, box=OWN, pixel_aspect=1.0)
    part = Box(61, 33, 250, 301)
    np.testing.assert_array_equal(draw_puppet(puppet, motion, box=part, pixel_aspect=1.0), whole[part.slices()])


def test_the_puppets_box_holds_all_of_it(puppet: Puppet) -> None:
    motion = _motion(puppet, doll_pose(moved=ARMS_UP).moved(500, 300))
    box = puppet_box(puppet, motion, pixel_aspect=1.0)
    around = draw_puppet(puppet, motion, box=box.grow(40), pixel_aspect=1.0)
    inside = draw_puppet(puppet, motion, box=box, pixel_aspect=1.0)
    assert around.sum() == pytest.approx(inside.sum(), rel=1e-5)
    assert 0 < box.width < 300


def test_two_threads_draw_the_same_bits_as_one() -> None:
    drawn = []
    for threads in (1, 2):
        cv2.setNumThreads(threads)
        drawn.append(_draw(build_puppet(draw_doll(), doll_pose()), doll_pose(moved=ARMS_UP)))
    np.testing.assert_array_equal(drawn[0], drawn[1])


def test_a_bent_limb_has_no_cracks(puppet: Puppet) -> None:
    bent = {"left_elbow": (250.0, 175.0), "left_wrist": (215.0, 130.0), "right_knee": (100.0, 300.0)}
    alpha = _draw(puppet, doll_pose(moved=bent))[..., 3]
    _count, _labels, stats, _centers = cv2.connectedComponentsWithStats((alpha < 0.5).astype(np.uint8), connectivity=4)
    assert not (stats[1:, cv2.CC_STAT_AREA] < 12).any()


def test_an_arm_that_goes_all_the_way_round_does_not_flip(puppet: Puppet) -> None:
    poses = {}
    for frame in range(72):
        x, y = 222 + 55 * np.cos(frame * np.pi / 36 + 1), 205 + 55 * np.sin(frame * np.pi / 36 + 1)
        poses[frame] = doll_pose(moved={"left_wrist": (x, y)})
    motions = perform(puppet, poses, canvas=OWN, pixel_aspect=1.0)
    for layer in puppet.layers:
        if layer.limb == "left_arm":
            corners = np.stack([place_corners(puppet, layer, motions[frame]) for frame in poses])
            assert np.abs(np.diff(corners, axis=0)).max() < 16


def test_what_is_later_in_the_order_lies_in_front(puppet: Puppet) -> None:
    pose = doll_pose(moved={"left_elbow": (215.0, 200.0), "left_wrist": (160.0, 200.0)})
    motion = _motion(puppet, pose)
    arms = tuple(name for name in motion.order if "arm" in name)
    others = tuple(name for name in motion.order if "arm" not in name)
    front = draw_puppet(puppet, replace(motion, order=others + arms), box=OWN, pixel_aspect=1.0)
    back = draw_puppet(puppet, replace(motion, order=arms + others), box=OWN, pixel_aspect=1.0)
    sleeve, shirt = front[200, 175], back[200, 175]
    assert sleeve[0] > 3 * sleeve[1]
    assert shirt[1] > 2 * shirt[0]


def test_a_puppet_drawn_small_does_not_shimmer(puppet: Puppet) -> None:
    pose = doll_pose().scaled(0.23, 0.23)
    lit = [_draw(puppet, pose.moved(step / 5, 0))[..., :3].sum() for step in range(6)]
    assert np.ptp(lit) / np.mean(lit) < 0.01
