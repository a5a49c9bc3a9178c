"""The report's pictures: the wipe between plate and comp with its overlays, and the contact sheet."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from html import escape

from wanfx.frames import Size

GAIN = 4
"""How many times the difference picture shows the difference."""


@dataclass(frozen=True)
class Overlay:
    """A matte or check that can be laid over the picture: the comp's part, what it is called, its colour."""

    part: str
    label: str
    color: str


@dataclass(frozen=True, eq=False)
class FramePictures:
    """A frame's pictures, encoded: JPEG ``thumb`` and ``comp`` of the comp, JPEG ``plate``, RGBA PNG ``overlays``.

    JPEG ``difference`` is that of comp and plate as they are shown, `GAIN` times, on black. Frames of the contact sheet
    alone have a ``thumb`` only; ``plate`` and ``difference`` are also None where the plate's file is gone.
    """

    frame: int
    thumb: bytes
    comp: bytes | None = None
    plate: bytes | None = None
    overlays: Mapping[str, bytes] = field(default_factory=dict)
    difference: bytes | None = None

    @property
    def is_large(self) -> bool:
        """Whether the frame is among those of the wipe."""
        return self.comp is not None


def draw_wipe(pictures: Sequence[FramePictures], overlays: Sequence[Overlay], *, size: Size, start: int) -> str:
    """The wipe; it shows ``start`` first."""
    large = [picture for picture in pictures if picture.is_large]
    has_plate = any(picture.plate is not None for picture in large)
    shown = [overlay for overlay in overlays if any(overlay.part in picture.overlays for picture in large)]
    figures = "".join(_figure(picture, overlays, size=size, is_shown=picture.frame == start) for picture in large)
    tags = '<span class="tag left">plate</span><span class="tag right">comp</span><span class="handle"></span>'
    wipe = (
        '<label class="wipe">Wipe <input type="range" min="0" max="100" step="0.5" value="50" '
        'aria-label="Wipe: percent of the picture, from the left, that shows the plate"></label>'
    )
    gone = '<p class="note">The plate is not where it was when this report was made, so the comp alone is shown.</p>'
    return (
        f'<div class="viewer" style="--width:{size.width};--height:{size.height}">{_frame_choice(large, start)}'
        f'<div class="stage{"" if has_plate else " single"}">{figures}{tags if has_plate else ""}</div>'
        f'<div class="controls">{wipe if has_plate else gone}'
        f"{_layer_choice(shown, has_difference=has_plate)}</div></div>"
    )


def draw_contact_sheet(pictures: Iterable[FramePictures], *, reasons: Mapping[int, str]) -> str:
    """All pictures in order; ``reasons`` says of a frame why it is there, where it is not one of the evenly chosen."""
    items = []
    for picture in pictures:
        reason = reasons.get(picture.frame)
        said = f" <em>{escape(reason)}</em>" if reason else ""
        caption = f"<figcaption>{picture.frame}{said}</figcaption>"
        items.append(f"<li><figure>{draw_thumb(picture)}{caption}</figure></li>")
    return f'<ol class="sheet">{"".join(items)}</ol>'


def draw_thumb(picture: FramePictures) -> str:
    """The comp, small; a link to the wipe where the frame is one of those there."""
    image = f'<img src="{_uri(picture.thumb, "jpeg")}" alt="Comp, frame {picture.frame}" loading="lazy">'
    if not picture.is_large:
        return image
    return f'<a class="open" href="#compare" data-frame="{picture.frame}" title="Compare with the plate">{image}</a>'


def _figure(picture: FramePictures, overlays: Sequence[Overlay], *, size: Size, is_shown: bool) -> str:
    images = []
    where = f'width="{size.width}" height="{size.height}"'
    if picture.plate is not None:
        images.append(
            f'<img class="plate" src="{_uri(picture.plate, "jpeg")}" alt="Plate, frame {picture.frame}" {where}>'
        )
    if picture.comp is not None:
        images.append(
            f'<img class="comp" src="{_uri(picture.comp, "jpeg")}" alt="Comp, frame {picture.frame}" {where}>'
        )
    if picture.difference is not None:
        images.append(
            f'<img class="difference" hidden src="{_uri(picture.difference, "jpeg")}" '
            f'alt="Difference of comp and plate, frame {picture.frame}" {where}>'
        )
    for overlay in overlays:
        if overlay.part in picture.overlays:
            images.append(
                f'<img class="overlay" data-layer="{escape(overlay.part)}" hidden {where} '
                f'src="{_uri(picture.overlays[overlay.part], "png")}" '
                f'alt="{escape(overlay.label)}, frame {picture.frame}">'
            )
    hidden = "" if is_shown else " hidden"
    return f'<figure data-frame="{picture.frame}"{hidden}>{"".join(images)}</figure>'


def _frame_choice(pictures: Iterable[FramePictures], start: int) -> str:
    labels = "".join(
        f'<label><input type="radio" name="frame" value="{picture.frame}"'
        f"{' checked' if picture.frame == start else ''}><span>{picture.frame}</span></label>"
        for picture in pictures
    )
    return f'<fieldset class="choice"><legend>Frame</legend>{labels}</fieldset>'


def _layer_choice(overlays: Iterable[Overlay], *, has_difference: bool) -> str:
    labels = "".join(
        f'<label><input type="checkbox" value="{escape(overlay.part)}"><i style="background:{escape(overlay.color)}">'
        f"</i>{escape(overlay.label)}</label>"
        for overlay in overlays
    )
    # Two ways to do without the picture.
    apart = [("alone", "mattes alone")]
    if has_difference:
        apart.insert(0, ("difference", f"difference, {GAIN} times (black: the same)"))
    instead = "".join(f'<label><input type="checkbox" value="{value}">{text}</label>' for value, text in apart)
    return (
        f'<fieldset class="layers"><legend>Overlays</legend>{labels}</fieldset>'
        f'<fieldset class="layers"><legend>Instead of the picture</legend>{instead}</fieldset>'
    )


def _uri(data: bytes, kind: str) -> str:
    return f"data:image/{kind};base64,{base64.b64encode(data).decode('ascii')}"
