"""Wan2.2-Animate's own classes at toy size with random weights: the same code path as the real ones."""

from __future__ import annotations

from typing import Any

import numpy as np

HEIGHT, WIDTH, FACE_PX = 32, 48, 16


# With the gains of random weights latents hardly differ, nor does what is made of them: whatever the networks were
# shown would be the same to four digits. With these, latents are as far apart as trained ones, and faces and hints are
# heard.
_LATENT_GAIN, _FACE_GAIN, _HINT_GAIN = 30.0, 10.0, 20.0


def _make_vae() -> Any:
    import torch
    from diffusers import AutoencoderKLWan

    # With fewer channels its norms make a step of what is a slope.
    vae = AutoencoderKLWan(
        base_dim=8, z_dim=16, dim_mult=[1, 1, 1, 1], num_res_blocks=1, temperal_downsample=[False, True, True]
    )
    with torch.no_grad():
        vae.quant_conv.weight *= _LATENT_GAIN
    return vae


def make_animate_parts(seed: int = 0) -> dict[str, Any]:
    """The components of a WanAnimatePipeline but for the text's, seeded."""
    import torch
    from diffusers import UniPCMultistepScheduler, WanAnimateTransformer3DModel
    from transformers import CLIPImageProcessor, CLIPVisionConfig, CLIPVisionModel

    torch.manual_seed(seed)
    vae = _make_vae()
    transformer = WanAnimateTransformer3DModel(
        patch_size=(1, 2, 2), num_attention_heads=2, attention_head_dim=12, in_channels=36, latent_channels=16,
        out_channels=16, text_dim=32, freq_dim=256, ffn_dim=32, num_layers=2, cross_attn_norm=True,
        qk_norm="rms_norm_across_heads", image_dim=4, added_kv_proj_dim=24,
        rope_max_seq_len=32,
        motion_encoder_channel_sizes={"4": 16, "8": 16, "16": 16}, motion_encoder_size=FACE_PX, motion_style_dim=8,
        motion_dim=4, motion_encoder_dim=16, face_encoder_hidden_dim=16, face_encoder_num_heads=2,
        inject_face_latents_blocks=2,
    )  # fmt: skip
    with torch.no_grad():
        for block in transformer.face_adapter:
            block.to_out.weight *= _FACE_GAIN
    image_encoder = CLIPVisionModel(
        CLIPVisionConfig(
            hidden_size=4, projection_dim=4, num_hidden_layers=2, num_attention_heads=2, image_size=4,
            intermediate_size=16, patch_size=1,
        )
    )  # fmt: skip
    return {
        "vae": vae.eval(),
        "transformer": transformer.eval(),
        "image_encoder": image_encoder.eval(),
        "scheduler": UniPCMultistepScheduler(
            prediction_type="flow_prediction", use_flow_sigmas=True, num_train_timesteps=1000, flow_shift=5.0
        ),
        "image_processor": CLIPImageProcessor(crop_size=4, size=4),
    }


def make_conditioning(frames: int, *, seed: int = 1) -> dict[str, np.ndarray[Any, np.dtype[np.uint8]]]:
    """Random 8-bit pose, face, background and mask of a shot, as lists of pictures would hold them."""
    random = np.random.default_rng(seed)
    pictures = {
        "pose": random.integers(0, 256, (frames, HEIGHT, WIDTH, 3), np.uint8),
        "face": random.integers(0, 256, (frames, FACE_PX, FACE_PX, 3), np.uint8),
        "background": random.integers(0, 256, (frames, HEIGHT, WIDTH, 3), np.uint8),
        "mask": np.zeros((frames, HEIGHT, WIDTH), np.uint8),
        "reference": random.integers(0, 256, (HEIGHT, WIDTH, 3), np.uint8),
    }
    for frame in range(frames):
        left = 8 + frame % 12
        pictures["mask"][frame, 6:27, left : left + 18] = 255
    return pictures


def make_vace_parts(seed: int = 0) -> dict[str, Any]:
    """The components of a WanVACEPipeline but for the text's, seeded."""
    import torch
    from diffusers import UniPCMultistepScheduler, WanVACETransformer3DModel

    torch.manual_seed(seed)
    vae = _make_vae()
    transformer = WanVACETransformer3DModel(
        patch_size=(1, 2, 2), num_attention_heads=2, attention_head_dim=12, in_channels=16, out_channels=16,
        text_dim=32, freq_dim=256, ffn_dim=32, num_layers=3, cross_attn_norm=True, qk_norm="rms_norm_across_heads",
        rope_max_seq_len=32, vace_layers=[0, 2], vace_in_channels=96,
    )  # fmt: skip
    with torch.no_grad():
        for block in transformer.vace_blocks:
            block.proj_out.weight *= _HINT_GAIN
    scheduler = UniPCMultistepScheduler(
        prediction_type="flow_prediction", use_flow_sigmas=True, num_train_timesteps=1000, flow_shift=3.0
    )
    return {"vae": vae.eval(), "transformer": transformer.eval(), "scheduler": scheduler}


def save_animate_folder(folder: Any, seed: int = 0) -> None:
    """A folder as diffusers lays it out: tiny networks with random weights, a text encoder and its tokenizer too."""
    from diffusers import WanAnimatePipeline

    WanAnimatePipeline(**make_text_parts(seed), **make_animate_parts(seed)).save_pretrained(folder)


def save_vace_folder(folder: Any, seed: int = 0) -> None:
    """The same of VACE."""
    from diffusers import WanVACEPipeline

    WanVACEPipeline(**make_text_parts(seed), **make_vace_parts(seed)).save_pretrained(folder)


def make_text_parts(seed: int = 0) -> dict[str, Any]:
    """A text encoder and its tokenizer, seeded."""
    import torch
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast, UMT5Config, UMT5EncoderModel

    torch.manual_seed(seed + 1)
    text_encoder = UMT5EncoderModel(
        UMT5Config(
            vocab_size=64, d_model=32, d_kv=8, d_ff=37, num_layers=2, num_heads=2, feed_forward_proj="gated-gelu"
        )
    )
    words = Tokenizer(models.WordLevel({"<pad>": 0, "<unk>": 1, "</s>": 2}, unk_token="<unk>"))
    words.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=words, pad_token="<pad>", unk_token="<unk>", eos_token="</s>")
    return {"tokenizer": tokenizer, "text_encoder": text_encoder}
