"""Results: whole or not there."""

from __future__ import annotations

from dataclasses import replace

import pytest

from node.store import results
from tests.support.ledgers import a_result, an_order


def test_a_result_comes_back_as_it_was_written(tmp_path):
    """
    Manifest and files survive, and nothing else is left in the folder.
    """
    files, manifest = a_result(an_order())
    folder = tmp_path / results.folder_of(manifest.job_id, 1)
    written = results.write(folder, files, replace(manifest, order_sha256=""))

    assert results.read(folder) == written == manifest
    assert {p.name: p.read_bytes() for p in folder.iterdir() if p.name != "manifest.json"} == files
    assert sorted(p.name for p in folder.iterdir()) == ["manifest.json", "order.json", "seg.dcm", "sr.dcm"]


@pytest.mark.parametrize("name", ["manifest.json", "order.json", "seg.dcm", "sr.dcm"])
@pytest.mark.parametrize("damage", ["missing", "altered", "cut off"])
def test_a_result_that_is_not_whole_is_none(tmp_path, name, damage):
    """
    A file that is missing or is not what the manifest says makes the attempt worthless.
    """
    files, manifest = a_result(an_order())
    results.write(tmp_path, files, manifest)
    path = tmp_path / name
    if damage == "missing":
        path.unlink()
    else:
        path.write_bytes(path.read_bytes()[:-1] + (b"" if damage == "cut off" else b"?"))

    assert results.read(tmp_path) is None


def test_a_folder_without_a_manifest_is_none(tmp_path):
    """
    What a killed worker left is no result.
    """
    (tmp_path / "seg.dcm").write_bytes(b"half")

    assert results.read(tmp_path) is None
    assert results.read(tmp_path / "absent") is None


def test_writing_again_replaces_what_a_crash_left(tmp_path):
    """
    The same attempt written twice is whole; a stale manifest never vouches for new files.
    """
    files, manifest = a_result(an_order())
    (tmp_path / "seg.dcm").write_bytes(b"a longer leftover of an attempt that was killed while it wrote")
    results.write(tmp_path, files, manifest)
    results.write(tmp_path, files, manifest)

    assert results.read(tmp_path) == manifest


def test_files_and_manifest_must_belong_together(tmp_path):
    """
    A file too many, one too few, another content, a name with a folder: nothing is written.
    """
    files, manifest = a_result(an_order())
    outside = replace(manifest.files[0], name="../seg.dcm")
    wrong = [
        (files | {"more.txt": b""}, manifest),
        ({k: v for k, v in files.items() if k != "sr.dcm"}, manifest),
        (files | {"seg.dcm": b"other"}, manifest),
        ({**files, "../seg.dcm": files["seg.dcm"]}, replace(manifest, files=(outside, manifest.files[1]))),
        (files, replace(manifest, files=manifest.files + manifest.files[:1])),
    ]
    for some_files, some_manifest in wrong:
        with pytest.raises(ValueError, match=r"manifest|name"):
            results.write(tmp_path / "folder", some_files, some_manifest)

    assert not (tmp_path / "folder").exists()


def test_the_newest_whole_attempt_of_every_job_is_found(tmp_path):
    """
    The rebuild takes attempt 10 over attempt 9, a whole one over a newer broken one, and passes over strangers.
    """
    one, two = an_order("1.2.1"), an_order("1.2.2")
    for order, attempt in ((one, 9), (one, 10), (one, 11), (two, 1)):
        files, manifest = a_result(order, attempt)
        results.write(tmp_path / order.job_id / str(attempt), files, manifest)
    (tmp_path / one.job_id / "11" / "sr.dcm").unlink()
    (tmp_path / two.job_id / "2").mkdir()
    (tmp_path / "stranger" / "1").mkdir(parents=True)
    results.write(tmp_path / "moved" / "1", *a_result(one, 1))
    found = {manifest.job_id: (manifest.attempt, order_json) for order_json, manifest in results.walk(tmp_path)}

    assert found == {one.job_id: (10, one.to_json()), two.job_id: (1, two.to_json())}
    assert list(results.walk(tmp_path / "absent")) == []
