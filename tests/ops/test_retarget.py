"""The actor's poses as the puppet's motion."""

from __future__ import annotations

import json
from dataclasses import asdict
from itertools import pairwise

import numpy as np
import pytest
from puppet_doll import doll_pose, draw_doll

from wanfx.errors import NothingFoundError
from wanfx.frames import Box
from wanfx.ops import pose as points
from wanfx.ops.pose import Pose, empty_pose
from wanfx.ops.puppet import Puppet, build_puppet
from wanfx.ops.retarget import Motion, distances, perform

CANVAS = Box(0, 0, 1280, 720)


@pytest.fixture(scope="module")
def puppet() -> Puppet:
    return build_puppet(draw_doll(), doll_pose())


def _walking(frame: int, *, scale: float = 1.3) -> Pose:
    """An actor with other proportions than the doll, who swings his limbs as he goes."""
    swing = 30 * np.sin(frame / 5)
    pose = doll_pose(
        moved={
            "left_wrist": (225 + swing, 275), "right_wrist": (95 + swing, 275), "left_knee": (180 + swing, 350),
            "left_ankle": (180 + swing, 460), "right_knee": (140 - swing, 350), "right_ankle": (140 - swing, 460),
        }
    )  # fmt: skip
    return pose.scaled(scale, scale).moved(300 + 3 * frame, 40)


def _perform(puppet: Puppet, poses: dict[int, Pose]) -> dict[int, Motion]:
    return perform(puppet, poses, canvas=CANVAS, pixel_aspect=1.0)


def test_wrists_and_ankles_land_where_the_actors_are(puppet: Puppet) -> None:
    poses = {frame: _walking(frame) for frame in range(1001, 1031)}
    for frame, motion in _perform(puppet, poses).items():
        off = distances(puppet, motion, poses[frame])
        assert set(off) == {"left_wrist", "right_wrist", "left_ankle", "right_ankle"}
        assert max(off.values()) < 0.01


def test_distances_are_of_what_both_have() -> None:
    pose = doll_pose()
    pose.confidence[points.LEFT_KNEE : points.RIGHT_ANKLE + 1] = 0
    robe = build_puppet(draw_doll(without=("legs",)), pose)
    actor = _walking(1)
    actor.confidence[points.LEFT_WRIST] = 0
    motion = _perform(robe, {1: actor})[1]
    assert set(distances(robe, motion, actor)) == {"right_wrist"}


def test_a_motion_is_plain_numbers(puppet: Puppet) -> None:
    motion = _perform(puppet, {1: _walking(1)})[1]
    assert json.loads(json.dumps(asdict(motion)))["frame"] == 1
    assert motion == _perform(puppet, {1: _walking(1)})[1]


def test_noise_in_the_points_does_not_make_the_scale_breathe(puppet: Puppet) -> None:
    random = np.random.default_rng(3)
    poses = {}
    for frame in range(100):
        pose = doll_pose().moved(400, 100)
        poses[frame] = Pose(pose.xy + random.normal(0, 2, pose.xy.shape), pose.confidence, pose.depth)
    scales = np.array([motion.scale for motion in _perform(puppet, poses).values()])
    assert np.abs(np.diff(scales)).max() < 0.003
    assert scales.mean() == pytest.approx(1, abs=0.05)


def test_an_actor_who_comes_nearer_grows(puppet: Puppet) -> None:
    motions = _perform(puppet, {frame: doll_pose().scaled(1 + frame / 100, 1 + frame / 100) for frame in range(100)})
    assert motions[90].scale / motions[10].scale == pytest.approx(1.9 / 1.1, rel=0.08)


def test_foreshortened_arms_keep_their_hands_size(puppet: Puppet) -> None:
    short = doll_pose(moved={"left_elbow": (196.0, 158.0), "left_wrist": (200.0, 166.0)})
    motion = _perform(puppet, {1: short})[1]
    wrist, fingers = (np.array(motion.joint(name)) for name in ("left_wrist", "left_fingers"))
    own = puppet.rest.joints["left_fingers"] - puppet.rest.joints["left_wrist"]
    assert np.linalg.norm(fingers - wrist) == pytest.approx(np.linalg.norm(own) * motion.scale, rel=0.01)


def test_a_short_gap_is_bridged_and_a_long_one_is_not_believed(puppet: Puppet) -> None:
    poses = {frame: _walking(frame) if frame < 20 or 26 <= frame < 40 else empty_pose() for frame in range(100)}
    motions = _perform(puppet, poses)
    before, within, after = (motions[frame].joint("left_ankle") for frame in (19, 22, 26))
    assert min(before[0], after[0]) - 20 < within[0] < max(before[0], after[0]) + 20
    assert motions[10].confidence > 0.9 > motions[22].confidence > 0
    assert motions[90].confidence == 0
    np.testing.assert_allclose(motions[90].joint("left_shoulder"), motions[99].joint("left_shoulder"), atol=1)


def test_legs_that_nobody_sees_hang_below_the_hips(puppet: Puppet) -> None:
    actor = _walking(1)
    legs = [*range(points.LEFT_KNEE, points.RIGHT_ANKLE + 1), *range(points.FEET.start, points.FEET.stop)]
    actor.confidence[legs] = 0
    actor.xy[legs] = 5000
    motion = _perform(puppet, dict.fromkeys(range(5), actor))[2]
    hip, knee, ankle = (motion.joint(f"left_{name}") for name in ("hip", "knee", "ankle"))
    assert hip[1] < knee[1] < ankle[1] < 1200
    assert abs(ankle[0] - hip[0]) < 20


def test_an_actor_seen_from_behind_is_mirrored_and_less_believed(puppet: Puppet) -> None:
    front = doll_pose().moved(300, 100)
    behind = front.xy.copy()
    pairs = [(points.LEFT_EYE + step, points.RIGHT_EYE + step) for step in range(0, 16, 2)]
    for left, right in pairs:
        behind[[left, right]] = behind[[right, left]]
    motion = _perform(puppet, dict.fromkeys(range(9), Pose(behind, front.confidence, front.depth)))[4]
    facing = _perform(puppet, dict.fromkeys(range(9), front))[4]
    assert motion.is_mirrored
    assert not facing.is_mirrored
    assert motion.confidence < 0.6 < facing.confidence
    np.testing.assert_allclose(motion.joint("left_wrist"), facing.joint("left_wrist"), atol=0.5)


def test_an_arm_goes_behind_the_body_when_it_is_clearly_farther_and_does_not_flicker(puppet: Puppet) -> None:
    orders = []
    random = np.random.default_rng(5)
    for base in (0.0, 200.0):
        poses = {}
        for frame in range(60):
            pose = doll_pose()
            depth = pose.depth.copy()
            depth[[points.LEFT_ELBOW, points.LEFT_WRIST]] = base + random.normal(0, 15)
            poses[frame] = Pose(pose.xy, pose.confidence, depth)
        orders.append([motion.order for motion in _perform(puppet, poses).values()])
    for shot in orders:
        assert sum(a != b for a, b in pairwise(shot)) <= 2
    assert orders[0][30].index("left_arm.lower") > orders[0][30].index("body")
    assert orders[1][30].index("left_arm.lower") < orders[1][30].index("body")


def test_a_shot_without_shoulders_has_no_motion(puppet: Puppet) -> None:
    with pytest.raises(NothingFoundError, match="shoulders"):
        _perform(puppet, {1: empty_pose(), 2: empty_pose()})
