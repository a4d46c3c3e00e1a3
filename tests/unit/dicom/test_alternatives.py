"""The same report under another class."""

from __future__ import annotations

from dataclasses import replace

import pytest

from node.dicom.alternatives import all_uids, alternative_uid, alternatives, as_class
from node.domain.order import Predecessor
from node.stages.encode_key_sr import encode_key_sr
from node.stages.encode_seg import encode_seg
from node.stages.encode_sr import encode_sr
from tests.support.findings import as_bytes, make_case, make_envelope, reread

SEG, BASIC_TEXT, ENHANCED, COMPREHENSIVE, THREE_D = (
    f"1.2.840.10008.5.1.4.1.1.{tail}" for tail in ("66.4", "88.11", "88.22", "88.33", "88.34")
)
CASE = make_case()
REVISED = make_envelope(
    job_id="second",
    revision=2,
    predecessor=Predecessor(job_id="first", objects=((THREE_D, "2.25.3", "2.25.4"),), change="slices arrived"),
)


def report(**changes):
    """A report as it lies on disk."""
    case = replace(CASE, **changes)
    seg = encode_seg(case.findings, case.volume, case.headers, case.envelope)
    return reread(encode_sr(case.findings, case.volume, case.headers, seg, case.envelope))


def test_only_reports_have_alternatives():
    """A Comprehensive 3D SR may go out as 88.33, then as 88.22; nothing else as anything else."""
    assert alternatives(THREE_D) == (COMPREHENSIVE, ENHANCED)
    assert [alternatives(uid) for uid in (SEG, BASIC_TEXT, ENHANCED, COMPREHENSIVE)] == [()] * 4
    assert all_uids(SEG, "1.2") == ("1.2",)


def test_another_class_is_another_object_and_always_the_same():
    """Three classes, three UIDs; made again, each is the same to the byte."""
    original = report()
    uids = all_uids(THREE_D, original.SOPInstanceUID)
    made = [as_class(report(), sop_class) for sop_class in alternatives(THREE_D)]

    assert len(set(uids)) == 3
    assert [ds.SOPInstanceUID for ds in made] == list(uids[1:])
    assert [as_bytes(ds) for ds in made] == [as_bytes(as_class(report(), ds.SOPClassUID)) for ds in made]


@pytest.mark.parametrize("sop_class", [COMPREHENSIVE, ENHANCED])
def test_nothing_but_the_identity_changes(sop_class):
    """Class and UID in data set and file meta information; the document, its series and evidence stay."""
    original, made = report(), as_class(report(), sop_class)

    assert made.SOPClassUID == made.file_meta.MediaStorageSOPClassUID == sop_class
    assert made.SOPInstanceUID == made.file_meta.MediaStorageSOPInstanceUID
    for ds in (original, made):
        del ds.SOPClassUID, ds.SOPInstanceUID
    assert made == original


def test_what_it_replaces_is_named_as_the_receiver_has_it():
    """The predecessor under the same class with its derived UID, and nothing else that is referred to."""
    made, original = (as_class(report(envelope=REVISED), ENHANCED), report(envelope=REVISED))
    [study] = made.PredecessorDocumentsSequence
    [document] = study.ReferencedSeriesSequence[0].ReferencedSOPSequence

    assert document.ReferencedSOPClassUID == ENHANCED
    assert document.ReferencedSOPInstanceUID == alternative_uid("2.25.3", ENHANCED)
    assert made.CurrentRequestedProcedureEvidenceSequence == original.CurrentRequestedProcedureEvidenceSequence
    assert made.ContentSequence == original.ContentSequence


def test_a_predecessor_and_its_successor_meet_under_the_other_class():
    """What a receiver got for the first revision is what the second one says that it replaces."""
    case = make_case()
    first = reread(encode_key_sr(case.findings, case.volume, case.headers, case.envelope))
    before = Predecessor(
        job_id=case.envelope.job_id,
        objects=((THREE_D, first.SOPInstanceUID, first.SeriesInstanceUID),),
        change="slices arrived",
    )
    later = replace(case.envelope, job_id="second", revision=2, predecessor=before)
    second = reread(encode_key_sr(case.findings, case.volume, case.headers, later))
    [study] = as_class(second, COMPREHENSIVE).PredecessorDocumentsSequence
    [document] = study.ReferencedSeriesSequence[0].ReferencedSOPSequence

    assert document.ReferencedSOPInstanceUID == as_class(first, COMPREHENSIVE).SOPInstanceUID


def test_an_object_is_not_made_what_it_cannot_be():
    """Nothing becomes a class that is not among its alternatives."""
    with pytest.raises(ValueError, match="cannot be sent as"):
        as_class(report(), BASIC_TEXT)
