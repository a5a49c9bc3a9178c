"""Models that are too many or too new to be pinned here: their files are locked by hash when they are fetched.

Which files are taken is said here; which bytes they are is said by the lock file that a fetch writes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

EDITOR = "flux2-klein-4b"
"""The image editor that condition.reference=edit uses."""
SUFFIXES = (".safetensors", ".json", ".txt", ".model", ".onnx")
"""What is taken: none of these can hold code that is run when they are read, as a pickle can."""


@dataclass(frozen=True)
class HubSet:
    """A repository of the Hugging Face hub, and what of it is needed.

    ``parts`` are its folders and files, below ``inside`` where the repository has more; ``networks`` are those of them
    that hold weights. ``raw_parts`` also hold files of bare numbers without a suffix, as large ONNX models do.
    ``about_bytes`` is what they take in 16 bits. ``warning`` says what a studio must know before it uses them; such a
    set is fetched only by someone who says that the licence is accepted.
    """

    name: str
    repository: str
    licence: str
    parts: tuple[str, ...]
    networks: tuple[str, ...]
    module: str
    extra: str
    about_bytes: float
    inside: str = ""
    raw_parts: tuple[str, ...] = ()
    commercial: str = "yes"
    warning: str = ""


_WAN_PARTS = ("transformer", "vae", "text_encoder", "tokenizer", "scheduler")
_WAN_NETWORKS = ("transformer", "vae", "text_encoder")
_SEEN_PARTS = (*_WAN_PARTS, "image_encoder", "image_processor")

_SETS = (
    HubSet(
        name="wan-animate",
        repository="Wan-AI/Wan2.2-Animate-14B-Diffusers",
        licence="Apache-2.0",
        parts=_SEEN_PARTS,
        networks=(*_WAN_NETWORKS, "image_encoder"),
        module="diffusers",
        extra="wan",
        about_bytes=48e9,
    ),
    HubSet(
        name="wan-animate-relight",
        repository="Wan-AI/Wan2.2-Animate-14B",
        licence="Apache-2.0",
        parts=("relighting_lora",),
        networks=("relighting_lora",),
        module="diffusers",
        extra="wan",
        about_bytes=1.4e9,
    ),
    HubSet(
        name="wan-vace-1.3b",
        repository="Wan-AI/Wan2.1-VACE-1.3B-diffusers",
        licence="Apache-2.0",
        parts=_WAN_PARTS,
        networks=_WAN_NETWORKS,
        module="diffusers",
        extra="wan",
        about_bytes=16e9,
    ),
    HubSet(
        name="wan-vace-14b",
        repository="Wan-AI/Wan2.1-VACE-14B-diffusers",
        licence="Apache-2.0",
        parts=_WAN_PARTS,
        networks=_WAN_NETWORKS,
        module="diffusers",
        extra="wan",
        about_bytes=47e9,
    ),
    HubSet(
        name="vitpose-wholebody",
        repository="Wan-AI/Wan2.2-Animate-14B",
        licence="Apache-2.0",
        # The published model is over ONNX's 2 GB: a folder of this name, with its numbers in files beside end2end.onnx.
        parts=("vitpose_h_wholebody.onnx",),
        raw_parts=("vitpose_h_wholebody.onnx",),
        networks=("vitpose_h_wholebody.onnx",),
        inside="process_checkpoint/pose2d",
        module="onnxruntime",
        extra="pose",
        about_bytes=2.6e9,
    ),
    HubSet(
        name="yolov10m",
        repository="Wan-AI/Wan2.2-Animate-14B",
        licence="AGPL-3.0",
        parts=("yolov10m.onnx",),
        networks=("yolov10m.onnx",),
        inside="process_checkpoint/det",
        module="onnxruntime",
        extra="pose",
        about_bytes=0.06e9,
        commercial="AGPL",
        warning="YOLOv10 is under AGPL-3.0: who offers it in a product or a service must publish that one's source",
    ),
    HubSet(
        name=EDITOR,
        repository="black-forest-labs/FLUX.2-klein-4B",
        licence="Apache-2.0",
        parts=("transformer", "vae", "text_encoder", "tokenizer", "scheduler"),
        # The tokenizer's template of a chat is a file of its own kind; it is filled in by a sandbox.
        raw_parts=("tokenizer",),
        networks=_WAN_NETWORKS,
        module="diffusers",
        extra="wan",
        about_bytes=16e9,
    ),
    HubSet(
        name="flux-kontext",
        repository="black-forest-labs/FLUX.1-Kontext-dev",
        licence="FLUX.1-dev-Non-Commercial",
        parts=(*_WAN_PARTS, "text_encoder_2", "tokenizer_2"),
        networks=(*_WAN_NETWORKS, "text_encoder_2"),
        module="diffusers",
        extra="wan",
        about_bytes=34e9,
        commercial="no",
        warning="nothing here uses it yet; FLUX.1 Kontext [dev] is under a non-commercial licence: not for paid work "
        "without one from its makers",
    ),
)
HUB_SETS: Mapping[str, HubSet] = MappingProxyType({one.name: one for one in _SETS})
