"""Laws of a new world's slip against the camera, on painted worlds whose motion is known."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from wanfx.frames import FrameRange, Size
from wanfx.ops.camera import CameraPath, track_camera
from wanfx.ops.world_slip import WorldSlip, allowed_px, find_slipping, measure_slip

_SIZE = Size(320, 180)
_FRAMES = 8
_HALF = np.array([[1.0, 0.0, 0.5], [0.0, 1.0, 0.5], [0.0, 0.0, 1.0]])
Matrix = np.ndarray


def _turned(frame: int) -> Matrix:
    """Of a world's pixels to a frame's: a camera that pans, tilts, rolls and zooms about its own centre."""
    pan, tilt, roll = np.radians([0.35 * frame, 0.1 * frame, 0.15 * frame])
    rotation = cv2.Rodrigues(np.array([tilt, pan, roll]))[0]
    focal = np.diag([300.0 + 2 * frame, 300.0 + 2 * frame, 1.0])
    middle = np.array([[1.0, 0, 160], [0, 1, 90], [0, 0, 1]])
    start = np.array([[1.0, 0, -320], [0, 1, -180], [0, 0, 1]])
    matrix = middle @ focal @ rotation @ np.diag([1 / 300.0, 1 / 300.0, 1.0]) @ start
    return np.asarray(matrix / matrix[2, 2])


def _shifted(dx: float, dy: float = 0.0) -> Matrix:
    return np.array([[1.0, 0, dx], [0, 1, dy], [0, 0, 1]])


class _World:
    """Pictures of a painted world; ``near`` is a band of it that moves otherwise, as what is nearer does."""

    def __init__(self, views: list[Matrix], *, near: list[Matrix] | None = None) -> None:
        self.frames, self.size = FrameRange(1, len(views)), _SIZE
        self._views, self._near = views, near

    def read(self, frame: int) -> np.ndarray:
        picture = self._seen(self._views[frame - 1], seed=5)
        if self._near is not None:
            picture[126:] = self._seen(self._near[frame - 1], seed=6)[126:]
        noise = 0.004 * np.random.default_rng(frame).standard_normal(picture.shape)
        return np.clip(picture + noise, 0, 1).astype(np.float32)

    def _seen(self, view: Matrix, *, seed: int) -> np.ndarray:
        random = np.random.default_rng(seed)
        wall = sum(
            cv2.GaussianBlur(random.standard_normal((360, 640, 3)).astype(np.float32), (0, 0), sigma) * sigma
            for sigma in (1.5, 4.0, 12.0)
        )
        wall = np.clip(0.5 + 0.25 * np.asarray(wall), 0, 1).astype(np.float32)
        matrix = np.linalg.inv(_HALF) @ view @ _HALF
        return np.asarray(cv2.warpPerspective(wall, matrix, (_SIZE.width, _SIZE.height), flags=cv2.INTER_CUBIC))


def _path(views: list[Matrix], *, lost: tuple[int, ...] = ()) -> CameraPath:
    to_first = {frame: views[0] @ np.linalg.inv(view) for frame, view in enumerate(views, start=1)}
    return CameraPath(to_first, {frame: 0.1 if frame in lost else 1.0 for frame in to_first})


def _slip(camera: CameraPath, world: _World) -> WorldSlip:
    return measure_slip(camera, track_camera(world, exclude=lambda _frame: None), size=_SIZE)


_PAN = [_turned(frame) for frame in range(_FRAMES)]


def test_a_world_that_the_camera_carries_does_not_slip() -> None:
    slip = _slip(_path(_PAN), _World(_PAN))
    assert max(slip.slip_px.values()) < 0.1
    assert min(slip.confidence.values()) > 0.5
    assert slip.travel_px[_FRAMES] > 10
    assert find_slipping(slip.rows()) is None


def test_a_world_moved_by_3_px_a_frame_is_told_as_that() -> None:
    views = [_shifted(3.0 * frame) @ view for frame, view in enumerate(_PAN)]
    slip = _slip(_path(_PAN), _World(views))
    for frame in range(1, _FRAMES + 1):
        assert slip.slip_px[frame] == pytest.approx(3.0 * (frame - 1), abs=0.3)
    slipping = find_slipping(slip.rows())
    assert slipping is not None
    assert (slipping.first, slipping.worst) == (2, _FRAMES)
    assert f"up to {slip.slip_px[_FRAMES]:.1f} px from frame 2" in str(slipping)


def test_a_world_that_stands_still_slips_by_all_that_the_camera_moves() -> None:
    slip = _slip(_path(_PAN), _World([_PAN[0]] * _FRAMES))
    assert slip.slip_px[_FRAMES] == pytest.approx(slip.travel_px[_FRAMES], rel=0.05)
    assert find_slipping(slip.rows()) is not None


def test_a_world_that_drifts_behind_a_locked_camera_is_found() -> None:
    slip = _slip(_path([_PAN[0]] * _FRAMES), _World([_shifted(-0.5 * frame) @ _PAN[0] for frame in range(_FRAMES)]))
    slipping = find_slipping(slip.rows())
    assert slipping is not None
    assert slipping.slip_px == pytest.approx(0.5 * (_FRAMES - 1), abs=0.2)
    assert max(slip.travel_px.values()) == 0


def test_what_is_nearer_in_a_world_may_move_otherwise() -> None:
    views = [_shifted(-2.0 * frame) @ _PAN[0] for frame in range(_FRAMES)]
    near = [_shifted(-5.0 * frame) @ _PAN[0] for frame in range(_FRAMES)]
    slip = _slip(_path(views), _World(views, near=near))
    assert max(slip.slip_px.values()) < 0.3
    assert 0.4 < min(slip.confidence.values()) < 0.95


def test_a_frame_that_is_lost_has_no_slip_and_what_came_before_is_still_told_after_it() -> None:
    views = [_shifted(2.0 * frame) @ view for frame, view in enumerate(_PAN)]
    slip = measure_slip(_path(_PAN, lost=(4,)), _path(views), size=_SIZE)
    assert 4 not in slip.slip_px
    assert "world_slip_px" not in slip.rows()[4]
    assert slip.slip_px[3] == pytest.approx(4.0)
    assert slip.slip_px[5] == pytest.approx(6.0, abs=0.1)


def test_a_world_without_features_says_nothing() -> None:
    class _Gray:
        frames, size = FrameRange(1, _FRAMES), _SIZE

        def read(self, _frame: int) -> np.ndarray:
            return np.full((180, 320, 3), 0.5, np.float32)

    slip = measure_slip(_path(_PAN), track_camera(_Gray(), exclude=lambda _frame: None), size=_SIZE)
    assert list(slip.slip_px) == [1]
    assert slip.confidence[2] == 0


def test_slip_does_not_depend_on_the_size_of_the_pictures_it_is_found_in() -> None:
    views = [_shifted(3.0 * frame) @ view for frame, view in enumerate(_PAN)]
    small = measure_slip(_path(_PAN), _path(views), size=_SIZE)
    large = measure_slip(_path(_PAN).scaled(2, 2), _path(views).scaled(2, 2), size=Size(640, 360))
    assert large.slip_px[5] == pytest.approx(2 * small.slip_px[5], rel=1e-3)


def test_what_is_allowed_grows_with_the_frame_and_the_travel() -> None:
    assert allowed_px(0, move="turn", width=3840) == 4 > allowed_px(0, move="turn", width=640) == 1
    assert allowed_px(100, move="turn", width=1920) == 10 < allowed_px(100, move="travel", width=1920)


def _turn_only(frame: float) -> Matrix:
    inner = np.array([[300.0, 0, 160], [0, 300, 90], [0, 0, 1]])
    rotation = cv2.Rodrigues(np.radians([0.2 * frame, 1.0 * frame, 0.1 * frame]))[0]
    return np.asarray(inner @ rotation @ np.linalg.inv(inner))


def test_a_world_of_another_depth_is_a_fault_only_where_the_camera_does_not_travel() -> None:
    """A world that moves by 0.7 of what the plate's background does."""
    turn = [_turn_only(frame) for frame in range(_FRAMES)]
    lag = [_turn_only(0.7 * frame) for frame in range(_FRAMES)]
    slipping = find_slipping(measure_slip(_path(turn), _path(lag), size=_SIZE).rows())
    assert slipping is not None
    assert slipping.allowed_px == pytest.approx(0.1 * slipping.travel_px, rel=0.01)
    travel = [_shifted(5.0 * frame) for frame in range(_FRAMES)]
    farther = [_shifted(3.5 * frame) for frame in range(_FRAMES)]
    assert find_slipping(measure_slip(_path(travel), _path(farther), size=_SIZE).rows()) is None


def test_a_camera_that_looks_behind_itself_has_finite_figures() -> None:
    views = [_turn_only(8.0 * frame) for frame in range(24)]
    same = measure_slip(_path(views), _path(views), size=_SIZE)
    assert max(same.slip_px.values()) < 0.01
    assert find_slipping(same.rows()) is None
    still = measure_slip(_path(views), _path([views[0]] * len(views)), size=_SIZE)
    assert max(still.slip_px.values()) <= _SIZE.width
    assert np.isfinite(list(still.travel_px.values())).all()
    slipping = find_slipping(still.rows())
    assert slipping is not None
    assert slipping.first == 2
