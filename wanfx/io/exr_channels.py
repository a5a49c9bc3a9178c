"""Which channels of an EXR are its picture: the RGB triple, its alpha, and what is left over."""

from __future__ import annotations

from dataclasses import dataclass

from wanfx.io.exr_layout import ExrLayout, ExrPart

_RED, _GREEN, _BLUE, _ALPHA = ("r", "red"), ("g", "green"), ("b", "blue"), ("a", "alpha")
# Layers that applications give the picture itself, best first; an unnamed layer comes before them.
_PICTURE_LAYERS = ("", "rgba", "rgb", "beauty", "main", "c", "combined", "composite", "color", "default")
_NOT_PICTURES = ("crypto", "ucrypto")


@dataclass(frozen=True)
class PictureChannels:
    """The channels of the picture, all in part number ``part``: red, green and blue, and alpha where there is one."""

    part: int
    rgb: tuple[str, str, str]
    alpha: str | None


@dataclass(frozen=True)
class ExtraChannel:
    """A channel that is not of the picture; ``label`` names it in the whole file."""

    label: str
    part: int
    channel: str


def find_picture(layout: ExrLayout) -> PictureChannels:
    """The RGB triple: unnamed R, G, B, else a part or layer named as pictures are (rgba, beauty, main, C, ...), else
    the first there is. Raises FrameReadError for deep and luminance files and where there is no RGB."""
    for part in layout.parts:
        if part.storage == "deep":
            raise layout.error(
                "is deep: it has any number of samples a pixel", remedy="flatten it (DeepToImage in Nuke)"
            )
    found = [
        (_preference(layer), PictureChannels(index, rgb, alpha))
        for index, part in enumerate(layout.parts)
        for layer, rgb, alpha in _triples(part, is_multipart=layout.is_multipart)
    ]
    if not found:
        raise _no_rgb(layout)
    picture = min(found, key=lambda candidate: candidate[0])[1]
    _check_triple(layout, picture)
    return picture


def list_extras(layout: ExrLayout, picture: PictureChannels) -> tuple[ExtraChannel, ...]:
    """Every channel that is neither RGB nor alpha of the picture, in file order."""
    taken = {*picture.rgb, picture.alpha}
    extras: list[ExtraChannel] = []
    labels: set[str] = set()
    for index, part in enumerate(layout.parts):
        for channel in part.channels:
            if index == picture.part and channel.name in taken:
                continue
            label = channel.name
            if part.name and layout.is_multipart and ("." not in label or label in labels):
                label = f"{part.name}.{channel.name}"
            labels.add(label)
            extras.append(ExtraChannel(label, index, channel.name))
    return tuple(extras)


def list_channels(layout: ExrLayout) -> str:
    """Every channel of the file, for a message."""
    names = [
        f"{part.name}:{channel.name}" if layout.is_multipart else channel.name
        for part in layout.parts
        for channel in part.channels
    ]
    return ", ".join(names) or "none"


def split_channel(name: str) -> tuple[str, str]:
    """Layer and component of a channel's name.

    >>> split_channel("beauty.left.R"), split_channel("R")
    (('beauty.left', 'R'), ('', 'R'))
    """
    layer, _, component = name.rpartition(".")
    return layer, component


def is_alpha(name: str) -> bool:
    return split_channel(name)[1].lower() in _ALPHA


def _triples(part: ExrPart, *, is_multipart: bool) -> list[tuple[str, tuple[str, str, str], str | None]]:
    layers: dict[str, dict[str, str]] = {}
    for channel in part.channels:
        layer, component = split_channel(channel.name)
        layers.setdefault(layer, {}).setdefault(component.lower(), channel.name)
    triples = []
    for layer, components in layers.items():
        red, green, blue, alpha = (
            next((components[name] for name in names if name in components), None)
            for names in (_RED, _GREEN, _BLUE, _ALPHA)
        )
        # Most files of several parts name the part, not the channels.
        called = layer or (part.name if is_multipart else "")
        if red and green and blue and not called.lower().startswith(_NOT_PICTURES):
            triples.append((called, (red, green, blue), alpha))
    return triples


def _preference(layer: str) -> int:
    # Blender writes `ViewLayer.Combined`, stereo files `beauty.left`: any component of the name may be the telling one.
    words = layer.lower().split(".")
    ranks = [_PICTURE_LAYERS.index(word) for word in words if word in _PICTURE_LAYERS]
    return min(ranks, default=len(_PICTURE_LAYERS))


def _check_triple(layout: ExrLayout, picture: PictureChannels) -> None:
    channels = {channel.name: channel for channel in layout.parts[picture.part].channels}
    triple = [channels[name] for name in picture.rgb]
    wanted = triple if picture.alpha is None else [*triple, channels[picture.alpha]]
    if any(channel.sampling != (1, 1) for channel in wanted):
        raise layout.error("has subsampled channels", remedy="write it again with all channels at full resolution")
    if len({channel.pixel_type for channel in triple}) > 1:
        types = ", ".join(f"{channel.name} {channel.pixel_type}" for channel in triple)
        raise layout.error(f"has channels of different types ({types})", remedy="write R, G and B with one type")


def _no_rgb(layout: ExrLayout) -> Exception:
    components = {split_channel(channel.name)[1] for part in layout.parts for channel in part.channels}
    if "Y" in components:
        return layout.error(
            f"is a luminance picture (channels {list_channels(layout)})",
            remedy="write it again as RGB: Y to R, G and B",
        )
    return layout.error(
        f"has no red, green and blue; its channels are {list_channels(layout)}",
        remedy="write the picture's channels as R, G, B",
    )
