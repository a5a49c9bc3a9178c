"""The manifest of a shot of several subjects, from those of its passes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from wanfx.comp_parts import comp_parts
from wanfx.make_manifest import crypto_table, file_table, option_table, plate_table, relative_path, request_key
from wanfx.pass_versions import MANIFEST_KEY as PASS_KEY
from wanfx.pass_versions import pass_entry
from wanfx.stages.context import RunContext
from wanfx.stages.crypto import CryptoFrames
from wanfx.stages.finish import Finished
from wanfx.stages.ingest import Ingested
from wanfx.stages.retake import MANIFEST_KEY
from wanfx.stages.unite import Pass

_OF_A_SUBJECT = ("character", "reference", MANIFEST_KEY)


def unite_manifest(
    run: RunContext, ingested: Ingested, passes: Sequence[Pass], finished: Finished, *, mattes: Iterable[Path],
    crypto: CryptoFrames | None, review: Path | None,
) -> dict[str, Any]:  # fmt: skip
    """What a manifest of one subject has; of each of several, what is its own is under ``subjects``, and what a frame's
    passes did under ``passes`` of its facts.
    """
    files = [
        *finished.files,
        *mattes,
        *([] if crypto is None else crypto.hashes),
        *([] if review is None else [review]),
    ]
    first, last = finished.frames[0], finished.frames[-1]
    cut, front = run.shot.cut_range, passes[-1].manifest
    models = [model for one in passes for model in one.manifest["models"]]
    return {
        **front,
        "shot": run.shot.name,
        "frames": f"{first}-{last}",
        "cut": f"{first}-{last}" if cut is None else str(cut),
        "plate": plate_table(run, ingested),
        "comp": {
            "pattern": relative_path(Path(finished.pattern.text), run),
            "parts": list(comp_parts([one.layer for one in passes])),
            "colorspace": ingested.plate.color_space,
        },
        "crypto": crypto_table(run, crypto),
        "subjects": [_subject(one) for one in passes],
        "models": [model for index, model in enumerate(models) if model not in models[:index]],
        **dict.fromkeys(_OF_A_SUBJECT),
        "grain": {name: model for one in passes for name, model in (one.manifest.get("grain") or {}).items()},
        "request": request_key(run),
        "options": option_table(run),
        "promises": [],
        "files": file_table(run, finished, crypto, files),
        "frame_facts": {str(frame): dict(finished.facts[frame]) for frame in finished.frames},
    }


def _subject(one: Pass) -> dict[str, Any]:
    (subject,) = one.manifest["subjects"]
    own: Mapping[str, Any] = {name: one.manifest.get(name) for name in _OF_A_SUBJECT}
    return {**subject, "layer": one.layer, **own, PASS_KEY: pass_entry(one.version, one.manifest)}
