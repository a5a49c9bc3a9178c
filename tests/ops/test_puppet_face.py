"""The puppet's face: what it is told to do, and what an actor's face tells it."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from puppet_doll import doll_pose, draw_doll

from wanfx.frames import Box
from wanfx.ops import pose as points
from wanfx.ops.pose import Pose
from wanfx.ops.puppet import Puppet, build_puppet
from wanfx.ops.puppet_face import Face, find_face, move_face
from wanfx.ops.retarget import perform

Array = npt.NDArray[np.float32]
BOX = Box(0, 0, 160, 160)
REST = (0.0, 0.0, 0.0, 1.0, 1.0)


def _face(*, mouth: float = 1.0, eyes: float = 5.0, turn: float = 0.0) -> npt.NDArray[np.float64]:
    """iBUG's 68 points of a face 60 pixels wide about (80, 80), its mouth and eyes open so many pixels."""
    face = np.zeros((68, 2))
    sweep = np.linspace(-1, 1, 17)
    face[:17] = np.stack([80 + 30 * sweep, 75 + 45 * (1 - np.abs(sweep) ** 2.5)], axis=1)
    face[17:31] = [[80 + 2 * (index - 23), 62] for index in range(17, 31)]
    face[30] = [80 + turn, 88]
    for first, middle in ((36, 66), (42, 94)):
        shape = [(-6, 0), (-2, -0.5), (2, -0.5), (6, 0), (2, 0.5), (-2, 0.5)]
        face[first : first + 6] = [[middle + x, 72 + y * eyes] for x, y in shape]
    lips = np.linspace(0, 2 * np.pi, 12, endpoint=False)
    face[48:60] = np.stack([80 - 14 * np.cos(lips), 104 - 6 * np.sin(lips)], axis=1)
    inner = [(-12, 0), (-6, -0.5), (0, -0.5), (6, -0.5), (12, 0), (6, 0.5), (0, 0.5), (-6, 0.5)]
    face[60:68] = [[80 + x, 104 + y * mouth] for x, y in inner]
    return face


def _with_face(pose: Pose, face: npt.NDArray[np.float64], *, offset: tuple[float, float] = (80, 10)) -> Pose:
    pose.xy[points.FACE] = face + offset
    pose.confidence[points.FACE] = 1
    return pose


def _found(face: npt.NDArray[np.float64]) -> Face:
    found = find_face(_with_face(doll_pose(), face, offset=(0, 0)))
    assert found is not None
    return found


@pytest.fixture(scope="module")
def picture() -> Array:
    """Skin with dark eyes and a dark line between the lips, brighter than white, on nothing."""
    rgba = np.zeros((160, 160, 4), np.float32)
    rgba[20:150, 35:125] = (3.0, 2.0, 1.5, 1.0)
    rgba[70:75, 60:73, :3] = rgba[70:75, 88:101, :3] = 0.05
    rgba[103:105, 68:93, :3] = (0.5, 0.1, 0.1)
    return rgba


def _move(picture: Array, *doing: float) -> Array:
    return move_face(picture, _found(_face()), box=BOX, step=1, doing=doing)


def test_a_face_at_rest_keeps_its_bits(picture: Array) -> None:
    assert _move(picture, *REST) is picture


def test_an_opened_mouth_is_dark_inside_and_moves_the_chin_only(picture: Array) -> None:
    opened = _move(picture, 0, 0, 0.4, 1, 1)
    assert opened[104:112, 80, 0].max() < 0.3
    np.testing.assert_array_equal(opened[:100], picture[:100])
    np.testing.assert_allclose(opened[..., 3], picture[..., 3], atol=1e-6)


def test_shut_eyes_show_less_of_themselves(picture: Array) -> None:
    def dark(rgba: Array) -> int:
        return int((rgba[60:85, :, 0] < 0.5).sum() - (rgba[60:85, :, 3] == 0).sum())

    assert dark(_move(picture, 0, 0, 0, 0.0, 0.0)) < 0.5 * dark(picture)
    left_only = _move(picture, 0, 0, 0, 0.0, 1.0)
    np.testing.assert_array_equal(left_only[:, :75], picture[:, :75])


def test_a_turned_face_moves_its_features_and_not_its_outline(picture: Array) -> None:
    turned = _move(picture, 0.1, 0, 0, 1, 1)
    columns = np.arange(160)
    before, after = ((rgba[72, :, 0] < 0.5) & (rgba[72, :, 3] > 0.5) for rgba in (picture, turned))
    assert columns[after].mean() > columns[before].mean() + 2
    np.testing.assert_allclose(turned[..., 3], picture[..., 3], atol=5e-3)
    assert turned[..., 0].max() == pytest.approx(3)


def test_a_pose_without_a_face_has_none() -> None:
    pose = doll_pose()
    pose.confidence[: points.LEFT_SHOULDER] = 0
    assert find_face(pose) is None


def _doing(puppet: Puppet, faces: list[npt.NDArray[np.float64]]) -> npt.NDArray[np.float64]:
    poses = {frame: _with_face(doll_pose(), face) for frame, face in enumerate(faces)}
    motions = perform(puppet, poses, canvas=Box(0, 0, 320, 480), pixel_aspect=1.0)
    return np.array([motions[frame].face for frame in sorted(motions)])


@pytest.fixture(scope="module")
def puppet() -> Puppet:
    return build_puppet(draw_doll(), _with_face(doll_pose(), _face()))


def test_the_mouth_opens_when_the_actors_does(puppet: Puppet) -> None:
    doing = _doing(puppet, [_face()] * 10 + [_face(mouth=10.0)] * 10)
    assert np.abs(doing[:8, 2]).max() < 0.01
    assert doing[12:, 2].min() > 0.25


def test_the_eyes_shut_when_the_actors_do(puppet: Puppet) -> None:
    doing = _doing(puppet, [_face()] * 10 + [_face(eyes=0.5)] * 4 + [_face()] * 6)
    assert doing[5, 3:].tolist() == [1, 1]
    assert doing[11:13, 3:].max() < 0.2


def test_the_head_turns_as_the_actors_within_bounds(puppet: Puppet) -> None:
    doing = _doing(puppet, [_face(turn=6.0)] * 9)
    assert 0.02 < doing[4, 0] < 0.13
    assert np.abs(_doing(puppet, [_face(turn=90.0)] * 9)[:, 0]).max() <= 0.13


def test_a_mouth_seen_from_the_side_is_not_believed(puppet: Puppet) -> None:
    assert np.abs(_doing(puppet, [_face(mouth=10.0, turn=25.0)] * 9)[:, 2]).max() < 0.01
