"""A SAM 2.1 of random weights, a few MB, written to disk as the real ones are and loaded by the same code."""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from wanfx.backends import torch_env
from wanfx.backends.weights import MODELS_FOLDER, HubSource, ModelFile, ModelSet
from wanfx.frames import FrameRange, Size
from wanfx.io.atomic import sha256_file

SIDE = 64


def require_torch() -> None:
    """Skip a module's tests where torch or transformers is not installed; on a CI machine they must be."""
    for name in ("torch", "transformers"):
        if importlib.util.find_spec(name) is None:
            why = f"SAM 2 needs {name}, which is not installed: pip install 'wanfx[sam2]'"
            if os.environ.get("CI"):
                pytest.fail(why, pytrace=False)
            pytest.skip(why, allow_module_level=True)


def require_engine(engine: str) -> None:
    """Skip a test of the package sam2 where that is not installed: nothing but these tests needs it."""
    if engine == "package" and importlib.util.find_spec("sam2") is None:
        pytest.skip("the package sam2 is not installed: pip install 'wanfx[sam2-package]'")


def write_tiny_sam2(folder: Path, *, seed: int = 0) -> None:
    """Write config.json and model.safetensors. The subject counts as seen unless the network is sure it is not."""
    import torch
    from transformers import Sam2VideoConfig
    from transformers.models.sam2_video.modeling_sam2_video import Sam2VideoModel
    from transformers.utils import logging

    logging.disable_progress_bar()
    torch.set_num_threads(1)
    torch.manual_seed(seed)
    model = Sam2VideoModel(Sam2VideoConfig(**_config()))
    generator = torch.Generator().manual_seed(seed)
    for name, values in model.named_parameters():
        # Weights as they come are so small that a network hardly looks at its input.
        if values.dim() > 1:
            values.data += 0.15 * torch.randn(values.shape, generator=generator)
        if name == "mask_decoder.pred_obj_score_head.proj_out.bias":
            values.data += 4.0
    # In the published files the picture and the points have one embedding of places, stored twice.
    model.shared_image_embedding.positional_embedding.data.copy_(
        model.prompt_encoder.shared_embedding.positional_embedding
    )
    model.save_pretrained(folder)


def _config() -> dict[str, object]:
    """As small as both libraries can have it: the package fixes some sizes of its decoder."""
    backbone = {
        "model_type": "sam2_hiera_det_model", "hidden_size": 8, "num_attention_heads": 1, "image_size": [SIDE, SIDE],
        "blocks_per_stage": [1, 1, 2, 1], "embed_dim_per_stage": [8, 16, 32, 64],
        "num_attention_heads_per_stage": [1, 2, 4, 8], "window_size_per_stage": [4, 4, 4, 2],
        "global_attention_blocks": [3], "window_positional_embedding_background_size": [4, 4],
    }  # fmt: skip
    vision = {
        "model_type": "sam2_vision_model", "backbone_config": backbone, "backbone_channel_list": [64, 32, 16, 8],
        "backbone_feature_sizes": [[SIDE // 4] * 2, [SIDE // 8] * 2, [SIDE // 16] * 2], "fpn_hidden_size": 128,
    }  # fmt: skip
    return {
        "image_size": SIDE, "vision_config": vision,
        "prompt_encoder_config": {"hidden_size": 128, "image_size": SIDE},
        "mask_decoder_config": {"hidden_size": 128},
        "memory_attention_hidden_size": 128, "memory_attention_num_layers": 1,
        "memory_attention_feed_forward_hidden_size": 64, "memory_attention_rope_feat_sizes": [SIDE // 16] * 2,
        "memory_encoder_hidden_size": 128, "memory_encoder_output_channels": 64, "mask_downsampler_embed_dim": 128,
        "memory_fuser_embed_dim": 128, "memory_fuser_intermediate_dim": 512,
    }  # fmt: skip


@pytest.fixture(scope="module", name="models")
def tiny_models(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ModelSet]:
    """The tiny network, where `$WANFX_MODELS` says; one thread."""
    folder = tmp_path_factory.mktemp("models")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(MODELS_FOLDER, str(folder))
        # Two threads in each of two test processes would fight over two cores.
        patch.setattr(torch_env, "CPU_THREADS", 1)
        yield make_tiny_set(folder)


def make_tiny_set(models_folder: Path, *, name: str = "sam2-random") -> ModelSet:
    """A model set of the tiny network, its files in ``models_folder`` (which `$WANFX_MODELS` must name)."""
    draft = models_folder / "draft"
    write_tiny_sam2(draft)
    files = tuple(
        ModelFile(file, (draft / file).stat().st_size, sha256_file(draft / file))
        for file in ("config.json", "model.safetensors")
    )
    models = ModelSet(
        name, "1", "Apache-2.0", "transformers", "sam2", HubSource("random/sam2.1", "1"), files
    )  # fmt: skip
    target = models_folder / models.name / models.revision
    target.parent.mkdir(parents=True)
    draft.rename(target)
    return models


class MovingDiscs:
    """A red and a green disc that pass each other before a wall; (H, W, 3) display-encoded sRGB, made when read."""

    def __init__(self, frames: int = 12, *, first: int = 1001) -> None:
        self.frames = FrameRange(first, first + frames - 1)
        self.size = Size(96, 64)
        rng = np.random.default_rng(3)
        self._wall = rng.uniform(0.2, 0.5, (64, 96, 3)).astype(np.float32)
        self.reads: list[int] = []

    def center(self, frame: int, *, which: int = 0) -> tuple[float, float]:
        """Where a disc's middle is; 0 is red, 1 green."""
        along = 30 * np.sin((frame - self.frames.first) / 9 + 0.4)
        return (48 + float(along), 24.0) if which == 0 else (48 - float(along), 44.0)

    def truth(self, frame: int, *, which: int = 0) -> np.ndarray:
        """The disc, 0 and 1."""
        x, y = self.center(frame, which=which)
        rows, columns = np.mgrid[:64, :96] + 0.5
        return (np.hypot(columns - x, rows - y) < 10).astype(np.float32)

    def read(self, frame: int) -> np.ndarray:
        self.reads.append(frame)
        picture = self._wall.copy()
        for which, color in enumerate(((0.8, 0.1, 0.1), (0.1, 0.7, 0.2))):
            picture[self.truth(frame, which=which) > 0] = color
        return picture
