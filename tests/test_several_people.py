"""Several subjects in a shot: a pass each, back to front, and one delivery that every layer is in."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from several import FRAMES, WHOLE, make_shot_of_two, run_shot
from tiny import FIRST, HEIGHT, WIDTH, plate_attributes, plate_pixels

from wanfx.cli.main import main
from wanfx.delivery import ShotFolder
from wanfx.errors import DiskFullError
from wanfx.events import StageStarted, UnitFinished, read_events
from wanfx.io import exr
from wanfx.io.atomic import sha256_file
from wanfx.manifest import read_manifest
from wanfx.options import Options
from wanfx.plan import check_disk, plan_run
from wanfx.qc.measures import read_measures
from wanfx.shot import load_shot
from wanfx.stages.ingest import open_plate
from wanfx_color.configs import load_config


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("several")
    assert run_shot(make_shot_of_two(folder / "shot").parent.parent, "--set", "deliver.cryptomatte=on") == 0
    return folder


@pytest.fixture
def root(made: Path, tmp_path: Path) -> Path:
    shutil.copytree(made, tmp_path / "made")
    return tmp_path / "made"


def _again(root: Path, *more: str) -> int:
    return run_shot(root, "--set", "deliver.cryptomatte=on", *more)


def _version(root: Path, number: int = 1) -> Path:
    return root / "out" / "tiny" / f"v{number:03d}"


def _verify(version: Path) -> int:
    return main(["verify", str(version)])


def _parts(version: Path, frame: int) -> dict[str, np.ndarray[Any, np.dtype[Any]]]:
    (path,) = (version / "comp").glob(f"*.{frame}.exr")
    parts, _header = exr.read_parts(path)
    return {name: np.stack(list(part.planes.values()), axis=2) for name, part in parts.items()}


def _made_units(root: Path, stage: str) -> int:
    """How many units of a stage the last run made."""
    path = sorted((root / "out" / "tiny" / "work" / "runs").iterdir())[-1] / "events.jsonl"
    events = list(read_events(path))
    assert any(isinstance(event, StageStarted) for event in events)
    return sum(isinstance(event, UnitFinished) and event.stage == stage and not event.reused for event in events)


def test_the_delivery_has_every_subjects_layers_and_holds_every_promise(made: Path) -> None:
    version = _version(made)
    manifest = read_manifest(version / "manifest.json")
    assert manifest["comp"]["parts"] == [
        "rgba", "char_back", "clean_back", "shadow_back", "char_walker", "clean_walker", "shadow_walker",
        "matte_subject_back", "matte_character_back", "matte_reveal_back",
        "matte_subject_walker", "matte_character_walker", "matte_reveal_walker",
        "matte_edit", "check_ceiling", "check_confidence",
    ]  # fmt: skip
    assert [subject["name"] for subject in manifest["subjects"]] == ["back", "walker"]
    assert {path.name for path in (version / "matte").iterdir()} == {"back", "char_back", "walker", "char_walker"}
    assert {promise["state"] for promise in manifest["promises"]} <= {"held", "not-applicable"}
    assert not [path for path in json.dumps(manifest).split('"') if path.startswith("/")], "no absolute paths"
    assert _verify(version) == 0
    assert (version / "report" / "index.html").stat().st_size > 10_000


def test_the_layers_make_the_picture_pass_by_pass(made: Path) -> None:
    for frame in (FIRST, FIRST + FRAMES - 1):
        parts = _parts(_version(made), frame)
        rgb = plate_pixels(frame - FIRST)[0].astype(np.float32)
        for name in ("back", "walker"):
            char, clean, shadow = (parts[f"{one}_{name}"].astype(np.float32) for one in ("char", "clean", "shadow"))
            reveal = parts[f"matte_reveal_{name}"].astype(np.float32)
            made_of = char[..., :3] + (1 - char[..., 3:]) * shadow * (rgb + reveal * (clean - rgb))
            edited = (char[..., 3:] > 0) | (reveal > 0) | (shadow != 1)
            rgb = np.where(edited, made_of.astype(np.float16), rgb.astype(np.float16)).astype(np.float32)
        np.testing.assert_allclose(parts["rgba"][..., :3].astype(np.float32), rgb, rtol=2e-3, atol=1e-5)


def test_what_no_pass_edits_is_the_plates_bits(made: Path) -> None:
    for frame in (FIRST, FIRST + 3):
        parts = _parts(_version(made), frame)
        plate = plate_pixels(frame - FIRST)[0]
        kept = parts["matte_edit"][..., 0] == 0
        assert 0.3 < kept.mean() < 1
        assert (parts["rgba"][..., :3].view(np.uint16) == plate.view(np.uint16))[kept].all()


def test_the_front_character_stands_before_the_back_one(made: Path) -> None:
    parts = _parts(_version(made), FIRST + 3)
    front, back = parts["char_walker"].astype(np.float32), parts["char_back"].astype(np.float32)
    both = (front[..., 3] == 1) & (back[..., 3] == 1)
    assert both.sum() > 50
    np.testing.assert_allclose(parts["rgba"][both][:, :3].astype(np.float32), front[both][:, :3], rtol=1e-3)


def test_a_change_of_the_front_subject_leaves_the_back_ones_pass_alone(root: Path) -> None:
    shot = json.loads((root / "shot" / "shot.json").read_text())
    shot["subjects"][1]["reference"] = "other.png"
    (root / "shot" / "shot.json").write_text(json.dumps(shot))
    before = read_manifest(_version(root) / "manifest.json")
    assert _again(root) == 0
    after = read_manifest(_version(root, 2) / "manifest.json")
    assert _made_units(root, "finish") == FRAMES, "one pass of two"
    for frame, fact in after["frame_facts"].items():
        assert fact["passes"][0] == before["frame_facts"][frame]["passes"][0]
        assert fact["passes"][1] != before["frame_facts"][frame]["passes"][1]
    assert _verify(_version(root, 2)) == 0


def test_a_run_of_what_is_there_makes_nothing_and_a_fresh_one_the_same_bits(root: Path) -> None:
    assert _again(root) == 0
    assert not _version(root, 2).exists()
    assert _again(root, "--fresh") == 0
    hashes = [
        {path.name.split(".")[-2]: sha256_file(path) for path in (_version(root, n) / "comp").iterdir()} for n in (1, 2)
    ]
    assert hashes[0] == hashes[1]


def test_a_range_is_made_again_and_the_rest_is_as_it_was(root: Path) -> None:
    again = f"{FIRST + 2}-{FIRST + 3}"
    assert _again(root, "--frames", again, "--set", "finish.margin_px=4") == 0
    old, new = (read_manifest(_version(root, number) / "manifest.json")["frame_facts"] for number in (1, 2))
    changed = {frame for frame in new if new[frame]["passes"] != old[frame]["passes"]}
    assert changed == {str(FIRST + 2), str(FIRST + 3)}
    assert _verify(_version(root, 2)) == 0


def test_a_range_joins_what_every_pass_had_before_it_and_after_it(made: Path, tmp_path: Path) -> None:
    root = tmp_path / "joined"
    shutil.copytree(made / "shot", root / "shot")
    fake = ("--set", "generate.backend=fake", "--set", "generate.window_frames=3", "--set", "generate.tail_frames=1")
    again = ("--frames", f"{FIRST + 2}-{FIRST + 3}", *fake)
    assert run_shot(root, *fake) == 0
    assert run_shot(root, *again, "--set", "generate.seed=5") == 0
    old, new = (read_manifest(_version(root, number) / "manifest.json") for number in (1, 2))
    facts = [manifest["frame_facts"] for manifest in (old, new)]
    changed = {frame for frame in facts[1] if facts[1][frame]["passes"] != facts[0][frame]["passes"]}
    assert changed == {str(FIRST + index) for index in (2, 3, 4)}
    assert all(subject["retake"]["made"] == f"{FIRST + 2}-{FIRST + 4}" for subject in new["subjects"])
    assert new["retake"] is None and _verify(_version(root, 2)) == 0
    assert run_shot(root, *again, "--set", "generate.seed=5") == 0
    assert not _version(root, 3).exists()
    assert run_shot(root, *again, "--set", "generate.seed=9") == 0
    other = read_manifest(_version(root, 3) / "manifest.json")["subjects"]
    for subject, before in zip(other, new["subjects"], strict=True):
        assert subject["retake"]["dissolved"] == before["retake"]["dissolved"]
    assert _verify(_version(root, 3)) == 0


def test_mattes_that_were_painted_in_the_delivery_are_used(root: Path) -> None:
    nothing = np.zeros((HEIGHT, WIDTH), np.float32)
    for name in ("char_walker", "back"):
        exr.write_matte(_version(root) / "matte" / name / f"{name}.{FIRST}.exr", nothing, data_window=WHOLE)
    assert _again(root) == 0
    parts = _parts(_version(root, 2), FIRST)
    assert not parts["char_walker"][..., 3].any()
    assert not parts["matte_subject_back"].any()
    first, second = read_measures(_version(root, 2) / "report" / "measures.jsonl")[:2]
    assert "the matte is painted" in first["notes"]
    assert "the matte is painted" not in second["notes"]
    assert _verify(_version(root, 2)) == 0


@pytest.mark.parametrize("part", ["char_back", "clean_walker", "matte_reveal_back"])
def test_a_changed_layer_of_any_pass_is_found(root: Path, part: str, capsys: pytest.CaptureFixture[str]) -> None:
    version = _version(root)
    (path,) = (version / "comp").glob(f"*.{FIRST + 1}.exr")
    parts, header = exr.read_parts(path)
    pixels = np.stack(list(parts[part].planes.values()), axis=2)
    changed = np.where(pixels > 0, pixels * np.float16(0.5), pixels).astype(np.float16)
    parts[part] = exr.Part(part, changed, parts[part].channels)
    exr.write_parts(
        path, list(parts.values()), data_window=header.data_window, display_window=header.display_window,
        attributes=header.attributes,
    )  # fmt: skip
    assert _verify(version) == 5
    assert "two-mattes" in capsys.readouterr().out


def test_only_replace_takes_several_and_each_needs_a_reference(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    make_shot_of_two(tmp_path / "shot", task="animate")
    assert run_shot(tmp_path) == 2
    assert "takes one subject" in capsys.readouterr().err
    subjects = [{"name": "a", "box": [1, 1, 9, 9], "reference": "other.png"}, {"name": "b", "box": [20, 1, 30, 9]}]
    make_shot_of_two(tmp_path / "shot", subjects=subjects, reference=None)
    assert run_shot(tmp_path) == 2


@pytest.mark.parametrize("names", [("ben", "char_ben"), ("Char_Ben", "ben"), ("ben", "Ben")])
def test_names_that_would_share_a_folder_are_refused(
    root: Path, names: tuple[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    path = root / "shot" / "shot.json"
    shot = json.loads(path.read_text())
    for subject, name in zip(shot["subjects"], names, strict=True):
        subject["name"] = name
    path.write_text(json.dumps(shot))
    assert run_shot(root) == 2
    assert "makes the same names as that of subjects[0]" in capsys.readouterr().err


def test_plan_tells_the_passes(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["plan", str(root / "shot" / "shot.json"), "--out", str(root / "out")]) == 0
    assert "back, walker: back to front, one each" in capsys.readouterr().out


def test_several_passes_need_more_memory_than_one(root: Path) -> None:
    shot = load_shot(root / "shot" / "shot.json")
    options = Options()
    source = open_plate(shot, options, color=load_config())
    one = plan_run(source, options, frames=source.frames, out=root)
    needs = [one.for_passes(count).memory_bytes for count in (1, 2, 3)]
    assert needs == sorted(set(needs))


def test_finished_passes_leave_no_less_to_write(root: Path) -> None:
    """What they hold stays beside what the next run makes, unlike the files that it goes on with."""
    shot = load_shot(root / "shot" / "shot.json")
    source = open_plate(shot, Options(), color=load_config())
    folder = ShotFolder.of(root / "out", shot="tiny")
    finished = sum(path.stat().st_size for path in folder.work.glob("passes/*/tiny/v*/**/*") if path.is_file())
    work = sum(path.stat().st_size for path in folder.work.rglob("*") if path.is_file()) - finished
    plan = plan_run(source, Options(), frames=source.frames, out=root)
    full = replace(plan, free_bytes=plan.disk_bytes + 64 * 2**20 - work - 1)
    assert finished > 1
    with pytest.raises(DiskFullError):
        check_disk(full, folder=folder)
    check_disk(replace(full, free_bytes=full.free_bytes + 1), folder=folder)


def test_the_plates_extra_channels_are_carried_through_the_first_pass_alone(root: Path) -> None:
    for index in range(FRAMES):
        rgb = plate_pixels(index)[0]
        planes = (*(np.ascontiguousarray(rgb[..., c]) for c in range(3)), np.full(rgb.shape[:2], 5.5, np.float32))
        (path,) = (root / "shot").glob(f"plate/*.{FIRST + index}.exr")
        part = exr.Part("rgb", planes, ("R", "G", "B", "depth.Z"))
        exr.write_parts(
            path, [part], data_window=WHOLE, display_window=WHOLE, attributes=plate_attributes(index)
        )  # fmt: skip
    assert _again(root, "--set", "finish.plate_channels=keep") == 0
    parts = _parts(_version(root, 2), FIRST)
    assert (parts["plate"] == np.float32(5.5)).all()
    passes = root / "out" / "tiny" / "work" / "passes"
    assert [name for name in ("back", "walker") if "plate" in _parts(passes / name / "tiny" / "v002", FIRST)] == [
        "back"
    ]
    assert _verify(_version(root, 2)) == 0
