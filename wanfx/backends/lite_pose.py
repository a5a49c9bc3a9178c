"""lite: body, hands and face of one person by small networks on the CPU."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from wanfx.backends.blaze import Points
from wanfx.backends.blaze_body import Body, BodyNets
from wanfx.backends.blaze_face import Face, FaceNets
from wanfx.backends.blaze_follow import BodyFollower
from wanfx.backends.blaze_hand import SIDES, Hand, HandNets, Side
from wanfx.backends.blaze_parts import PartFollower
from wanfx.backends.blaze_still import read_still
from wanfx.backends.pose_protocol import PosePictures
from wanfx.backends.protocols import Array, FrameSource, ModelCard
from wanfx.backends.weights import LITE
from wanfx.errors import NothingFoundError
from wanfx.ops.pose import Pose, empty_pose
from wanfx.ops.pose_map import Found, map_pose
from wanfx.options import PoseOptions

_BODY_FILES = ("pose_detection.tflite", "pose_landmark_full.tflite")
_HAND_FILES = ("palm_detection_full.tflite", "hand_recrop.tflite", "hand_landmark_full.tflite")
_FACE_FILES = ("face_detection_short_range.tflite", "face_landmark.tflite")


def model_cards(*files: str) -> tuple[ModelCard, ...]:
    """The lite set's files as the manifest names them."""
    return tuple(ModelCard(file, LITE.revision, LITE.licence, LITE.files[file]) for file in files)


class LitePoseEstimator:
    """BlazePose with MediaPipe's hands and face, kept on the person that the matte shows."""

    name = "lite"
    models: tuple[ModelCard, ...] = model_cards(*_BODY_FILES, *_HAND_FILES, *_FACE_FILES)
    settings: tuple[str, ...] = ()
    pictures: PosePictures = "analysis"

    def configure(self, options: PoseOptions) -> None:
        """Nothing of it is an option."""

    def load(self) -> None:
        """Raises MissingError where the files or what runs them are not there."""
        self._bodies, self._hands, self._faces = BodyNets(), HandNets(), FaceNets()

    def track(self, source: FrameSource, *, matte: Callable[[int], Array]) -> Iterator[tuple[int, Pose]]:
        """Every frame's pose, in order; where nobody agrees with the matte, every confidence is 0."""
        bodies, parts = BodyFollower(self._bodies), PartFollower(self._hands, self._faces)
        for frame in source.frames:
            picture, given = source.read(frame), matte(frame)
            match = bodies.read(picture, given)
            if match is None:
                parts.forget()
                yield frame, empty_pose()
            else:
                body = match.body
                sure = body.visible * body.present * body.score
                yield (
                    frame,
                    _pose(picture, body, sure, parts.read_hands(picture, body), parts.read_face(picture, body)),
                )

    def find(self, picture: Array, *, alpha: Array) -> Pose:
        """The pose of the character in a still. Raises NothingFoundError."""
        found = read_still(self._bodies, picture, alpha)
        if found is None:
            raise NothingFoundError(
                "no pose was found in the reference picture", key="reference.pose", remedy="give a pose: reference.pose"
            )
        body, confidence = found
        parts = PartFollower(self._hands, self._faces)
        return _pose(picture, body, confidence, parts.read_hands(picture, body), parts.read_still_face(picture, body))


def _pose(picture: Array, body: Body, confidence: Points, hands: dict[Side, Hand], face: Face | None) -> Pose:
    """The parts as one pose; points beyond the picture have confidence 0."""
    left, right = (_found(picture, hands[side]) if side in hands else None for side in SIDES)
    return map_pose(
        Found(body.points, confidence * _in_picture(body.points, picture)),
        left_hand=left,
        right_hand=right,
        face=None if face is None else _found(picture, face),
    )


def _found(picture: Array, part: Hand | Face) -> Found:
    return Found(part.points, part.score * _in_picture(part.points, picture))


def _in_picture(points: Points, picture: Array) -> Points:
    height, width = picture.shape[:2]
    x, y = points[:, 0], points[:, 1]
    return np.asarray((x >= 0) & (x < width) & (y >= 0) & (y < height), np.float64)
