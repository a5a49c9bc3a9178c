"""How large Wan's networks are, from their configuration alone: no weights, no torch.

The sums follow diffusers' classes (0.42) layer by layer and are held equal to their count on torch's meta device.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

from wanfx.errors import MissingError

VAE_PARAMETERS = 126_892_531
"""AutoencoderKLWan of Wan2.1, which Wan2.2-Animate and VACE have too."""
TEXT_PARAMETERS = 5_680_910_336
"""UMT5-XXL's encoder."""
_MOTION_PARAMETERS = 22_736_436
"""Animate's motion encoder at its published size, 512 pixels."""
_PATCH = 4  # a token is 2x2 latents

_COMMON: Mapping[str, Any] = MappingProxyType(
    {
        "num_attention_heads": 40, "attention_head_dim": 128, "ffn_dim": 13824, "num_layers": 40, "text_dim": 4096,
        "freq_dim": 256, "out_channels": 16, "cross_attn_norm": True,
    }
)  # fmt: skip
_ANIMATE = {
    **_COMMON, "in_channels": 36, "latent_channels": 16, "image_dim": 1280, "added_kv_proj_dim": 5120,
    "motion_encoder_dim": 512, "face_encoder_hidden_dim": 1024, "face_encoder_num_heads": 4,
    "inject_face_latents_blocks": 5,
}  # fmt: skip
_VACE = {**_COMMON, "in_channels": 16, "image_dim": None, "added_kv_proj_dim": None, "vace_in_channels": 96}
CONFIGURATIONS: Mapping[str, Mapping[str, Any]] = MappingProxyType(
    {
        "wan-animate": _ANIMATE,
        "wan-vace-14b": {**_VACE, "vace_layers": list(range(0, 40, 5))},
        "wan-vace-1.3b": {
            **_VACE, "num_attention_heads": 12, "ffn_dim": 8960, "num_layers": 30, "vace_layers": list(range(0, 30, 2)),
        },
    }
)  # fmt: skip
"""What was published, by the name of the set."""


@dataclass(frozen=True)
class WanNetwork:
    """A transformer: numbers a token, its blocks, and the parameters of all and of the largest block."""

    width: int
    hidden: int
    layers: int
    side_layers: int
    face_layers: int
    parameters: int
    largest_block: int
    outside_blocks: int

    def flops(self, tokens: int, *, context: int = 769) -> tuple[float, float]:
        """Floating-point operations of one step: of the self-attention with its projections, and of all the rest.

        A multiplication and an addition each count: 2 d^2 a token and projection of width d, 4 d N^2 for attention
        among N tokens; ``context`` are the tokens of text and picture.
        """
        d, blocks = self.width, self.layers + self.side_layers
        attention = blocks * (8.0 * tokens * d**2 + 4.0 * tokens**2 * d)
        cross = blocks * (4.0 * tokens * d**2 + 4.0 * tokens * context * d)
        rest = blocks * 4.0 * tokens * d * self.hidden + (self.side_layers + 2 * self.face_layers) * 2.0 * tokens * d**2
        return attention, cross + rest


def read_network(name: str, folder: Path | None = None) -> WanNetwork:
    """The network of a set: by its configuration in ``folder`` where it is there, else by what was published.

    Raises MissingError where a configuration is there and cannot be read.
    """
    path = None if folder is None else folder / "transformer" / "config.json"
    if path is None or not path.is_file():
        return measure_network(CONFIGURATIONS[name])
    try:
        return measure_network({**CONFIGURATIONS[name], **json.loads(path.read_text(encoding="utf-8"))})
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise MissingError(
            f"is no transformer's configuration ({error})", path=path, remedy=f"run `wanfx models verify {name}`"
        ) from error


def measure_network(config: Mapping[str, Any]) -> WanNetwork:
    """Count the parameters of WanAnimateTransformer3DModel or WanVACETransformer3DModel."""
    d, hidden = config["num_attention_heads"] * config["attention_head_dim"], config["ffn_dim"]
    layers, side = config["num_layers"], len(config.get("vace_layers", ()))
    added, is_animate = config["added_kv_proj_dim"], "vace_in_channels" not in config
    square = d * d + d
    # Two attentions, two norms of each; two layers between; norm and shifts.
    plain = 2 * (4 * square + 2 * d) + _two_layers(d, hidden, d) + 2 * d * config["cross_attn_norm"] + 6 * d
    block = plain + (2 * (d * added + d) + d if added else 0)
    outside = _count_ends(config, d)
    faces = layers // config["inject_face_latents_blocks"] if is_animate else 0
    if is_animate:
        outside += config["latent_channels"] * _PATCH * d + d + _count_face(config, d)
        sides = faces * (4 * square + 2 * config["attention_head_dim"])
    else:
        outside += config["vace_in_channels"] * _PATCH * d + d
        sides = side * (plain + square) + square
    return WanNetwork(
        width=d, hidden=hidden, layers=layers, side_layers=side, face_layers=faces,
        parameters=outside + layers * block + sides, largest_block=block if is_animate else plain + 2 * square,
        outside_blocks=outside,
    )  # fmt: skip


def _count_ends(config: Mapping[str, Any], d: int) -> int:
    """What comes before the blocks and after them: time, text, picture, patches."""
    image, out = config["image_dim"], config["out_channels"] * _PATCH
    time = _two_layers(config["freq_dim"], d, d) + d * 6 * d + 6 * d
    picture = 2 * image + _two_layers(image, image, d) + 2 * d if image else 0
    patches = config["in_channels"] * _PATCH * d + d + d * out + out + 2 * d
    return int(time + _two_layers(config["text_dim"], d, d) + picture + patches)


def _count_face(config: Mapping[str, Any], d: int) -> int:
    """Motion encoder and face encoder: three convolutions over time, and a token that stands for no face."""
    hidden, heads = config["face_encoder_hidden_dim"], config["face_encoder_num_heads"]
    first = 3 * config["motion_encoder_dim"] * hidden * heads + hidden * heads
    return int(_MOTION_PARAMETERS + first + 2 * (3 * hidden**2 + hidden) + hidden * d + d + d)


def _two_layers(inputs: int, hidden: int, outputs: int) -> int:
    return inputs * hidden + hidden + hidden * outputs + outputs
