"""sam2: cutting one picture while an artist clicks. The picture is embedded once; a click only asks again."""

from __future__ import annotations

from dataclasses import replace

from wanfx.backends.protocols import Array, ModelCard, Prompts
from wanfx.backends.sam2_engines import AUTO, choose_engine, load_engine, model_card
from wanfx.backends.sam2_plan import REMEDY, Anchor, make_plan
from wanfx.backends.sam2_track import SubjectTrack, View, to_matte
from wanfx.backends.sam2_window import Crop, Framing
from wanfx.backends.weights import ModelSet
from wanfx.errors import NothingFoundError
from wanfx.frames import FrameRange


class Sam2Clicker:
    """Points and a box; a hand-made mask counts where nothing was clicked."""

    name = "sam2"

    def __init__(self, models: ModelSet, *, engine: str = AUTO, crop: Crop = "subject") -> None:
        self._set, self._engine_name, self._crop = models, choose_engine(engine), crop
        self.models: tuple[ModelCard, ...] = (model_card(models),)

    def load(self) -> None:
        """Raises MissingError where the weights or what runs them are not there."""
        self._engine = load_engine(self._set, self._engine_name)

    def open(self, picture: Array) -> None:
        """Take a picture, display-encoded sRGB (H, W, 3) in [0, 1], and embed it."""
        self._view = View(self._engine, picture)
        self._framing = Framing(self._view.size, cells=self._engine.cells, crop=self._crop)
        self._view.see(self._framing.whole)

    def click(self, prompts: Prompts) -> tuple[Array, float]:
        """The matte (H, W) and how sure the network is. Raises NothingFoundError."""
        look = SubjectTrack(self._engine, self._framing).cut(self._view, _as_anchor(prompts))
        if look.box is None:
            raise NothingFoundError("nothing was found at the box or points", remedy=REMEDY)
        return to_matte(look.placed()), round(look.confidence, 4)


def _as_anchor(prompts: Prompts) -> Anchor:
    """All prompts as those of one frame. Raises NothingFoundError where none is on the subject."""
    masks = prompts.masks[-1:] if prompts.is_empty else ()
    here = Prompts(
        tuple(replace(point, frame=0) for point in prompts.points),
        tuple(replace(box, frame=0) for box in prompts.boxes),
        tuple(replace(mask, frame=0) for mask in masks),
    )
    return make_plan(here, FrameRange(0, 0)).anchors[0]
