"""Where pinned files can be taken from: a wheel, another zip file, or a folder.

Nothing that a carrier says is believed: a file's size and SHA-256 are the pinned ones or it is refused, and where it is
put depends on its pinned name alone.
"""

from __future__ import annotations

import errno
import hashlib
import os
import zipfile
import zlib
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Protocol

from wanfx.backends.weights import ModelFile, ModelSet
from wanfx.errors import InputError

_CHUNK_BYTES = 1 << 20
# RuntimeError: zipfile's word for an encrypted member, and (NotImplementedError) for a compression it does not know.
_BROKEN = (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError, OSError)


class Carrier(Protocol):
    """Holds a set's files; an open one is closed by whoever opened it."""

    @property
    def path(self) -> Path:
        """The carrier itself."""

    def find(self, file: ModelFile) -> str | None:
        """Where in the carrier the file is, None where it is not."""

    def open(self, place: str) -> IO[bytes]:
        """The file there, to read."""


@dataclass(frozen=True)
class _Folder:
    path: Path
    places: tuple[str, ...]

    def find(self, file: ModelFile) -> str | None:
        places = (file.member, *(place + file.name for place in self.places))
        return next((place for place in places if (self.path / place).is_file()), None)

    def open(self, place: str) -> IO[bytes]:
        return (self.path / place).open("rb")


@dataclass(frozen=True)
class _Zip:
    path: Path
    archive: zipfile.ZipFile
    folder: str

    def find(self, file: ModelFile) -> str | None:
        names = self.archive.namelist()
        if self.folder + file.name in names:
            return self.folder + file.name
        same_name = [name for name in names if name.rpartition("/")[2] == file.name.rpartition("/")[2]]
        # A wheel may hold files of one name in several folders.
        return next((name for name in same_name if name.endswith(file.member)), next(iter(same_name), None))

    def open(self, place: str) -> IO[bytes]:
        return self.archive.open(place)


@contextmanager
def open_carrier(path: Path, models: ModelSet) -> Iterator[Carrier]:
    """Open a wheel, a zip file or a folder.

    A folder holds the files themselves, or those of a set as they lie in the models folder or in the source; in a zip
    file they may be in any folder. Raises InputError.
    """
    if path.is_dir():
        yield _Folder(path, ("", f"{models.revision}/", f"{models.name}/{models.revision}/"))
        return
    if not path.is_file():
        raise InputError("is not there", path=path, remedy="give a wheel, a zip file or a folder that is")
    try:
        archive = zipfile.ZipFile(path)
    except _BROKEN as error:
        raise InputError(
            "is no wheel or zip file, or not a whole one",
            path=path,
            remedy=f"copy it again; it should be a {models.source.project} {models.source.version} wheel, a zip file "
            f"that `wanfx models bundle` wrote, or a folder",
        ) from error
    with archive:
        yield _Zip(path, archive, f"{models.name}/{models.revision}/")


def find_places(carrier: Carrier, models: ModelSet, names: Collection[str]) -> dict[ModelFile, str]:
    """Where in the carrier each of the named files is. Raises InputError for those that it does not hold."""
    wanted = [file for file in models.contents if file.name in names]
    places = {file: carrier.find(file) for file in wanted}
    lacking = [file.name for file, place in places.items() if place is None]
    if lacking:
        source = f"{models.source.project} {models.source.version}"
        raise InputError(
            f"does not hold {', '.join(lacking)} of the {models.name} models",
            path=carrier.path,
            remedy=f"give a {source} wheel, a bundle or a folder that does",
        )
    return {file: place for file, place in places.items() if place is not None}


def copy_file(carrier: Carrier, place: str, target: Path, *, file: ModelFile, on_bytes: Callable[[int], None]) -> None:
    """Write the file at ``place`` to ``target`` and check it; ``on_bytes`` is told of every chunk.

    Never writes more than a byte over the pinned size. Raises InputError where it is not the pinned file; then
    ``target`` may hold a part of it.
    """
    digest = hashlib.sha256()
    with target.open("wb") as out:
        for chunk in _chunks(carrier, place, limit_bytes=file.size_bytes):
            digest.update(chunk)
            out.write(chunk)
            on_bytes(len(chunk))
    if digest.hexdigest() != file.sha256:
        raise _wrong_file(carrier, file)


def link_file(carrier: Carrier, place: str, target: Path, *, file: ModelFile, sha256: Callable[[Path], str]) -> None:
    """Make ``target`` another name of the file at ``place``, once ``sha256`` says that it is the pinned one.

    Raises InputError where it is not, where the carrier is a zip file, or is on another disk.
    """
    if not carrier.path.is_dir():
        raise InputError("is a zip file, to which nothing can be linked", path=carrier.path, remedy="leave out --link")
    source = (carrier.path / place).resolve()
    if source.stat().st_size != file.size_bytes or sha256(source) != file.sha256:
        raise _wrong_file(carrier, file)
    try:
        os.link(source, target)
    except OSError as error:
        if error.errno not in (errno.EXDEV, errno.EPERM, errno.ENOTSUP, errno.EMLINK):
            raise
        raise InputError(
            f"its {file.name} cannot be linked to ({os.strerror(error.errno).lower()})", path=carrier.path,
            remedy="leave out --link (files are copied), or use the folder where it is with --in-place",
        ) from error  # fmt: skip


def _wrong_file(carrier: Carrier, file: ModelFile) -> InputError:
    return InputError(
        f"its {file.name} is not the file that was published",
        path=carrier.path,
        remedy="copy it again, or get it from where it was published",
    )


def _chunks(carrier: Carrier, place: str, *, limit_bytes: int) -> Iterator[bytes]:
    """The file's bytes; one more than the limit where it is longer, which no hash forgives."""
    left = limit_bytes + 1
    try:
        with carrier.open(place) as file:
            while left and (chunk := file.read(min(_CHUNK_BYTES, left))):
                left -= len(chunk)
                yield chunk
    except _BROKEN as error:
        reason = os.strerror(error.errno).lower() if isinstance(error, OSError) and error.errno else str(error)
        raise InputError(f"its {place} cannot be read ({reason})", path=carrier.path, remedy="copy it again") from error
