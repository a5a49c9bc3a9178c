"""sam2: cutting one picture while an artist clicks. The picture is embedded once; a click only asks again."""

from __future__ import annotations

from dataclasses import replace

from wanfx.backends.protocols import Array, ModelCard, Prompts
from wanfx.backends.sam2_network import Sam2Network, model_card
from wanfx.backends.sam2_plan import REMEDY, Anchor, make_plan
from wanfx.backends.sam2_track import SubjectTrack, draw_logits
from wanfx.backends.weights import ModelSet
from wanfx.errors import NothingFoundError
from wanfx.frames import FrameRange, Size


class Sam2Clicker:
    """Points and a box; a hand-made mask counts where nothing was clicked."""

    name = "sam2"

    def __init__(self, models: ModelSet) -> None:
        self._set = models
        self.models: tuple[ModelCard, ...] = (model_card(models),)

    def load(self) -> None:
        """Raises MissingError where the weights or what runs them are not there."""
        self._network = Sam2Network(self._set)

    def open(self, picture: Array) -> None:
        """Take a picture, display-encoded sRGB (H, W, 3) in [0, 1], and embed it."""
        self._size = Size(picture.shape[1], picture.shape[0])
        self._pixels = self._network.prepare(picture)
        self._features = self._network.new_features()
        self._network.embed(self._pixels, self._features)

    def click(self, prompts: Prompts) -> tuple[Array, float]:
        """The matte (H, W) and how sure the network is. Raises NothingFoundError."""
        track = SubjectTrack(self._network, self._features, size=self._size)
        look = track.cut(self._pixels, _as_anchor(prompts))
        if look.score <= 0 or look.logits.max() <= 0:
            raise NothingFoundError("nothing was found at the box or points", remedy=REMEDY)
        return draw_logits(look.logits, self._size), round(look.confidence, 4)


def _as_anchor(prompts: Prompts) -> Anchor:
    """All prompts as those of one frame. Raises NothingFoundError where none is on the subject."""
    masks = prompts.masks[-1:] if prompts.is_empty else ()
    here = Prompts(
        tuple(replace(point, frame=0) for point in prompts.points),
        tuple(replace(box, frame=0) for box in prompts.boxes),
        tuple(replace(mask, frame=0) for mask in masks),
    )
    return make_plan(here, FrameRange(0, 0)).anchors[0]
