"""Units and their records: what a resumed run may take for done, and what it must never overwrite."""

from __future__ import annotations

from pathlib import Path

import pytest

from wanfx.units import PaintableFolder, Unit, UnitStore


@pytest.fixture
def store(tmp_path: Path) -> UnitStore:
    return UnitStore(tmp_path, records=tmp_path / "work" / "records")


def _file(store: UnitStore, text: str) -> Path:
    path = store.root / "work" / "made.txt"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def test_a_committed_unit_is_found_with_its_facts(store: UnitStore) -> None:
    unit = Unit("clean", "1001", "key")
    store.commit(unit, files=[_file(store, "made")], facts={"seen": 0.5})
    record = store.find(unit)
    assert record is not None
    assert record.facts == {"seen": 0.5}
    assert list(record.files) == ["work/made.txt"]


def test_a_unit_with_another_key_is_not_done(store: UnitStore) -> None:
    store.commit(Unit("clean", "1001", "key"), files=[_file(store, "made")], facts={})
    assert store.find(Unit("clean", "1001", "other")) is None


@pytest.mark.parametrize("damage", ["missing", "changed"])
def test_a_unit_whose_file_is_not_as_recorded_is_not_done(store: UnitStore, damage: str) -> None:
    unit = Unit("clean", "1001", "key")
    path = _file(store, "made")
    store.commit(unit, files=[path], facts={})
    path.unlink() if damage == "missing" else path.write_text("changed")
    assert store.find(unit) is None


def test_a_record_that_was_cut_short_counts_as_none(store: UnitStore) -> None:
    unit = Unit("clean", "1001", "key")
    store.commit(unit, files=[_file(store, "made")], facts={})
    record = store.root / "work" / "records" / "clean" / "1001.json"
    record.write_text(record.read_text()[:20])
    assert store.find(unit) is None


def _write(text: str):  # type: ignore[no-untyped-def]
    return lambda path: path.write_text(text)


def test_what_wanfx_wrote_is_written_over(tmp_path: Path) -> None:
    folder, path = PaintableFolder(tmp_path), tmp_path / "a.exr"
    assert folder.write(path, _write("one"))
    assert folder.write(path, _write("two"))
    assert path.read_text() == "two"


def test_what_an_artist_painted_is_never_written_over(tmp_path: Path) -> None:
    path = tmp_path / "a.exr"
    PaintableFolder(tmp_path).write(path, _write("made"))
    path.write_text("painted")
    later = PaintableFolder(tmp_path)
    assert later.is_painted(path)
    assert later.write(path, _write("made again")) is None
    assert path.read_text() == "painted"


def test_a_file_of_a_run_that_was_killed_before_its_record_is_not_taken_for_painted(tmp_path: Path) -> None:
    path = tmp_path / "a.exr"
    PaintableFolder(tmp_path).write(path, _write("made, then killed"))
    assert not PaintableFolder(tmp_path).is_painted(path)
