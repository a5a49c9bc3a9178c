"""Runs: made once, gone on with, made again in part, cancelled, one at a time."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from tiny import FIRST, make_tiny_shot

from wanfx.cli.main import main
from wanfx.delivery import ShotFolder
from wanfx.events import RunFinished, RunStarted, StageStarted, UnitFinished, Warned, read_events
from wanfx.io import exr
from wanfx.io.atomic import sha256_file
from wanfx.lease import read_holder
from wanfx.manifest import read_manifest
from wanfx.runner import RunHandle, clean_environment, start_run

FRAMES = 8


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("run")
    shot = make_tiny_shot(folder / "shot", frames=FRAMES)
    assert main(["run", str(shot), "--out", str(folder / "out"), "--quiet"]) == 0
    return folder


@pytest.fixture
def root(made: Path, tmp_path: Path) -> Path:
    shutil.copytree(made, tmp_path / "made")
    return tmp_path / "made"


def _run(root: Path, *more: str) -> int:
    return main(["run", str(root / "shot" / "shot.json"), "--out", str(root / "out"), "--quiet", *more])


def _version(root: Path, number: int) -> Path:
    return root / "out" / "tiny" / f"v{number:03d}"


def _hashes(version: Path, folder: str = "comp") -> dict[str, str]:
    """Frame number to the file's hash."""
    return {path.name.split(".")[-2]: sha256_file(path) for path in (version / folder).iterdir()}


def test_the_delivery_is_laid_out_as_promised(root: Path) -> None:
    version = _version(root, 1)
    manifest = read_manifest(version / "manifest.json")
    assert {path.name for path in version.iterdir()} == {
        "comp", "matte", "review", "report", "manifest.json", "run.json",
    }  # fmt: skip
    assert (version / "comp" / f"tiny_draft_v001.{FIRST}.exr").is_file()
    assert (version / "matte" / "walker" / f"walker.{FIRST}.exr").is_file()
    assert manifest["comp"]["parts"] == [
        "rgba", "char_walker", "clean", "shadow", "matte_subject", "matte_character", "matte_reveal", "matte_edit",
        "check_ceiling", "check_confidence",
    ]  # fmt: skip
    assert manifest["quality"] == manifest["backend"] == "draft"
    assert not [path for path in json.dumps(manifest).split('"') if path.startswith("/")], "no absolute paths"


def test_what_is_known_of_copied_frames_is_what_was_known_when_they_were_made(root: Path) -> None:
    before = read_manifest(_version(root, 1) / "manifest.json")
    again = f"{FIRST + 2}-{FIRST + 3}"
    assert _run(root, "--frames", again, "--set", "generate.backend=fake", "--set", "matte.backend=flow") == 0
    after = read_manifest(_version(root, 2) / "manifest.json")
    made = {str(FIRST + 2), str(FIRST + 3)}
    for frame, fact in after["frame_facts"].items():
        assert (fact == before["frame_facts"][frame]) is (frame not in made)
    names = {model["name"] for model in after["models"]}
    assert {"wanfx-fake", "wanfx-draft", "wanfx-flow"} <= names, "every model of every frame is listed"


def test_a_report_is_drawn_again_from_the_delivery_alone(root: Path) -> None:
    page = _version(root, 1) / "report" / "index.html"
    drawn = page.read_text(encoding="utf-8")
    page.unlink()
    assert main(["report", str(_version(root, 1))]) == 0
    assert page.read_text(encoding="utf-8") == drawn
    assert main(["report", str(root / "nowhere")]) == 2


def test_a_run_of_what_is_there_already_makes_nothing(root: Path) -> None:
    assert _run(root) == 0
    assert not _version(root, 2).exists()


def test_a_fresh_run_makes_the_same_bits_in_a_new_version(root: Path) -> None:
    assert _run(root, "--fresh") == 0
    assert _hashes(_version(root, 2)) == _hashes(_version(root, 1))


def test_only_what_depends_on_a_changed_option_is_made_again(root: Path) -> None:
    events = root / "events.jsonl"
    assert _run(root, "--set", "finish.margin_px=20", "--events", str(events)) == 0
    anew = {event.stage for event in read_events(events) if isinstance(event, UnitFinished) and not event.reused}
    assert anew == {"finish", "deliver", "review", "verify", "report"}


def test_a_range_is_made_again_and_the_other_frames_are_copied(root: Path) -> None:
    frames = f"{FIRST + 2}-{FIRST + 3}"
    assert _run(root, "--frames", frames, "--set", "finish.margin_px=30") == 0
    before, after = _hashes(_version(root, 1)), _hashes(_version(root, 2))
    assert {frame for frame in before if before[frame] != after[frame]} == {str(FIRST + 2), str(FIRST + 3)}
    assert read_manifest(_version(root, 2) / "manifest.json")["frames"] == f"{FIRST}-{FIRST + FRAMES - 1}"
    assert main(["verify", str(_version(root, 2))]) == 0


def test_a_first_run_of_a_range_delivers_the_range_with_the_pixels_of_a_whole_run(root: Path) -> None:
    whole = _hashes(_version(root, 1))
    shutil.rmtree(root / "out")
    assert _run(root, "--frames", f"{FIRST + 2}-{FIRST + 3}") == 0
    assert _hashes(_version(root, 1)) == {frame: whole[frame] for frame in (str(FIRST + 2), str(FIRST + 3))}


def test_windows_that_carry_frames_give_the_same_pixels_whole_or_in_ranges(root: Path) -> None:
    fake = ("--set", "generate.backend=fake", "--set", "generate.window_frames=3")
    shot = str(root / "shot" / "shot.json")
    assert main(["run", shot, "--out", str(root / "whole"), "--quiet", *fake]) == 0
    whole = _hashes(root / "whole" / "tiny" / "v001")
    assert main(["run", shot, "--out", str(root / "part"), "--quiet", *fake, "--frames", f"{FIRST + 5}"]) == 0
    assert _hashes(root / "part" / "tiny" / "v001") == {str(FIRST + 5): whole[str(FIRST + 5)]}


def test_another_seed_is_another_picture_and_the_same_seed_the_same(root: Path) -> None:
    shot = str(root / "shot" / "shot.json")
    got = []
    for name, seed in (("a", 1), ("b", 2), ("c", 1)):
        arguments = ["--set", "generate.backend=fake", "--set", f"generate.seed={seed}"]
        assert main(["run", shot, "--out", str(root / name), "--quiet", *arguments]) == 0
        parts, _ = exr.read_parts(root / name / "tiny" / "v001" / "comp" / f"tiny_draft_v001.{FIRST}.exr", ["rgba"])
        got.append(parts["rgba"].pixels.tobytes())  # type: ignore[union-attr]
    assert got[0] == got[2] != got[1]


def test_the_actor_is_kept_to_the_bit_before_a_new_background(root: Path) -> None:
    path = root / "shot" / "shot.json"
    data = json.loads(path.read_text())
    del data["reference"]
    path.write_text(json.dumps(data | {"task": "background", "name": "bg", "background": "reference.png"}))
    assert _run(root) == 0
    version = root / "out" / "bg" / "v001"
    assert main(["verify", str(version)]) == 0
    parts, _ = exr.read_parts(version / "comp" / f"bg_draft_v001.{FIRST}.exr")
    alpha = parts["matte_character"].pixels
    plate = exr.read_frame(root / "shot" / "plate" / f"tiny.{FIRST}.exr").rgb
    kept = alpha == 1
    assert kept.sum() > 200
    assert parts["rgba"].pixels[..., :3][kept].tobytes() == plate[kept].tobytes()  # type: ignore[call-overload]
    # That its light was changed is nowhere a secret.
    stops = json.loads((version / "manifest.json").read_text())["world"]["exposure_stops"]
    assert stops != 0
    said = next((root / "out" / "bg" / "work").rglob("events.jsonl"))
    assert any(isinstance(event, Warned) and f"{stops:+.2f} stops" in event.text for event in read_events(said))
    assert f"{stops:+.2f} stops" in (version / "report" / "index.html").read_text()


def _start(root: Path, *more: str) -> subprocess.Popen[str]:
    command = [
        sys.executable,
        "-m",
        "wanfx",
        "run",
        str(root / "shot" / "shot.json"),
        "--out",
        str(root / "out"),
        *more,
    ]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def _wait_for(events: Path, stage: str) -> None:
    for _ in range(3000):
        if events.exists() and any(isinstance(e, StageStarted) and e.stage == stage for e in read_events(events)):
            return
        time.sleep(0.01)
    raise AssertionError(f"{stage} never began")


def test_of_two_runs_on_one_shot_one_works_and_the_other_names_it(
    root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    events = root / "events.jsonl"
    first = _start(root, "--fresh", "--events", str(events))
    _wait_for(events, "ingest")
    holder = read_holder(root / "out" / "tiny" / "work" / "lease.json")
    assert holder is not None
    assert holder.pid == first.pid
    assert _run(root) == 6
    assert f"process {first.pid}" in capsys.readouterr().err
    _out, told = first.communicate(timeout=60)
    assert first.returncode == 0, told


@pytest.mark.parametrize("how", ["ctrl-c", "terminate", "cancel file"])
def test_a_cancelled_run_stops_with_130_and_goes_on_later(root: Path, how: str) -> None:
    whole = _hashes(_version(root, 1))
    shutil.rmtree(root / "out")
    events = root / "events.jsonl"
    child = _start(root, "--events", str(events))
    _wait_for(events, "refine")
    if how == "cancel file":
        started = next(event for event in read_events(events) if isinstance(event, RunStarted))
        Path(started.cancel_file).touch()
    else:
        child.send_signal(signal.SIGINT if how == "ctrl-c" else signal.SIGTERM)
    _out, told = child.communicate(timeout=30)
    assert child.returncode == 130, told
    assert "run the same command again" in told
    last = list(read_events(events))[-1]
    assert isinstance(last, RunFinished)
    assert last.exit_code == 130
    assert not (root / "out" / "tiny" / "work" / "lease.json").exists()
    assert _run(root) == 0
    assert _hashes(_version(root, 1)) == whole


def test_a_dcc_starts_follows_and_cancels_a_run_and_attaches_again(root: Path) -> None:
    environment = os.environ | {"PYTHONPATH": "/of/the/dcc", "PYTHONHOME": "/of/the/dcc", "QT_PLUGIN_PATH": "/x"}
    arguments = ["--fresh"]
    shot, out = root / "shot" / "shot.json", root / "out"
    handle = start_run(
        shot, out=out, events=root / "e.jsonl", python=sys.executable, arguments=arguments, environ=environment
    )
    assert [type(event).__name__ for event in handle.follow()][-1] == "RunFinished"
    assert handle.wait(timeout_s=30) == 0
    again = list(RunHandle(root / "e.jsonl").follow())
    assert isinstance(again[-1], RunFinished)
    assert again[-1].exit_code == 0
    second = start_run(
        shot, out=out, events=root / "f.jsonl", python=sys.executable, arguments=arguments, environ=environment
    )
    second.cancel()
    last = list(second.follow())[-1]
    assert isinstance(last, RunFinished)
    assert last.exit_code == 130
    assert second.wait(timeout_s=30) == 130


def test_nothing_of_the_dcc_gets_into_the_runs_environment() -> None:
    dcc = {
        "PATH": "p",
        "PYTHONHOME": "x",
        "LD_LIBRARY_PATH": "x",
        "QT_QPA_PLATFORM": "x",
        "NUKE_PATH": "x",
        "OCIO": "old",
    }
    assert clean_environment(dcc, ocio="resolved.ocio") == {"PATH": "p", "OCIO": "resolved.ocio"}


def test_the_default_view_and_colour_space_are_said_once(root: Path) -> None:
    events = root / "e.jsonl"
    assert _run(root, "--fresh", "--events", str(events)) == 0
    assert not [event for event in read_events(events) if isinstance(event, Warned)]


def test_what_auto_passes_over_for_want_of_models_is_told_unless_the_matte_is_given(
    root: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("WANFX_MODELS", str(tmp_path / "none"))
    shot = root / "shot" / "shot.json"

    def told() -> list[str]:
        events = tmp_path / f"{len(list(tmp_path.iterdir()))}.jsonl"
        assert _run(root, "--fresh", "--set", "matte.backend=auto", "--events", str(events)) == 0
        return [event.text for event in read_events(events) if isinstance(event, Warned) and event.stage == "matte"]

    assert any("wanfx models fetch lite" in text for text in told())
    work = root / "out" / "tiny" / "work" / "matte" / "walker"
    shutil.copytree(work, root / "shot" / "roto", ignore=shutil.ignore_patterns(".*"))
    data = json.loads(shot.read_text())
    shot.write_text(json.dumps({**data, "subjects": [{"name": "walker", "matte": "roto/walker.####.exr"}]}))
    assert not told()


def test_clean_removes_the_work_but_keeps_what_was_painted_and_delivered(root: Path) -> None:
    folder = root / "out" / "tiny"
    painted = folder / "work" / "matte" / "walker" / f"walker.{FIRST + 1}.exr"
    exr.write_matte(painted, exr.read_matte(painted) * 0.5)
    digest = sha256_file(painted)
    before = _hashes(_version(root, 1))
    assert main(["clean", str(folder), "--dry-run"]) == 0
    assert (folder / "work" / "clean").exists()
    assert main(["clean", str(folder)]) == 0
    assert sorted(path.name for path in (folder / "work").rglob("*.exr")) == [painted.name]
    assert sha256_file(painted) == digest
    assert _hashes(_version(root, 1)) == before
    assert _run(root) == 0
    assert sha256_file(painted) == digest
    assert _hashes(_version(root, 2))[str(FIRST + 1)] != before[str(FIRST + 1)]


def test_clean_removes_nothing_from_a_folder_that_is_not_a_shots(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "work" / "main" / "precious.py"
    file.parent.mkdir(parents=True)
    file.write_text("mine")
    for target in (tmp_path, tmp_path / "work", tmp_path / "absent"):
        before = sorted(tmp_path.rglob("*"))
        for flags in ((), ("--dry-run",)):
            assert main(["clean", str(target), *flags]) == 2
            assert "wanfx" in capsys.readouterr().err
        assert sorted(tmp_path.rglob("*")) == before


def test_clean_keeps_what_somebody_else_put_into_the_work_folder(
    root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    work = root / "out" / "tiny" / "work"
    (work / "nuke").mkdir()
    (work / "nuke" / "matte.nk").write_text("mine")
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "file").write_text("mine")
    (work / "track" / "link").symlink_to(tmp_path / "elsewhere")
    (work / "linked").symlink_to(tmp_path / "elsewhere")
    assert main(["clean", str(work.parent)]) == 0
    assert (work / "nuke" / "matte.nk").exists() and (tmp_path / "elsewhere" / "file").exists()
    assert sorted(path.name for path in work.iterdir()) == ["linked", "nuke", "track", "wanfx.json"]
    told = capsys.readouterr().out
    assert all(f"kept {work / name}, which wanfx did not make" in told for name in ("nuke", "linked"))


def test_clean_of_a_folder_that_cannot_be_written_says_so(
    root: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def refuse(*_args: object, **_more: object) -> None:
        raise PermissionError(13, "Permission denied", "lease.json")

    monkeypatch.setattr("os.link", refuse)
    assert main(["clean", str(root / "out" / "tiny")]) == 6
    told = capsys.readouterr().err
    assert "cannot be written" in told and "permissions" in told and "Traceback" not in told
    assert main(["clean", str(root / "out" / "tiny"), "--dry-run"]) == 0


def test_a_version_that_somebody_else_began_is_left_alone_and_the_next_is_made(root: Path) -> None:
    theirs = root / "out" / "tiny" / "v007" / "comp" / "mine.nk"
    theirs.parent.mkdir(parents=True)
    theirs.write_text("mine")
    before = sorted(theirs.parents[1].rglob("*"))
    assert _run(root, "--fresh") == 0
    assert sorted(theirs.parents[1].rglob("*")) == before and theirs.read_text() == "mine"
    assert _version(root, 8).joinpath("manifest.json").is_file()


def test_a_work_folder_of_somebody_else_is_not_taken_over(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    work = root / "out" / "tiny" / "work"
    shutil.rmtree(root / "out")
    (work / "nuke").mkdir(parents=True)
    assert _run(root) == 2
    told = capsys.readouterr().err
    assert str(work) in told and "nuke" in told and "another --out" in told
    assert [path.name for path in work.iterdir()] == ["nuke"]


def test_a_painted_clean_plate_is_used_and_never_written_over(root: Path) -> None:
    painted = root / "out" / "tiny" / "work" / "clean" / f"clean.{FIRST}.exr"
    read = exr.read_frame(painted)
    exr.write_rgb(painted, read.rgb * 0 + 7, data_window=read.header.data_window)
    digest = sha256_file(painted)
    assert _run(root, "--fresh") == 0
    assert sha256_file(painted) == digest
    parts, _ = exr.read_parts(_version(root, 2) / "comp" / f"tiny_draft_v002.{FIRST}.exr", ["clean"])
    assert (parts["clean"].pixels == 7).all()  # type: ignore[union-attr]


def test_plan_inspect_and_doctor_tell_and_write_nothing(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = sorted(root.rglob("*"))
    assert main(["plan", str(root / "shot" / "shot.json"), "--out", str(root / "elsewhere")]) == 0
    assert f"{FRAMES}" in capsys.readouterr().out
    for target in (root / "shot" / "plate" / "tiny.####.exr", _version(root, 1), _version(root, 1) / "review"):
        file = next(target.iterdir()) if target.name == "review" else target
        assert main(["inspect", str(file)]) == 0
        assert "24" in capsys.readouterr().out
    assert main(["doctor"]) == 0
    assert "ocio config" in capsys.readouterr().out
    assert sorted(root.rglob("*")) == before


def test_help_imports_nothing_heavy() -> None:
    code = "import sys; from wanfx.cli.main import build_parser; build_parser().format_help(); print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not {"numpy", "cv2", "PyOpenColorIO", "OpenEXR", "av", "rich", "torch"} & set(done.stdout.split())


@pytest.mark.parametrize("arguments", [[], ["fly"], ["run"], ["run", "a.toml", "--set", "margin"]])
def test_bad_usage_is_exit_status_2(arguments: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.toml").write_text('name = "a"\ntask = "replace"\nplate = "a.exr"\nreference = "r.png"\n')
    try:
        status = main(arguments)
    except SystemExit as ended:
        status = int(ended.code or 0)
    assert status == 2


def test_what_an_unfinished_run_of_other_frames_left_is_not_delivered(root: Path) -> None:
    shutil.rmtree(root / "out")
    folder = ShotFolder(root / "out" / "tiny")
    folder.claim_work()
    assert folder.begin().name == "v001"
    stale = _version(root, 1) / "comp" / f"tiny_draft_v001.{FIRST + 7}.exr"
    stale.parent.mkdir(parents=True)
    stale.write_bytes(b"left by a run of more frames")
    data = json.loads((root / "shot" / "shot.json").read_text()) | {"frames": f"{FIRST}-{FIRST + 2}"}
    (root / "shot" / "shot.json").write_text(json.dumps(data))
    assert _run(root) == 0
    assert sorted(_hashes(_version(root, 1))) == [str(FIRST), str(FIRST + 1), str(FIRST + 2)]


@pytest.mark.parametrize(
    "change",
    [{"cut": f"{FIRST}-{FIRST}"}, {"show": "x"}, {"plate": {"path": "plate/tiny.####.exr", "fps": "30"}}],
    ids=str,
)
def test_what_is_asked_for_otherwise_is_not_up_to_date(root: Path, change: dict[str, object]) -> None:
    path = root / "shot" / "shot.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | change))
    assert _run(root) == 0
    assert (_version(root, 2) / "manifest.json").is_file()


def test_a_delivery_with_a_frame_gone_is_made_again(root: Path) -> None:
    (_version(root, 1) / "comp" / f"tiny_draft_v001.{FIRST}.exr").unlink()
    assert _run(root) == 0
    assert len(_hashes(_version(root, 2))) == FRAMES


def test_a_frame_that_was_tampered_with_is_never_copied(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    comp = _version(root, 1) / "comp" / f"tiny_draft_v001.{FIRST}.exr"
    comp.write_bytes(comp.read_bytes()[:-1] + b"?")
    frames = ("--frames", f"{FIRST + 3}-{FIRST + 4}", "--set", "finish.margin_px=30")
    assert _run(root, *frames) == 2
    assert f"frame {FIRST}" in capsys.readouterr().err


def test_a_range_apart_from_the_last_version_is_refused(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shutil.rmtree(root / "out")
    assert _run(root, "--frames", f"{FIRST}-{FIRST + 1}") == 0
    assert _run(root, "--frames", f"{FIRST + 5}-{FIRST + 6}") == 2
    assert "hole" in capsys.readouterr().err
    assert _run(root, "--frames", f"{FIRST + 2}-{FIRST + 6}") == 0
    assert len(_hashes(_version(root, 2))) == 7


def test_painted_in_the_delivery_and_in_work_the_one_in_work_is_kept(root: Path) -> None:
    work = root / "out" / "tiny" / "work" / "matte" / "walker" / f"walker.{FIRST}.exr"
    matte = exr.read_matte(work)
    exr.write_matte(_version(root, 1) / "matte" / "walker" / work.name, matte * 0.25)
    exr.write_matte(work, matte * 0.5)
    digest = sha256_file(work)
    assert _run(root) == 0
    assert sha256_file(work) == digest


def test_a_roto_of_every_frame_needs_no_tracking(root: Path) -> None:
    for frame in range(FIRST, FIRST + FRAMES):
        matte = exr.read_matte(_version(root, 1) / "matte" / "walker" / f"walker.{frame}.exr")
        exr.write_matte(root / "shot" / f"roto.{frame}.exr", (matte > 0.5).astype("float32"))
    path = root / "shot" / "shot.json"
    subject = {"name": "walker", "matte": "roto.####.exr"}
    path.write_text(json.dumps(json.loads(path.read_text()) | {"subjects": [subject], "name": "roto"}))
    assert _run(root) == 0
    manifest = read_manifest(root / "out" / "roto" / "v001" / "manifest.json")
    assert {fact["confidence"] for fact in manifest["frame_facts"].values()} == {1.0}


def test_a_follower_learns_of_a_failure_before_the_first_stage(root: Path) -> None:
    events = root / "e.jsonl"
    assert _run(root, "--events", str(events), "--set", "finish.margn_px=3") == 2
    first, last = list(read_events(events))
    assert isinstance(first, RunStarted)
    assert isinstance(last, RunFinished)
    assert last.exit_code == 2
    assert "margin_px" in last.text
