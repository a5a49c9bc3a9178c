"""Files that are either whole or not there: written beside their place, made durable, then renamed into it.

What is checked by its hash before it is used, and can be made again, need not be durable: waiting for the disk takes
longer than making it. A process that is killed leaves at most a temporary file, which `is_leftover` recognises by its
name.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from wanfx.errors import DiskFullError, EnvironmentFailedError, NotWritableError

_MARK = ".wanfx-partial-"
_FULL = (errno.ENOSPC, errno.EDQUOT)
_REFUSED = (errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOTDIR, errno.EISDIR, errno.ENAMETOOLONG)


@contextmanager
def atomic_path(path: str | Path, *, durable: bool = True) -> Iterator[Path]:
    """A temporary file's path to write to; the file takes the place of ``path`` when the block ends.

    The temporary file lies hidden in the same folder (made if need be) and has the suffix of ``path``, so that encoders
    accept it. If the block fails it is removed and ``path`` stays as it was. A ``durable`` file is whole even after the
    power fails. Raises DiskFullError, NotWritableError, or EnvironmentFailedError where the block wrote nothing.
    A folder, a device or a pipe is never replaced.
    """
    path = Path(path)
    if path.exists() and not path.is_file():
        raise NotWritableError("is there and is no file", path=path, remedy="give the path of a file")
    temporary = path.with_name(f"{_MARK}{secrets.token_hex(8)}{path.suffix}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield temporary
        _check_there(temporary, path)
        if durable:
            _sync(temporary)
        temporary.replace(path)
    except OSError as error:
        if not _concerns(error, (temporary, path, *path.parents)):
            raise
        raise write_error(error, path=path) from error
    finally:
        _remove(temporary)


def write_text(path: str | Path, text: str, *, durable: bool = True) -> None:
    """Write ``text`` as UTF-8 with the newlines it has."""
    with atomic_path(path, durable=durable) as temporary:
        temporary.write_text(text, encoding="utf-8", newline="")


def write_json(path: str | Path, value: Any, *, durable: bool = True) -> None:
    """Write ``value`` as JSON that is the same bytes for equal values: UTF-8, sorted keys, newline at the end.

    NaN and infinities are refused (ValueError): they are not JSON.
    """
    text = json.dumps(value, ensure_ascii=False, allow_nan=False, indent=2, sort_keys=True)
    write_text(path, text + "\n", durable=durable)


def sha256_file(path: str | Path) -> str:
    """The SHA-256 of a file's bytes, in hexadecimal."""
    with Path(path).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def is_leftover(path: str | Path) -> bool:
    """Whether this is a temporary file of `atomic_path`, which nobody needs once its writer has ended."""
    return Path(path).name.startswith(_MARK)


def write_error(error: BaseException, *, path: str | Path) -> EnvironmentFailedError:
    """The failure to write ``path`` as the user's kind of error.

    Image libraries raise errors of their own that hold the system's words only, so these are recognised too.
    """
    number = error.errno if isinstance(error, OSError) else _errno_in(str(error))
    if number in _FULL:
        return DiskFullError("the disk is full", path=path, remedy="free some space, then resume the run")
    reason = os.strerror(number).lower() if number else str(error)
    if number in _REFUSED:
        return NotWritableError(
            f"cannot be written ({reason})", path=path, remedy="check the folder's permissions or choose another --out"
        )
    return EnvironmentFailedError(
        f"cannot be written ({reason})", path=path, remedy="check the disk or network share, then resume the run"
    )


def short_write_error(temporary: Path, *, path: str | Path) -> EnvironmentFailedError:
    """Why ``temporary`` is shorter than it should be although its writer reported success.

    The system tells the reason to whoever writes next, so a little is appended.
    """
    try:
        with temporary.open("ab") as file:
            file.write(bytes(1 << 16))
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        return write_error(error, path=path)
    return EnvironmentFailedError(
        "was not written whole", path=path, remedy="check the disk or network share, then resume the run"
    )


def _errno_in(text: str) -> int | None:
    return next((number for number in (*_FULL, *_REFUSED, errno.EIO) if os.strerror(number) in text), None)


def _check_there(temporary: Path, path: Path) -> None:
    if not temporary.exists():
        raise EnvironmentFailedError(
            "nothing was written", path=path, remedy="check the disk or network share, then resume the run"
        )


def _sync(temporary: Path) -> None:
    # A rename may reach the disk before the data does, so the data goes first. Windows syncs writable files only.
    with temporary.open("r+b") as file:
        os.fsync(file.fileno())


def _concerns(error: OSError, paths: tuple[Path, ...]) -> bool:
    # The block may also fail to read some other file; that is not this file's failure.
    return error.filename is None or Path(os.fsdecode(error.filename)) in paths


def _remove(temporary: Path) -> None:
    try:
        temporary.unlink(missing_ok=True)
    except OSError:
        # The folder became unreachable: the error under way says so, and the name marks what is left.
        return
