"""The stages of a shot, in order, from the plate to a verified delivery."""

from __future__ import annotations

import time
from collections.abc import Mapping
from functools import partial
from typing import Any

from wanfx import __version__
from wanfx.backends.protocols import ModelCard
from wanfx.backends.registry import find_generator
from wanfx.errors import ShotError
from wanfx.frames import FrameRange
from wanfx.make_manifest import Delivered, build_manifest
from wanfx.names import fill_template
from wanfx.ops.camera import CameraPath
from wanfx.ops.matting import check_method
from wanfx.plan import check_disk, plan_run
from wanfx.qc.promises import Promise
from wanfx.qc.verify import Checked
from wanfx.sealing import LastVersion, Outcome, check_range, is_up_to_date, read_last, seal_version
from wanfx.stages.asked import check_task, find_doubts
from wanfx.stages.camera import run_camera
from wanfx.stages.comp_frame import CompMaker, FinishInputs
from wanfx.stages.condition import run_condition
from wanfx.stages.context import RunContext
from wanfx.stages.crypto import OBJECT_PART, check_crypto_names, run_crypto
from wanfx.stages.deliver import deliver_grade, deliver_mattes, remove_unlisted
from wanfx.stages.extend import extend_plate, extended_source, find_beyond, is_extending
from wanfx.stages.finish import Finished, is_copied, run_finish
from wanfx.stages.generate import run_generate
from wanfx.stages.grain import run_grain
from wanfx.stages.ingest import Anchor, Ingested, open_plate, run_ingest, shot_frames
from wanfx.stages.inputs import check_inputs
from wanfx.stages.integrate import run_integrate
from wanfx.stages.match import run_match
from wanfx.stages.matte import Tracked, run_matte
from wanfx.stages.refine import Refined, run_refine
from wanfx.stages.rematte import run_rematte
from wanfx.stages.report import run_report
from wanfx.stages.retake import Retake
from wanfx.stages.reveal import run_reveal
from wanfx.stages.review import run_review
from wanfx.stages.whole_windows import frames_to_condition
from wanfx.stages.world_motion import run_world_motion


def make_delivery(run: RunContext, *, frames: FrameRange | None, anchor: Anchor | None = None) -> Outcome:
    """Run all stages. ``frames`` limits what is made again; other frames come from the last version.

    ``anchor`` is what a pass's plate is exposed by for analysis.

    Raises what the stages raise, and PromiseBrokenError where the result does not hold what it promises.
    """
    check_task(run.shot, run.options)
    for doubt in find_doubts(run.shot, run.options):
        run.warn("generate", doubt)
    started = time.time()
    source = open_plate(run.shot, run.options, color=run.color)
    wanted = choose_frames(shot_frames(run.shot, source), frames)
    last = read_last(run.folder)
    check_range(wanted, last)
    check_crypto_names(run.shot, run.options)
    is_prompted = find_generator(run.options).is_prompted
    whole = shot_frames(run.shot, source)
    check_inputs(run.shot, source, frames=whole, color=run.color, is_prompted=is_prompted)
    check_method(run.options.refine.method)
    grown = extended_source(run.shot, source)
    check_disk(plan_run(grown, run.options, frames=wanted, out=run.folder.root, task=run.shot.task), folder=run.folder)
    ingested = run_ingest(run, source, anchor=anchor)
    if is_extending(run.shot):
        kept = extend_plate(run, ingested)
        ingested, tracked, refined, camera = kept.ingested, kept.tracked, kept.refined, kept.camera
    else:
        (tracked,) = run_matte(run, ingested)
        refined = run_refine(run, ingested, tracked)
        camera = run_camera(run, ingested, tracked)
    copied = None if last is None else last.copied()
    retake = (
        None if last is None else last.plan_retake(run.options, whole, asked=frames, warn=partial(run.warn, "generate"))
    )
    inputs, mattes = _make_inputs(run, ingested, tracked, refined, camera, wanted, retake)
    wanted = wanted if inputs.generated.retake is None else inputs.generated.retake.made
    maker = CompMaker(run, inputs)
    if last is not None and not run.fresh and is_up_to_date(run, last, {f: maker.key(f) for f in wanted}):
        return Outcome(last.version, last.manifest, [Promise(**p) for p in last.manifest["promises"]], is_new=False)
    name = _file_name(run, inputs)
    finished = run_finish(run, inputs, pattern=run.version.comp(name), frames=list(wanted), copied=copied)
    return _seal(run, ingested, finished, inputs, mattes, tracked, last, name=name, started=started)


def _make_inputs(
    run: RunContext, ingested: Ingested, tracked: Tracked, refined: Refined, camera: CameraPath, wanted: FrameRange,
    retake: Retake | None,
) -> tuple[FinishInputs, list[Any]]:  # fmt: skip
    """Everything between the mattes and the comp; and the mattes that are delivered."""
    frames = frames_to_condition(run, ingested.plate.frames, wanted, retake)
    conditioning = run_condition(run, ingested, tracked, refined, camera, frames=frames)
    bridge = conditioning.bridge(run.color)
    generated = run_generate(
        run, conditioning, refined, bridge, frames=wanted, plate_hashes=ingested.keys, layer=tracked.layer,
        retake=retake,
    )  # fmt: skip
    retake = generated.retake
    wanted = wanted if retake is None else retake.made
    match = run_match(run, conditioning, generated, refined, bridge, frames=wanted, plate_hashes=ingested.keys)
    generated = match.generated
    new, new_hashes, mattes, confidence = refined.matte, refined.hashes, [refined.matte], tracked.confidence
    if not conditioning.is_world:
        performed = conditioning.confidence
        confidence = {frame: min(value, performed(frame)) for frame, value in confidence.items()}
        rematted = run_rematte(run, conditioning, generated, refined, tracked, bridge, frames=list(wanted))
        new, new_hashes = rematted.matte, rematted.hashes
        mattes.append(new)
    reveal = run_reveal(run, conditioning, generated, refined, bridge, frames=wanted)
    hidden = find_beyond(run, ingested) if is_extending(run.shot) else refined
    grain = run_grain(
        run, ingested, refined, camera, conditioning, generated, bridge, frames=wanted, subject=tracked.name,
        hidden=hidden,
    )  # fmt: skip
    integration = run_integrate(run, ingested, refined, conditioning, generated, bridge, frames=wanted)
    moves = run_world_motion(run, ingested, tracked, camera, conditioning, generated)
    made_by = _provenance(run, generated.generator, (*tracked.models, *conditioning.models))
    inputs = FinishInputs(
        conditioning=conditioning, generated=generated, bridge=bridge, old=refined.matte, old_hashes=refined.hashes,
        new=new, new_hashes=new_hashes, confidence=confidence, plate_hashes=ingested.keys, layer=tracked.layer,
        provenance={**made_by, **integration.provenance()}, reveal=reveal, grain=grain, match=match,
        integration=integration, world_motion=moves,
    )  # fmt: skip
    return inputs, mattes


def _seal(
    run: RunContext, ingested: Ingested, finished: Finished, inputs: FinishInputs, mattes: list[Any],
    tracked: Tracked, last: LastVersion | None, *, name: str, started: float,
) -> Outcome:  # fmt: skip
    """Mattes, review movie, promises, report, manifest: the manifest last, for it makes the version complete."""
    folder = None if last is None else last.copied().mattes
    kept = {frame: folder for frame, fact in finished.facts.items() if folder is not None and is_copied(fact)}
    matte_files = deliver_mattes(run, mattes, frames=finished.frames, delivered=kept)
    crypto = run_crypto(run, finished, objects={tracked.subject.name: OBJECT_PART}, pattern=run.version.crypto(name))
    review = run_review(run, ingested, finished, name=name)
    before = last.manifest if last is not None else None
    grade = deliver_grade(run, inputs.integration, layer=inputs.layer, space=ingested.plate.color_space)
    delivered = Delivered(run, ingested, finished, inputs, tracked, matte_files, crypto, review, before, grade)
    remove_unlisted(run.version, delivered.files, work=run.work)
    manifest = build_manifest(delivered)

    def report(timings: Mapping[str, Any], checked: Checked) -> None:
        run_report(run, tracked, finished, inputs, manifest=manifest, timings=timings, seen=checked.measures)

    return seal_version(run, manifest, frames=len(finished.frames), report=report, started=started)


def choose_frames(whole: FrameRange, asked: FrameRange | None) -> FrameRange:
    """The frames to make: those asked for, else the whole shot. Raises ShotError."""
    if asked is None:
        return whole
    if whole.clip(asked) != asked:
        raise ShotError(f"{asked} is not within the shot's {whole}", key="--frames", remedy=f"give frames of {whole}")
    return asked


def _provenance(run: RunContext, generator: Any, found_by: tuple[ModelCard, ...]) -> dict[str, str]:
    """What every frame's header says of how it was made. ``found_by``: the models of matte and poses."""
    models = tuple(dict.fromkeys((*generator.models, *found_by)))
    return {
        "software": f"wanfx {__version__}",
        "shot": run.shot.name,
        "task": run.shot.task,
        "backend": generator.name,
        "quality": generator.quality,
        "models": ", ".join(f"{card.name} {card.revision}" for card in models),
        "licences": ", ".join(sorted({card.licence for card in models})),
        "seed": str(run.options.generate.seed),
        **({"highlights": "expanded by a guess"} if run.options.finish.highlights == "expand" else {}),
        "consent": str(run.shot.consent.get("record", "none")) if run.shot.consent else "none",
    }


def _file_name(run: RunContext, inputs: FinishInputs) -> str:
    shot = run.shot
    fields = {
        "show": shot.show, "seq": shot.seq, "shot": shot.name, "task": shot.task, "version": run.version.name,
        "quality": inputs.generated.generator.quality, "colorspace": inputs.conditioning.plate.color_space,
    }  # fmt: skip
    return fill_template(run.options.deliver.name, fields=fields, key="deliver.name")
