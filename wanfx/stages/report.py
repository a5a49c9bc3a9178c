"""report: Delivery, measures -> ``report/index.html``, one page of pictures, plots and proofs; and ``measures.jsonl``.

The page is drawn from what is in the version's folder alone (manifest, measures, timings, pictures), so it can be made
again. It holds timings, so like ``run.json`` it is not among the manifest's files.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from wanfx.delivery import Version
from wanfx.errors import InputError
from wanfx.io.atomic import write_text
from wanfx.manifest import find_faults, read_manifest
from wanfx.qc.measures import FRAME, Row, read_measures, write_measures
from wanfx.qc.page import PageContent, draw_page
from wanfx.qc.page_findings import Finding, find_findings
from wanfx.stages.comp_frame import FinishInputs
from wanfx.stages.context import RunContext
from wanfx.stages.finish import Finished
from wanfx.stages.matte import Tracked
from wanfx.stages.measured import gather_measures, told_of
from wanfx.stages.report_pictures import PictureReader, overlays_of
from wanfx_color.configs import ColorConfig, load_config

STAGE = "report"
_EVENLY, _WORST = 12, 8
_LARGE = 8


def run_report(
    run: RunContext, tracked: Tracked, finished: Finished, inputs: FinishInputs, *,
    manifest: Mapping[str, Any], timings: Mapping[str, Any], seen: Mapping[int, Mapping[str, float]],
) -> Path:  # fmt: skip
    """Write the measures and the page; its path.

    ``timings`` is what ``run.json`` will hold, ``seen`` what verify measured of the frames.
    """
    told = {int(frame): told_of(fact) for frame, fact in manifest["frame_facts"].items()}
    rows = gather_measures(run, tracked, finished, inputs, told=told, seen=seen, earlier=_earlier(run))
    return write_report(run, rows, manifest=manifest, timings=timings)


def write_report(
    run: RunContext, rows: Sequence[Row], *, manifest: Mapping[str, Any], timings: Mapping[str, Any]
) -> Path:
    """Write measures and page from the frames' ``rows``; the page's path."""
    write_measures(run.version.measures, rows)
    findings = find_findings(manifest, rows)
    frames, large = choose_pictures([row[FRAME] for row in rows], findings)
    with run.stage(STAGE, units=len(frames)) as progress:
        _draw(run.version, manifest, rows, timings, findings, frames, large, color=run.color, on_frame=progress.step)
    return run.version.report


def redraw_report(folder: Path, *, color: ColorConfig | None = None) -> Path:
    """Make the page of a delivery again, from what is in its ``folder``; its path.

    Raises InputError where manifest, measures or timings are missing or broken, and FrameReadError for comp frames.
    """
    version = Version(folder)
    manifest = read_manifest(version.manifest)
    if faults := find_faults(manifest):
        raise InputError("; ".join(faults), path=version.manifest, remedy="copy the delivery again")
    try:
        rows = read_measures(version.measures)
        timings = json.loads(version.timings.read_text(encoding="utf-8"))
        if not isinstance(timings, dict):
            raise ValueError("run.json is no table")
    except OSError as error:
        what = f"cannot be drawn again: {error.strerror}"
        raise InputError(what, path=error.filename or folder, remedy="copy the delivery again") from error
    except ValueError as error:
        raise InputError(f"cannot be drawn again: {error}", path=folder, remedy="copy the delivery again") from error
    findings = find_findings(manifest, rows)
    frames, large = choose_pictures([row[FRAME] for row in rows], findings)
    _draw(version, manifest, rows, timings, findings, frames, large, color=color or load_config())
    return version.report


def choose_pictures(frames: Sequence[int], findings: Sequence[Finding]) -> tuple[list[int], set[int]]:
    """The frames that are shown, in order, and those among them that are shown large: the worst and evenly chosen ones.

    >>> choose_pictures([1, 2, 3], [])
    ([1, 2, 3], {1, 2, 3})
    """
    there = set(frames)
    worst = list(dict.fromkeys(finding.frame for finding in findings if finding.frame in there))[:_WORST]
    evenly = _evenly(frames, _EVENLY)
    few = worst[: _LARGE // 2]
    large = {*few, *_evenly(frames, _LARGE - len(few))}
    return sorted({*evenly, *worst, *large}), large


def _evenly(frames: Sequence[int], count: int) -> list[int]:
    """``count`` frames from the first to the last, or all where there are no more."""
    if len(frames) <= count:
        return list(frames)
    return [frames[round(index * (len(frames) - 1) / (count - 1))] for index in range(count)]


def _draw(
    version: Version, manifest: Mapping[str, Any], rows: Sequence[Row], timings: Mapping[str, Any],
    findings: Sequence[Finding], frames: Iterable[int], large: Iterable[int], *, color: ColorConfig,
    on_frame: Callable[[int], None] = lambda _frame: None,
) -> None:  # fmt: skip
    reader = PictureReader(version.folder, manifest, color=color)
    pictures = reader.read(frames, large=large, on_frame=on_frame)
    content = PageContent(
        version=version.name, manifest=manifest, rows=rows, timings=timings, findings=findings, pictures=pictures,
        overlays=overlays_of(manifest), size=reader.size, view=reader.view,
    )  # fmt: skip
    write_text(version.report, draw_page(content))


def _earlier(run: RunContext) -> dict[int, Row]:
    """The rows of the last version, whose frames may have been copied."""
    last = run.folder.latest_complete()
    if last is None or not last.measures.is_file():
        return {}
    try:
        return {row[FRAME]: row for row in read_measures(last.measures)}
    except InputError as error:
        run.warn(STAGE, f"{last.name}'s measures cannot be read, so copied frames have none: {error.what}")
        return {}
