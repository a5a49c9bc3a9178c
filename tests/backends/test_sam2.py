"""SAM 2.1 with random weights, by the code that runs the real ones: what is asked, remembered and given back."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from sam2_tiny import MovingDiscs, require_engine, require_torch, tiny_models

from wanfx.backends.blaze import Roi
from wanfx.backends.blaze_body import Body
from wanfx.backends.protocols import BoxPrompt, MaskPrompt, PointPrompt, Prompts, Segment
from wanfx.backends.sam2 import Sam2Segmenter
from wanfx.backends.sam2_click import Sam2Clicker
from wanfx.backends.sam2_engine import prepare_picture
from wanfx.backends.sam2_plan import Anchor
from wanfx.backends.sam2_starts import body_points, box_around, find_prompts
from wanfx.backends.sam2_track import SubjectTrack, View, to_matte
from wanfx.backends.sam2_transformers import TransformersEngine
from wanfx.backends.sam2_window import Framing, Window, place_logits
from wanfx.backends.weights import MODELS_FOLDER, ModelSet, set_folder
from wanfx.errors import MissingError, NothingFoundError
from wanfx.frames import Box, Size

require_torch()
__all__ = ["tiny_models"]
Found = dict[tuple[str, int], Segment]


@pytest.fixture(scope="module", params=["transformers", "package"])
def segmenter(models: ModelSet, request: pytest.FixtureRequest) -> Sam2Segmenter:
    require_engine(request.param)
    made = Sam2Segmenter(models, engine=request.param)
    made.load()
    return made


def _segment(segmenter: Sam2Segmenter, shot: MovingDiscs, **subjects: Prompts) -> Found:
    found: Found = {}
    for one in segmenter.segment(shot, subjects=subjects):
        assert (one.subject, one.frame) not in found
        found[one.subject, one.frame] = one
    assert set(found) == {(name, frame) for name in subjects for frame in shot.frames}
    return found


def _same(found: Found, other: Found, *, subject: str = "red") -> set[int]:
    """The frames in which both have the same bits."""
    keys = [key for key in found if key[0] == subject]
    return {key[1] for key in keys if np.array_equal(found[key].matte, other[key].matte)}


def _point(shot: MovingDiscs, frame: int, *, which: int = 0, keep: bool = True) -> PointPrompt:
    return PointPrompt(frame, *shot.center(frame, which=which), keep)


def _box(shot: MovingDiscs, frame: int, *, which: int = 0) -> BoxPrompt:
    x, y = shot.center(frame, which=which)
    return BoxPrompt(frame, x - 11, y - 11, x + 11, y + 11)


def _mask(shot: MovingDiscs, frame: int, *, which: int = 0) -> MaskPrompt:
    return MaskPrompt(frame, lambda: shot.truth(frame, which=which))


def test_points_boxes_and_masks_in_the_middle_reach_every_frame_both_ways(segmenter: Sam2Segmenter) -> None:
    shot = MovingDiscs()
    asked = [
        Prompts(points=(_point(shot, 1005),)),
        Prompts(boxes=(_box(shot, 1005),)),
        Prompts(masks=(_mask(shot, 1005),)),
    ]
    found = [_segment(segmenter, shot, red=prompts) for prompts in asked]
    for one in found:
        for segment in one.values():
            assert segment.matte.shape == (64, 96) and segment.matte.dtype == np.float32
            assert 0 <= segment.matte.min() <= segment.matte.max() <= 1
            assert 0 <= segment.confidence <= 1
    assert not _same(found[0], found[1]) and not _same(found[1], found[2])


def test_the_logits_survive_in_the_matte(segmenter: Sam2Segmenter) -> None:
    shot = MovingDiscs(2)
    matte = _segment(segmenter, shot, red=Prompts(boxes=(_box(shot, 1001),)))["red", 1001].matte
    between = matte[(matte > 0.01) & (matte < 0.99)]
    assert len(np.unique(between)) > 0.5 * len(between) > 20


def test_a_point_off_the_subject_counts(segmenter: Sam2Segmenter) -> None:
    shot = MovingDiscs(3)
    on = _point(shot, 1001)
    alone = _segment(segmenter, shot, red=Prompts(points=(on,)))
    held_off = _segment(segmenter, shot, red=Prompts(points=(on, _point(shot, 1001, which=1, keep=False))))
    same_place = _segment(segmenter, shot, red=Prompts(points=(on, _point(shot, 1001, which=1))))
    assert not _same(alone, held_off) and not _same(held_off, same_place)


def test_a_matte_made_by_hand_comes_back_as_it_is_and_says_what_the_subject_is(segmenter: Sam2Segmenter) -> None:
    shot = MovingDiscs(40)
    many = tuple(_mask(shot, frame) for frame in range(1005, 1035))
    shot.reads.clear()
    found = _segment(segmenter, shot, red=Prompts(masks=many))
    for mask in many:
        assert np.array_equal(found["red", mask.frame].matte, mask.read())
        assert found["red", mask.frame].confidence == 1
    assert set(shot.reads) & set(range(1005, 1035)) == {1005, 1029, 1034}  # of a run only a few are learnt from
    others = tuple(_mask(shot, frame, which=1) for frame in range(1005, 1035))
    assert not _same(found, _segment(segmenter, shot, red=Prompts(masks=others))) & {
        *range(1001, 1005),
        *range(1035, 1041),
    }


def test_subjects_together_are_as_each_alone_and_share_each_look_at_a_frame(segmenter: Sam2Segmenter) -> None:
    shot = MovingDiscs()
    red, green = Prompts(boxes=(_box(shot, 1001),)), Prompts(points=(_point(shot, 1001, which=1),))
    shot.reads.clear()
    both = _segment(segmenter, shot, red=red, green=green)
    assert sorted(shot.reads) == list(shot.frames)
    for name, prompts in (("red", red), ("green", green)):
        alone = _segment(segmenter, shot, **{name: prompts})
        for key, one in alone.items():
            np.testing.assert_allclose(both[key].matte, one.matte, atol=1e-6)
    assert not np.array_equal(both["red", 1006].matte, both["green", 1006].matte)


@pytest.mark.parametrize("later", ["box", "point", "off", "mask"])
def test_a_correction_on_a_later_frame_changes_its_side_and_no_other(segmenter: Sam2Segmenter, later: str) -> None:
    shot = MovingDiscs(24)
    before = Prompts(boxes=(_box(shot, 1003),))
    off = _point(shot, 1018, which=1, keep=False)
    after = {
        "box": Prompts(boxes=(*before.boxes, _box(shot, 1018, which=1))),
        "point": Prompts((_point(shot, 1018, which=1),), before.boxes),
        "off": Prompts((off,), before.boxes),
        "mask": Prompts(boxes=before.boxes, masks=(_mask(shot, 1018, which=1),)),
    }[later]
    same = _same(_segment(segmenter, shot, red=before), _segment(segmenter, shot, red=after))
    assert same == set(range(1001, 1009))  # the middle is 1010.5; two frames before it the mixing begins


def test_where_two_sides_meet_they_are_mixed(segmenter: Sam2Segmenter) -> None:
    shot = MovingDiscs(24)
    boxes = _box(shot, 1003), _box(shot, 1018, which=1)
    both = _segment(segmenter, shot, red=Prompts(boxes=boxes))
    mixed = float(np.abs(both["red", 1011].matte - both["red", 1010].matte).mean())
    first, last = (_segment(segmenter, shot, red=Prompts(boxes=(box,))) for box in boxes)
    cut = float(np.abs(last["red", 1011].matte - first["red", 1010].matte).mean())
    assert mixed < 0.75 * cut


def test_points_off_the_subject_before_any_on_it_are_a_correction_on_the_way_back(segmenter: Sam2Segmenter) -> None:
    shot = MovingDiscs(16)
    box = (_box(shot, 1010),)
    off = PointPrompt(1004, *shot.center(1004, which=1), keep=False)
    same = _same(_segment(segmenter, shot, red=Prompts(boxes=box)), _segment(segmenter, shot, red=Prompts((off,), box)))
    assert same == set(range(1005, 1017))


def test_the_same_bits_in_every_run(segmenter: Sam2Segmenter, models: ModelSet) -> None:
    shot = MovingDiscs()
    prompts = Prompts((_point(shot, 1009),), (_box(shot, 1002),))
    again = Sam2Segmenter(models, engine=segmenter.settings[0])
    again.load()
    runs = [_segment(one, MovingDiscs(), red=prompts) for one in (segmenter, segmenter, again)]
    assert _same(runs[0], runs[1]) == _same(runs[0], runs[2]) == set(shot.frames)
    assert [one.confidence for one in runs[0].values()] == [one.confidence for one in runs[2].values()]


def test_a_subject_that_was_nowhere_pointed_at_is_an_error_that_says_what_to_do(segmenter: Sam2Segmenter) -> None:
    shot = MovingDiscs(3)
    for prompts in (Prompts((_point(shot, 1002, keep=False),)), Prompts((PointPrompt(7, 1, 1),))):
        with pytest.raises(NothingFoundError) as caught:
            _segment(segmenter, shot, red=prompts)
        assert "box" in caught.value.remedy


def _remembered(segmenter: Sam2Segmenter, shot: MovingDiscs, monkeypatch: pytest.MonkeyPatch) -> int:
    """How many numbers are still remembered when the shot is done."""
    tracks: list[SubjectTrack] = []
    begin = SubjectTrack.__init__

    def note(self: SubjectTrack, *args: object, **kwargs: object) -> None:
        begin(self, *args, **kwargs)  # type: ignore[arg-type]
        tracks.append(self)

    with monkeypatch.context() as patch:
        patch.setattr(SubjectTrack, "__init__", note)
        _segment(segmenter, shot, red=Prompts(boxes=(_box(shot, 1010),)))
    (track,) = tracks
    anchors = [one for zooms in track._anchors.values() for one in zooms.values()]
    kept = [*anchors, *(one for _window, one in track._recent.values())]
    return sum(one.pointer.numel() + (0 if one.maps is None else one.maps.numel()) for one in kept)


def test_what_is_remembered_does_not_grow_with_the_shot(
    segmenter: Sam2Segmenter, monkeypatch: pytest.MonkeyPatch
) -> None:
    short, long = (_remembered(segmenter, MovingDiscs(count), monkeypatch) for count in (30, 90))
    assert short == long < 40_000


def test_a_walk_forwards_is_that_of_the_library_which_keeps_everything(models: ModelSet) -> None:
    import torch
    from transformers.models.sam2_video.modeling_sam2_video import Sam2VideoInferenceSession

    shot, engine = MovingDiscs(30), TransformersEngine(models)
    pictures = [prepare_picture(shot.read(frame), engine.side_px) for frame in shot.frames]
    session = Sam2VideoInferenceSession(video=torch.from_numpy(np.stack(pictures)), dtype=torch.float32)
    session.obj_id_to_idx(0)
    session.obj_with_new_inputs = [0]
    x, y = shot.center(1001)
    place = torch.tensor([[[[x * 64 / 96 - 0.5, y - 0.5]]]])
    session.add_point_inputs(0, 0, {"point_coords": place, "point_labels": torch.ones(1, 1, 1, dtype=torch.int32)})
    truth = [out.pred_masks[0, 0].numpy() for out in engine.model.propagate_in_video_iterator(session, 0)]
    track = SubjectTrack(engine, Framing(shot.size, cells=engine.cells, crop="frame"))
    anchor = Anchor(1001, "start", (_point(shot, 1001),))
    views = [View(engine, shot.read(frame)) for frame in shot.frames]
    looks = [track.prompt(0, views[0], anchor, direction="forward")]
    track.start(0, [0])
    looks += [track.follow(index, views[index], direction="forward") for index in range(1, 30)]
    for look, logits in zip(looks, truth, strict=True):
        np.testing.assert_allclose(look.logits, logits, atol=1e-5)


def test_a_click_asks_again_of_a_picture_that_was_embedded_once(models: ModelSet, segmenter: Sam2Segmenter) -> None:
    shot = MovingDiscs(2)
    clicker = Sam2Clicker(models, engine="transformers")
    clicker.load()
    clicker.open(shot.read(1001))
    seen = []
    vision = clicker._engine.model.vision_encoder
    handle = vision.register_forward_hook(lambda *_: seen.append(1))
    on = _point(shot, 1001)
    matte, sure = clicker.click(Prompts((on,)))
    other, _sure = clicker.click(Prompts((on, _point(shot, 1001, which=1, keep=False))))
    again, _sure = clicker.click(Prompts((on,)))
    handle.remove()
    assert not seen
    assert np.array_equal(matte, again) and not np.array_equal(matte, other) and 0 < sure <= 1
    first = _segment(segmenter, shot, red=Prompts((on,)))["red", 1001]
    np.testing.assert_allclose(matte, first.matte, atol=1e-6)
    with pytest.raises(NothingFoundError):
        clicker.click(Prompts((_point(shot, 1001, keep=False),)))


def test_weights_that_are_missing_or_damaged_are_named_with_their_remedy(
    models: ModelSet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = {name: (set_folder(models) / name).read_bytes() for name in models.files}
    monkeypatch.setenv(MODELS_FOLDER, str(tmp_path))
    with pytest.raises(MissingError, match="not here") as missing:
        Sam2Segmenter(models).load()
    set_folder(models).mkdir(parents=True)
    for name, content in whole.items():
        (set_folder(models) / name).write_bytes(content)
    path = set_folder(models) / "model.safetensors"
    path.write_bytes(whole[path.name][:-8] + bytes(8))
    with pytest.raises(MissingError, match="not the file that was published") as damaged:
        Sam2Segmenter(models).load()
    for caught in (missing, damaged):
        assert caught.value.path == str(path)
        assert "wanfx models fetch sam2-random" in caught.value.remedy


def test_with_nothing_said_what_moves_is_boxed(segmenter: Sam2Segmenter) -> None:
    shot = MovingDiscs(24)  # the models folder of these tests holds no pose networks
    (box,) = find_prompts(shot)[0].boxes
    truth = np.maximum(shot.truth(box.frame), shot.truth(box.frame, which=1))
    inside = truth[round(box.y0) : round(box.y1), round(box.x0) : round(box.x1)]
    assert inside.sum() > 0.4 * truth.sum()
    asked, found = _segment(segmenter, shot, red=Prompts(boxes=(box,))), _segment(segmenter, shot, red=Prompts())
    assert _same(asked, found) == set(shot.frames)


def test_only_pose_points_that_are_surely_seen_and_on_the_body_are_asked_for() -> None:
    points = np.full((33, 3), 20.0)
    points[:, 0] = np.arange(33)
    visible = np.full(33, 0.95)
    visible[[0, 24]] = 0.5
    matte = np.zeros((40, 40), np.float32)
    matte[:, 10:26] = 1
    roi = Roi(20, 20, 40)
    body = Body(points, visible, np.ones(33), 0.9, matte, roi, roi)
    assert [(one.x, one.y, one.keep) for one in body_points(body, 7, inside=matte)] == [
        (11, 20, True), (12, 20, True), (23, 20, True), (25, 20, True),
    ]  # fmt: skip
    assert box_around(matte, 7) == BoxPrompt(7, 10, 0, 26, 40)


def test_a_matte_is_brought_to_the_sources_size_by_its_logits() -> None:
    logits = np.linspace(-6, 6, 16, dtype=np.float32).reshape(4, 4)
    whole = Window(Box(0, 0, 12, 8))
    enlarged = cv2.resize(logits, (12, 8), interpolation=cv2.INTER_LINEAR)
    assert np.array_equal(place_logits(logits, whole, Size(12, 8)), enlarged)
    assert np.allclose(to_matte(logits), 1 / (1 + np.exp(-logits)))
