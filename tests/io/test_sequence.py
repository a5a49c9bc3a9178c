import unicodedata
from pathlib import Path
from typing import Any

import pytest

from wanfx.errors import SequenceError
from wanfx.frames import FrameRange
from wanfx.io.sequence import check_sequence, compact, expand_views, find_sequence


def fill(folder: Path, *names: str, content: str = "x") -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        (folder / name).write_text(content)


@pytest.mark.parametrize(
    "text",
    [
        "plate.####.exr",
        "plate.%04d.exr",
        "plate.@@@@.exr",
        "plate.$F4.exr",
        "plate.#.exr",
        "plate.@.exr",
        "plate.%d.exr",
        "plate.1001-1004#.exr",
        "plate.1001-1004####.exr",
        "plate.1001-1004%04d.exr",
        "plate.1001.exr",
        "plate.1003.exr",
        "",
    ],
)
def test_every_form_finds_the_same_sequence(tmp_path: Path, text: str) -> None:
    folder = tmp_path / "Zoë's plate"
    fill(folder, *(f"plate.{number}.exr" for number in (1001, 1002, 1003, 1004)))
    fill(folder, "notes.txt", ".wanfx-partial-0123.exr")
    found = find_sequence(folder / text)
    assert found.pattern.text == str(folder / "plate.####.exr")
    assert found.numbers == (1001, 1002, 1003, 1004)
    assert found.range == FrameRange(1001, 1004)
    assert found.missing == ()
    assert all(found.path(number).is_file() for number in found.range)
    check_sequence(found)


@pytest.mark.parametrize(
    ("names", "text", "pattern", "numbers"),
    [
        (["plate_v001_1001.exr", "plate_v001_1002.exr"], "plate_v001_1001.exr", "plate_v001_####.exr", (1001, 1002)),
        (["a.1001.v002.exr", "a.1002.v002.exr"], "a.1001.v002.exr", "a.####.v002.exr", (1001, 1002)),
        (["a_1001_v002.exr"], "a_1001_v002.exr", "a_####_v002.exr", (1001,)),
        (["a.8.exr", "a.9.exr", "a.10.exr"], "a.9.exr", "a.#.exr", (8, 9, 10)),
        (["a.998.exr", "a.1001.exr"], "a.#.exr", "a.###.exr", (998, 1001)),
        (["a.-002.exr", "a.-001.exr", "a.0000.exr"], "a.####.exr", "a.####.exr", (-2, -1, 0)),
        (["a.-1.exr", "a.0.exr"], "a.-1.exr", "a.#.exr", (-1, 0)),
        (["a-0001.exr", "a-0002.exr"], "a-0001.exr", "a-####.exr", (1, 2)),
        (["0001.png", "0002.png"], "0001.png", "####.png", (1, 2)),
        (["shot 10 映画 001.dpx"], "shot 10 映画 001.dpx", "shot 10 映画 ###.dpx", (1,)),
        (["img001.exr", "img002.exr"], "img001.exr", "img###.exr", (1, 2)),
        (["a.9999.exr", "a.10000.exr"], "a.%04d.exr", "a.####.exr", (9999, 10000)),
        (["a.99998.exr", "a.99999.exr"], "a.####.exr", "a.####.exr", (99998, 99999)),
        (["a.1001.exr", "b.1002.exr", "a.1001.png"], "a.####.exr", "a.####.exr", (1001,)),
        (["a.1000.exr", "a.1001.exr", "a.1002.exr"], "a.1001-1001####.exr", "a.####.exr", (1001,)),
        (["reference.png"], "reference.png", "reference.png", (1001,)),
        (["plate_v001.exr", "plate_v002.exr"], "plate_v002.exr", "plate_v002.exr", (1001,)),
    ],
)
def test_names_as_people_write_them(
    tmp_path: Path, names: list[str], text: str, pattern: str, numbers: tuple[int, ...]
) -> None:
    fill(tmp_path, *names)
    found = find_sequence(tmp_path / text)
    assert found.pattern.name == pattern
    assert found.numbers == numbers
    assert all(found.path(number).is_file() for number in numbers)
    check_sequence(found, gaps="hold")


def test_a_frame_that_is_not_there_still_names_its_sequence(tmp_path: Path) -> None:
    fill(tmp_path, "a.1001.exr", "a.1002.exr")
    assert find_sequence(tmp_path / "a.1005.exr").numbers == (1001, 1002)


def test_letters_are_found_however_the_disk_composes_them(tmp_path: Path) -> None:
    stored, typed = (unicodedata.normalize(form, "Zoë.1001.exr") for form in ("NFD", "NFC"))
    fill(tmp_path, stored)
    found = find_sequence(tmp_path / typed)
    assert found.path(1001).is_file()


def test_gaps_are_listed_compactly(tmp_path: Path) -> None:
    fill(tmp_path, *(f"a.{number}.exr" for number in (1001, 1002, 1004, 1009)))
    found = find_sequence(tmp_path / "a.1001-1010####.exr")
    assert found.missing == (1003, 1005, 1006, 1007, 1008, 1010)
    with pytest.raises(SequenceError, match="1003, 1005-1008, 1010") as caught:
        check_sequence(found)
    assert caught.value.remedy
    check_sequence(found, gaps="hold")


def test_a_frame_under_two_paddings_is_found(tmp_path: Path) -> None:
    fill(tmp_path, "a.0001.exr", "a.0002.exr", "a.2.exr", "a.77.exr")
    for text in ("a.####.exr", "a.#.exr", "a.0001.exr"):
        found = find_sequence(tmp_path / text)
        assert (found.numbers, found.strays) == ((1, 2), ("a.2.exr",))
        with pytest.raises(SequenceError, match=r"a\.2\.exr"):
            check_sequence(found)


def test_an_empty_frame_is_named(tmp_path: Path) -> None:
    fill(tmp_path, "a.1001.exr", "a.1003.exr")
    fill(tmp_path, "a.1002.exr", content="")
    with pytest.raises(SequenceError, match="0 bytes") as caught:
        check_sequence(find_sequence(tmp_path / "a.####.exr"))
    assert (caught.value.path, caught.value.frame) == (str(tmp_path / "a.1002.exr"), 1002)


def test_a_link_to_nowhere_is_named(tmp_path: Path) -> None:
    (tmp_path / "a.1001.exr").symlink_to(tmp_path / "gone.exr")
    with pytest.raises(SequenceError, match="link to a file that is not there"):
        check_sequence(find_sequence(tmp_path / "a.####.exr"))


@pytest.mark.parametrize("text", ["plaet.####.exr", "plate.####.dpx", "plate.######.exr", "plate.2000-2010#.exr"])
def test_where_nothing_is_there_the_nearest_names_are_told(tmp_path: Path, text: str) -> None:
    fill(tmp_path, "plate.1001.exr", "plate.1002.exr", "other.txt")
    with pytest.raises(SequenceError, match="no such file") as caught:
        find_sequence(tmp_path / text)
    assert "plate.#.exr (2)" in caught.value.remedy
    assert caught.value.exit_code == 2


def test_a_folder_that_does_not_exist_is_told_from_where_it_fails(tmp_path: Path) -> None:
    with pytest.raises(SequenceError, match="folder does not exist") as caught:
        find_sequence(tmp_path / "no" / "such" / "plate.####.exr")
    assert str(tmp_path) in caught.value.remedy


def test_a_folder_of_several_sequences_or_none_is_refused(tmp_path: Path) -> None:
    fill(tmp_path / "two", "a.1001.exr", "b.1001.exr")
    fill(tmp_path / "none", "notes.txt")
    with pytest.raises(SequenceError, match=r"a\.#\.exr, b\.#\.exr"):
        find_sequence(tmp_path / "two")
    with pytest.raises(SequenceError, match="no pictures"):
        find_sequence(tmp_path / "none")


@pytest.mark.parametrize("text", ["a#b.####.exr", "take#1/a.####.exr", "take#1/a.1001.exr", "take#1", "shot#1.exr"])
def test_names_with_a_hash_of_their_own_are_refused_clearly(tmp_path: Path, text: str) -> None:
    fill(tmp_path, "a#b.1001.exr", "shot#1.exr")
    fill(tmp_path / "take#1", "a.1001.exr")
    with pytest.raises(SequenceError) as caught:
        find_sequence(tmp_path / text)
    assert "rename" in caught.value.remedy or "write one" in caught.value.remedy


def test_ranges_with_steps_are_refused(tmp_path: Path) -> None:
    fill(tmp_path, "a.1001.exr")
    with pytest.raises(SequenceError, match="leaves frames out"):
        find_sequence(tmp_path / "a.1001-1011x2####.exr")


@pytest.mark.parametrize(
    ("text", "views"),
    [
        ("p_%V.####.exr", {"left": "p_left.####.exr", "right": "p_right.####.exr"}),
        ("%v/p_%V.%04d.exr", {"left": "l/p_left.%04d.exr", "right": "r/p_right.%04d.exr"}),
        ("p.%04d.exr", {"main": "p.%04d.exr"}),
    ],
)
def test_views_are_expanded_as_in_nuke(text: str, views: Any) -> None:
    assert expand_views(text) == views


def test_views_that_share_an_initial_need_their_whole_name() -> None:
    with pytest.raises(SequenceError):
        expand_views("p_%v.exr", views=("main", "matte"))
    assert len(expand_views("p_%V.exr", views=("main", "matte"))) == 2


def test_a_text_with_views_is_not_one_sequence(tmp_path: Path) -> None:
    with pytest.raises(SequenceError, match="views"):
        find_sequence(tmp_path / "p_%V.####.exr")


def test_frame_numbers_are_listed_for_people() -> None:
    assert compact([3, -2, -1, 7, 8, 9]) == "-2--1, 3, 7-9"
    assert compact([1005, 1010, 1011, 1012]) == "1005, 1010-1012"
