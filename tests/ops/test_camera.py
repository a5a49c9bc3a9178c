"""Laws of the camera's motion, on a painted wall that is panned, zoomed and cut."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt
import pytest

from wanfx.frames import FrameRange, Size
from wanfx.ops.camera import CameraPath, hold_lost, track_camera

_HALF = np.array([[1.0, 0.0, 0.5], [0.0, 1.0, 0.5], [0.0, 0.0, 1.0]])
_WIDTH, _HEIGHT = 320, 180


def _wall(seed: int) -> np.ndarray:
    random = np.random.default_rng(seed)
    wall = sum(
        cv2.GaussianBlur(random.standard_normal((360, 640, 3)).astype(np.float32), (0, 0), sigma) * sigma
        for sigma in (1.5, 4.0, 12.0)
    )
    return np.asarray(np.clip(0.5 + 0.25 * wall, 0, 1), np.float32)


class _Painted:
    """Frames that see the wall through the given homographies (wall to frame), with noise and an actor's block."""

    def __init__(self, views: list[np.ndarray], *, seeds: list[int] | None = None, actor: bool = False) -> None:
        self.frames, self.size = FrameRange(1, len(views)), Size(_WIDTH, _HEIGHT)
        self._views, self._seeds, self._actor = views, seeds or [7] * len(views), actor

    def read(self, frame: int) -> np.ndarray:
        view = np.linalg.inv(_HALF) @ self._views[frame - 1] @ _HALF
        picture = cv2.warpPerspective(_wall(self._seeds[frame - 1]), view, (_WIDTH, _HEIGHT), flags=cv2.INTER_CUBIC)
        if self._actor:
            block = np.random.default_rng(3).random((120, 100, 3), np.float32)
            picture[40:160, 60 + 5 * frame : 160 + 5 * frame] = cv2.GaussianBlur(block, (0, 0), 1.5)
        noise = 0.004 * np.random.default_rng(frame).standard_normal(picture.shape)
        return np.clip(picture + noise, 0, 1).astype(np.float32)


def _pan(frame: int) -> np.ndarray:
    scale = 1 + 0.01 * frame
    return np.array([[scale, 0.0, -100.0 - 3.3 * frame], [0.0, scale, -60 + 1.7 * frame], [0.0, 0.0, 1.0]])


def _corner_error_px(path: CameraPath, frame: int, truth: np.ndarray) -> float:
    corners = np.array([[0, 0, 1], [_WIDTH, 0, 1], [0, _HEIGHT, 1], [_WIDTH, _HEIGHT, 1]], np.float64)
    ours, theirs = corners @ path.to_first[frame].T, corners @ truth.T
    return float(np.abs(ours[:, :2] / ours[:, 2:] - theirs[:, :2] / theirs[:, 2:]).max())


@pytest.mark.parametrize("actor", [False, True], ids=["empty", "with a big actor who moves otherwise"])
def test_a_pan_and_zoom_is_found_within_a_fifth_of_a_pixel(actor: bool) -> None:
    views = [_pan(frame) for frame in range(10)]
    path = track_camera(_Painted(views, actor=actor), exclude=lambda _frame: None)
    for frame, view in enumerate(views, start=1):
        assert _corner_error_px(path, frame, views[0] @ np.linalg.inv(view)) < 0.2
        assert path.confidence[frame] > 0.4


def test_a_locked_camera_is_exactly_still_however_noisy_its_pictures() -> None:
    path = track_camera(_Painted([_pan(0)] * 8, actor=True), exclude=lambda _frame: None)
    assert all(np.array_equal(matrix, np.eye(3)) for matrix in path.to_first.values())


def test_a_cut_has_low_confidence_and_the_camera_goes_on_after_it() -> None:
    views = [_pan(frame) for frame in range(8)]
    path = track_camera(_Painted(views, seeds=[7] * 4 + [8] * 4), exclude=lambda _frame: None)
    assert path.confidence[5] < 0.15
    assert min(path.confidence[frame] for frame in (2, 3, 4, 6, 7, 8)) > 0.5
    after = path.between(7, 6)
    assert np.abs(after - views[5] @ np.linalg.inv(views[6])).max() < 0.2


def test_a_single_frame_stands_still() -> None:
    path = track_camera(_Painted([_pan(0)]), exclude=lambda _frame: None)
    assert np.array_equal(path.to_first[1], np.eye(3))


def test_a_picture_without_features_stands_still_without_confidence() -> None:
    class _Gray:
        frames, size = FrameRange(1, 3), Size(64, 64)

        def read(self, _frame: int) -> np.ndarray:
            return np.full((64, 64, 3), 0.5, np.float32)

    path = track_camera(_Gray(), exclude=lambda _frame: None)
    assert np.array_equal(path.to_first[3], np.eye(3))
    assert path.confidence[3] == 0


def test_the_path_does_not_depend_on_the_run_or_the_threads() -> None:
    views = [_pan(frame) for frame in range(4)]
    before = cv2.getNumThreads()
    try:
        paths = []
        for threads in (1, 4, 4):
            cv2.setNumThreads(threads)
            paths.append(track_camera(_Painted(views, actor=True), exclude=lambda _frame: None).as_dict())
    finally:
        cv2.setNumThreads(before)
    assert paths[0] == paths[1] == paths[2]


def test_paths_chain_scale_and_come_back_from_json() -> None:
    path = CameraPath({frame: _pan(0) @ np.linalg.inv(_pan(frame)) for frame in (0, 1, 2)}, {0: 1.0, 1: 0.5, 2: 1.0})
    assert np.allclose(path.between(1, 2) @ path.between(0, 1), path.between(0, 2))
    point = np.array([10.0, 20.0, 1.0])
    moved = path.between(0, 2) @ point
    full = path.scaled(4.0, 3.0, dx=5.0, dy=-7.0).between(0, 2) @ np.array([45.0, 53.0, 1.0])
    assert np.allclose(full[:2] / full[2], moved[:2] / moved[2] * [4.0, 3.0] + [5.0, -7.0])
    assert CameraPath.from_dict(path.as_dict()).as_dict() == path.as_dict()


def _shifts(*across: float) -> dict[int, npt.NDArray[np.float64]]:
    """To the first frame, from how far each frame's pixels are moved across."""
    return {1001 + i: np.array([[1.0, 0, x], [0, 1, 0], [0, 0, 1]]) for i, x in enumerate(across)}


def test_a_path_that_was_never_lost_is_left_as_it_is() -> None:
    path = CameraPath(_shifts(0, 2, 4), dict.fromkeys((1001, 1002, 1003), 0.9))
    held, lost = hold_lost(path, least=0.3)
    assert held is path
    assert lost == ()


def test_where_the_camera_is_lost_it_goes_on_slower_and_slower_and_never_jumps() -> None:
    across = [0.0, 2, 4, 6, 300, 300, 300, 302, 304]
    sure = {1001 + i: 0.0 if 4 <= i <= 6 else 1.0 for i in range(9)}
    held, lost = hold_lost(CameraPath(_shifts(*across), sure), least=0.3)
    assert lost == (1005, 1006, 1007)
    steps = np.diff([held.to_first[frame][0, 2] for frame in range(1001, 1010)])
    np.testing.assert_allclose(steps[:3], 2)
    assert (np.diff(steps[2:6]) < 0).all()
    assert steps[5] > 0.9
    np.testing.assert_allclose(steps[6:], 2)
