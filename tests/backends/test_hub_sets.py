"""Sets of the hub: locked at fetch, carried to machines without a network, and never used changed."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import socket
import sys
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
import pytest
from tiny_wan import save_animate_folder

from wanfx.backends.hub_fetch import fetch_hub_set
from wanfx.backends.seen_files import SeenFiles, find_folder
from wanfx.backends.wan_encoders import ANIMATE_PROMPT, read_texts, see_reference
from wanfx.backends.wan_load import import_from_diffusers, load_part, load_transformer
from wanfx.backends.weights import MODELS_FOLDER, fetch_command, find_set, is_installed, set_folder
from wanfx.cli.main import main
from wanfx.errors import InputError, MissingError
from wanfx.io.atomic import sha256_file
from wanfx.wan_options import WanOptions

NAME = "wan-animate"
COMMIT = "0123456789abcdef0123456789abcdef01234567"
OTHER = "fedcba9876543210fedcba9876543210fedcba98"
SMALLEST_ONNX = b"\x08\x08\x3a\x02\x12\x00"
"""A version, and a graph of an empty name."""
WEIGHTS = "transformer/diffusion_pytorch_model.safetensors"


@pytest.fixture(scope="module")
def given(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny model as diffusers lays it out, last changed a while ago."""
    folder = tmp_path_factory.mktemp("given")
    save_animate_folder(folder)
    for path in folder.rglob("*"):
        os.utime(path, (1_700_000_000, 1_700_000_000))
    return folder


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The models folder, still empty."""
    monkeypatch.setenv(MODELS_FOLDER, str(tmp_path / "models"))
    return tmp_path / "models"


def _flip_byte(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)


def _in_cache(folder: Path, given: Path) -> Path:
    """The hub's cache: a snapshot of links into blobs."""
    repository = folder / "models--Wan-AI--Wan2.2-Animate-14B-Diffusers"
    for number, path in enumerate(sorted(path for path in given.rglob("*") if path.is_file())):
        blob = repository / "blobs" / str(number)
        blob.parent.mkdir(parents=True, exist_ok=True)
        blob.write_bytes(path.read_bytes())
        link = repository / "snapshots" / COMMIT / path.relative_to(given)
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to(blob)
    return folder


def test_a_fetch_locks_every_file_and_the_set_is_found_by_its_lock(given: Path, here: Path) -> None:
    assert not is_installed(NAME)
    with pytest.raises(MissingError, match="not here") as caught:
        find_folder(find_set(NAME))
    assert fetch_command(find_set(NAME)) in caught.value.remedy
    assert main(["models", "fetch", NAME, "--from", str(given), "--revision", COMMIT]) == 0
    lock = json.loads((here / NAME / "lock.json").read_text())
    assert lock["revision"] == COMMIT
    assert {file["path"] for file in lock["files"]} >= {WEIGHTS, "vae/config.json", "tokenizer/tokenizer.json"}
    models = find_set(NAME)
    assert find_folder(models) == set_folder(models) == here / NAME / COMMIT[:12]
    assert is_installed(NAME)


def test_the_digest_stands_for_names_and_bytes_alone(given: Path, monkeypatch: pytest.MonkeyPatch, here: Path) -> None:
    first = fetch_hub_set(NAME, given=given, revision=COMMIT).models.digest
    monkeypatch.setenv(MODELS_FOLDER, str(here.parent / "second"))
    assert fetch_hub_set(NAME, given=given, placing="in place").models.digest == first
    lock = json.loads((here.parent / "second" / NAME / "lock.json").read_text())
    lock["files"][0]["sha256"] = "0" * 64
    (here.parent / "second" / NAME / "lock.json").write_text(json.dumps(lock))
    assert find_set(NAME).digest != first


@pytest.mark.parametrize("placing", ["copy", "link"])
def test_a_cache_of_the_hub_tells_its_commit(placing: Any, given: Path, tmp_path: Path) -> None:
    fetched = fetch_hub_set(NAME, given=_in_cache(tmp_path / "hub", given), placing=placing)
    assert fetched.models.source.version == COMMIT
    files = [set_folder(fetched.models) / name for name in fetched.models.files]
    assert all(not path.is_symlink() for path in files)
    assert {path.stat().st_nlink for path in files} == ({2} if placing == "link" else {1})


def test_among_several_snapshots_the_user_chooses(given: Path, tmp_path: Path) -> None:
    cache = _in_cache(tmp_path / "hub", given)
    second = cache / "models--Wan-AI--Wan2.2-Animate-14B-Diffusers" / "snapshots" / OTHER
    second.mkdir()
    with pytest.raises(InputError, match=OTHER) as caught:
        fetch_hub_set(NAME, given=cache)
    assert "--revision" in caught.value.remedy
    assert fetch_hub_set(NAME, given=cache, revision=COMMIT).models.revision == COMMIT[:12]


def test_a_folder_in_place_takes_no_room(given: Path, here: Path) -> None:
    models = fetch_hub_set(NAME, given=given, placing="in place").models
    assert find_folder(models) == given
    assert sorted(path.name for path in here.rglob("*") if path.is_file()) == ["lock.json", "seen.json"]
    assert main(["models", "verify", NAME]) == 0


def test_what_is_locked_stays_until_another_revision_is_asked_for(given: Path, tmp_path: Path) -> None:
    other = _in_cache(tmp_path / "hub", given)
    fetch_hub_set(NAME, given=given, revision=OTHER)
    with pytest.raises(InputError, match=f"locked to {OTHER}"):
        fetch_hub_set(NAME, given=other)
    assert fetch_hub_set(NAME, given=other, revision=COMMIT).models.source.version == COMMIT
    assert find_set(NAME).source.version == COMMIT


def test_a_folder_of_other_bytes_is_never_taken_for_the_set_that_is_here(
    given: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    fetch_hub_set(NAME, given=given)
    first = find_set(NAME)
    assert main(["models", "fetch", NAME, "--from", str(given)]) == 0
    assert f"the same as in {given}" in capsys.readouterr().out.replace("\n", "")
    other = tmp_path / "other"
    shutil.copytree(given, other)
    _flip_byte(other / WEIGHTS)
    assert main(["models", "fetch", NAME, "--from", str(other)]) == 2
    told = capsys.readouterr().err.replace("\n", " ")
    assert WEIGHTS in told and find_set(NAME) == first
    revision = re.search(r"--revision (local-\w+)", told)
    assert revision is not None
    assert main(["models", "fetch", NAME, "--from", str(other), "--revision", revision[1]]) == 0
    assert find_set(NAME).digest != first.digest


def test_only_files_that_hold_no_code_are_taken(given: Path, tmp_path: Path) -> None:
    folder = tmp_path / "mixed"
    for path in (path for path in given.rglob("*") if path.is_file()):
        (folder / path.relative_to(given)).parent.mkdir(parents=True, exist_ok=True)
        (folder / path.relative_to(given)).write_bytes(path.read_bytes())
    (folder / "text_encoder" / "pytorch_model.bin").write_bytes(b"\x80\x04.")
    (folder / "transformer" / "model.py").write_text("raise SystemExit")
    fetched = fetch_hub_set(NAME, given=folder)
    assert fetched.left_out == ("transformer/model.py", "text_encoder/pytorch_model.bin")
    assert not set(fetched.left_out) & set(fetched.models.files)
    (folder / "text_encoder" / "model.safetensors").unlink()
    with pytest.raises(InputError, match=r"text_encoder/\*.safetensors.*pytorch_model.bin"):
        fetch_hub_set(NAME, given=folder, revision=OTHER)


@pytest.mark.parametrize(
    ("name", "content", "what"),
    [
        ("vae/diffusion_pytorch_model.safetensors", b"version https://git-lfs.github.com/spec/v1\n", "Git LFS"),
        ("vae/diffusion_pytorch_model.safetensors", b"\x80\x04\x95" + bytes(64), "no safetensors"),
        (
            "transformer/diffusion_pytorch_model.safetensors.index.json",
            b'{"weight_map": {"a": "diffusion_pytorch_model-00002-of-00002.safetensors"}}',
            "00002-of-00002",
        ),
    ],
)
def test_a_download_that_is_not_whole_is_refused(
    name: str, content: bytes, what: str, given: Path, tmp_path: Path, here: Path
) -> None:
    cache = _in_cache(tmp_path / "hub", given)
    path = cache / "models--Wan-AI--Wan2.2-Animate-14B-Diffusers" / "snapshots" / COMMIT / name
    path.unlink(missing_ok=True)
    path.write_bytes(content)
    with pytest.raises(InputError, match=what):
        fetch_hub_set(NAME, given=cache)
    assert not here.exists()


def test_a_run_refuses_a_changed_file_and_reads_a_set_only_once(given: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    models = fetch_hub_set(NAME, given=given).models
    for name in models.files:
        os.utime(set_folder(models) / name, (1_700_000_000, 1_700_000_000))
    read: list[str | Path] = []

    def hash_file(path: str | Path) -> str:
        read.append(path)
        return sha256_file(path)

    monkeypatch.setattr("wanfx.backends.seen_files.sha256_file", hash_file)
    find_folder(models)
    assert len(read) == len(models.files)
    find_folder(models)
    assert len(read) == len(models.files)
    _flip_byte(set_folder(models) / WEIGHTS)
    with pytest.raises(MissingError, match=WEIGHTS):
        find_folder(models)
    (set_folder(models) / WEIGHTS).unlink()
    with pytest.raises(MissingError, match=f"{WEIGHTS} is missing"):
        find_folder(models)


def test_a_file_that_was_just_written_is_not_yet_remembered(tmp_path: Path) -> None:
    path, seen = tmp_path / "new", SeenFiles(NAME)
    path.write_bytes(b"new")
    seen.sha256(path)
    assert seen.known(path) is None
    os.utime(path, (1_700_000_000, 1_700_000_000))
    assert seen.sha256(path) == seen.known(path)


def test_verify_names_a_file_with_a_flipped_byte(given: Path, capsys: pytest.CaptureFixture[str]) -> None:
    models = fetch_hub_set(NAME, given=given).models
    path = set_folder(models) / WEIGHTS
    before = path.stat()
    _flip_byte(path)
    # Not even the clock shows it.
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert main(["models", "verify", NAME]) == 3
    told = capsys.readouterr()
    assert f"{WEIGHTS}: damaged" in told.out
    assert f"wanfx models fetch {NAME}" in told.err
    assert main(["models", "fetch", NAME, "--from", str(given)]) == 0
    assert main(["models", "verify", NAME]) == 0


@pytest.mark.parametrize("kind", ["folder", "linked folder", "zip"])
def test_with_the_network_off_a_bundle_is_taken_and_everything_loads(
    kind: str, given: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_arguments: object, **_more: object) -> NoReturn:
        raise AssertionError("the network was used")

    monkeypatch.setattr(socket, "socket", refuse)
    monkeypatch.setattr(socket, "create_connection", refuse)
    fetch_hub_set(NAME, given=given, revision=COMMIT)
    bundle = tmp_path / ("bundle.zip" if kind == "zip" else "bundle")
    assert main(["models", "bundle", NAME, "--to", str(bundle), *(["--link"] if "linked" in kind else [])]) == 0
    monkeypatch.setenv(MODELS_FOLDER, str(tmp_path / "offline"))
    assert main(["models", "fetch", NAME, "--from", str(bundle)]) == 0
    models = find_set(NAME)
    assert models.source.version == COMMIT
    folder, how = find_folder(models), fetch_command(models)
    diffusers = import_from_diffusers("pipelines.wan.pipeline_wan_animate")
    kinds = import_from_diffusers("models")
    transformer = load_transformer(
        kinds.WanAnimateTransformer3DModel, folder, options=WanOptions(dtype="float32"),
        pipeline=diffusers.WanAnimatePipeline, fetch_command=how,
    )  # fmt: skip
    vae = load_part(kinds.AutoencoderKLWan, folder, part="vae", fetch_command=how, use_safetensors=True)
    assert len(transformer.blocks) == 2
    assert vae.config.z_dim == 16
    texts = read_texts(
        folder, [ANIMATE_PROMPT], pipeline=diffusers.WanAnimatePipeline, cache=tmp_path / "texts", fetch_command=how
    )
    assert texts[ANIMATE_PROMPT].shape == (1, 512, 32)
    assert see_reference(folder, np.full((32, 48, 3), 0.5, np.float32), fetch_command=how).shape[-1] == 4


def test_words_are_read_again_for_other_weights(given: Path, tmp_path: Path) -> None:
    pipeline = import_from_diffusers("pipelines.wan.pipeline_wan_animate").WanAnimatePipeline
    for digest in ("a", "a", "b"):
        read_texts(given, ["walk"], pipeline=pipeline, cache=tmp_path / "texts", fetch_command="", digest=digest)
    assert len(list((tmp_path / "texts").iterdir())) == 2


@pytest.mark.parametrize("to", ["b.zip", "folder"])
def test_what_was_never_fetched_is_not_bundled(to: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["models", "bundle", NAME, "--to", str(tmp_path / to)]) == 3
    assert f"wanfx models fetch {NAME}" in capsys.readouterr().err
    assert not (tmp_path / to).exists()


def test_a_bundle_without_a_file_locks_nothing(given: Path, here: Path, tmp_path: Path) -> None:
    fetch_hub_set(NAME, given=given, revision=COMMIT)
    bundle = tmp_path / "bundle"
    assert main(["models", "bundle", NAME, "--to", str(bundle)]) == 0
    manifest = json.loads((bundle / "manifest.json").read_text())
    manifest["sets"][0]["files"] = []
    (bundle / "manifest.json").write_text(json.dumps(manifest))
    shutil.rmtree(here)
    assert main(["models", "fetch", NAME, "--from", str(bundle)]) == 2
    assert not (here / NAME / "lock.json").exists()


def test_the_command_for_the_other_machine_can_be_pasted(
    given: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    fetch_hub_set(NAME, given=given, revision=COMMIT)
    assert main(["models", "bundle", NAME, "--to", str(tmp_path / "b one.zip")]) == 0
    command = capsys.readouterr().out.partition("on the other machine: ")[2]
    assert shlex.split(command)[-2:] == ["--from", "b one.zip"]


def test_a_bundle_of_other_bytes_than_are_locked_is_refused(given: Path, tmp_path: Path) -> None:
    fetch_hub_set(NAME, given=given, revision=COMMIT)
    assert main(["models", "bundle", NAME, "--to", str(tmp_path / "bundle")]) == 0
    _flip_byte(tmp_path / "bundle" / NAME / COMMIT[:12] / WEIGHTS)
    (set_folder(find_set(NAME)) / WEIGHTS).unlink()
    with pytest.raises(InputError, match=WEIGHTS):
        fetch_hub_set(NAME, given=tmp_path / "bundle")


@pytest.mark.parametrize("path", ["../outside.json", "/etc/outside.json", "a\\b.json", "c:outside.json"])
def test_a_bundle_cannot_name_a_place_outside(path: str, given: Path, tmp_path: Path) -> None:
    fetch_hub_set(NAME, given=given, revision=COMMIT)
    bundle = tmp_path / "bundle"
    assert main(["models", "bundle", NAME, "--to", str(bundle)]) == 0
    manifest = json.loads((bundle / "manifest.json").read_text())
    manifest["sets"][0]["files"][0]["path"] = path
    (bundle / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(InputError, match="manifest"):
        fetch_hub_set(NAME, given=bundle, revision=OTHER)


def test_a_licence_with_conditions_is_accepted_by_name_or_not_fetched(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "process_checkpoint" / "det"
    folder.mkdir(parents=True)
    (folder / "yolov10m.onnx").write_bytes(SMALLEST_ONNX)
    command = ["models", "fetch", "yolov10m", "--from", str(tmp_path)]
    assert main(command) == 2
    assert "--accept-licence AGPL-3.0" in capsys.readouterr().err
    assert main([*command, "--accept-licence", "AGPL-3.0"]) == 0
    assert (find_folder(find_set("yolov10m")) / "yolov10m.onnx").is_file()


@pytest.mark.parametrize(
    "damaged",
    [b"", b"\x08\x08", SMALLEST_ONNX[:-1], SMALLEST_ONNX + b"\x0f", b"<html>not found</html>", b"\x80\x04\x95"],
)
def test_what_is_no_whole_onnx_model_is_refused(damaged: bytes, tmp_path: Path) -> None:
    folder = tmp_path / "process_checkpoint" / "det"
    folder.mkdir(parents=True)
    (folder / "yolov10m.onnx").write_bytes(damaged)
    with pytest.raises(InputError, match="no onnx file") as refused:
        fetch_hub_set("yolov10m", given=tmp_path)
    assert refused.value.path == str(folder / "yolov10m.onnx")


def test_weights_that_are_cut_off_are_refused(given: Path, tmp_path: Path) -> None:
    shutil.copytree(given, tmp_path / "cut")
    (tmp_path / "cut" / WEIGHTS).write_bytes((given / WEIGHTS).read_bytes()[:-1])
    with pytest.raises(InputError, match="not the whole of one"):
        fetch_hub_set(NAME, given=tmp_path / "cut", revision=COMMIT)


def test_a_large_onnx_model_keeps_its_numbers_beside_it(tmp_path: Path) -> None:
    folder = tmp_path / "process_checkpoint" / "pose2d" / "vitpose_h_wholebody.onnx"
    folder.mkdir(parents=True)
    (folder / "end2end.onnx").write_bytes(SMALLEST_ONNX)
    (folder / "backbone.blocks.0.attn.qkv.weight").write_bytes(bytes(16))
    (folder / "extra.pth").write_bytes(b"PK")
    fetched = fetch_hub_set("vitpose-wholebody", given=tmp_path)
    assert fetched.left_out == ("vitpose_h_wholebody.onnx/extra.pth",)
    assert len(fetched.models.files) == 2


def test_list_says_what_a_studio_must_know(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    assert main(["models", "list"]) == 0
    told = capsys.readouterr().out
    for text in (
        "Wan-AI/Wan2.2-Animate-14B-Diffusers",
        "AGPL-3.0",
        "Non-Commercial",
        "about 48.0 GB",
        "commercial use",
    ):
        assert text in told


def test_without_huggingface_hub_a_download_says_what_to_do(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    assert main(["models", "fetch", NAME]) == 3
    told = capsys.readouterr().err
    assert "pip install huggingface_hub" in told
    assert f"wanfx models fetch {NAME} --from FOLDER" in told


def test_a_damaged_lock_is_said_to_be_one(given: Path, here: Path) -> None:
    fetch_hub_set(NAME, given=given)
    (here / NAME / "lock.json").write_text("{")
    with pytest.raises(MissingError, match="no lock file"):
        find_set(NAME)


def test_a_revision_cannot_be_a_path(given: Path) -> None:
    with pytest.raises(InputError, match="no revision"):
        fetch_hub_set(NAME, given=given, revision="../../outside")
