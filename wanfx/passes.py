"""Several subjects: one pass each, back to front, every one on what the pass before made.

All mattes are found on the shot's own plate, together. A pass is then a shot of one subject, with that matte as its
roto, in a folder of its own (``work/passes/<subject>``), made as any other is; so it is resumed, kept and checked as
any other, and a change of the front subject leaves the others' passes alone. docs/decisions/several-people.md has more.
"""

from __future__ import annotations

import os
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from wanfx.clean_pass import with_clean_pass
from wanfx.delivery import ShotFolder
from wanfx.errors import ShotError
from wanfx.frames import FrameRange
from wanfx.images import FramePattern, Matte
from wanfx.make_union import unite_manifest
from wanfx.names import character_folder, fill_template, slug
from wanfx.ops.matting import check_method
from wanfx.pass_versions import frames_to_make, open_passes, passes_folder, prune_passes
from wanfx.pipeline import choose_frames, make_delivery
from wanfx.plan import check_disk, plan_run
from wanfx.qc.measures import FRAME, NOTES, Row, join_rows, read_measures
from wanfx.qc.promises import Promise
from wanfx.qc.verify import Checked
from wanfx.sealing import LastVersion, Outcome, check_range, is_up_to_date, read_last, seal_version
from wanfx.shot import PlateInput, Shot, SubjectInput
from wanfx.stages.asked import check_task
from wanfx.stages.context import RunContext
from wanfx.stages.crypto import check_crypto_names, run_crypto
from wanfx.stages.deliver import deliver_mattes, remove_unlisted
from wanfx.stages.finish import Finished
from wanfx.stages.ingest import Anchor, Ingested, find_keys, open_plate, run_ingest, shot_frames
from wanfx.stages.inputs import check_inputs
from wanfx.stages.matte import Tracked, run_matte, subjects_of
from wanfx.stages.measured import ROTO_NOTE
from wanfx.stages.refine import Refined, adopt_painted, run_refine
from wanfx.stages.report import write_report
from wanfx.stages.review import run_review
from wanfx.stages.unite import STAGE as UNITE
from wanfx.stages.unite import Pass, run_unite, unite_key

# A pass is looked at in the shot's own movie and Cryptomattes, and its matte is what it is.
_OF_A_PASS: Mapping[str, Any] = {
    "review.codec": "none", "deliver.cryptomatte": "off", "deliver.name": "{shot}", "matte.grow_px": 0.0,
    "matte.soften_px": 0.0, "matte.gamma": 1.0,
}  # fmt: skip


@dataclass(frozen=True)
class _Asked:
    """The frames that are to change, the last delivery, and the version of a pass that it was made of."""

    frames: FrameRange
    last: LastVersion | None
    sealed: LastVersion | None
    is_front: bool

    @property
    def delivered(self) -> FrameRange | None:
        return None if self.last is None else FrameRange.parse(self.last.manifest["frames"])


def deliver_shot(run: RunContext, *, frames: FrameRange | None) -> Outcome:
    """Make the delivery of a shot of one subject or of several. Raises as `make_delivery` does."""
    run = with_clean_pass(run, is_range=frames is not None)
    if len(subjects_of(run.shot)) == 1:
        last = read_last(run.folder)
        outcome = make_delivery(run, frames=frames)
        prune_passes(run.work, outcome.manifest, before=last)
        return outcome
    return _make_passes(run, frames=frames)


def _make_passes(run: RunContext, *, frames: FrameRange | None) -> Outcome:
    _check_subjects(run)
    started = time.time()
    source = open_plate(run.shot, run.options, color=run.color)
    whole = shot_frames(run.shot, source)
    wanted, last = choose_frames(whole, frames), read_last(run.folder)
    sealed = open_passes(run.work, last, names=[slug(subject.name) for subject in run.shot.subjects])
    check_range(wanted, last)
    check_crypto_names(run.shot, run.options)
    for subject in run.shot.subjects:
        check_inputs(replace(run.shot, reference=subject.reference or run.shot.reference), source, frames=whole,
                     color=run.color)  # fmt: skip
    check_method(run.options.refine.method)
    expected = wanted if len(sealed) == len(run.shot.subjects) else whole
    plan = plan_run(source, run.options, frames=expected, out=run.folder.root, task=run.shot.task)
    plan = plan.for_passes(len(run.shot.subjects))
    check_disk(plan, folder=run.folder)
    ingested = run_ingest(run, source)
    found = [(tracked, run_refine(run, ingested, tracked)) for tracked in run_matte(run, ingested)]
    passes: list[Pass] = []
    for tracked, refined in found:
        is_front = len(passes) == len(found) - 1
        asked = None if frames is None else _Asked(frames, last, sealed.get(tracked.name), is_front)
        passes.append(_make_pass(run, ingested, tracked, refined, behind=passes, asked=asked))
    keys = {frame: unite_key(passes, ingested, frame=frame) for frame in passes[-1].frames}
    if last is not None and not run.fresh and is_up_to_date(run, last, keys):
        prune_passes(run.work, last.manifest, before=None)
        return Outcome(last.version, last.manifest, [Promise(**p) for p in last.manifest["promises"]], is_new=False)
    name = _file_name(run, passes, ingested)
    quality = str(passes[-1].manifest["quality"])
    finished = run_unite(run, ingested, passes, pattern=run.version.comp(name), quality=quality)
    outcome = _seal(run, ingested, passes, [refined for _, refined in found], finished, name=name, started=started)
    prune_passes(run.work, outcome.manifest, before=last)
    return outcome


def _check_subjects(run: RunContext) -> None:
    check_task(run.shot, run.options)
    if run.shot.task != "replace":
        raise ShotError(
            f"task {run.shot.task!r} takes one subject", key="subjects[1]",
            remedy="make one shot file a subject, or use task replace",
        )  # fmt: skip
    for index, subject in enumerate(run.shot.subjects):
        if subject.reference is None and run.shot.reference is None:
            raise ShotError(
                "is missing: nothing says who takes this subject's place", key=f"subjects[{index}].reference",
                remedy="add reference = a picture",
            )  # fmt: skip


def _make_pass(
    run: RunContext, ingested: Ingested, tracked: Tracked, refined: Refined, *, behind: Sequence[Pass],
    asked: _Asked | None,
) -> Pass:  # fmt: skip
    """One subject's pass on the plate, or on what the last of those ``behind`` made."""
    plate, folder = ingested.plate, passes_folder(run.work) / tracked.name
    folder.mkdir(parents=True, exist_ok=True)
    own = ShotFolder.of(folder, shot=run.shot.name)
    comp = behind[-1].comp if behind else plate.pattern
    subject = SubjectInput(name=tracked.subject.name, matte=_path(refined.matte.pattern, folder))
    reference = tracked.subject.reference or run.shot.reference
    shot = replace(
        run.shot, subjects=(subject,), reference=None if reference is None else _moved(reference, run.shot, folder),
        plate=PlateInput(_path(comp, folder), colorspace=plate.color_space, fps=str(plate.fps)),
        frames=str(plate.frames), folder=folder,
    )  # fmt: skip
    # The plate's extra channels are in the first pass's comps; those of a comp are no plate's.
    more = {"finish.plate_channels": "drop"} if behind else {}
    options = run.options.with_values({**_OF_A_PASS, **more}, source="flag")
    one = replace(run, shot=shot, options=options, folder=own, version=own.in_progress())
    painted = character_folder(tracked.name)
    adopt_painted(run, painted, to=FramePattern(str(one.work / "matte" / painted / f"{painted}.####.exr")), plate=plate)
    first = plate.frames.first
    anchor = Anchor(ingested.keys[first], ingested.facts[first]) if behind else None
    frames = None if asked is None else _choose_frames(one, asked, plate.frames, anchor=anchor)
    made = make_delivery(one, frames=frames, anchor=anchor)
    return Pass(tracked.name, tracked.layer, made.version, made.manifest, tracked.confidence)


def _choose_frames(one: RunContext, asked: _Asked, whole: FrameRange, *, anchor: Anchor | None) -> FrameRange | None:
    """The frames of a pass that are made where some are asked for; None is the whole shot."""
    sealed, changed = asked.sealed, set[int]()
    # A plate of the user's own that has changed is refused, as with one subject.
    if sealed is not None and anchor is not None:
        keys = find_keys(one, open_plate(one.shot, one.options, color=one.color), anchor=anchor)
        changed = {frame for frame, fact in sealed.copied().facts.items() if fact["plate_key"] != keys.get(frame)}
        # Those after the range that the pass behind was dissolved in are dissolved in this one, too.
        retake = sealed.plan_retake(one.options, whole, asked=asked.frames, warn=lambda _text: None)
        changed -= set(() if retake is None else retake.made)
    made = frames_to_make(
        asked.frames, whole, delivered=asked.delivered, is_front=asked.is_front, sealed=sealed, changed=changed
    )
    if made != asked.frames and asked.delivered is not None:
        why = "there is no pass that the last delivery was made of" if sealed is None else "what is behind has changed"
        one.warn(UNITE, f"{one.shot.subjects[0].name}: {made} are made again, not {asked.frames} alone: {why}")
    return None if made == whole else made


def _path(pattern: FramePattern, folder: Path) -> str:
    return os.path.relpath(Path(pattern.text).absolute(), folder.absolute())


def _moved(reference: Any, shot: Shot, folder: Path) -> Any:
    """A reference with its paths from ``folder``: a pass has one of its own."""
    named = {name: getattr(reference, name) for name in ("path", "matte", "pose")}
    found = {
        name: None if path is None else os.path.relpath(Path(shot.resolve(path)).absolute(), folder.absolute())
        for name, path in named.items()
    }
    others = tuple(_moved(other, shot, folder) for other in getattr(reference, "others", ()))
    return replace(reference, **found, **({"others": others} if others else {}))


def _file_name(run: RunContext, passes: Sequence[Pass], ingested: Ingested) -> str:
    shot = run.shot
    fields = {
        "show": shot.show, "seq": shot.seq, "shot": shot.name, "task": shot.task, "version": run.version.name,
        "quality": str(passes[-1].manifest["quality"]), "colorspace": ingested.plate.color_space,
    }  # fmt: skip
    return fill_template(run.options.deliver.name, fields=fields, key="deliver.name")


def _seal(
    run: RunContext, ingested: Ingested, passes: Sequence[Pass], refined: Sequence[Refined], finished: Finished, *,
    name: str, started: float,
) -> Outcome:  # fmt: skip
    """Mattes, Cryptomattes, review movie, promises, report and manifest."""
    mattes = [matte for one, alpha in zip(passes, refined, strict=True) for matte in (alpha.matte, _new_matte(one))]
    files = deliver_mattes(run, mattes, frames=finished.frames)
    parts = {one.manifest["subjects"][0]["name"]: f"matte_character_{one.layer}" for one in passes}
    crypto = run_crypto(run, finished, objects=parts, pattern=run.version.crypto(name))
    review = run_review(run, ingested, finished, name=name)
    manifest = unite_manifest(run, ingested, passes, finished, mattes=files, crypto=crypto, review=review)
    listed = [run.version.folder / entry["path"] for entry in manifest["files"]]
    remove_unlisted(run.version, listed, work=run.work)

    def report(timings: Mapping[str, Any], checked: Checked) -> None:
        write_report(run, _rows(run, passes, refined, finished, checked), manifest=manifest, timings=timings)

    return seal_version(run, manifest, frames=len(finished.frames), report=report, started=started)


def _new_matte(one: Pass) -> Matte:
    """The new character's matte as its pass delivered it."""
    name = character_folder(one.name)
    return Matte(name, one.version.matte(name), FrameRange(one.frames[0], one.frames[-1]))


def _rows(
    run: RunContext, passes: Sequence[Pass], refined: Sequence[Refined], finished: Finished, checked: Checked
) -> list[dict[str, Any]]:
    """A row for every frame: of each measure the worst of all passes', and what verify saw of the comp."""
    found: dict[int, list[Row]] = {frame: [] for frame in finished.frames}
    for one, alpha, subject in zip(passes, refined, subjects_of(run.shot), strict=True):
        for row in read_measures(one.version.measures):
            frame = row[FRAME]
            # To its pass every matte is a roto; what it is to the shot is told here.
            is_roto, is_painted = subject.matte is not None, frame in alpha.painted
            notes = [note for note in row.get(NOTES, []) if note != ROTO_NOTE]
            notes += [ROTO_NOTE] * is_roto + ["the matte is painted"] * is_painted
            sure = one.confidence.get(frame, 1.0)
            found.setdefault(frame, []).append({**row, NOTES: notes, "matte_confidence": sure})
    return [join_rows(frame, found[frame]) | dict(checked.measures.get(frame, {})) for frame in finished.frames]
