"""The report: one HTML page that needs nothing but itself, drawn from manifest, measures, timings and pictures.

Whatever a shot or an artist may name is escaped. The same input gives the same page.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from importlib.resources import files
from typing import Any

from wanfx.frames import FrameRange, Size
from wanfx.qc import page_tables
from wanfx.qc.measures import BESIDE, GROUPS, SPECS, MeasureSpec, Row, find_spec, series
from wanfx.qc.page_findings import Finding, bad_limit, degraded, number
from wanfx.qc.page_pictures import FramePictures, Overlay, draw_contact_sheet, draw_thumb, draw_wipe
from wanfx.qc.plots import draw_plot

FINDINGS_SHOWN = 24
POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'unsafe-inline'"
_QUALITIES = {
    "draft": "This is a draft. It was made without a video model, to show framing, timing, mattes and colour. "
    "The character's pixels are not final.",
    "preview": "This is a preview. It was made in fewer steps than a final.",
    "fast": "This was made with the fast settings, in fewer steps than a final.",
}


@dataclass(frozen=True)
class PageContent:
    """All that a page shows. ``version`` is the version's name; ``pictures`` are in order, their large ones ``size``;
    ``timings`` is what ``run.json`` holds; ``view`` says through what the pictures are shown."""

    version: str
    manifest: Mapping[str, Any]
    rows: Sequence[Row]
    timings: Mapping[str, Any]
    findings: Sequence[Finding]
    pictures: Sequence[FramePictures]
    overlays: Sequence[Overlay]
    size: Size
    view: str


def draw_page(content: PageContent) -> str:
    """The page as HTML."""
    manifest = content.manifest
    title = f"{manifest['shot']} {content.version}, {manifest['quality']}"
    sections = [
        _section("look", "Look here first", _findings(content)),
        _section("compare", "Plate and comp", _wipe(content)),
        _section("sheet", "Contact sheet", _sheet(content)),
        _section("promises", "Promises", page_tables.promise_rows(manifest)),
        _section("plots", "Over the shot", _plots(content)),
        _section("warnings", "Warnings of the run", page_tables.warning_list(content.timings)),
        _section("options", "Options that were set", page_tables.option_rows(manifest)),
        _section("models", "Models", page_tables.model_rows(manifest)),
        _section("stages", "Time by stage", page_tables.stage_rows(content.timings)),
    ]
    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{escape(POLICY)}">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f'<meta name="color-scheme" content="light dark"><title>{escape(title)}</title>\n'
        f"<style>\n{_asset('page.css')}</style></head>\n<body>{_header(content)}<main>\n"
        f"{''.join(sections)}</main>\n<script>\n{_asset('page.js')}</script></body></html>\n"
    )


def _asset(name: str) -> str:
    return files("wanfx.qc").joinpath(name).read_text(encoding="utf-8")


def _section(name: str, title: str, body: str) -> str:
    return f'<section id="{name}" aria-labelledby="{name}-title"><h2 id="{name}-title">{title}</h2>{body}</section>\n'


def _header(content: PageContent) -> str:
    manifest = content.manifest
    quality = str(manifest["quality"])
    badge = f'<span class="badge {"final" if quality == "final" else "unfinished"}">{escape(quality)}</span>'
    notice = f'<p class="notice" role="note">{escape(_QUALITIES[quality])}</p>' if quality in _QUALITIES else ""
    where = " / ".join(escape(str(manifest[key])) for key in ("show", "seq") if manifest.get(key))
    links = {"look": "Look here", "compare": "Compare", "sheet": "Contact sheet", "promises": "Promises",
             "plots": "Plots", "warnings": "Warnings", "options": "Options", "models": "Models",
             "stages": "Time"}  # fmt: skip
    nav = "".join(f'<a href="#{name}">{text}</a>' for name, text in links.items())
    return (
        f"<header><p class='where'>{where}</p><h1>{escape(str(manifest['shot']))} "
        f"<span>{escape(content.version)}</span> {badge}</h1>{notice}{_status(content)}"
        f'<dl class="facts">{page_tables.fact_list(manifest, view=content.view)}</dl>'
        f'<nav aria-label="Sections">{nav}</nav></header>'
    )


def _status(content: PageContent) -> str:
    """The run in four figures."""
    manifest = content.manifest
    states = [promise["state"] for promise in manifest["promises"]]
    broken, apart = states.count("broken"), states.count("not-applicable")
    held = f"{states.count('held')} of {len(states) - apart} held"
    promises = f"{broken} BROKEN, {held}" if broken else held
    seconds = content.timings.get("seconds")
    worth = len(content.findings) + len(degraded(manifest))
    figures = [
        ("promises", "Promises", promises, "bad" if broken else "good"),
        ("look", "Worth a look", str(worth), "fair" if worth else "good"),
        ("warnings", "Warnings", str(len(content.timings.get("warnings", ()))), ""),
        ("stages", "Time of the run", "unknown" if seconds is None else f"{seconds:.1f} s", ""),
    ]
    cells = "".join(
        f'<li class="{kind}"><a href="#{name}"><span>{label}</span><b>{escape(text)}</b></a></li>'
        for name, label, text, kind in figures
    )
    return f'<ul class="status">{cells}</ul>'


def _findings(content: PageContent) -> str:
    said = "".join(f"<li>{escape(text)}</li>" for text in degraded(content.manifest))
    notes = f'<ul class="degraded">{said}</ul>' if said else ""
    if not content.findings:
        return f"{notes}<p>No measure of a frame is out of its limits, and none was painted, held or missing.</p>"
    thumbs = {picture.frame: picture for picture in content.pictures}
    items = []
    for finding in content.findings[:FINDINGS_SHOWN]:
        picture = thumbs.get(finding.frame)
        thumb = "" if picture is None else draw_thumb(picture)
        items.append(
            f"<li>{thumb}<div><h3>{escape(finding.title[:1].upper() + finding.title[1:])}</h3>"
            f'<p class="at">{escape(finding.frames)}</p><p>{escape(finding.detail)}</p></div></li>'
        )
    more = len(content.findings) - len(items)
    rest = f"<p>And {more} less weighty; see the plots.</p>" if more > 0 else ""
    return f'{notes}<ol class="findings">{"".join(items)}</ol>{rest}'


def _wipe(content: PageContent) -> str:
    large = [picture.frame for picture in content.pictures if picture.is_large]
    if not large:
        return "<p>No frame could be shown.</p>"
    start = next((finding.frame for finding in content.findings if finding.frame in large), large[len(large) // 2])
    return draw_wipe(content.pictures, content.overlays, size=content.size, start=start)


def _sheet(content: PageContent) -> str:
    reasons: dict[int, str] = {}
    for finding in content.findings:
        reasons.setdefault(finding.frame, finding.title)
    return draw_contact_sheet(content.pictures, reasons=reasons)


def _plots(content: PageContent) -> str:
    """A plot of every measure, by group; those that are the same in every frame need no more than a line of text."""
    frames = FrameRange.parse(content.manifest["frames"])
    found = series(content.rows)
    groups: dict[str, list[str]] = {group: [] for group in GROUPS}
    constant = []
    for name, values in found.items():
        spec = find_spec(name)
        beside = found.get(spec.beside)
        if BESIDE.get(name) in found:
            continue
        if _is_constant(values) and _is_constant(beside or {}):
            constant.append(_same(spec, values, beside))
        else:
            limit = bad_limit(spec, values)
            plot = draw_plot(spec, values, frames=(frames.first, frames.last), limit=limit, beside=beside)
            groups[spec.group].append(plot)
    drawn = "".join(
        f'<h3>{escape(group)}</h3><div class="plots">{"".join(plots)}</div>' for group, plots in groups.items() if plots
    )
    same = f'<h3>The same in every frame</h3><ul class="constant">{"".join(constant)}</ul>' if constant else ""
    about = '<p class="note">Point at a plot, or move along it with the arrow keys, to read it. Dashed: the limit.</p>'
    return (about + drawn + same if drawn or same else "<p>Nothing was measured.</p>") + _absent(found)


def _is_constant(values: Mapping[int, float]) -> bool:
    return not values or min(values.values()) == max(values.values())


def _same(spec: MeasureSpec, values: Mapping[int, float], beside: Mapping[int, float] | None) -> str:
    text = f"{escape(spec.label)}: <b>{number(values[min(values)])}</b> {escape(spec.unit)}"
    if beside:
        text += f", {escape(spec.beside_label)} <b>{number(beside[min(beside)])}</b>"
    return f"<li>{text}</li>"


def _absent(found: Mapping[str, Mapping[int, float]]) -> str:
    """What does not apply to this shot, and why, so that nobody looks for it."""
    items = "".join(
        f"<li>{escape(spec.label)}: {escape(spec.absent)}</li>"
        for spec in SPECS if spec.absent and spec.name not in found
    )  # fmt: skip
    return f'<h3>Not applicable, or not measured</h3><ul class="constant absent">{items}</ul>' if items else ""
