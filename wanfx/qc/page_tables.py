"""The report's tables: promises, stages, models, options, facts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from html import escape
from typing import Any

from wanfx.frames import FrameRange
from wanfx.options import specs

_PROMISES = {
    "plate-integrity": "Where nothing is edited, the comp is the plate, bit for bit.",
    "frame-lock": "One frame for every frame of the plate: same number, timecode and rate.",
    "scene-linear": "Scene-linear and unclamped, stored without loss.",
    "native-size": "The plate's own size, windows and pixel aspect.",
    "plate-anchored-color": "Outside the edit the generated picture has the plate's colour.",
    "two-mattes": "Old subject and new character have mattes of their own, and the layers make the comp again.",
    "nothing-lost": "Every file is there, as it was made.",
    "provenance": "Every frame says what made it.",
}
_STATES = {"held": "✓ held", "broken": "✕ broken", "not-applicable": "– not applicable"}


def promise_rows(manifest: Mapping[str, Any]) -> str:
    """Every promise, its state and its evidence."""
    rows = []
    for promise in manifest["promises"]:
        name, state = str(promise["name"]), str(promise["state"])
        about = escape(_PROMISES.get(name, ""))
        rows.append(
            f'<tr><th scope="row">{escape(name)}<small>{about}</small></th>'
            f'<td><span class="state {escape(state)}">{escape(_STATES.get(state, state))}</span></td>'
            f"<td>{escape(str(promise['evidence']))}</td></tr>"
        )
    return _table(("Promise", "State", "Evidence"), rows, kind="promises")


def stage_rows(timings: Mapping[str, Any]) -> str:
    """Every stage of the run with its share of the time."""
    stages = [stage for stage in timings.get("stages", ()) if stage["stage"] != "report"]
    longest = max((stage["seconds"] for stage in stages), default=0.0) or 1.0
    rows = []
    for stage in stages:
        units = [f"{stage[kind]} {kind}" for kind in ("made", "reused") if stage[kind]]
        width = 100 * stage["seconds"] / longest
        rows.append(
            f'<tr><th scope="row">{escape(stage["stage"])}</th><td class="number">{stage["seconds"]:.1f} s</td>'
            f'<td class="bar"><span style="width:{width:.1f}%"></span></td><td>{escape(", ".join(units))}</td></tr>'
        )
    return _table(("Stage", "Time", "", "Units"), rows, kind="stages")


def model_rows(manifest: Mapping[str, Any]) -> str:
    """Every model with its revision, licence and hash."""
    rows = [
        f'<tr><th scope="row">{escape(str(model["name"]))}</th><td>{escape(str(model["revision"]))}</td>'
        f'<td>{escape(str(model["licence"]))}</td><td class="hash">{escape(str(model["sha256"]) or "no weights")}</td>'
        "</tr>"
        for model in manifest["models"]
    ]
    return _table(("Model", "Revision", "Licence", "SHA-256"), rows, kind="models")


def option_rows(manifest: Mapping[str, Any]) -> str:
    """The options that somebody set, and where."""
    known = {spec.key: spec for spec in specs()}
    rows = []
    # A manifest that was written and read has its keys sorted; people know the options by stage.
    order = {key: index for index, key in enumerate(known)}
    for key in sorted(manifest["options"], key=lambda key: (order.get(key, len(order)), key)):
        option = manifest["options"][key]
        if option["from"] == "default":
            continue
        spec = known.get(key)
        default, about = ("", "") if spec is None else (_value(spec.default), spec.knob.help)
        rows.append(
            f'<tr><th scope="row">{escape(key)}<small>{escape(about)}</small></th>'
            f"<td>{escape(_value(option['value']))}</td><td>{escape(default)}</td><td>{escape(option['from'])}</td></tr>"
        )
    if not rows:
        return "<p>All options are at their defaults.</p>"
    return _table(("Option", "Value", "Default", "Set by"), rows, kind="options")


def warning_list(timings: Mapping[str, Any]) -> str:
    """What the run warned of; the same text at several frames is one line."""
    frames: dict[tuple[str, str], list[int]] = {}
    for warning in timings.get("warnings", ()):
        there = frames.setdefault((warning["stage"], warning["text"]), [])
        if warning["frame"] is not None:
            there.append(warning["frame"])
    items = [
        f"<li><b>{escape(stage)}</b> {escape(text)}{escape(_at(there))}</li>" for (stage, text), there in frames.items()
    ]
    return f'<ul class="warnings">{"".join(items)}</ul>' if items else "<p>Nothing.</p>"


def fact_list(manifest: Mapping[str, Any], *, view: str) -> str:
    """What was made of what, as a definition list."""
    plate, color, space = manifest["plate"], manifest["color"], manifest["color"]["model_space"]
    frames = FrameRange.parse(manifest["frames"])
    facts_of = manifest["frame_facts"]
    times = [time for frame in sorted(facts_of, key=int) if (time := facts_of[frame]["timecode"])]
    character, world = manifest.get("character"), manifest.get("world")
    facts = {
        "Frames": f"{frames} ({len(frames)} frames), cut {manifest['cut']}, {_rate(plate['fps'])} frames/s",
        "Timecode": f"{times[0]} to {times[-1]}" if times else "none",
        "Plate": f"{plate['source']}, {plate['size'][0]} x {plate['size'][1]}, pixel aspect {plate['pixel_aspect']:g}, "
        f"{plate['source_colorspace']} (said by {plate['source_colorspace_from']})",
        "Comp": f"{manifest['comp']['pattern']}, {manifest['comp']['colorspace']}, {plate['pixel_type']}",
        "Task": f"{manifest['task']} by {manifest['backend']}, seed {manifest['seed']}",
        "Subjects": ", ".join(str(subject["name"]) for subject in manifest["subjects"]),
        "Character": "" if character is None else str(character["kind"]),
        "New background": "" if world is None else _light(world["exposure_stops"]),
        "Model space": f"{space['name']}, exposure {space['exposure_stops']:g} stops, ceiling "
        f"{space['ceiling_linear']:g} linear",
        "Shown through": view,
        "OCIO config": f"{color['config']} ({color['config_sha256'][:12]})",
        "Consent": _value(manifest["consent"].get("record", "")) or "no record",
        "Made by": f"wanfx {manifest['wanfx']}",
    }
    return "".join(f"<dt>{escape(name)}</dt><dd>{escape(text)}</dd>" for name, text in facts.items() if text)


def _light(stops: float) -> str:
    if not stops:
        return "its light as it was given"
    return f"its light changed by {stops:+.2f} stops, as the plate's (condition.world_exposure)"


def _at(frames: Sequence[int]) -> str:
    if not frames:
        return ""
    shown = ", ".join(map(str, frames[:12])) + (f" and {len(frames) - 12} more" if len(frames) > 12 else "")
    return f" (frame{'s' if len(frames) > 1 else ''} {shown})"


def _rate(fps: str) -> str:
    over, _, under = fps.partition("/")
    return f"{int(over) / int(under or 1):.5g}"


def _value(value: Any) -> str:
    if value is None:
        return "not set"
    if isinstance(value, bool):
        return "on" if value else "off"
    return f"{value:g}" if isinstance(value, float) else str(value)


def _table(titles: Iterable[str], rows: Iterable[str], *, kind: str) -> str:
    head = "".join(f'<th scope="col">{escape(title)}</th>' for title in titles)
    body = f"<thead><tr>{head}</tr></thead><tbody>{''.join(rows)}</tbody>"
    return f'<div class="scroll"><table class="{kind}">{body}</table></div>'
