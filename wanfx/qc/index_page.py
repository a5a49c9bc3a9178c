"""The index of a folder of shots: one HTML page that needs nothing but itself, a row a shot.

It tells what the shots' own manifests and reports say; nothing is proven again. Whatever people may name is escaped.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from html import escape
from importlib.resources import files
from typing import Any
from urllib.parse import quote

from wanfx.frames import FrameRange
from wanfx.qc.page import POLICY
from wanfx.qc.page_findings import Finding

GENERATOR = '<meta name="generator" content="wanfx index">'
"""By this an index is known to be one, and may be drawn again."""
_WORST = 3


@dataclass(frozen=True)
class ShotRow:
    """The newest version of a shot. ``link`` is its report's POSIX path from the index, "" where there is none.

    ``why_none`` says why there is no ``manifest``. ``thumb`` is a JPEG, None where no frame could be read; ``seconds``
    is what the run took.
    """

    name: str
    version: str
    link: str
    manifest: Mapping[str, Any] | None = None
    why_none: str = ""
    thumb: bytes | None = None
    findings: Sequence[Finding] = field(default=())
    warnings: int = 0
    seconds: float | None = None

    @property
    def broken(self) -> list[str]:
        """The promises that were broken when the shot was made."""
        promises = () if self.manifest is None else self.manifest["promises"]
        return [str(promise["name"]) for promise in promises if promise["state"] == "broken"]


def draw_index(rows: Sequence[ShotRow], *, title: str) -> str:
    """The page as HTML: shots without a delivery and with broken promises first, then by name."""
    ordered = sorted(rows, key=lambda row: (row.manifest is not None, not row.broken, row.name))
    head = "".join(
        f'<th scope="col">{text}</th>' for text in ("Shot", "Promises", "Worth a look", "Frames", "Made by", "Time")
    )
    body = "".join(_row(row) for row in ordered)
    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{escape(POLICY)}">{GENERATOR}'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f'<meta name="color-scheme" content="light dark"><title>{escape(title)}, shots</title>\n'
        f"<style>\n{files('wanfx.qc').joinpath('page.css').read_text(encoding='utf-8')}</style></head>\n"
        f"<body><header><h1>{escape(title)}</h1>{_status(rows)}</header><main><section>"
        '<p class="note">Promises are as they were proven when each shot was made; <code>wanfx verify</code> '
        "proves them again. A shot's name opens its report, which lies in its own folder.</p>"
        f'<div class="scroll"><table class="index"><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>'
        "</section></main></body></html>\n"
    )


def _status(rows: Sequence[ShotRow]) -> str:
    """The folder in four figures."""
    there = [row for row in rows if row.manifest is not None]
    broken = sum(bool(row.broken) for row in there)
    frames = sum(len(FrameRange.parse(row.manifest["frames"])) for row in there if row.manifest is not None)
    drafts = sum(row.manifest["quality"] != "final" for row in there if row.manifest is not None)
    figures = [
        ("Shots", f"{len(rows)}" + (f", {len(rows) - len(there)} without a delivery" if len(there) < len(rows) else ""),
         "fair" if len(there) < len(rows) else ""),
        ("Promises", f"BROKEN in {broken}" if broken else "held in all", "bad" if broken else "good"),
        ("Not final", str(drafts), "fair" if drafts else "good"),
        ("Frames", str(frames), ""),
    ]  # fmt: skip
    cells = "".join(
        f'<li class="{kind}"><p><span>{label}</span><b>{escape(text)}</b></p></li>' for label, text, kind in figures
    )
    return f'<ul class="status">{cells}</ul>'


def _row(row: ShotRow) -> str:
    manifest = row.manifest
    name = f"<b>{escape(row.name)}</b>"
    if row.link:
        name = f'<a href="{escape(quote(row.link))}">{name}</a>'
    thumb = ""
    if row.thumb is not None:
        data = base64.b64encode(row.thumb).decode("ascii")
        thumb = f'<img src="data:image/jpeg;base64,{data}" alt="Comp of {escape(row.name)}" loading="lazy">'
    if manifest is None:
        said = f'<td colspan="5"><span class="state broken">✕ no delivery</span> {escape(row.why_none)}</td>'
        return f"<tr>{_first_cell(thumb, name, row.version)}{said}</tr>"
    quality = str(manifest["quality"])
    badge = f'<span class="badge {"final" if quality == "final" else "unfinished"}">{escape(quality)}</span>'
    seconds = "" if row.seconds is None else f"{row.seconds:.0f} s"
    return (
        f"<tr>{_first_cell(thumb, name, row.version, badge=badge)}<td>{_promises(manifest)}</td>"
        f"<td>{_worst(row)}</td><td>{escape(str(manifest['frames']))}</td>"
        f"<td>{escape(str(manifest['backend']))}<small>{escape(str(manifest['task']))}</small></td>"
        f'<td class="number">{seconds}</td></tr>'
    )


def _first_cell(thumb: str, name: str, version: str, *, badge: str = "") -> str:
    return (
        f'<th scope="row"><div class="shot">{thumb}<div>{name}<small>{escape(version)}</small>{badge}</div></div></th>'
    )


def _promises(manifest: Mapping[str, Any]) -> str:
    states = [(str(promise["name"]), str(promise["state"])) for promise in manifest["promises"]]
    broken = [name for name, state in states if state == "broken"]
    apart = [name for name, state in states if state == "not-applicable"]
    said = f"<small>not applicable: {escape(', '.join(apart))}</small>" if apart else ""
    if broken:
        return f'<span class="state broken">✕ broken</span> {escape(", ".join(broken))}{said}'
    held = sum(state == "held" for _name, state in states)
    return f'<span class="state held">✓ {held} held</span>{said}'


def _worst(row: ShotRow) -> str:
    """The worst of different kinds, each with its frames; the page of the shot has them all."""
    kinds: dict[str, list[Finding]] = {}
    for finding in row.findings:
        kinds.setdefault(finding.title, []).append(finding)
    items = []
    for title, found in list(kinds.items())[:_WORST]:
        frames = ", ".join(escape(finding.frames) for finding in found)
        about = escape(found[0].detail)
        items.append(f"<li>{escape(title[:1].upper() + title[1:])} <b>{frames}</b><small>{about}</small></li>")
    more = len(kinds) - len(items)
    rest = [f"{more} more"] if more > 0 else []
    rest += [f"{row.warnings} warning{'' if row.warnings == 1 else 's'} of the run"] if row.warnings else []
    tail = f"<small>and {' and '.join(rest)}</small>" if rest else ""
    return f'<ul class="worst">{"".join(items)}</ul>{tail}' if items else f"nothing stands out{tail}"
