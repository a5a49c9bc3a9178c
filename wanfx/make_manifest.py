"""The manifest of a finished run."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from wanfx import __version__
from wanfx.io.atomic import sha256_file
from wanfx.io.cryptomatte import LAYER, id_text
from wanfx.keys import make_key
from wanfx.manifest import SCHEMA, read_manifest
from wanfx.options import specs
from wanfx.stages.comp_frame import FinishInputs
from wanfx.stages.context import RunContext
from wanfx.stages.crypto import CryptoFrames
from wanfx.stages.finish import CONFIDENCE, Finished, is_copied
from wanfx.stages.ingest import Ingested
from wanfx.stages.matte import Tracked
from wanfx.stages.retake import MANIFEST_KEY


@dataclass(frozen=True)
class Delivered:
    """All that a manifest is made of."""

    run: RunContext
    ingested: Ingested
    finished: Finished
    inputs: FinishInputs
    tracked: Tracked
    mattes: list[Path]
    crypto: CryptoFrames | None
    review: Path | None
    last: Mapping[str, Any] | None = None
    """The manifest of the version whose frames were copied, if any were."""
    grade: Path | None = None

    @property
    def files(self) -> list[Path]:
        crypto = [] if self.crypto is None else self.crypto.hashes
        more = [path for path in (self.review, self.grade) if path is not None]
        return [*self.finished.files, *self.mattes, *crypto, *more]


def build_manifest(delivered: Delivered) -> dict[str, Any]:
    """The manifest, its promises still to come. Paths are POSIX, relative to the version's folder."""
    run, finished, inputs = delivered.run, delivered.finished, delivered.inputs
    generator = inputs.generated.generator
    cut = run.shot.cut_range
    first, last = finished.frames[0], finished.frames[-1]
    return {
        "schema": SCHEMA,
        "wanfx": __version__,
        "show": run.shot.show,
        "seq": run.shot.seq,
        "shot": run.shot.name,
        "task": run.shot.task,
        "backend": generator.name,
        "quality": generator.quality,
        "settings": list(generator.settings),
        "frames": f"{first}-{last}",
        "cut": f"{first}-{last}" if cut is None else str(cut),
        "plate": plate_table(run, delivered.ingested),
        "comp": {
            "pattern": relative_path(Path(finished.pattern.text), run),
            "parts": list(finished.parts),
            "colorspace": inputs.conditioning.plate.color_space,
        },
        "crypto": crypto_table(run, delivered.crypto),
        "color": _color(delivered),
        "subjects": [_subject(delivered)],
        "models": _models(delivered),
        "character": _character(delivered),
        "reference": _reference(delivered),
        **_matching(delivered),
        "request": request_key(run),
        "seed": run.options.generate.seed,
        "options": option_table(run),
        "promises": [],
        "consent": dict(run.shot.consent),
        "policy": dict(run.shot.policy),
        "files": _files(delivered),
        "frame_facts": {str(frame): _frame_fact(delivered, frame) for frame in finished.frames},
    }


def _reference(delivered: Delivered) -> dict[str, Any] | None:
    """Which picture of the character was used, and how a video model was shown it; None where there is none."""
    return dict(delivered.inputs.conditioning.reference) or None


def _matching(delivered: Delivered) -> dict[str, Any]:
    """The new background, and what was done so that the layers, and frames, fit each other."""
    told = {"world": _world(delivered), "guide": _guide(delivered)}
    retake = delivered.inputs.generated.retake
    told |= {MANIFEST_KEY: None if retake is None else retake.as_dict()}
    return {**told, "grain": _grain(delivered), "integration": _integration(delivered)}


def _grain(delivered: Delivered) -> dict[str, Any]:
    """The grain of every frame, by name; copied frames bring theirs."""
    copied = {} if delivered.last is None else delivered.last.get("grain") or {}
    known = {**copied, **delivered.inputs.grain.models}
    facts = [fact.get("grain") for fact in delivered.finished.facts.values()]
    return {name: known[name] for name in sorted({fact["model"] for fact in facts if fact})}


def _subject(delivered: Delivered) -> dict[str, Any]:
    return {
        "name": delivered.tracked.subject.name,
        "layer": delivered.tracked.layer,
        "mattes": sorted({path.parent.name for path in delivered.mattes}),
    }


def crypto_table(run: RunContext, crypto: CryptoFrames | None) -> dict[str, Any] | None:
    """The Cryptomattes as a manifest has them; None without."""
    if crypto is None:
        return None
    names = {name: id_text(identifier) for name, identifier in crypto.names.items()}
    return {"pattern": relative_path(Path(crypto.pattern.text), run), "layer": LAYER, "names": names}


def _models(delivered: Delivered) -> list[dict[str, str]]:
    """Every model that took part, once; those of copied frames, too."""
    inputs = delivered.inputs
    cards = (*delivered.tracked.models, *inputs.conditioning.models, *inputs.generated.generator.models)
    models = [asdict(card) for card in dict.fromkeys(cards)]
    last = delivered.run.folder.latest_complete()
    if last is not None and any(is_copied(fact) for fact in delivered.finished.facts.values()):
        models += [model for model in read_manifest(last.manifest)["models"] if model not in models]
    return models


def _character(delivered: Delivered) -> dict[str, Any] | None:
    """How the draft's character was made, and what it lacks."""
    character = delivered.inputs.conditioning.character
    if character is None:
        return None
    return {"kind": character.kind, "missing": list(character.missing), "why_card": character.why_card}


def _world(delivered: Delivered) -> dict[str, Any] | None:
    """What was done to the new background."""
    world = delivered.inputs.conditioning.world
    return None if world is None else {"exposure_stops": world.exposure_stops, "lost_frames": list(world.lost)}


def _guide(delivered: Delivered) -> dict[str, Any] | None:
    """What a prompted model was asked for."""
    guide = delivered.inputs.conditioning.guide
    return None if guide is None else guide.facts


def _integration(delivered: Delivered) -> dict[str, Any] | None:
    """How the kept actor and the new background were brought together, and the file of his grade."""
    if not delivered.inputs.conditioning.is_world:
        return None
    file = None if delivered.grade is None else relative_path(delivered.grade, delivered.run)
    return {**delivered.inputs.integration.as_dict(), "grade_file": file}


def request_key(run: RunContext) -> str:
    """A hash of all that was asked for: the shot, every option, the colour config, the version of wanfx."""
    return make_key(run.shot.as_dict(), _option_values(run), run.color.sha256, __version__)


def _frame_fact(delivered: Delivered, frame: int) -> dict[str, Any]:
    """What is known of a frame; of a copied one, what its own manifest said."""
    fact = dict(delivered.finished.facts[frame])
    if is_copied(fact):
        return fact
    character, match = delivered.inputs.conditioning.character, delivered.inputs.match
    if match is not None and frame in match.measures:
        fact |= {"match": dict(match.measures[frame])}
    if frame in delivered.inputs.world_motion:
        fact |= {"world_motion": dict(delivered.inputs.world_motion[frame])}
    if character is not None:
        fact |= {"character": character.kind, "performance": dict(character.measures(frame))}
    return {**fact, CONFIDENCE: delivered.inputs.confidence.get(frame)}


def plate_table(run: RunContext, ingested: Ingested) -> dict[str, Any]:
    """The plate as a manifest has it."""
    plate, source = ingested.plate, ingested.source
    return {
        "source": Path(plate.source).as_posix() if not Path(plate.source).is_absolute() else Path(plate.source).name,
        "pattern": relative_path(Path(plate.pattern.text), run),
        "is_original": source.is_in_place,
        "colorspace": plate.color_space,
        "source_colorspace": plate.source_color_space,
        "source_colorspace_from": plate.color_space_from,
        "size": [plate.display_window.width, plate.display_window.height],
        "display_window": plate.display_window.as_list(),
        "data_window": plate.canvas.as_list(),
        "border": list(plate.border),
        "pixel_aspect": plate.pixel_aspect,
        "pixel_type": plate.pixel_type,
        "fps": f"{plate.fps.numerator}/{plate.fps.denominator}",
        "timecode": None if plate.timecode is None else str(plate.timecode),
        "frames": str(plate.frames),
        "held": {str(frame): other for frame, other in plate.held.items()},
        "bad_pixels": {str(f): fact["bad_pixels"] for f, fact in ingested.facts.items() if fact["bad_pixels"]},
        "range_linear": [
            min(fact["min_linear"] for fact in ingested.facts.values()),
            max(fact["max_linear"] for fact in ingested.facts.values()),
        ],
    }


def _color(delivered: Delivered) -> dict[str, Any]:
    color, space = delivered.run.color, delivered.inputs.conditioning.space
    return {
        "config": color.name,
        "config_sha256": color.sha256,
        "config_from": color.source,
        "working_space": color.scene_linear,
        "model_space": {"name": space.NAME, "exposure_stops": space.exposure_stops, "ceiling_linear": space.ceiling},
    }


def _option_values(run: RunContext) -> dict[str, Any]:
    """Every option's value by its dotted key; of paths the file's name: the folder may be another one tomorrow."""
    values = {spec: getattr(getattr(run.options, spec.stage), spec.name) for spec in specs()}
    return {spec.key: Path(value).name if spec.knob.is_path and value else value for spec, value in values.items()}


def option_table(run: RunContext) -> dict[str, Any]:
    """Every option's value, and where it came from."""
    values = _option_values(run)
    return {
        spec.key: {"value": values[spec.key], "from": run.options.sources.get(spec.key, "default")} for spec in specs()
    }


def _files(delivered: Delivered) -> list[dict[str, str]]:
    return file_table(delivered.run, delivered.finished, delivered.crypto, delivered.files)


def file_table(
    run: RunContext, finished: Finished, crypto: CryptoFrames | None, files: Iterable[Path]
) -> list[dict[str, str]]:
    """Path and SHA-256 of every one of ``files``."""
    known = {finished.pattern.path(frame): finished.hashes[frame] for frame in finished.frames}
    known |= {} if crypto is None else crypto.hashes
    return [{"path": relative_path(path, run), "sha256": known.get(path) or sha256_file(path)} for path in files]


def relative_path(path: Path, run: RunContext) -> str:
    """POSIX, from the version's folder."""
    return Path(os.path.relpath(path.absolute(), run.version.folder.absolute())).as_posix()
