"""crypto: what a delivery's Cryptomattes say is what its comp shows."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import OpenEXR
import pytest
from tiny import FIRST, make_tiny_shot

from wanfx.cli.main import main
from wanfx.events import UnitFinished, Warned, read_events
from wanfx.io import exr
from wanfx.io.atomic import sha256_file
from wanfx.io.cryptomatte import BACKGROUND, read_cryptomatte, write_cryptomatte
from wanfx.manifest import read_manifest
from wanfx.ops.ranks import Ranks
from wanfx.options import Options
from wanfx.pixels import to_float
from wanfx.stages.crypto import is_crypto_wanted

FRAMES = 5
LAST = FIRST + FRAMES - 1


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("crypto")
    make_tiny_shot(folder / "shot", frames=FRAMES, deliver={"cryptomatte": "on"})
    assert _run(folder) == 0
    return folder


@pytest.fixture
def root(made: Path, tmp_path: Path) -> Path:
    shutil.copytree(made, tmp_path / "made")
    return tmp_path / "made"


def _run(root: Path, *more: str) -> int:
    return main(["run", str(root / "shot" / "shot.json"), "--out", str(root / "out"), "--quiet", *more])


def _version(root: Path, number: int, shot: str = "tiny") -> Path:
    return root / "out" / shot / f"v{number:03d}"


def _file(version: Path, frame: int, folder: str = "crypto") -> Path:
    return version / folder / f"{version.parent.name}_draft_{version.name}.{frame}.exr"


def _change_shot(root: Path, **changes: Any) -> None:
    path = root / "shot" / "shot.json"
    data = json.loads(path.read_text()) | changes
    path.write_text(json.dumps({key: value for key, value in data.items() if value is not None}))


def _alpha(version: Path, frame: int) -> np.ndarray[Any, np.dtype[np.float32]]:
    parts, _header = exr.read_parts(_file(version, frame, "comp"), ["matte_character"])
    (matte,) = (to_float(plane) for plane in parts["matte_character"].planes.values())
    return matte


def test_the_sequence_lies_beside_the_comp_under_its_names(root: Path) -> None:
    version = _version(root, 1)
    assert {path.name for path in version.iterdir()} == {
        "comp", "crypto", "matte", "review", "report", "manifest.json", "run.json",
    }  # fmt: skip
    assert sorted(p.name for p in (version / "crypto").iterdir()) == sorted(
        p.name for p in (version / "comp").iterdir()
    )
    manifest = read_manifest(version / "manifest.json")
    ids = {"walker": "d8eb02b2", "background": "e213fe84"}
    assert manifest["crypto"] == {"pattern": "crypto/tiny_draft_v001.####.exr", "layer": "CryptoObject", "names": ids}
    listed = {entry["path"]: entry["sha256"] for entry in manifest["files"]}
    for frame in range(FIRST, LAST + 1):
        path = _file(version, frame)
        assert listed[path.relative_to(version).as_posix()] == sha256_file(path)


def test_the_matte_of_the_subject_is_the_comps_and_the_background_is_the_rest(root: Path) -> None:
    version = _version(root, 1)
    for frame in range(FIRST, LAST + 1):
        read, alpha = read_cryptomatte(_file(version, frame)), _alpha(version, frame)
        assert read.matte("walker").tobytes() == alpha.tobytes()
        assert (read.ranks.coverages.sum(axis=0) == 1).all()
        assert (read.matte(BACKGROUND) == 1 - alpha).all()


def test_a_frame_has_the_comps_windows_timecode_and_provenance_but_not_its_colours(root: Path) -> None:
    version = _version(root, 1)
    comp = exr.read_header(_file(version, FIRST + 1, "comp"))
    header = OpenEXR.File(str(_file(version, FIRST + 1)), header_only=True).parts[0].header
    read = read_cryptomatte(_file(version, FIRST + 1))
    assert (read.data_window, read.display_window) == (comp.data_window, comp.display_window)
    carried = [name for name in comp.attributes if name.startswith("wanfx:")]
    assert "wanfx:backend" in carried
    assert {name: header[name] for name in carried} == {name: comp.attributes[name] for name in carried}
    assert exr.read_timecode(header["timeCode"], rate=24) == comp.timecode
    assert header["framesPerSecond"] == comp.fps
    assert header["colorInteropID"] == "data" != comp.color_interop_id
    assert "chromaticities" not in header


def test_inspect_names_the_objects(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["inspect", str(_file(_version(root, 1), FIRST))]) == 0
    shown = " ".join(capsys.readouterr().out.split())
    assert "Cryptomatte CryptoObject" in shown
    assert "walker (d8eb02b2), background (e213fe84)" in shown


def test_in_background_the_kept_actor_is_the_object(root: Path) -> None:
    _change_shot(root, task="background", name="bg", background="reference.png", reference=None)
    assert _run(root) == 0
    version = _version(root, 1, "bg")
    read, alpha = read_cryptomatte(_file(version, FIRST)), _alpha(version, FIRST)
    assert (alpha == 1).sum() > 200
    assert read.matte("walker").tobytes() == alpha.tobytes()
    assert main(["verify", str(version)]) == 0


@pytest.mark.parametrize(("wanted", "is_wanted"), [("auto", False), ("off", False), ("on", True)])
def test_a_draft_has_it_only_when_asked(wanted: str, is_wanted: bool) -> None:
    values = {"deliver.cryptomatte": wanted, "generate.backend": "draft"}
    assert is_crypto_wanted(Options().with_values(values, source="flag")) is is_wanted


def test_turned_off_nothing_of_it_is_left(root: Path) -> None:
    assert _run(root, "--set", "deliver.cryptomatte=off") == 0
    version = _version(root, 2)
    assert not list(version.rglob("crypto/*"))
    assert read_manifest(version / "manifest.json")["crypto"] is None
    assert main(["verify", str(version)]) == 0


def test_turned_on_only_the_cryptomattes_are_made_and_the_comps_stay(root: Path) -> None:
    assert _run(root, "--set", "deliver.cryptomatte=off") == 0
    assert _run(root) == 0
    for frame in range(FIRST, LAST + 1):
        assert sha256_file(_file(_version(root, 3), frame)) == sha256_file(_file(_version(root, 1), frame))


def test_of_a_range_made_again_the_other_frames_are_the_same_bytes(root: Path) -> None:
    assert _run(root, "--frames", f"{FIRST + 2}", "--set", "rematte.grow_px=3") == 0
    same = {
        frame: sha256_file(_file(_version(root, 1), frame)) == sha256_file(_file(_version(root, 2), frame))
        for frame in range(FIRST, LAST + 1)
    }
    assert [frame for frame, is_same in same.items() if not is_same] == [FIRST + 2]
    assert main(["verify", str(_version(root, 2))]) == 0


def test_only_what_is_not_there_is_made_when_a_run_goes_on(root: Path) -> None:
    version = _version(root, 1)
    before = {frame: sha256_file(_file(version, frame)) for frame in range(FIRST, LAST + 1)}
    (version / "manifest.json").unlink()
    _file(version, FIRST + 3).unlink()
    _file(version, FIRST + 1).write_bytes(b"cut short")
    assert _run(root, "--events", str(root / "events.jsonl")) == 0
    events = [event for event in read_events(root / "events.jsonl") if isinstance(event, UnitFinished)]
    assert [e.unit for e in events if e.stage == "crypto" and not e.reused] == [str(FIRST + 1), str(FIRST + 3)]
    assert {frame: sha256_file(_file(version, frame)) for frame in before} == before


def test_a_matte_that_was_painted_beyond_1_covers_the_pixel_and_is_told(root: Path) -> None:
    painted = root / "out" / "tiny" / "work" / "matte" / "char_walker" / f"char_walker.{FIRST}.exr"
    matte = exr.read_matte(painted)
    exr.write_matte(painted, np.where(matte > 0.9, 1.25, matte).astype(np.float32))
    assert _run(root, "--events", str(root / "events.jsonl")) == 0
    covered = read_cryptomatte(_file(_version(root, 2), FIRST)).matte("walker")
    assert covered.max() == 1 and (_alpha(_version(root, 2), FIRST) > 1).any()
    warned = [e for e in read_events(root / "events.jsonl") if isinstance(e, Warned) and e.stage == "crypto"]
    assert [event.frame for event in warned] == [FIRST]


def test_a_subject_named_as_the_background_is_refused_before_any_work(
    root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    subject = json.loads((root / "shot" / "shot.json").read_text())["subjects"][0] | {"name": BACKGROUND}
    _change_shot(root, subjects=[subject], name="other")
    assert _run(root) == 2
    assert "subjects[0].name" in capsys.readouterr().err
    assert not (root / "out" / "other" / "work" / "proxy").exists()
    assert _run(root, "--set", "deliver.cryptomatte=off") == 0


def _verify(version: Path, *, promise: str) -> str:
    assert main(["verify", str(version), "--json", str(version / "promises.json")]) == 5
    promises = {p["name"]: p for p in json.loads((version / "promises.json").read_text())["promises"]}
    assert promises[promise]["state"] == "broken"
    return str(promises[promise]["evidence"])


def _rewrite(path: Path, *, coverages: Any = None, ids: Any = None, names: Any = None, shift: int = 0) -> None:
    read = read_cryptomatte(path)
    ranks = Ranks(read.ranks.ids if ids is None else ids, read.ranks.coverages if coverages is None else coverages)
    window = read.data_window.shift(shift, 0)
    write_cryptomatte(path, ranks, names=names or read.names, data_window=window, display_window=read.display_window)


def test_verify_finds_coverage_that_is_not_the_comps(root: Path) -> None:
    path = _file(_version(root, 1), FIRST + 2)
    ranks = read_cryptomatte(path).ranks
    _rewrite(path, coverages=ranks.coverages * np.float32(0.5))
    evidence = _verify(_version(root, 1), promise="two-mattes")
    assert f"frame {FIRST + 2}: Cryptomatte's coverage does not sum to 1" in evidence
    assert "matte of walker is not the comp's" in evidence


def test_verify_finds_an_id_that_no_name_has(root: Path) -> None:
    path = _file(_version(root, 1), FIRST + 2)
    ids = read_cryptomatte(path).ranks.ids.copy()
    ids[0, 100, 3] = np.nextafter(ids[0, 100, 3], np.float32(0))
    _rewrite(path, ids=ids)
    assert "does not sum to 1 at pixel (3, 100)" in _verify(_version(root, 1), promise="two-mattes")


def test_verify_finds_ranks_in_the_wrong_order(root: Path) -> None:
    path = _file(_version(root, 1), FIRST)
    ranks = read_cryptomatte(path).ranks
    _rewrite(path, coverages=ranks.coverages[::-1].copy(), ids=ranks.ids[::-1].copy())
    assert "not in order" in _verify(_version(root, 1), promise="two-mattes")


def test_verify_finds_other_names_and_windows(root: Path) -> None:
    version = _version(root, 1)
    _rewrite(_file(version, FIRST), names={"somebody": 1.0})
    _rewrite(_file(version, FIRST + 1), shift=1)
    assert "names somebody" in _verify(version, promise="two-mattes")
    assert f"frame {FIRST + 1}: Cryptomatte's data window" in _verify(version, promise="native-size")


def test_verify_finds_frames_that_are_gone_broken_or_added(root: Path) -> None:
    version = _version(root, 1)
    shutil.copy(_file(version, FIRST), _file(version, FIRST + 50))
    assert str(FIRST + 50) in _verify(version, promise="frame-lock")
    _file(version, FIRST).unlink()
    _file(version, FIRST + 1).write_bytes(_file(version, FIRST + 1).read_bytes()[:-9])
    evidence = _verify(version, promise="nothing-lost")
    assert _file(version, FIRST).name in evidence
    assert f"{_file(version, FIRST + 1).name}: is truncated" in evidence
