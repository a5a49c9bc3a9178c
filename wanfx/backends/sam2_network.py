"""SAM 2.1 as transformers runs it: its weights on a device, pictures as it wants them, sessions that stay small."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from wanfx.backends.protocols import Array, ModelCard
from wanfx.backends.torch_env import import_from_transformers, import_torch
from wanfx.backends.weights import ModelSet, fetch_command, find_file
from wanfx.errors import MissingError

EXTRA = "sam2"
CPU_THREADS = 2
"""Fixed, because what a CPU adds up depends in its last bits on how the work is shared out."""
CONFIG, WEIGHTS = "config.json", "model.safetensors"
# Mean and deviation of ImageNet's colours, with which SAM 2 was trained.
_MEAN = np.array([0.485, 0.456, 0.406], np.float32)
_DEVIATION = np.array([0.229, 0.224, 0.225], np.float32)


def model_card(models: ModelSet) -> ModelCard:
    """The set as the manifest names it."""
    return ModelCard(models.source.project, models.revision, models.licence, models.files[WEIGHTS])


class Sam2Network:
    """The network in memory, on the GPU where there is one."""

    def __init__(self, models: ModelSet) -> None:
        """Raises MissingError where the files or what runs them are not there or damaged."""
        path = find_file(models, WEIGHTS)
        find_file(models, CONFIG)
        self.torch = import_torch(extra=EXTRA)
        self._modeling = import_from_transformers("models.sam2_video.modeling_sam2_video", extra=EXTRA)
        import_from_transformers("utils.logging", extra=EXTRA).disable_progress_bar()
        self.device = "cuda" if self.torch.cuda.is_available() else "cpu"
        self.torch.set_num_threads(CPU_THREADS)
        try:
            model, loading = self._modeling.Sam2VideoModel.from_pretrained(
                path.parent, local_files_only=True, use_safetensors=True, dtype=self.torch.float32,
                output_loading_info=True,
            )  # fmt: skip
        except (OSError, ValueError, RuntimeError) as error:
            raise MissingError(
                f"cannot be loaded ({error})", path=path.parent, remedy=f"run `{fetch_command(models)}`"
            ) from error
        if loading["missing_keys"] or loading["mismatched_keys"]:
            raise MissingError(
                "does not hold all weights of a SAM 2.1 for video", path=path, remedy=f"run `{fetch_command(models)}`"
            )
        self.model = model.eval().requires_grad_(requires_grad=False).to(self.device)
        self.side_px: int = model.config.image_size

    def new_session(self, features: Any) -> Any:
        """What the network remembers of one subject; ``features`` (`new_features`) may be shared by several."""
        session = self._modeling.Sam2VideoInferenceSession(
            inference_device=self.device, inference_state_device=self.device, video_storage_device=self.device,
            dtype=self.torch.float32,
        )  # fmt: skip
        session.cache = features
        session.obj_id_to_idx(0)
        return session

    def new_features(self) -> Any:
        """A place for the image embedding of one frame."""
        return self._modeling.Sam2VideoInferenceCache(self.device, self.device, 1)

    def embed(self, picture: Array, features: Any) -> None:
        """Put the image embedding of a prepared picture into ``features``, as frame 0."""
        with self.torch.inference_mode():
            seen = self.model.get_image_features(self.tensor(picture)[None], return_dict=True)
        features.cache_vision_features(
            0, {"vision_feats": seen.fpn_hidden_states, "vision_pos_embeds": seen.fpn_position_encoding}
        )

    def prepare(self, picture: Array) -> Array:
        """A display-encoded sRGB picture (H, W, 3) in [0, 1] as the network wants it: (3, side, side), normalized."""
        size = self.side_px, self.side_px
        is_smaller = picture.shape[0] < self.side_px or picture.shape[1] < self.side_px
        how = cv2.INTER_LINEAR if is_smaller else cv2.INTER_AREA
        square = np.asarray(cv2.resize(picture, size, interpolation=how), np.float32)
        return np.ascontiguousarray(((square - _MEAN) / _DEVIATION).transpose(2, 0, 1))

    def tensor(self, values: npt.NDArray[Any]) -> Any:
        """An array on the network's device."""
        return self.torch.from_numpy(np.ascontiguousarray(values)).to(self.device)
