import errno
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from wanfx.errors import DiskFullError, EnvironmentFailedError, NotWritableError
from wanfx.io.atomic import atomic_path, is_leftover, sha256_file, write_error, write_json, write_text

IS_ROOT = hasattr(os, "geteuid") and os.geteuid() == 0


def test_a_file_appears_whole_under_its_name_and_nothing_is_left_beside_it(tmp_path: Path) -> None:
    target = tmp_path / "new folder" / "π.exr"
    with atomic_path(target) as temporary:
        assert temporary.parent == target.parent
        assert temporary.suffix == ".exr"
        assert is_leftover(temporary)
        temporary.write_bytes(b"pixels")
        assert not target.exists()
    assert target.read_bytes() == b"pixels"
    assert list(target.parent.iterdir()) == [target]


def test_an_exception_leaves_the_old_file_as_it_was(tmp_path: Path) -> None:
    target = tmp_path / "a.json"
    write_text(target, "old")

    def write_half() -> None:
        with atomic_path(target) as temporary:
            temporary.write_text("ne")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_half()
    assert target.read_text() == "old"
    assert list(tmp_path.iterdir()) == [target]


def test_a_kill_in_the_middle_of_a_write_leaves_the_old_file_and_a_recognisable_leftover(tmp_path: Path) -> None:
    target = tmp_path / "a.txt"
    write_text(target, "old")
    program = (
        "import sys, time; from wanfx.io.atomic import atomic_path\n"
        "with atomic_path(sys.argv[1]) as temporary:\n"
        "    temporary.write_text('ne'); print('ready', flush=True); time.sleep(60)\n"
    )
    with subprocess.Popen([sys.executable, "-c", program, str(target)], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        process.send_signal(signal.SIGKILL)
    assert target.read_text() == "old"
    assert [is_leftover(path) for path in sorted(tmp_path.iterdir())].count(True) == 1
    assert not is_leftover(target)


def test_readers_never_see_half_a_file(tmp_path: Path) -> None:
    target = tmp_path / "a.txt"
    program = (
        "import sys; from wanfx.io.atomic import write_text\n"
        "for number in range(10**6): write_text(sys.argv[1], str(number % 10) * 100_000)\n"
    )
    with subprocess.Popen([sys.executable, "-c", program, str(target)]) as process:
        try:
            while not target.exists():
                time.sleep(0.01)
            for _ in range(200):
                text = target.read_text()
                assert len(text) == 100_000
                assert len(set(text)) == 1
        finally:
            process.kill()


def test_a_full_disk_is_told_from_a_folder_that_cannot_be_written() -> None:
    full = write_error(OSError(errno.ENOSPC, "x"), path="a.exr")
    assert isinstance(full, DiskFullError)
    assert full.exit_code == 6
    assert isinstance(write_error(OSError(errno.EDQUOT, "x"), path="a.exr"), DiskFullError)
    for number in (errno.EACCES, errno.EPERM, errno.EROFS):
        assert isinstance(write_error(OSError(number, "x"), path="a.exr"), NotWritableError)


def test_the_words_of_an_image_library_are_understood() -> None:
    words = f'Failed to write pixel data to image file "a.exr". {os.strerror(errno.ENOSPC)}.'
    assert isinstance(write_error(RuntimeError(words), path="a.exr"), DiskFullError)
    assert isinstance(write_error(RuntimeError(os.strerror(errno.EROFS)), path="a.exr"), NotWritableError)
    assert type(write_error(RuntimeError("something else"), path="a.exr")) is EnvironmentFailedError


def test_what_is_no_file_is_never_replaced(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "folder").mkdir()
    before = {path.name: path.lstat().st_mode for path in tmp_path.iterdir()}
    for name in before:
        with pytest.raises(NotWritableError, match="is no file") as caught:
            write_text(tmp_path / name, "x")
        assert caught.value.path == str(tmp_path / name)
    assert {path.name: path.lstat().st_mode for path in tmp_path.iterdir()} == before


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_write_that_finds_the_disk_full_raises_disk_full_with_the_path(tmp_path: Path) -> None:
    target = tmp_path / "a.txt"

    def write_to_a_full_disk() -> None:
        with atomic_path(target) as temporary:
            temporary.symlink_to("/dev/full")
            temporary.write_text("x")

    with pytest.raises(DiskFullError) as caught:
        write_to_a_full_disk()
    assert caught.value.path == str(target)
    assert caught.value.remedy
    assert list(tmp_path.iterdir()) == []


def test_a_file_where_a_folder_should_be_is_not_writable(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises((NotWritableError, EnvironmentFailedError)) as caught:
        write_text(tmp_path / "file" / "a.txt", "x")
    assert caught.value.exit_code == 6


@pytest.mark.skipif(IS_ROOT, reason="root may write everywhere")
def test_a_folder_without_permission_is_not_writable(tmp_path: Path) -> None:
    folder = tmp_path / "locked"
    folder.mkdir(mode=0o555)
    with pytest.raises(NotWritableError):
        write_text(folder / "a.txt", "x")


def test_a_failure_to_read_another_file_is_not_blamed_on_the_written_one(tmp_path: Path) -> None:
    def copy_what_is_not_there() -> None:
        with atomic_path(tmp_path / "out" / "a.txt") as temporary:
            temporary.write_bytes((tmp_path / "elsewhere" / "missing").read_bytes())

    with pytest.raises(FileNotFoundError):
        copy_what_is_not_there()


def test_a_block_that_writes_nothing_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(EnvironmentFailedError), atomic_path(tmp_path / "a.txt"):
        pass


def test_equal_values_make_the_same_json_bytes(tmp_path: Path) -> None:
    write_json(tmp_path / "a.json", {"b": [1, 2.5], "a": "é"})
    write_json(tmp_path / "b.json", {"a": "é", "b": [1, 2.5]})
    data = (tmp_path / "a.json").read_bytes()
    assert data == (tmp_path / "b.json").read_bytes()
    assert data.endswith(b"}\n")
    assert "é".encode() in data
    assert json.loads(data) == {"a": "é", "b": [1, 2.5]}
    with pytest.raises(ValueError, match="JSON"):
        write_json(tmp_path / "a.json", float("nan"))
    assert (tmp_path / "a.json").read_bytes() == data


def test_sha256_is_that_of_the_bytes(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"abc")
    assert sha256_file(tmp_path / "a") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
