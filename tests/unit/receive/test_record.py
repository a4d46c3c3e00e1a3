"""From `spool/new` to the ledger and `spool/kept`, through crashes, duplicates and a lost ledger."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from io import BytesIO
from pathlib import Path

import numpy as np
import pydicom
import pytest
import structlog
from pydicom.filebase import DicomBytesIO
from pydicom.filewriter import write_dataset

from node.domain.order import Order
from node.receive.record import Recorder, rebuild
from node.store import results
from node.store.ledger import Ledger
from node.store.spool import Meta, Spool
from tests.support.ledgers import SEG, Clock, a_result, an_order
from tests.support.series import image_series

STUDY, SERIES = "1.2.826.1", "1.2.826.1.1"
NOW = datetime.now(UTC) + timedelta(hours=1)


class Site:
    """A state directory with its spool and ledger, and a recorder at work on them."""

    def __init__(self, state: Path) -> None:
        self.state, self.clock = state, Clock(NOW)
        self.spool = Spool(state / "spool")
        self.open()

    def open(self) -> None:
        """Start, as after a crash."""
        self.ledger = Ledger.open(f"sqlite:///{self.state / 'ledger.sqlite'}", self.clock)
        self.recorder = Recorder(self.ledger, self.spool, self.clock)

    def lose_ledger(self) -> None:
        """Delete the ledger, start again and rebuild."""
        self.ledger.close()
        (self.state / "ledger.sqlite").unlink()
        self.open()
        assert self.rebuild()

    def rebuild(self) -> bool:
        """Rebuild, with one destination configured."""
        return rebuild(self.ledger, self.spool, self.state / "results", self.clock, {"pacs": ("seg", "sr")})

    def receive(self, *series: pydicom.Dataset, calling_ae: str = "CT1") -> list[Path]:
        """What the door does with each data set."""
        return [self.spool.keep(*encoded(ds, calling_ae)) for ds in series]

    def kept(self) -> list[str]:
        """Files in `kept/`, relative to the state directory."""
        return [path.relative_to(self.state).as_posix() for path in self.spool.kept()]

    def versions(self) -> list[tuple[object, ...]]:
        """All that the ledger knows of the study."""
        return [
            (v.instance, v.path, v.received_at, v.content, v.conflict, v.calling_ae) for v in self.ledger.study(STUDY)
        ]


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    """A fresh state directory."""
    site = Site(tmp_path)
    yield site
    site.ledger.close()


def encoded(ds: pydicom.Dataset, calling_ae: str) -> tuple[bytes, Meta]:
    """The data set as it comes over the network."""
    buffer = DicomBytesIO()
    buffer.is_little_endian, buffer.is_implicit_VR = True, False
    write_dataset(buffer, ds)
    syntax = ds.file_meta.TransferSyntaxUID
    return buffer.getvalue(), Meta(
        sop_class=ds.SOPClassUID, sop_uid=ds.SOPInstanceUID, transfer_syntax=syntax, calling_ae=calling_ae
    )


def a_series(slices: int = 3, **attributes: object) -> list[pydicom.Dataset]:
    """A small CT series of one study."""
    voxels = np.arange(slices * 16, dtype=np.int16).reshape(slices, 4, 4)
    return image_series(voxels, study_uid=STUDY, series_uid=SERIES, frame_uid="1.2.826.9", **attributes)


def changed(ds: pydicom.Dataset, **attributes: object) -> pydicom.Dataset:
    """Another version of the same instance."""
    other = pydicom.dcmread(as_file(ds))
    for keyword, value in attributes.items():
        setattr(other, keyword, value)
    return other


def as_file(ds: pydicom.Dataset) -> BytesIO:
    """The data set as a file in memory."""
    buffer = BytesIO()
    pydicom.dcmwrite(buffer, ds, enforce_file_format=True)
    buffer.seek(0)
    return buffer


def test_what_waits_becomes_known_and_kept(site):
    """
    Files move to their series, and the ledger knows each with its path, sender and time of receipt.
    """
    series = a_series()
    waiting = site.receive(*series)
    times = [datetime.fromtimestamp(p.stat().st_mtime, UTC) for p in waiting]
    handled = site.recorder.step()
    stored = site.ledger.study(STUDY)

    assert handled == 3
    assert [s.instance.sop_uid for s in stored] == [ds.SOPInstanceUID for ds in series]
    assert [s.received_at for s in stored] == times
    assert {s.calling_ae for s in stored} == {"CT1"}
    assert sorted(s.path for s in stored) == site.kept()
    assert all(path.startswith(f"spool/kept/{STUDY}/{SERIES}/") for path in site.kept())
    assert site.spool.waiting() == []
    assert site.recorder.step() == 0


def test_a_crash_after_the_rows_is_healed_by_the_next_step(site):
    """
    Rows without moved files: the next step moves the files and adds no rows.
    """
    waiting = site.receive(*a_series())
    copies = {path: path.read_bytes() for path in waiting}
    site.recorder.step()
    before = site.versions()
    for path, kept in zip(waiting, [site.state / s.path for s in site.ledger.study(STUDY)], strict=True):
        os.rename(kept, path)  # noqa: PTH104
    site.ledger.close()
    site.open()
    site.recorder.step()

    assert site.versions() == before
    assert {Path(path).name for path in site.kept()} == {path.name for path in copies}
    assert site.spool.waiting() == []


def test_a_crash_between_link_and_unlink_is_healed(site):
    """
    A file in both places ends in one.
    """
    [waiting] = site.receive(*a_series(1))
    site.recorder.step()
    os.link(site.state / site.kept()[0], waiting)
    before = site.versions()
    site.recorder.step()

    assert site.versions() == before
    assert site.spool.waiting() == []


def test_the_same_study_again_changes_nothing(site):
    """
    A study that is sent twice is one study, and is not examined again.
    """
    series = a_series()
    site.receive(*series)
    site.recorder.step()
    before, last = site.versions(), site.ledger.last_arrival(STUDY)
    site.receive(*series, calling_ae="CT2")
    site.recorder.step()

    assert site.versions() == before
    assert site.ledger.last_arrival(STUDY) == last


def test_a_corrected_header_shows_the_same_content(site):
    """
    Same pixels and geometry: the newer version is kept, without a conflict.
    """
    [first] = a_series(1)
    site.receive(first)
    site.recorder.step()
    site.receive(changed(first, PatientName="Corrected^Name", StudyDescription="Corrected"))
    site.recorder.step()
    one, other = site.ledger.versions(first.SOPInstanceUID)

    assert one.instance.digest != other.instance.digest
    assert (other.content, other.conflict) == (one.instance.digest, False)
    assert len(site.kept()) == 2
    assert site.ledger.due_studies(NOW) == (STUDY,)


def test_other_pixels_are_a_conflict_that_is_kept_apart(site):
    """
    Contradicting versions are both kept; a third one joins the version that it agrees with.
    """
    [first] = a_series(1)
    other = changed(first, PixelData=bytes(len(first.PixelData)))
    again = changed(other, StudyDescription="Corrected")
    with structlog.testing.capture_logs() as logs:
        for version in (first, other, again):
            site.receive(version)
            site.recorder.step()
    one, two, three = site.ledger.versions(first.SOPInstanceUID)

    assert (one.conflict, two.conflict, three.conflict) == (False, True, True)
    assert (two.content, three.content) == (two.instance.digest, two.instance.digest)
    assert [line["event"] for line in logs if line["log_level"] == "warning"] == ["instance.conflicted"] * 2
    assert "Test^Patient" not in str(logs)


def test_versions_that_wait_together_are_judged_in_one_step(site):
    """
    What a restart finds in `new/` is recorded oldest first, and judged.
    """
    [first] = a_series(1)
    paths = site.receive(first, changed(first, PixelData=bytes(len(first.PixelData))), changed(first, StudyID="2"))
    for age, path in zip((3, 2, 1), paths, strict=True):
        os.utime(path, (NOW.timestamp() - 7200 - age,) * 2)
    site.recorder.step()

    assert [v.conflict for v in site.ledger.versions(first.SOPInstanceUID)] == [False, True, False]
    assert site.ledger.unjudged() == ()


def test_an_unreadable_file_is_put_aside_and_the_rest_goes_on(site):
    """
    Garbage on an association is visible with its reason; the instances beside it are kept.
    """
    site.spool.keep(
        b"this is no data set",
        Meta(sop_class="1.2", sop_uid="1.2.3", transfer_syntax="1.2.840.10008.1.2.1", calling_ae="XX"),
    )
    no_study = a_series(1, StudyInstanceUID="../../etc")
    site.receive(*a_series(2), *no_study)
    with structlog.testing.capture_logs() as logs:
        site.recorder.step()
    rows = site.ledger.unreadables()

    assert len(site.ledger.study(STUDY)) == 2
    assert {row.calling_ae for row in rows} == {"XX", "CT1"}
    assert all((site.state / row.path).is_file() and row.reason for row in rows)
    assert [line["event"] for line in logs].count("instance.unreadable") == 2
    assert site.spool.waiting() == []


def test_our_own_objects_are_kept_and_wake_nothing(site):
    """
    A result that comes back under its SOP Instance UID is stored and ignored.
    """
    order = an_order(STUDY)
    manifest = a_result(order)[1]
    site.ledger.restore(order, manifest, ["pacs"])
    [echo] = a_series(1, SOPInstanceUID=manifest.files[0].sop_uid)
    site.receive(echo)
    site.recorder.step()

    assert site.ledger.study(STUDY) == ()
    assert len(site.kept()) == 1
    assert site.ledger.due_studies(NOW) == ()


def test_a_clock_that_was_set_back_puts_nothing_into_the_future(site):
    """
    A file's time later than now would keep its study from ever being quiet.
    """
    [path] = site.receive(*a_series(1))
    os.utime(path, (NOW.timestamp() + 9999,) * 2)
    site.recorder.step()

    assert site.ledger.last_arrival(STUDY) == NOW


def test_a_rebuilt_ledger_equals_the_lost_one(site):
    """
    Instances with their order, contents and conflicts, our own objects, unreadable files, jobs: all are back.
    """
    series = a_series()
    order, later = an_order(STUDY), an_order(STUDY, 2, sop_uids=("2",))
    for each in (order, later):
        files, manifest = a_result(each)
        results.write(site.state / results.folder_of(each.job_id, 1), files, manifest)
        site.ledger.restore(each, manifest, ["pacs"])
    echo = a_series(1, SOPInstanceUID=a_result(order)[1].files[0].sop_uid)
    for batch in (series, [changed(series[0], PatientSex="M")], [changed(series[1], PixelData=bytes(32))], echo):
        site.receive(*batch)
        site.recorder.step()
    site.spool.keep(
        b"garbage", Meta(sop_class="1.2", sop_uid="1.2.3", transfer_syntax="1.2.840.10008.1.2.1", calling_ae="XX")
    )
    site.recorder.step()

    def everything() -> tuple[object, ...]:
        jobs = [
            replace(j, created_at=NOW, updated_at=NOW, order_json=Order.from_json(j.order_json).to_json())
            for j in site.ledger.jobs()
        ]
        deliveries = [site.ledger.deliveries(j.id) for j in jobs]
        rejected = [(u.path, u.reason, u.calling_ae) for u in site.ledger.unreadables()]
        return site.versions(), jobs, deliveries, rejected, site.ledger.counts()

    before = everything()
    site.lose_ledger()
    site.recorder.step()

    after = everything()
    for one, other in zip(after, before, strict=True):
        assert one == other
    assert [v[4] for v in site.versions()].count(True) == 1
    assert [d.state for d in site.ledger.deliveries(order.job_id)] == ["superseded"] * 2
    assert [d.state for d in site.ledger.deliveries(later.job_id)] == ["pending"] * 2
    assert not site.rebuild()


def test_an_interrupted_rebuild_is_done_again(site):
    """
    A ledger that was being rebuilt when the power failed is not trusted, and comes out the same.
    """
    order = an_order(STUDY)
    files, manifest = a_result(order)
    results.write(site.state / results.folder_of(order.job_id, 1), files, manifest)
    site.receive(*a_series())
    site.recorder.step()
    before = site.versions()
    site.ledger.close()
    (site.state / "ledger.sqlite").unlink()
    site.open()

    def power_cut() -> datetime:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        rebuild(site.ledger, site.spool, site.state / "results", power_cut, {"pacs": ("sr",)})
    half = len(site.ledger.jobs()), site.versions()
    site.ledger.close()
    site.open()

    assert half == (1, [])
    assert site.rebuild()
    assert not site.rebuild()
    assert site.versions() == before


def test_a_damaged_order_does_not_stop_the_rebuild(site):
    """
    A result whose order cannot be understood is named in the log; the others are taken up.
    """
    good, bad = an_order(STUDY), an_order("1.2.2")
    files, manifest = a_result(good)
    results.write(site.state / results.folder_of(good.job_id, 1), files, manifest)
    files, manifest = a_result(bad)
    results.write(site.state / results.folder_of(bad.job_id, 1), {**files, "order.json": b"{}"}, manifest)
    with structlog.testing.capture_logs() as logs:
        site.rebuild()

    assert [j.id for j in site.ledger.jobs()] == [good.job_id]
    assert [(line["event"], line["job_id"]) for line in logs if line["log_level"] == "error"] == [
        ("job.lost", bad.job_id)
    ]


def test_results_of_a_destination_that_is_gone_are_not_queued(site):
    """
    An order may name a destination that the configuration no longer has.
    """
    order = an_order(STUDY)
    files, manifest = a_result(order)
    results.write(site.state / results.folder_of(order.job_id, 1), files, manifest)
    site.rebuild()

    assert order.pipeline.send_to == ("pacs", "archive")
    assert {d.destination for d in site.ledger.deliveries(order.job_id)} == {"pacs"}
    assert {d.sop_class for d in site.ledger.deliveries(order.job_id)} >= {SEG}
