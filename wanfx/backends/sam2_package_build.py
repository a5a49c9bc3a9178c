"""The network of the package ``sam2``, built as a transformers config.json says and filled from its safetensors.

Sources: what the parts of the network are called in either library, from the published code of both (Apache-2.0).
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from wanfx.backends.torch_env import import_for
from wanfx.errors import MissingError

EXTRA = "sam2-package"
# Names of transformers, and what the package calls the same; in this order.
_NAMES: tuple[tuple[str, str], ...] = (
    (r"^vision_encoder\.backbone\.", "image_encoder.trunk."),
    (r"^vision_encoder\.neck\.convs\.(\d+)\.", r"image_encoder.neck.convs.\1.conv."),
    (r"^prompt_encoder\.shared_embedding\.positional_embedding$",
     "sam_prompt_encoder.pe_layer.positional_encoding_gaussian_matrix"),
    (r"^prompt_encoder\.mask_embed\.conv1\.", "sam_prompt_encoder.mask_downscaling.0."),
    (r"^prompt_encoder\.mask_embed\.layer_norm1\.", "sam_prompt_encoder.mask_downscaling.1."),
    (r"^prompt_encoder\.mask_embed\.conv2\.", "sam_prompt_encoder.mask_downscaling.3."),
    (r"^prompt_encoder\.mask_embed\.layer_norm2\.", "sam_prompt_encoder.mask_downscaling.4."),
    (r"^prompt_encoder\.mask_embed\.conv3\.", "sam_prompt_encoder.mask_downscaling.6."),
    (r"^prompt_encoder\.", "sam_prompt_encoder."),
    (r"^mask_decoder\.upscale_conv1\.", "sam_mask_decoder.output_upscaling.0."),
    (r"^mask_decoder\.upscale_layer_norm\.", "sam_mask_decoder.output_upscaling.1."),
    (r"^mask_decoder\.upscale_conv2\.", "sam_mask_decoder.output_upscaling.3."),
    (r"^mask_decoder\.", "sam_mask_decoder."),
    (r"^memory_encoder\.feature_projection\.", "memory_encoder.pix_feat_proj."),
    (r"^memory_encoder\.projection\.", "memory_encoder.out_proj."),
    (r"^memory_encoder\.memory_fuser\.", "memory_encoder.fuser."),
    (r"\.depthwise_conv\.", ".dwconv."),
    (r"\.pointwise_conv(\d)\.", r".pwconv\1."),
    (r"\.scale$", ".gamma"),
    (r"^object_pointer_proj\.", "obj_ptr_proj."),
    (r"^temporal_positional_encoding_projection_layer\.", "obj_ptr_tpos_proj."),
    (r"^no_memory_embedding$", "no_mem_embed"),
    (r"^no_memory_positional_encoding$", "no_mem_pos_enc"),
    (r"^memory_temporal_positional_encoding$", "maskmem_tpos_enc"),
    (r"^no_object_pointer$", "no_obj_ptr"),
    (r"^occlusion_spatial_embedding_parameter$", "no_obj_embed_spatial"),
    (r"\.patch_embed\.projection\.", ".patch_embed.proj."),
    (r"layer_norm(\d|_|\.)", r"norm\1"),
    (r"\.o_proj\.", ".out_proj."),
)  # fmt: skip
_TWO_LAYERS = re.compile(r"\.mlp\.proj_(in|out)\.")
_THREE_LAYERS = re.compile(r"(_mlps\.\d+|_head|obj_ptr_proj)\.(proj_in|layers\.0|proj_out)\.")
_DOWNSAMPLER = re.compile(r"mask_downsampler\.layers\.(\d+)\.(conv|norm|layer_norm)\.")
_POINTS = "prompt_encoder.point_embed.weight"
_TWICE = "shared_image_embedding.positional_embedding"


def read_config(path: Path) -> dict[str, Any]:
    """A transformers config.json. Raises MissingError where it is none."""
    try:
        config = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise MissingError(f"cannot be read ({error})", path=path, remedy="fetch the model again") from error
    return dict(config)


def rename_weights(weights: Mapping[str, Any]) -> dict[str, Any]:
    """The weights of transformers' Sam2VideoModel under the names that the package has for them."""
    named = {_rename(name): values for name, values in weights.items() if name not in (_TWICE, _POINTS)}
    points = weights[_POINTS]
    named |= {
        f"sam_prompt_encoder.point_embeddings.{label}.weight": points[label : label + 1].clone()
        for label in range(len(points))
    }
    return named


def _rename(name: str) -> str:
    for pattern, other in _NAMES:
        name = re.sub(pattern, other, name)
    name = _TWO_LAYERS.sub(lambda found: f".mlp.layers.{('in', 'out').index(found[1])}.", name)
    order = ("proj_in", "layers.0", "proj_out")
    name = _THREE_LAYERS.sub(lambda found: f"{found[1]}.layers.{order.index(found[2])}.", name)
    name = _DOWNSAMPLER.sub(lambda found: f"mask_downsampler.encoder.{3 * int(found[1]) + (found[2] != 'conv')}.", name)
    return name.replace("mask_downsampler.final_conv.", "mask_downsampler.encoder.12.")


def build_network(config: Mapping[str, Any]) -> Any:
    """The network that ``config`` (of a Sam2VideoModel) describes, its weights random. Raises MissingError."""
    base = import_for("sam2.modeling.sam2_base", extra=EXTRA)
    decoder = config["mask_decoder_config"]
    return base.SAM2Base(
        image_encoder=_image_encoder(config), memory_attention=_memory_attention(config),
        memory_encoder=_memory_encoder(config), num_maskmem=config["num_maskmem"], image_size=config["image_size"],
        sigmoid_scale_for_mem_enc=config["sigmoid_scale_for_mem_enc"],
        sigmoid_bias_for_mem_enc=config["sigmoid_bias_for_mem_enc"], binarize_mask_from_pts_for_mem_enc=True,
        use_mask_input_as_output_without_sam=True, max_cond_frames_in_attn=config.get("max_cond_frame_num", -1),
        directly_add_no_mem_embed=True, use_high_res_features_in_sam=True,
        multimask_output_in_sam=config["multimask_output_in_sam"],
        multimask_min_pt_num=config["multimask_min_pt_num"], multimask_max_pt_num=config["multimask_max_pt_num"],
        multimask_output_for_tracking=config["multimask_output_for_tracking"], use_multimask_token_for_obj_ptr=True,
        iou_prediction_use_sigmoid=True, use_obj_ptrs_in_encoder=True,
        max_obj_ptrs_in_encoder=config["max_object_pointers_in_encoder"],
        proj_tpos_enc_in_obj_ptrs=config["enable_temporal_pos_encoding_for_object_pointers"],
        use_signed_tpos_enc_to_obj_ptrs=True, only_obj_ptrs_in_the_past_for_eval=True, pred_obj_scores=True,
        pred_obj_scores_mlp=True, fixed_no_obj_ptr=True, use_mlp_for_obj_ptr_proj=True,
        no_obj_embed_spatial=config["enable_occlusion_spatial_embedding"],
        sam_mask_decoder_extra_args={
            name: decoder[name] for name in
            ("dynamic_multimask_via_stability", "dynamic_multimask_stability_delta",
             "dynamic_multimask_stability_thresh")
        },
    )  # fmt: skip


def _image_encoder(config: Mapping[str, Any]) -> Any:
    vision = config["vision_config"]
    backbone = vision["backbone_config"]
    encoder = import_for("sam2.modeling.backbones.image_encoder", extra=EXTRA)
    trunk = import_for("sam2.modeling.backbones.hieradet", extra=EXTRA).Hiera(
        embed_dim=backbone["hidden_size"], num_heads=backbone["num_attention_heads"],
        q_pool=backbone["num_query_pool_stages"], q_stride=tuple(backbone["query_stride"]),
        stages=tuple(backbone["blocks_per_stage"]), window_spec=tuple(backbone["window_size_per_stage"]),
        window_pos_embed_bkg_spatial_size=tuple(backbone["window_positional_embedding_background_size"]),
        global_att_blocks=tuple(backbone["global_attention_blocks"]),
    )  # fmt: skip
    neck = encoder.FpnNeck(
        position_encoding=_places(vision["fpn_hidden_size"]), d_model=vision["fpn_hidden_size"],
        backbone_channel_list=vision["backbone_channel_list"], fpn_top_down_levels=vision["fpn_top_down_levels"],
        fpn_interp_model="nearest",
    )  # fmt: skip
    return encoder.ImageEncoder(trunk=trunk, neck=neck, scalp=1)


def _memory_attention(config: Mapping[str, Any]) -> Any:
    module = import_for("sam2.modeling.memory_attention", extra=EXTRA)
    rope = import_for("sam2.modeling.sam.transformer", extra=EXTRA).RoPEAttention
    width = config["memory_attention_hidden_size"]
    # Files that older transformers wrote, the published ones among them, have it by the second name.
    theta = config.get("rope_parameters", {}).get("rope_theta") or config["memory_attention_rope_theta"]
    common = {
        "rope_theta": float(theta),
        "feat_sizes": tuple(config["memory_attention_rope_feat_sizes"]), "embedding_dim": width,
        "num_heads": config["memory_attention_num_attention_heads"],
        "downsample_rate": config["memory_attention_downsample_rate"], "dropout": 0.0,
    }  # fmt: skip
    layer = module.MemoryAttentionLayer(
        activation=config["memory_attention_feed_forward_hidden_act"], d_model=width, dropout=0.0,
        dim_feedforward=config["memory_attention_feed_forward_hidden_size"], pos_enc_at_attn=False,
        pos_enc_at_cross_attn_keys=True, pos_enc_at_cross_attn_queries=False, self_attention=rope(**common),
        cross_attention=rope(**common, rope_k_repeat=True, kv_in_dim=config["memory_encoder_output_channels"]),
    )  # fmt: skip
    return module.MemoryAttention(
        d_model=width, pos_enc_at_input=True, layer=layer, num_layers=config["memory_attention_num_layers"]
    )


def _memory_encoder(config: Mapping[str, Any]) -> Any:
    module = import_for("sam2.modeling.memory_encoder", extra=EXTRA)
    width, channels = config["memory_encoder_hidden_size"], config["memory_encoder_output_channels"]
    kernel, padding = config["memory_fuser_kernel_size"], config["memory_fuser_padding"]
    return module.MemoryEncoder(
        out_dim=channels, in_dim=width, position_encoding=_places(channels),
        mask_downsampler=module.MaskDownSampler(
            embed_dim=config["mask_downsampler_embed_dim"], kernel_size=config["mask_downsampler_kernel_size"],
            stride=config["mask_downsampler_stride"], padding=config["mask_downsampler_padding"],
            total_stride=config["mask_downsampler_total_stride"],
        ),
        fuser=module.Fuser(
            module.CXBlock(config["memory_fuser_embed_dim"], kernel_size=kernel, padding=padding),
            num_layers=config["memory_fuser_num_layers"],
        ),
    )  # fmt: skip


def _places(channels: int) -> Any:
    module = import_for("sam2.modeling.position_encoding", extra=EXTRA)
    return module.PositionEmbeddingSine(num_pos_feats=channels, warmup_cache=False)
