"""What Wan's models are told in words and shown as a whole picture: text (UMT5) and CLIP features.

Both are needed once a shot. Text features are kept on disk, so that the text encoder, 11 GB of it, is loaded only for
words that are new.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from wanfx.backends.torch_env import import_from_transformers, import_torch
from wanfx.backends.wan_load import EXTRA, load_part, only_with
from wanfx.io.atomic import atomic_path, sha256_file

Array = npt.NDArray[np.float32]
TEXT_TOKENS = 512
ANIMATE_PROMPT = "视频中的人在做动作"
# The words, and the commas between them, are those the models were trained with.
NEGATIVE_PROMPT = (
    "色调艳丽，过曝，静态，细节模糊不清，字幕，风格，作品，画作，画面，静止，整体发灰，最差质量，低质量，JPEG压缩残留，丑陋的，"
    "残缺的，多余的手指，画得不好的手部，画得不好的脸部，畸形的，毁容的，形态畸形的肢体，手指融合，静止不动的画面，杂乱的背景，"
    "三条腿，背景人很多，倒着走"
)
_CLIP_PX = 224
_CLIP_MEAN = (0.48145466, 0.4578275, 0.40821073)
_CLIP_DEVIATION = (0.26862954, 0.26130258, 0.27577711)


def read_texts(
    folder: Path, texts: Iterable[str], *, pipeline: Any, cache: Path, fetch_command: str, digest: str = ""
) -> dict[str, Any]:
    """Each text's features (1, 512, channels), float32 on the CPU; from ``cache`` where they were read before.

    ``pipeline`` is diffusers' class, whose own reading is used; ``digest`` stands for the set of weights, as its lock
    has it. Raises MissingError where the encoder is not there.
    """
    from safetensors.torch import load_file, save_file

    files = {text: cache / f"{_text_key(folder, text, digest)}.safetensors" for text in dict.fromkeys(texts)}
    unread = [text for text, file in files.items() if not file.is_file()]
    if unread:
        torch = import_torch(extra=EXTRA)
        reader = _text_reader(folder, pipeline, fetch_command=fetch_command)
        device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        reader.text_encoder.to(device)
        for text in unread:
            with torch.inference_mode():
                found, _none = reader.encode_prompt(
                    text, do_classifier_free_guidance=False, max_sequence_length=TEXT_TOKENS, device=device
                )
            cache.mkdir(parents=True, exist_ok=True)
            with atomic_path(files[text]) as temporary:
                save_file({"features": found.float().cpu().contiguous()}, temporary)
    return {text: load_file(file)["features"] for text, file in files.items()}


def _text_reader(folder: Path, pipeline: Any, *, fetch_command: str) -> Any:
    torch = import_torch(extra=EXTRA)
    transformers = import_from_transformers("models.umt5.modeling_umt5", extra=EXTRA)
    tokenizers = import_from_transformers("models.auto.tokenization_auto", extra=EXTRA)
    tokenizer = load_part(tokenizers.AutoTokenizer, folder, part="tokenizer", fetch_command=fetch_command)
    encoder = load_part(
        transformers.UMT5EncoderModel, folder, part="text_encoder", fetch_command=fetch_command, dtype=torch.bfloat16,
        use_safetensors=True,
    )  # fmt: skip
    return only_with(pipeline, tokenizer=tokenizer, text_encoder=encoder.eval())


def _text_key(folder: Path, text: str, digest: str) -> str:
    """Of the words and of the encoder that reads them: its configuration, its list of weights, the set's hash."""
    files = sorted(path for path in (folder / "text_encoder").glob("*.json"))
    told = [*(sha256_file(path) for path in files), digest, text]
    return hashlib.sha256("\n".join(told).encode()).hexdigest()[:32]


def see_reference(folder: Path, picture_display: Array, *, fetch_command: str) -> Any:
    """CLIP's features (1, 257, 1280) of the letterboxed reference, (H, W, 3) display-encoded sRGB in [0, 1].

    The whole picture is squashed to the encoder's square, as the model was trained; the stock pipeline's processor cuts
    out the middle, and with it heads and feet.
    """
    torch = import_torch(extra=EXTRA)
    transformers = import_from_transformers("models.clip.modeling_clip", extra=EXTRA)
    encoder = load_part(
        transformers.CLIPVisionModel, folder, part="image_encoder", fetch_command=fetch_command, dtype=torch.float32,
        use_safetensors=True,
    ).eval()  # fmt: skip
    with torch.inference_mode():
        pixels = squash(picture_display, side_px=encoder.config.image_size, torch=torch)
        return encoder(pixels, output_hidden_states=True).hidden_states[-2]


def squash(picture_display: Array, *, side_px: int = _CLIP_PX, torch: Any) -> Any:
    """(1, 3, side, side) as CLIP wants it: bicubic, no antialiasing, normalized by CLIP's means and deviations."""
    picture = torch.from_numpy(np.ascontiguousarray(picture_display.transpose(2, 0, 1)))[None]
    small = torch.nn.functional.interpolate(picture, size=(side_px, side_px), mode="bicubic", align_corners=False)
    mean, deviation = (torch.tensor(values).view(1, 3, 1, 1) for values in (_CLIP_MEAN, _CLIP_DEVIATION))
    return (small - mean) / deviation
