"""Bad input: the right exit status, a message that names file, frame and remedy, and what was made before intact."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from tiny import FIRST, HEIGHT, WIDTH, make_tiny_shot, plate_attributes, plate_pixels

from wanfx.cli.main import main
from wanfx.frames import Box
from wanfx.io import exr
from wanfx.io.atomic import sha256_file
from wanfx.io.stills import write_picture

FRAMES = 4
BAD = FIRST + 2


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("good")
    shot = make_tiny_shot(folder / "shot", frames=FRAMES, review={"codec": "none"})
    assert main(["run", str(shot), "--out", str(folder / "out"), "--quiet"]) == 0
    return folder


@pytest.fixture
def root(made: Path, tmp_path: Path) -> Path:
    """A shot that was delivered once."""
    shutil.copytree(made, tmp_path / "made")
    return tmp_path / "made"


def _run(root: Path, *more: str) -> int:
    return main(["run", str(root / "shot" / "shot.json"), "--out", str(root / "out"), "--quiet", *more])


def _change(root: Path, **changes: Any) -> None:
    path = root / "shot" / "shot.json"
    data = json.loads(path.read_text()) | changes
    path.write_text(json.dumps({key: value for key, value in data.items() if value is not None}))


def _plate(root: Path, frame: int = BAD) -> Path:
    return root / "shot" / "plate" / f"tiny.{frame}.exr"


def _write_plate(path: Path, rgb: np.ndarray[Any, Any], **more: Any) -> None:
    window = Box(0, 0, rgb.shape[1], rgb.shape[0])
    exr.write_rgb(path, rgb, **({"data_window": window, "attributes": plate_attributes(0)} | more))


def _truncate(root: Path) -> None:
    path = _plate(root)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def _put_text(root: Path) -> None:
    _plate(root).write_text("this is no picture\n" * 50)


def _put_nan(root: Path) -> None:
    rgb = plate_pixels(2)[0]
    rgb[50, 9, 1] = np.nan
    _write_plate(_plate(root), rgb)


def _change_size(root: Path) -> None:
    _write_plate(_plate(root), plate_pixels(2)[0][:-2])


def _empty(root: Path) -> None:
    _plate(root).write_bytes(b"")


def _remove(root: Path) -> None:
    _plate(root).unlink()


def _lose(root: Path) -> None:
    _plate(root).unlink()
    _plate(root).symlink_to(root / "nowhere.exr")


def _double(root: Path) -> None:
    shutil.copy(_plate(root), _plate(root).with_name(f"tiny.0{BAD}.exr"))


def _drop_red(root: Path) -> None:
    green = plate_pixels(2)[0][..., 1]
    window = Box(0, 0, WIDTH, HEIGHT)
    part = exr.Part("gb", np.stack([green, green], axis=2), ("G", "B"))
    exr.write_parts(_plate(root), [part], data_window=window, display_window=window)


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        pytest.param(_truncate, "truncated", id="truncated EXR"),
        pytest.param(_put_text, "not an", id="text file named .exr"),
        pytest.param(_put_nan, "NaN or Inf", id="NaN"),
        pytest.param(_change_size, "display window", id="mixed sizes"),
        pytest.param(_empty, str(BAD), id="zero bytes"),
        pytest.param(_remove, str(BAD), id="missing frame"),
        pytest.param(_double, str(BAD), id="one frame twice"),
        pytest.param(_lose, "is a link to a file that is not there", id="lost link"),
        pytest.param(_drop_red, "G", id="no red"),
    ],
)
def test_a_damaged_plate_is_refused_by_file_and_frame_with_a_remedy_and_the_last_delivery_is_intact(
    root: Path, capsys: pytest.CaptureFixture[str], damage: Callable[[Path], None], words: str
) -> None:
    before = {path: sha256_file(path) for path in (root / "out" / "tiny" / "v001").rglob("*") if path.is_file()}
    damage(root)
    assert _run(root) == 2
    told = capsys.readouterr().err
    assert words in told
    assert str(BAD) in told
    assert "remedy:" in told
    assert "Traceback" not in told
    assert {path: sha256_file(path) for path in before} == before
    assert not (root / "out" / "tiny" / "v002" / "manifest.json").exists()


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        pytest.param({"plate": {"path": "plate/tiny.####.exr", "colorspace": "ACEScgg"}}, "ACEScg", id="colour space"),
        pytest.param({"plate": "plate/nothing.####.exr"}, "nothing", id="no such plate"),
        pytest.param({"reference": "nobody.png"}, "nobody.png", id="no such reference"),
        pytest.param({"finish": {"margn_px": 3}}, "margin_px", id="unknown option"),
        pytest.param({"generate": {"backend": "drft"}}, "draft", id="unknown generator"),
        pytest.param({"frames": "1-9"}, "1001", id="frames outside the plate"),
        pytest.param({"subjects": [{"box": [9, 9, 3, 3]}]}, "box", id="box inside out"),
        pytest.param({"subjects": [{"box": [0, 0, 9, 9], "frame": 7}]}, "frame", id="box on a frame that is not there"),
        pytest.param(
            {"task": "animate", "subjects": [{"name": "a"}, {"name": "b"}]}, "subjects[1]", id="two to animate"
        ),
        pytest.param({"subjects": [{"name": "a"}, {"name": "a"}]}, "one name", id="two of one name"),
        pytest.param(
            {"reference": None, "subjects": [{"name": "a", "reference": "reference.png"}, {"name": "b"}]},
            "reference",
            id="one of two without a reference",
        ),
        pytest.param({"deliver": {"name": "{artist}"}}, "artist", id="unknown name field"),
    ],
)
def test_a_wrong_shot_is_refused_with_its_key_and_a_remedy(
    root: Path, capsys: pytest.CaptureFixture[str], changes: dict[str, Any], words: str
) -> None:
    _change(root, **changes)
    assert _run(root) == 2
    told = capsys.readouterr().err
    assert words in told
    assert "remedy:" in told
    assert "Traceback" not in told


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        pytest.param({"cut": "990-1002"}, "cut: 990-1002 is not within the shot's 1001-1004", id="cut outside"),
        pytest.param({"frames": "1002-1003", "cut": "1001-1003"}, "cut: 1001-1003", id="cut outside frames"),
        pytest.param({"pose": {"backend": "xyz"}}, "pose.backend", id="unknown pose estimator that is not needed"),
        pytest.param({"name": "x" * 300}, "a name", id="name too long"),
        *(
            pytest.param({"deliver": {"name": name}}, "deliver.name", id=f"deliver.name {name[:9]}")
            for name in ("{artist}", "{shot", "{0}", "{}", "{shot.__class__}", "{shot:d}", "{shot!x}", "{shot}" * 60)
        ),
    ],
)
@pytest.mark.parametrize("command", ["run", "plan"])
def test_what_can_be_told_of_a_shot_without_its_pictures_is_told_by_run_and_plan(
    root: Path, capsys: pytest.CaptureFixture[str], changes: dict[str, Any], words: str, command: str
) -> None:
    _change(root, **changes)
    assert main([command, str(root / "shot" / "shot.json"), "--out", str(root / "new")]) == 2
    told = capsys.readouterr().err
    assert words in told
    assert "remedy:" in told
    assert "Traceback" not in told
    assert not list(root.glob("new/*/work/generate*"))


def test_what_is_needed_and_missing_is_said_with_exit_status_3(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert _run(root, "--set", "generate.quality=final") == 3
    assert "generate.quality" in capsys.readouterr().err


@pytest.mark.parametrize("command", ["run", "plan"])
def test_what_cannot_be_made_is_refused_before_any_work(
    command: str, root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def ask(*settings: str) -> int:
        flags = [part for setting in settings for part in ("--set", setting)]
        return main([command, str(root / "shot" / "shot.json"), "--out", str(root / "new"), *flags])

    _change(root, task="animate")
    assert ask("generate.backend=wan-vace") == 2
    assert "generate.backend=draft or generate.backend=wan-animate" in capsys.readouterr().err
    assert ask("generate.backend=wan-animate", "condition.reference=reframe") == 2
    assert "condition.reference" in capsys.readouterr().err
    for reference in ("edit", "reframe"):
        assert ask("generate.backend=draft", f"condition.reference={reference}") == 2
        assert "condition.reference" in capsys.readouterr().err
    made = [path.name for path in root.glob("new/*/work/*")]
    assert set(made) <= {"runs", "wanfx.json"}, "something was made beside the log and the folder's mark"


def test_a_plan_says_what_is_to_be_installed_and_plans(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("WANFX_MODELS", str(tmp_path / "none"))
    flags = ["--set", "generate.backend=wan-animate"]
    assert main(["plan", str(root / "shot" / "shot.json"), "--out", str(tmp_path), *flags]) == 0
    told = capsys.readouterr()
    assert "wanfx models fetch wan-animate" in told.err
    assert "quality final" in told.out and "memory" in told.out
    assert main(["run", str(root / "shot" / "shot.json"), "--out", str(tmp_path), *flags]) == 3


@pytest.mark.parametrize("text", ["{}", "not", "[]"])
def test_a_last_version_whose_manifest_is_none_is_named_with_what_to_do(
    root: Path, capsys: pytest.CaptureFixture[str], text: str
) -> None:
    path = root / "out" / "tiny" / "v001" / "manifest.json"
    path.write_text(text)
    assert _run(root) == 2
    told = capsys.readouterr().err
    assert f"{path}: is not a manifest" in told
    assert "move its version's folder away" in told


def test_a_version_whose_manifest_was_changed_by_hand_is_not_up_to_date(root: Path) -> None:
    path = root / "out" / "tiny" / "v001" / "manifest.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"seed": 5}))
    assert _run(root) == 0
    assert main(["verify", str(root / "out" / "tiny" / "v002")]) == 0


def test_missing_frames_are_held_on_request_and_reported(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _remove(root)
    assert _run(root, "--set", "ingest.gaps=hold") == 0
    assert f"missing frame; {BAD - 1} is held (frame {BAD})" in capsys.readouterr().err
    held = exr.read_header(root / "out" / "tiny" / "v002" / "comp" / f"tiny_draft_v002.{BAD}.exr")
    assert str(held.timecode) == "10:00:00:02"


def test_nan_is_kept_on_request_where_nothing_is_edited(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _put_nan(root)
    assert _run(root, "--set", "ingest.bad_pixels=keep") == 0
    assert f"(frame {BAD})" in capsys.readouterr().err
    comp = exr.read_frame(root / "out" / "tiny" / "v002" / "comp" / f"tiny_draft_v002.{BAD}.exr").rgb
    plate = exr.read_frame(_plate(root)).rgb
    assert comp[50, 9].tobytes() == plate[50, 9].tobytes()
    assert np.isnan(comp).sum() == 1


def test_nothing_moving_and_nothing_said_is_nothing_found(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for frame in range(FIRST, FIRST + FRAMES):
        shutil.copy(_plate(root, FIRST), _plate(root, frame)) if frame != FIRST else None
    _change(root, subjects=None)
    assert _run(root) == 2
    assert "box" in capsys.readouterr().err


def _movie(path: Path, frames: int, size: tuple[int, int], *, rotate: int = 0) -> None:
    with av.open(str(path), "w") as output:
        stream = output.add_stream("libx264", rate=24)
        stream.width, stream.height, stream.pix_fmt = *size, "yuv420p"
        if rotate:
            stream.set_display_rotation(rotate)
        for index in range(frames):
            rgb = (np.clip(plate_pixels(index)[0].astype(np.float32), 0, 1) ** (1 / 2.4) * 255).astype(np.uint8)
            picture = np.tile(rgb, (2, 2, 1))[: size[1], : size[0]]
            output.mux(stream.encode(av.VideoFrame.from_ndarray(np.ascontiguousarray(picture), format="rgb24")))
        output.mux(stream.encode())


@pytest.mark.parametrize("text", [b"", b"not a movie" * 100])
def test_a_movie_that_is_none_is_refused_by_name(root: Path, capsys: pytest.CaptureFixture[str], text: bytes) -> None:
    (root / "shot" / "clip.mp4").write_bytes(text)
    _change(root, plate="clip.mp4")
    assert _run(root) == 2
    told = capsys.readouterr().err
    assert "clip.mp4" in told
    assert "remedy:" in told


def test_a_movie_of_one_frame_is_a_shot_of_one_frame(root: Path) -> None:
    _movie(root / "shot" / "clip.mp4", 1, (WIDTH, HEIGHT))
    _change(root, plate="clip.mp4")
    assert _run(root) == 0
    assert main(["verify", str(root / "out" / "tiny" / "v002")]) == 0


def test_a_portrait_clip_with_a_rotation_tag_stands_upright(root: Path) -> None:
    _movie(root / "shot" / "clip.mp4", FRAMES, (WIDTH, HEIGHT), rotate=90)
    _change(root, plate="clip.mp4", name="portrait", subjects=[{"box": [20, 50, 90, 150]}])
    assert _run(root) == 0
    version = root / "out" / "portrait" / "v001"
    header = exr.read_header(version / "comp" / f"portrait_draft_v001.{FIRST}.exr")
    assert (header.data_window.width, header.data_window.height) == (HEIGHT, WIDTH)
    assert main(["verify", str(version)]) == 0


@pytest.mark.parametrize("size", [(191, 107), (1919, 1079)], ids=str)
def test_odd_sizes_keep_their_size(root: Path, size: tuple[int, int]) -> None:
    scale = size[0] // WIDTH + 1
    for index in range(FRAMES):
        picture = plate_pixels(index)[0].repeat(scale, axis=0).repeat(scale, axis=1)[: size[1], : size[0]]
        _write_plate(_plate(root, FIRST + index), np.ascontiguousarray(picture))
    box = [scale * value for value in plate_pixels(0)[1].as_list()]
    _change(root, name="odd", frames=f"{FIRST}-{FIRST + 1}", review={"codec": "h264"}, subjects=[{"box": box}])
    assert _run(root) == 0
    header = exr.read_header(root / "out" / "odd" / "v001" / "comp" / f"odd_draft_v001.{FIRST}.exr")
    assert (header.data_window.width, header.data_window.height) == size


def test_frames_of_a_plate_that_has_changed_are_not_copied(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _write_plate(_plate(root), plate_pixels(0)[0])
    assert _run(root, "--frames", str(FIRST)) == 2
    told = capsys.readouterr().err
    assert f"frame {BAD}" in told
    assert "without --frames" in told


def test_data_windows_other_than_the_display_window_are_kept_frame_by_frame(root: Path) -> None:
    display = Box(0, 0, WIDTH - 20, HEIGHT - 20)
    windows = {}
    for index in range(FRAMES):
        rgb = plate_pixels(index)[0]
        inset = index * 4
        windows[FIRST + index] = Box(-8, -6, WIDTH - 8, HEIGHT - 6).grow(-inset)
        cut = np.ascontiguousarray(rgb[inset : HEIGHT - inset, inset : WIDTH - inset])
        _write_plate(
            _plate(root, FIRST + index), cut, data_window=windows[FIRST + index], display_window=display,
            attributes=plate_attributes(index),
        )  # fmt: skip
    _change(root, subjects=[{"name": "walker", "box": [42, 18, 70, 86]}])
    assert _run(root) == 0
    for frame, window in windows.items():
        header = exr.read_header(root / "out" / "tiny" / "v002" / "comp" / f"tiny_draft_v002.{frame}.exr")
        assert (header.data_window, header.display_window) == (window, display)
        parts, _ = exr.read_parts(root / "out" / "tiny" / "v002" / "comp" / f"tiny_draft_v002.{frame}.exr")
        assert parts["matte_character"].pixels.any()


def test_frames_below_zero_are_frames_like_any_other(root: Path) -> None:
    numbers = dict(zip(range(FIRST, FIRST + FRAMES), range(-2, FRAMES - 2), strict=True))
    for frame, number in numbers.items():
        _plate(root, frame).rename(root / "shot" / "plate" / f"tiny.{number:04d}.exr")
    box = plate_pixels(0)[1].as_list()
    _change(root, name="below", subjects=[{"name": "walker", "box": box, "frame": -2}])
    assert _run(root) == 0
    assert _run(root, "--frames=-1-0", "--set", "finish.margin_px=3") == 0
    for version in ("v001", "v002"):
        folder = root / "out" / "below" / version
        names = [f"below_draft_{version}.{number:04d}.exr" for number in numbers.values()]
        assert sorted(path.name for path in (folder / "comp").iterdir()) == sorted(names)
        assert main(["verify", str(folder)]) == 0


def test_an_anamorphic_plate_keeps_its_aspect_and_the_card_is_squeezed(root: Path) -> None:
    for index in range(FRAMES):
        _write_plate(_plate(root, FIRST + index), plate_pixels(index)[0], pixel_aspect=2.0)
    assert _run(root) == 0
    folder = root / "out" / "tiny"
    squeezed, header = exr.read_parts(folder / "v002" / "comp" / f"tiny_draft_v002.{FIRST}.exr")
    assert header.pixel_aspect == 2.0
    square, _ = exr.read_parts(folder / "v001" / "comp" / f"tiny_draft_v001.{FIRST}.exr")
    areas = [parts["matte_character"].pixels.astype(np.float32).sum() for parts in (squeezed, square)]
    assert areas[0] / areas[1] == pytest.approx(0.5, abs=0.1)


def test_an_output_folder_that_cannot_be_written_is_exit_status_6(
    root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "a_file").write_text("in the way")
    shot = str(root / "shot" / "shot.json")
    assert main(["run", shot, "--out", str(tmp_path / "a_file" / "out"), "--quiet"]) == 6
    told = capsys.readouterr().err
    assert "a_file" in told
    assert "remedy:" in told
    assert (tmp_path / "a_file").read_text() == "in the way"


@pytest.fixture
def small_disk(tmp_path: Path) -> Any:
    """A file system of 400 KB; needs root."""
    folder = tmp_path / "small"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=400k", "tmpfs", str(folder)]
    if os.geteuid() != 0 or subprocess.run(command, capture_output=True, check=False).returncode != 0:
        pytest.skip("mounting a small disk needs root")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def test_a_disk_too_small_is_told_before_the_run_starts(
    root: Path, small_disk: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["run", str(root / "shot" / "shot.json"), "--out", str(small_disk / "out"), "--quiet"]) == 6
    assert "GB more" in capsys.readouterr().err
    assert not list(small_disk.rglob("*.exr"))


def test_a_disk_that_fills_up_is_exit_status_6_and_the_run_goes_on_when_there_is_room(
    root: Path, small_disk: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("wanfx.plan.free_bytes", lambda _folder: 10**12)
    arguments = ["run", str(root / "shot" / "shot.json"), "--out", str(small_disk / "out"), "--quiet"]
    assert main(arguments) == 6
    told = capsys.readouterr().err
    assert "full" in told
    assert "remedy:" in told
    subprocess.run(["mount", "-o", "remount,size=50m", str(small_disk)], check=True)
    assert main(arguments) == 0
    ours = {p.name: sha256_file(p) for p in (small_disk / "out" / "tiny" / "v001").rglob("*.exr")}
    theirs = {p.name: sha256_file(p) for p in (root / "out" / "tiny" / "v001").rglob("*.exr")}
    assert ours == theirs


@pytest.mark.parametrize("name", ["sh 010 final", "Ünïcödé 影", "CON", "a:b*c?", "nul.txt"])
def test_any_shot_name_makes_a_folder_that_every_system_takes(root: Path, name: str) -> None:
    folder = root / "plät es"
    (root / "shot").rename(folder)
    (folder / "shot.json").write_text(
        json.dumps(json.loads((folder / "shot.json").read_text()) | {"name": name, "subjects": [
            {"name": "aux", "box": plate_pixels(0)[1].as_list()}]})
    )  # fmt: skip
    out = root / "o u t ü"
    assert main(["run", str(folder / "shot.json"), "--out", str(out), "--quiet"]) == 0
    (shot_folder,) = out.iterdir()
    assert main(["verify", str(shot_folder / "v001")]) == 0
    assert json.loads((shot_folder / "v001" / "manifest.json").read_text())["shot"] == name
    for path in out.rglob("*"):
        assert not set(path.name) & set('<>:"\\|?*')
        assert path.name.split(".")[0].upper() not in ("CON", "AUX", "NUL")


def test_a_stereo_plate_is_a_shot_a_view(root: Path) -> None:
    (root / "shot" / "plate").rename(root / "shot" / "plate_left")
    shutil.copytree(root / "shot" / "plate_left", root / "shot" / "plate_right")
    _change(root, plate="plate_%V/tiny.####.exr")
    assert _run(root) == 0
    for view in ("left", "right"):
        assert main(["verify", str(root / "out" / f"tiny_{view}" / "v001")]) == 0


def test_an_untagged_exr_is_refused_with_the_key_that_mends_it(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for index in range(FRAMES):
        _write_plate(_plate(root, FIRST + index), plate_pixels(index)[0], attributes={})
    assert _run(root) == 2
    assert "plate.colorspace" in capsys.readouterr().err
    _change(root, plate={"path": "plate/tiny.####.exr", "colorspace": "ACEScg"})
    assert _run(root) == 0


def test_the_plates_alpha_and_channels_are_carried_over_on_request(root: Path) -> None:
    for index in range(FRAMES):
        rgb = plate_pixels(index)[0]
        alpha = np.zeros(rgb.shape[:2], np.float16)
        depth = np.full(rgb.shape[:2], 5.5, np.float32)
        window = Box(0, 0, WIDTH, HEIGHT)
        planes = (*(np.ascontiguousarray(rgb[..., c]) for c in range(3)), alpha, depth)
        part = exr.Part("rgba", planes, ("R", "G", "B", "A", "depth.Z"))
        exr.write_parts(
            _plate(root, FIRST + index), [part], data_window=window, display_window=window,
            attributes=plate_attributes(index),
        )  # fmt: skip
    assert _run(root, "--set", "finish.plate_alpha=keep", "--set", "finish.plate_channels=keep") == 0
    parts, _ = exr.read_parts(root / "out" / "tiny" / "v002" / "comp" / f"tiny_draft_v002.{FIRST}.exr")
    planes = {name: plane for part in parts.values() for name, plane in part.planes.items()}
    assert (planes["plate.depth_Z"] == np.float32(5.5)).all()
    np.testing.assert_array_equal(planes["A"] > 0, planes["matte_character.A"] > 0)


def test_a_roto_of_another_size_is_refused_before_any_work(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    exr.write_matte(root / "shot" / f"roto.{BAD}.exr", np.ones((40, 60), np.float32))
    _change(root, subjects=[{"name": "walker", "matte": f"roto.{BAD}.exr"}])
    assert _run(root) == 2
    told = capsys.readouterr().err
    assert f"roto.{BAD}.exr" in told
    assert "60x40" in told


def _write_roto(root: Path, *, gain: float = 1.0, offset: float = 0.0, first: int = FIRST) -> None:
    """A roto of every frame, and the shot that names it."""
    for index in range(FRAMES):
        matte = np.zeros((HEIGHT, WIDTH), np.float32)
        matte[plate_pixels(index)[1].slices()] = 1
        exr.write_matte(root / "shot" / f"roto.{first + index}.exr", matte * gain + offset)
    _change(root, name="drawn", subjects=[{"name": "walker", "matte": "roto.####.exr"}])


@pytest.mark.parametrize(
    ("roto", "words"),
    [
        pytest.param({"gain": 1.5}, f"roto.{FIRST}.exr: frame {FIRST}: has values from 0 to 1.5", id="above 1"),
        pytest.param({"offset": -0.25}, f"frame {FIRST}: has values from -0.25 to 0.75", id="below 0"),
        pytest.param({"gain": 0.0}, "the matte of walker is empty in every frame", id="empty"),
        pytest.param({"first": 2001}, "roto.####.exr: the matte has no frame of the shot's 1001-1004", id="elsewhere"),
    ],
)
def test_a_roto_that_is_no_matte_of_the_shot_is_refused_before_anything_is_generated(
    root: Path, capsys: pytest.CaptureFixture[str], roto: dict[str, Any], words: str
) -> None:
    _write_roto(root, **roto)
    assert _run(root) == 2
    told = capsys.readouterr().err
    assert words in told
    assert "remedy:" in told
    assert not (root / "out" / "drawn" / "work" / "clean").exists()


@pytest.mark.parametrize("name", ["walker", "char_walker"])
def test_a_matte_painted_below_0_is_refused_by_file_and_frame(
    root: Path, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    path = root / "out" / "tiny" / "work" / "matte" / name / f"{name}.{BAD}.exr"
    exr.write_matte(path, exr.read_matte(path) - 0.5)
    assert _run(root) == 2
    told = capsys.readouterr().err
    assert f"{path}: frame {BAD}: has values from -0.5" in told
    assert "remedy:" in told


@pytest.mark.parametrize(
    "subject",
    [
        {"box": [WIDTH + 8, 2, WIDTH + 50, 60]},
        {"boxes": [{"box": [-50, -20, -10, 60], "frame": BAD}]},
        {"points": [{"x": 20, "y": HEIGHT + 1}]},
    ],
    ids=lambda subject: next(iter(subject)),
)
def test_what_points_outside_the_plate_is_refused_by_its_key(
    root: Path, capsys: pytest.CaptureFixture[str], subject: dict[str, Any]
) -> None:
    _change(root, subjects=[{"name": "walker"} | subject])
    assert _run(root) == 2
    told = capsys.readouterr().err
    assert f"subjects[0].{next(iter(subject))}" in told
    assert f"outside the plate, which is 0 to {WIDTH} across and 0 to {HEIGHT} down" in told
    assert "remedy:" in told


def test_gaps_outside_the_shots_frames_are_nobodys_trouble(root: Path) -> None:
    _plate(root, FIRST + 3).unlink()
    _plate(root, FIRST + 1).rename(_plate(root, FIRST + 9))
    box = plate_pixels(2)[1].as_list()
    _change(root, frames=f"{BAD}-{BAD}", name="one", subjects=[{"name": "walker", "box": box}])
    assert _run(root) == 0


def test_nan_in_an_edited_pixel_becomes_the_clean_plate(root: Path) -> None:
    box = plate_pixels(2)[1]
    rgb = plate_pixels(2)[0]
    rgb[(box.y0 + box.y1) // 2, box.x0 - 3 : box.x1 + 3] = np.nan
    _write_plate(_plate(root), rgb)
    assert _run(root, "--set", "ingest.bad_pixels=keep") == 0


def test_a_background_brighter_than_a_half_holds_is_marked_and_not_black(root: Path) -> None:
    world = np.full((60, 90, 3), 0.5, np.float32)
    world[20:30, 10:20] = 4e5  # Two stops may be taken off it.
    exr.write_rgb(
        root / "shot" / "sun.exr", world, data_window=Box(0, 0, 90, 60), attributes={"colorInteropID": "lin_ap1_scene"}
    )
    _change(root, task="background", reference=None, background={"path": "sun.exr", "follow": "none"}, name="sun")
    assert _run(root) == 0
    parts, _header = exr.read_parts(root / "out" / "sun" / "v001" / "comp" / f"sun_draft_v001.{FIRST}.exr")
    assert parts["clean"].pixels.max() > 60000  # type: ignore[union-attr]
    assert parts["check_ceiling"].pixels.any()  # type: ignore[union-attr]
    world[5, 5] = np.nan
    exr.write_rgb(
        root / "shot" / "sun.exr", world, data_window=Box(0, 0, 90, 60), attributes={"colorInteropID": "lin_ap1_scene"}
    )
    assert _run(root) == 2


_BARE_CONFIG = """ocio_profile_version: 2
roles: {scene_linear: lin, default: raw}
displays: {d: [!<View> {name: v, colorspace: raw}]}
colorspaces:
  - !<ColorSpace> {name: lin, encoding: scene-linear}
  - !<ColorSpace> {name: raw, isdata: true}
  - !<ColorSpace> {name: camera, from_scene_reference: !<FileTransform> {src: nowhere.cube}}
"""


@pytest.mark.parametrize("command", ["run", "plan"])
@pytest.mark.parametrize(
    ("space", "words"), [("lin", "aces_interchange"), ("raw", "aces_interchange"), ("camera", "nowhere.cube")]
)
def test_a_config_that_cannot_convert_the_plate_is_refused_before_any_work_with_a_remedy(
    root: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    command: str,
    space: str,
    words: str,
) -> None:
    (root / "bare.ocio").write_text(_BARE_CONFIG)
    monkeypatch.setenv("OCIO", str(root / "bare.ocio"))
    _change(root, plate={"path": "plate/tiny.####.exr", "colorspace": space})
    assert main([command, str(root / "shot" / "shot.json"), "--out", str(root / "new")]) == 2
    told = capsys.readouterr().err
    assert words in told and "plate.colorspace" in told and "bare.ocio" in told
    assert "remedy:" in told
    assert not list(root.glob("new/*/work/proxy"))


def test_a_frame_that_is_nan_all_over_is_kept_but_for_the_edit_which_is_made_of_other_frames(root: Path) -> None:
    _write_plate(_plate(root), np.full((HEIGHT, WIDTH, 3), np.nan, np.float16))
    assert _run(root, "--set", "ingest.bad_pixels=keep") == 0
    version = root / "out" / "tiny" / "v002"
    parts, _ = exr.read_parts(version / "comp" / f"tiny_draft_v002.{BAD}.exr")
    edited = parts["matte_edit"].pixels > 0
    rgb = parts["rgba"].pixels[..., :3]
    assert edited.any()
    assert np.isfinite(rgb[edited]).all() and np.isnan(rgb[~edited]).all()
    # Behind the character is the wall that other frames show, not black.
    revealed = (parts["matte_reveal"].pixels >= 1) & (parts["matte_character"].pixels == 0)
    assert np.median(rgb[revealed].astype(np.float32)) > 0.1
    assert main(["verify", str(version)]) == 0


@pytest.mark.parametrize("tag", ["lin_rec709_scene", None])
def test_a_frame_tagged_as_another_space_than_the_first_is_refused_unless_the_shot_names_the_space(
    root: Path, capsys: pytest.CaptureFixture[str], tag: str | None
) -> None:
    tags = {"colorInteropID": tag} if tag else {}
    attributes = {key: value for key, value in plate_attributes(2).items() if key != "colorInteropID"}
    _write_plate(_plate(root), plate_pixels(2)[0], attributes=attributes | tags)
    assert _run(root) == 2
    told = capsys.readouterr().err
    assert f"tiny.{BAD}.exr" in told and "remedy:" in told
    _change(root, plate={"path": "plate/tiny.####.exr", "colorspace": "ACEScg"})
    assert _run(root) == 0


def test_a_reference_that_says_no_colour_space_is_told_by_its_own_key_before_any_work(
    root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_picture(root / "shot" / "deep.png", np.full((40, 30, 3), 40000, np.uint16))
    _change(root, name="deep", reference={"path": "reference.png", "others": ["deep.png"]})
    for command in ("plan", "run"):
        assert main([command, str(root / "shot" / "shot.json"), "--out", str(root / "out")]) == 2
        told = capsys.readouterr().err
        assert "deep.png: reference.others[0].colorspace" in told
        assert "plate" not in told.replace("plate/", "")
        assert "remedy: name the picture's colour space in the shot, as colorspace" in told
    assert not (root / "out" / "deep" / "work" / "proxy").exists()


def test_a_reference_that_shows_nobody_is_named(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_picture(root / "shot" / "white.png", np.full((120, 90, 3), 255, np.uint8))
    _change(root, reference="white.png")
    assert _run(root) == 2
    told = capsys.readouterr().err
    assert "white.png: no character was found" in told
    assert "remedy:" in told
