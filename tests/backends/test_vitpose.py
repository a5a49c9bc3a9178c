"""vitpose reads the actor's whole body in the crop around him, and is given what it was trained on."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from drawn_person import DrawnShot
from fake_onnx import (
    detector_place,
    fetch_fakes,
    pose_place,
    save_channel_pose,
    save_color_detector,
    save_fixed_detector,
    save_template_pose,
)

from wanfx.backends.registry import check_backends, choice_of_pose, find_pose_estimator, resolve_backends
from wanfx.backends.vitpose import VitposeEstimator
from wanfx.backends.weights import LITE, MODELS_FOLDER, set_folder
from wanfx.cli.main import main
from wanfx.errors import InputError, MissingError, NothingFoundError
from wanfx.frames import FrameRange, Size
from wanfx.ops.person_box import Person
from wanfx.ops.pose_crop import pose_crop
from wanfx.options import Options, PoseOptions

WIDTH, HEIGHT = 320, 180
LITE_FOLDER = set_folder(LITE).parent
RED, BLUE = (1.0, 0.0, 0.0), (0.0, 0.0, 1.0)


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The models folder, still empty."""
    monkeypatch.setenv(MODELS_FOLDER, str(tmp_path / "models"))
    return tmp_path / "models"


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A copy of the repository that the models are published in."""
    return tmp_path / "repository"


class _Walk:
    """Two people of one color each, who walk past each other, and the matte of the red one."""

    def __init__(self, *, hidden: tuple[int, ...] = (), undetected: tuple[int, ...] = ()) -> None:
        self.frames, self.size = FrameRange(1, 12), Size(WIDTH, HEIGHT)
        self._hidden, self._undetected = hidden, undetected

    def red(self, frame: int) -> tuple[int, int, int, int]:
        return 30 + 12 * frame, 60, 70 + 12 * frame, 160

    def blue(self, frame: int) -> tuple[int, int, int, int]:
        return 220 - 12 * frame, 10, 290 - 12 * frame, 175

    def read(self, frame: int) -> np.ndarray:
        picture = np.full((HEIGHT, WIDTH, 3), 0.2, np.float32)
        for box, color in ((self.blue(frame), BLUE), (self.red(frame), RED)):
            if color == BLUE or frame not in self._undetected:
                x0, y0, x1, y1 = box
                picture[y0:y1, max(x0, 0) : x1] = color
        return picture

    def matte(self, frame: int) -> np.ndarray:
        matte = np.zeros((HEIGHT, WIDTH), np.float32)
        x0, y0, x1, y1 = self.red(frame)
        if frame not in self._hidden:
            matte[y0:y1, x0:x1] = 1
        return matte


def _estimator(repository: Path, **options: str) -> VitposeEstimator:
    fetch_fakes(repository)
    made = find_pose_estimator(Options().with_values(
        {"pose.backend": "vitpose", **{f"pose.{key}": value for key, value in options.items()}}, source="flag").pose
    )  # fmt: skip
    assert isinstance(made, VitposeEstimator)
    made.load()
    return made


def _middle(places: np.ndarray | None = None) -> np.ndarray:
    return np.full((133, 2), 0.5) if places is None else places


def _still(color_at: dict[int, tuple[int, int]], *, light: float) -> np.ndarray:
    """Black, with one blurred spot of each channel: (x, y) of its middle."""
    picture = np.zeros((256, 192, 3), np.float32)
    for channel, (x, y) in color_at.items():
        picture[y - 6 : y + 6, x - 6 : x + 6, channel] = light
    return picture


def _whole(picture: np.ndarray) -> np.ndarray:
    return np.ones(picture.shape[:2], np.float32)


SPOTS = {0: (60, 60), 1: (100, 128), 2: (130, 200)}


@pytest.mark.parametrize(("channels", "spots"), [("rgb", (0, 1, 2)), ("bgr", (2, 1, 0))])
def test_channels_come_in_the_order_that_is_asked_for(
    repository: Path, channels: str, spots: tuple[int, int, int]
) -> None:
    save_channel_pose(pose_place(repository))
    picture = _still(SPOTS, light=1.0)
    pose = _estimator(repository, channels=channels).find(picture, alpha=_whole(picture))
    for point, spot in enumerate(spots):
        assert np.hypot(*(pose.xy[point] - SPOTS[spot])) < 12, (point, spot)


def test_the_picture_is_normalised_as_the_network_was_trained(repository: Path) -> None:
    """Confidence is the peak of the map, and this network's map is the normalised channel itself."""
    save_channel_pose(pose_place(repository))
    picture = _still(SPOTS, light=0.6)
    pose = _estimator(repository).find(picture, alpha=_whole(picture))
    expected = (0.6 - np.array([0.485, 0.456, 0.406])) / (0.229, 0.224, 0.225)
    np.testing.assert_allclose(pose.confidence[:3], expected, atol=1e-4)
    picture = _still(SPOTS, light=1.0)
    assert _estimator(repository).find(picture, alpha=_whole(picture)).confidence.max() == 1


@pytest.mark.parametrize("detector", ["matte", "yolov10"])
def test_the_person_that_the_matte_shows_is_kept_when_a_larger_one_passes(repository: Path, detector: str) -> None:
    save_template_pose(pose_place(repository), _middle())
    save_color_detector(detector_place(repository))
    shot = _Walk()
    poses = dict(_estimator(repository, detector=detector).track(shot, matte=shot.matte))
    assert list(poses) == list(shot.frames)
    for frame, pose in poses.items():
        x0, y0, x1, y1 = shot.red(frame)
        np.testing.assert_allclose(pose.xy[0], ((x0 + x1) / 2, (y0 + y1) / 2), atol=1.5)


def test_where_the_detector_misses_the_person_the_mattes_own_box_is_taken(repository: Path) -> None:
    save_template_pose(pose_place(repository), _middle())
    save_color_detector(detector_place(repository))
    # In frames 8 and 9 the other stands behind him, in a box that holds all of his matte.
    shot = _Walk(undetected=(3, 4, 8, 9))
    poses = dict(_estimator(repository, detector="yolov10").track(shot, matte=shot.matte))
    for frame in (2, 3, 4, 5, 7, 8, 9, 10):
        x0, y0, x1, y1 = shot.red(frame)
        np.testing.assert_allclose(poses[frame].xy[0], ((x0 + x1) / 2, (y0 + y1) / 2), atol=1.5)


def test_where_the_matte_fails_for_a_while_the_detector_bridges_it(repository: Path) -> None:
    save_template_pose(pose_place(repository), _middle())
    save_color_detector(detector_place(repository))
    shot = _Walk(hidden=(2, 3))
    seen, blind = (
        dict(_estimator(repository, detector=name).track(shot, matte=shot.matte)) for name in ("yolov10", "matte")
    )
    for frame in (2, 3):
        x0, _y0, x1, _y1 = shot.red(frame)
        assert abs(seen[frame].xy[0, 0] - (x0 + x1) / 2) < 1.5
        assert not blind[frame].confidence.any()


def test_nobody_in_the_matte_is_nobody_in_the_pose_and_not_whoever_is_there(repository: Path) -> None:
    save_template_pose(pose_place(repository), _middle())
    save_color_detector(detector_place(repository))
    shot = _Walk()
    estimator = _estimator(repository, detector="yolov10")
    poses = dict(estimator.track(shot, matte=lambda _frame: np.zeros((HEIGHT, WIDTH), np.float32)))
    assert not any(pose.confidence.any() for pose in poses.values())


def test_a_network_in_one_file_is_read_as_well_as_one_in_a_folder(repository: Path) -> None:
    save_channel_pose(pose_place(repository).parent)
    picture = _still(SPOTS, light=1.0)
    assert _estimator(repository).find(picture, alpha=_whole(picture)).confidence.max() == 1


def test_specks_of_a_matte_do_not_stretch_the_box(repository: Path) -> None:
    save_template_pose(pose_place(repository), _middle())
    shot = _Walk()

    def specked(frame: int) -> np.ndarray:
        matte = shot.matte(frame)
        matte[2:8, 300:310] = 1
        return matte

    clean, dirty = (dict(_estimator(repository).track(shot, matte=matte)) for matte in (shot.matte, specked))
    assert all(np.array_equal(clean[frame].xy, dirty[frame].xy) for frame in shot.frames)


def test_a_matte_that_leaks_still_finds_the_person_that_is_detected(repository: Path) -> None:
    save_template_pose(pose_place(repository), _middle())
    save_color_detector(detector_place(repository))
    shot = _Walk()

    def leaking(frame: int) -> np.ndarray:
        matte = shot.matte(frame)
        matte[140:150, 20:300] = 1
        return matte

    for frame, pose in _estimator(repository, detector="yolov10").track(shot, matte=leaking):
        x0, y0, x1, y1 = shot.red(frame)
        np.testing.assert_allclose(pose.xy[0], ((x0 + x1) / 2, (y0 + y1) / 2), atol=1.5)


def test_points_are_where_the_heat_maps_have_them_in_the_crop(repository: Path) -> None:
    places = np.random.default_rng(2).uniform(0.2, 0.8, (133, 2))
    save_template_pose(pose_place(repository), places)
    picture, alpha = np.zeros((HEIGHT, WIDTH, 3), np.float32), np.zeros((HEIGHT, WIDTH), np.float32)
    alpha[20:170, 100:160] = 1
    crop = pose_crop(Person(100, 20, 160, 170, 1), size=Size(WIDTH, HEIGHT))
    expected = places * (crop.width, crop.height) + np.array(crop.center) - (crop.width / 2, crop.height / 2)
    pose = _estimator(repository).find(picture, alpha=alpha)
    assert np.abs(pose.xy - expected).max() < 0.3 * crop.width / 48
    assert not pose.depth.any() and pose.confidence.min() > 0.8


@pytest.mark.usefixtures("lite_models")
def test_lite_can_say_where_the_person_is(repository: Path, here: Path) -> None:
    here.mkdir()
    (here / "lite").symlink_to(LITE_FOLDER)
    save_template_pose(pose_place(repository), _middle())
    shot = DrawnShot(frames=3, others=True)
    for frame, pose in _estimator(repository, detector="lite").track(shot, matte=shot.truth):
        assert abs(pose.xy[0, 0] - shot.hero(frame).x) < 10


def test_the_same_bits_in_every_run(repository: Path) -> None:
    save_channel_pose(pose_place(repository))
    shot = _Walk()
    first, second = (dict(_estimator(repository).track(shot, matte=shot.matte)) for _run in range(2))
    assert all(first[frame].as_rows() == second[frame].as_rows() for frame in shot.frames)


def test_a_still_in_which_nothing_is_known_is_refused(repository: Path) -> None:
    save_template_pose(pose_place(repository), _middle(), peak=0.1)
    picture = np.zeros((HEIGHT, WIDTH, 3), np.float32)
    with pytest.raises(NothingFoundError):
        _estimator(repository).find(picture, alpha=_whole(picture))
    with pytest.raises(NothingFoundError):
        _estimator(repository).find(picture, alpha=np.zeros((HEIGHT, WIDTH), np.float32))


def test_a_network_of_another_body_is_refused(repository: Path) -> None:
    save_channel_pose(pose_place(repository), maps=17)
    picture = _still(SPOTS, light=1.0)
    with pytest.raises(InputError, match="17 heat maps"):
        _estimator(repository).find(picture, alpha=_whole(picture))


def _break_whole(path: Path) -> None:
    path.write_bytes(b"no network")


def _break_numbers(path: Path) -> None:
    content = bytearray((path.parent / "numbers").read_bytes())
    content[7] ^= 1
    (path.parent / "numbers").write_bytes(content)


@pytest.mark.parametrize("damage", [_break_whole, _break_numbers])
def test_a_file_that_was_changed_is_named_with_the_command_that_mends_it(
    repository: Path, here: Path, damage: Callable[[Path], None]
) -> None:
    save_template_pose(pose_place(repository), _middle())
    estimator = _estimator(repository)
    (network,) = here.rglob("end2end.onnx")
    damage(network)
    with pytest.raises(MissingError, match="is not the file that was locked") as caught:
        estimator.load()
    assert "wanfx models fetch vitpose-wholebody" in caught.value.remedy


def test_a_file_that_is_no_network_is_told(repository: Path) -> None:
    pose_place(repository).parent.mkdir(parents=True)
    pose_place(repository).write_bytes(b"\x08\x08\x3a\x02\x12\x00")  # a version, and a graph of nothing
    with pytest.raises(MissingError, match="not a network that can be run"):
        _estimator(repository)


@pytest.mark.parametrize(
    ("values", "command"),
    [({}, "vitpose-wholebody"), ({"pose.detector": "yolov10"}, "yolov10m"), ({"pose.detector": "lite"}, "lite")],
)
def test_what_is_not_here_is_told_with_the_command_that_gets_it(
    repository: Path, values: dict[str, str], command: str
) -> None:
    if values:
        save_template_pose(pose_place(repository), _middle())
        fetch_fakes(repository)
    options = Options().with_values({"pose.backend": "vitpose", **values}, source="flag")
    with pytest.raises(MissingError) as caught:
        check_backends(options)
    assert f"wanfx models fetch {command}" in caught.value.remedy


def test_auto_takes_it_for_what_is_driven_by_poses_and_never_yolo(repository: Path) -> None:
    asked = Options().with_values({"generate.backend": "wan-animate"}, source="shot")
    before = resolve_backends(asked)
    assert before.pose.backend == "none"
    assert "wanfx models fetch vitpose-wholebody" in choice_of_pose(asked, before)
    save_template_pose(pose_place(repository), _middle())
    save_fixed_detector(detector_place(repository), [])
    fetch_fakes(repository)
    resolved = resolve_backends(asked)
    assert resolved.pose.backend == "vitpose"
    assert choice_of_pose(asked, resolved) == "pose.backend = auto takes vitpose"
    assert find_pose_estimator(resolved.pose).settings == ("detector=matte", "channels=rgb")
    # The draft's puppet needs depth, which it does not tell.
    assert resolve_backends(Options()).pose.backend == "none"


def test_what_the_detector_is_goes_into_what_is_known_of_the_models(repository: Path) -> None:
    save_template_pose(pose_place(repository), _middle())
    save_fixed_detector(detector_place(repository), [])
    fetch_fakes(repository)
    plain, with_yolo = (
        find_pose_estimator(PoseOptions(backend="vitpose", detector=name)).models for name in ("auto", "yolov10")
    )
    assert [card.licence for card in plain] == ["Apache-2.0"]
    assert [card.licence for card in with_yolo] == ["Apache-2.0", "AGPL-3.0"]
    assert len({card.sha256 for card in with_yolo}) == 2 and all(len(card.sha256) == 64 for card in with_yolo)


def test_yolo_is_listed_with_its_licence_and_fetched_only_by_who_accepts_it(
    repository: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    save_fixed_detector(detector_place(repository), [])
    assert main(["models", "fetch", "yolov10m", "--from", str(repository)]) == 2
    assert "AGPL-3.0" in capsys.readouterr().err
    assert main(["models", "list"]) == 0
    assert "YOLOv10 is under AGPL-3.0" in capsys.readouterr().out


def test_a_wide_picture_is_stretched_for_the_detector_and_its_boxes_are_of_the_picture(repository: Path) -> None:
    save_template_pose(pose_place(repository), _middle())
    save_fixed_detector(detector_place(repository), [(320, 160, 480, 640, 0.9, 0), (0, 0, 640, 640, 0.95, 0)])
    alpha = cv2.rectangle(np.zeros((HEIGHT, WIDTH), np.float32), (165, 50), (235, 175), 1.0, -1)
    pose = _estimator(repository, detector="yolov10").find(np.zeros((HEIGHT, WIDTH, 3), np.float32), alpha=alpha)
    np.testing.assert_allclose(pose.xy[0], (200, 112.5), atol=1)
