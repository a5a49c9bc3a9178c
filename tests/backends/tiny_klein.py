"""FLUX.2 klein's own classes at toy size with random weights."""

from __future__ import annotations

from pathlib import Path

_TEMPLATE = "{% for message in messages %}{{ message.content }}{% endfor %}"


def save_klein_folder(folder: Path, seed: int = 0) -> None:
    """A folder as diffusers lays it out."""
    import torch
    from diffusers import (
        AutoencoderKLFlux2,
        FlowMatchEulerDiscreteScheduler,
        Flux2KleinPipeline,
        Flux2Transformer2DModel,
    )
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import Qwen2TokenizerFast, Qwen3Config, Qwen3ForCausalLM

    torch.manual_seed(seed)
    transformer = Flux2Transformer2DModel(
        patch_size=1, in_channels=4, num_layers=1, num_single_layers=1, attention_head_dim=16, num_attention_heads=2,
        joint_attention_dim=48, timestep_guidance_channels=256, axes_dims_rope=(4, 4, 4, 4), guidance_embeds=False,
    )  # fmt: skip
    vae = AutoencoderKLFlux2(
        sample_size=32, down_block_types=("DownEncoderBlock2D",), up_block_types=("UpDecoderBlock2D",),
        block_out_channels=(4,), layers_per_block=1, latent_channels=1, norm_num_groups=1, use_quant_conv=False,
        use_post_quant_conv=False,
    )  # fmt: skip
    text_encoder = Qwen3ForCausalLM(
        Qwen3Config(
            vocab_size=512, hidden_size=16, intermediate_size=16, num_hidden_layers=4, num_attention_heads=2,
            num_key_value_heads=2, head_dim=8,
        )
    )  # fmt: skip
    words = Tokenizer(models.BPE({chr(33 + i): i for i in range(94)} | {"<|endoftext|>": 94}, []))
    words.pre_tokenizer = pre_tokenizers.ByteLevel()
    tokenizer = Qwen2TokenizerFast(tokenizer_object=words, pad_token="<|endoftext|>", eos_token="<|endoftext|>")
    tokenizer.chat_template = _TEMPLATE
    Flux2KleinPipeline(
        scheduler=FlowMatchEulerDiscreteScheduler(), vae=vae.eval(), text_encoder=text_encoder.eval(),
        tokenizer=tokenizer, transformer=transformer.eval(), is_distilled=True,
    ).save_pretrained(folder)  # fmt: skip
