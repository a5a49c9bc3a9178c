"""vitpose: ViTPose-H on 133 points of body, feet, face and hands, as Wan2.2's own preprocessing runs it.

Source: Xu et al., ViTPose: Simple Vision Transformer Baselines for Human Pose Estimation, 2022; Wan2.2 (commit
42bf4cfa) for boxes, crops and the reading of heat maps. It says nothing of depth.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from wanfx.backends.onnx_net import OnnxNet
from wanfx.backends.person_detectors import make_detector, set_card
from wanfx.backends.person_follow import PersonFollower
from wanfx.backends.pose_protocol import PosePictures
from wanfx.backends.protocols import Array, FrameSource, ModelCard
from wanfx.backends.weights import ModelSet, find_set
from wanfx.errors import InputError, NothingFoundError
from wanfx.frames import Size
from wanfx.ops.channels import ChannelOrder
from wanfx.ops.person_box import Person
from wanfx.ops.pose import BODY, POINT_COUNT, Pose, empty_pose
from wanfx.ops.pose_crop import decode_heatmaps, pose_crop, pose_input
from wanfx.options import PoseOptions

SET = "vitpose-wholebody"
_KNOWN = 0.3


class VitposeEstimator:
    """The whole body of one person, read in the crop around his box."""

    name = "vitpose"
    pictures: PosePictures = "plate"

    def __init__(self, models: ModelSet | None = None) -> None:
        self._models = models or find_set(SET)
        self.configure(PoseOptions())

    def configure(self, options: PoseOptions) -> None:
        """Take over detector and order of channels. Raises OptionError."""
        detector = "matte" if options.detector == "auto" else options.detector
        self._order: ChannelOrder = options.channels
        self._detector = make_detector(detector)
        self.settings: tuple[str, ...] = (f"detector={detector}", f"channels={self._order}")
        self.models: tuple[ModelCard, ...] = (set_card(self._models), *self._detector.models)

    def load(self) -> None:
        """Raises MissingError where the files or what runs them are not there."""
        self._net = OnnxNet(self._models)
        self._detector.load()

    def track(self, source: FrameSource, *, matte: Callable[[int], Array]) -> Iterator[tuple[int, Pose]]:
        """Every frame's pose, in order; where the person is not to be seen, every confidence is 0.

        Raises InputError where the network's output is no 133 heat maps.
        """
        follower = PersonFollower()
        for frame in source.frames:
            picture = source.read(frame)
            person = follower.choose(self._detector.find(picture), matte=matte(frame))
            yield frame, empty_pose() if person is None else self._read(picture, person)

    def find(self, picture: Array, *, alpha: Array) -> Pose:
        """The pose of the character in a still. Raises NothingFoundError."""
        person = PersonFollower().choose(self._detector.find(picture), matte=alpha)
        pose = empty_pose() if person is None else self._read(picture, person)
        if pose.confidence[BODY].max() < _KNOWN:
            raise NothingFoundError(
                "no pose was found in the reference picture", key="reference.pose", remedy="give a pose: reference.pose"
            )
        return pose

    def _read(self, picture: Array, person: Person) -> Pose:
        """Points where the network puts them, also beyond the picture: they are drawn there."""
        crop = pose_crop(person, size=Size(picture.shape[1], picture.shape[0]))
        heatmaps = self._net.run(pose_input(picture, crop=crop, order=self._order))
        table = decode_heatmaps(heatmaps, crop=crop).astype(np.float64)
        if len(table) != POINT_COUNT:
            raise InputError(
                f"{len(table)} heat maps are not the {POINT_COUNT} of a whole body", key="pose.backend",
                remedy=f"fetch {SET} from the repository as it was published",
            )  # fmt: skip
        # A refined peak can be above 1; nothing is drawn differently for it.
        return Pose(table[:, :2], np.clip(table[:, 2], 0, 1), np.zeros(POINT_COUNT))
