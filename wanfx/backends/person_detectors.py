"""Who is in a picture: boxes of people, by one of several detectors. Which of them is the actor is not asked here."""

from __future__ import annotations

from typing import Protocol

import numpy as np

from wanfx.backends.blaze_body import Body, BodyNets
from wanfx.backends.blaze_people import people as find_regions
from wanfx.backends.lite_pose import model_cards
from wanfx.backends.onnx_net import OnnxNet
from wanfx.backends.protocols import Array, ModelCard
from wanfx.backends.weights import ModelSet, find_set
from wanfx.errors import OptionError
from wanfx.frames import Size
from wanfx.ops.person_box import Person, detector_input, people

YOLO_SET = "yolov10m"
_SEEN, _ROOM = 0.5, 0.08
_LEAST_POINTS = 4


class PersonDetector(Protocol):
    """Finds everybody in a picture."""

    models: tuple[ModelCard, ...]

    def load(self) -> None:
        """Raises MissingError where its files or what runs them are not there."""
        ...

    def find(self, picture: Array) -> tuple[Person, ...]:
        """People in ``picture`` (H, W, 3), display-encoded sRGB in [0, 1]; the surest first."""
        ...


class NoDetector:
    """Finds nobody: the matte's own box is taken."""

    models: tuple[ModelCard, ...] = ()

    def load(self) -> None:
        """Nothing to load."""

    def find(self, picture: Array) -> tuple[Person, ...]:  # noqa: ARG002
        """Nobody."""
        return ()


class LiteDetector:
    """BlazePose: the box around the points of each body that are seen, with a little room."""

    models: tuple[ModelCard, ...] = model_cards("pose_detection.tflite", "pose_landmark_full.tflite")

    def load(self) -> None:
        """Raises MissingError where the files or what runs them are not there."""
        self._nets = BodyNets()

    def find(self, picture: Array) -> tuple[Person, ...]:
        """Everybody whose region does hold a body."""
        size = Size(picture.shape[1], picture.shape[0])
        bodies = [self._nets.read(picture, roi) for roi in find_regions(self._nets, picture)]
        found = [_box(body, size) for body in bodies if body.score > _SEEN]
        return tuple(sorted((one for one in found if one is not None), key=lambda one: -one.score))


class YoloDetector:
    """YOLOv10-m as Wan2.2's preprocessing runs it. It is under AGPL-3.0, so it is never chosen but by name."""

    def __init__(self, models: ModelSet | None = None) -> None:
        self._models = models or find_set(YOLO_SET)
        self.models: tuple[ModelCard, ...] = (set_card(self._models),)

    def load(self) -> None:
        """Raises MissingError where the file or what runs it is not there."""
        self._net = OnnxNet(self._models)

    def find(self, picture: Array) -> tuple[Person, ...]:
        """Everybody the network says is there. Raises InputError for the output of another kind of network."""
        return people(self._net.run(detector_input(picture)), size=Size(picture.shape[1], picture.shape[0]))


def make_detector(name: str) -> PersonDetector:
    """The detector that `pose.detector` names. Raises OptionError."""
    if name == "matte":
        return NoDetector()
    if name == "lite":
        return LiteDetector()
    if name == YOLO_SET.removesuffix("m"):
        return YoloDetector()
    raise OptionError(
        f"there is no person detector {name!r}", key="pose.detector", remedy="there are: matte, lite, yolov10"
    )


def set_card(models: ModelSet) -> ModelCard:
    """A set of the hub as the manifest names it: by repository and name, with one hash for all its files."""
    return ModelCard(f"{models.source.project} {models.name}", models.revision, models.licence, models.digest)


def _box(body: Body, size: Size) -> Person | None:
    """Around what is seen of a body, inside the picture; None where next to nothing is."""
    points = body.points[(body.visible * body.present) > _SEEN, :2]
    if len(points) < _LEAST_POINTS:
        return None
    low, high = points.min(axis=0), points.max(axis=0)
    # Points are joints and eyes: the crown, fingers and soles lie beyond them.
    room = _ROOM * float((high - low).max())
    x0, y0 = np.maximum(low - room, 0)
    x1, y1 = np.minimum(high + room, (size.width, size.height))
    return Person(float(x0), float(y0), float(x1), float(y1), body.score) if x1 > x0 and y1 > y0 else None
