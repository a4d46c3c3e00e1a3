"""Findings to a key-slice report."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from node.domain.findings import Findings
from node.domain.order import Predecessor
from node.domain.words import NO_SUBSTITUTE, RESEARCH
from node.stages.encode_key_sr import encode_key_sr
from node.stages.encode_sr import encode_sr
from tests.support.findings import (
    DRAWN,
    ENHANCED_CT,
    FOUND,
    WITHHELD,
    Case,
    as_bytes,
    make_case,
    make_envelope,
    reread,
)
from tests.support.reports import groups, named, numbers, texts, walk
from tests.support.series import MR

OBLIQUE = {"orientation": (0.96, 0.28, 0.0, -0.28, 0.96, 0.0), "origin": (-100.5, 20.25, -300.125)}
SR_CLASS = "1.2.840.10008.5.1.4.1.1.88.34"


def encoded(case: Case):
    """The key-slice report as a receiver reads it."""
    return reread(encode_key_sr(case.findings, case.volume, case.headers, case.envelope))


def with_mask(case: Case, mask):
    """The same case, its one lesion drawn otherwise."""
    [lesion] = case.findings.lesions
    lesion = replace(lesion, contour=replace(lesion.contour, mask=mask))
    return replace(case, findings=replace(case.findings, lesions=(lesion,)))


def region(group):
    """Corners (column, row) of the contour of a group, and the image that it lies on."""
    [item] = named(group, "111030")
    [image] = item.ContentSequence
    assert (item.ValueType, item.GraphicType, item.RelationshipType) == ("SCOORD", "POLYLINE", "CONTAINS")
    assert (image.ValueType, image.RelationshipType) == ("IMAGE", "SELECTED FROM")
    return np.array(item.GraphicData).reshape(-1, 2), image.ReferencedSOPSequence[0]


def replaced(sr):
    """SOP Instance UIDs of the predecessor documents."""
    return [
        sop.ReferencedSOPInstanceUID
        for study in sr.get("PredecessorDocumentsSequence", [])
        for series in study.ReferencedSeriesSequence
        for sop in series.ReferencedSOPSequence
    ]


@pytest.mark.parametrize("attributes", [{}, OBLIQUE, {"sop_class": MR}])
def test_the_contour_runs_along_the_pixels_of_the_key_slice(attributes):
    """Rows 10 to 17 and columns 12 to 19: from (12, 10) to (20, 18), closed, whatever way the slice lies in space."""
    case = make_case(**attributes)
    [group] = groups(encoded(case))
    corners, image = region(group)

    assert corners.tolist() == [[12, 10], [20, 10], [20, 18], [12, 18], [12, 10]]
    assert (image.ReferencedSOPClassUID, image.ReferencedSOPInstanceUID) == (
        case.headers[4].SOPClassUID,
        case.headers[4].SOPInstanceUID,
    )
    assert "ReferencedFrameNumber" not in image
    assert group.ContentTemplateSequence[0].TemplateIdentifier == "1410"


def test_a_frame_is_named_by_its_number():
    """Of an Enhanced object the one frame that shows the contour, counted from 1."""
    case = make_case(enhanced=True)
    _, image = region(groups(encoded(case))[0])

    assert (image.ReferencedSOPClassUID, image.ReferencedSOPInstanceUID, image.ReferencedFrameNumber) == (
        ENHANCED_CT,
        case.headers[0].SOPInstanceUID,
        5,
    )


def test_each_lesion_has_its_contour_and_the_tracking_of_the_report():
    """One group per lesion, on the slice of its own long axis, the same lesion as in the whole-lesion report."""
    case = make_case(DRAWN, FOUND)
    first, second = groups(encoded(case))

    for group, lesion, at in ((first, case.findings.lesions[0], 4), (second, case.findings.lesions[1], 7)):
        corners, image = region(group)
        assert image.ReferencedSOPInstanceUID == case.headers[at].SOPInstanceUID
        assert corners.min(axis=0).tolist() == [12 + 10 * (lesion.number - 1), 10]
        assert lesion.tracking_uid == named(group, "112040")[0].UID
        assert named(group, "112039")[0].TextValue == lesion.tracking_id
        assert named(group, "363698007")[0].ConceptCodeSequence[0].CodeMeaning == "Lung"
    assert named(first, "121071")[0].ConceptCodeSequence[0].CodeMeaning == "Neoplasm"
    assert named(second, "121071")[0].ConceptCodeSequence[0].CodeMeaning == "Lesion"


def test_the_headline_comes_first_and_says_who_predicts():
    """Viewers show the numbers in order, under their names: probability and interval before what was measured."""
    [group] = groups(encoded(make_case()))

    assert list(numbers(group).items()) == [
        ("AI-predicted probability of EGFR mutation", (41.3, "%")),
        ("AI-predicted probability of EGFR mutation, lower limit", (22.0, "%")),
        ("AI-predicted probability of EGFR mutation, upper limit", (63.0, "%")),
        ("Volume", (0.512, "cm3")),
        ("Long axis", (11.3, "mm")),
        ("Short axis", (8.0, "mm")),
    ]


def test_a_withheld_prediction_shows_no_number():
    """What was not evaluated has its status, and no value that a viewer could draw."""
    case = make_case()
    [lesion] = case.findings.lesions
    findings = replace(case.findings, lesions=(replace(lesion, predictions=(WITHHELD,)),))
    [group] = groups(encoded(replace(case, findings=findings)))

    assert list(numbers(group)) == ["Volume", "Long axis", "Short axis"]
    assert named(group, "RG-STAT-KRAS")[0].ConceptCodeSequence[0].CodeMeaning == "Not evaluated"


def test_the_evidence_travels_along():
    """Limits and evidence of every prediction are said here too, and that all of it is research."""
    sr = encoded(make_case())
    said = texts(groups(sr)[0])

    assert any("95% interval 22% to 63%" in text and NO_SUBSTITUTE in text for text in said)
    assert any("edges of its pixels. Volume and predictions are those of the whole lesion." in text for text in said)
    assert RESEARCH in texts(sr)


def test_a_lesion_of_several_parts_says_which_one_is_drawn():
    """The largest on the slice is drawn; that there are others is said."""
    mask = np.zeros((12, 32, 40), bool)
    mask[4, 2:4, 2:4], mask[4, 20:25, 30:35] = True, True
    [group] = groups(encoded(with_mask(make_case(), mask)))

    assert region(group)[0].tolist() == [[30, 20], [35, 20], [35, 25], [30, 25], [30, 20]]
    assert any("surrounds the largest of 2 separate parts on this slice" in text for text in texts(group))


def test_evidence_is_the_key_images():
    """No image but those that carry a contour is referenced, and no Segmentation."""
    case = make_case(DRAWN, FOUND)
    [study] = encoded(case).CurrentRequestedProcedureEvidenceSequence
    [series] = study.ReferencedSeriesSequence

    assert [sop.ReferencedSOPInstanceUID for sop in series.ReferencedSOPSequence] == [
        case.headers[4].SOPInstanceUID,
        case.headers[7].SOPInstanceUID,
    ]


def test_it_is_a_series_of_its_own():
    """UIDs, number and description of its own, so that a reader can choose between the reports."""
    case = make_case()
    sr = encoded(case)

    assert (sr.SOPClassUID, sr.Modality) == (SR_CLASS, "SR")
    assert (sr.SOPInstanceUID, sr.SeriesInstanceUID) == (
        case.envelope.sop_uid("key-sr"),
        case.envelope.series_uid("key-sr"),
    )
    assert (sr.SeriesNumber, sr.SeriesDescription) == (9903, "AI lung key-slice SR [RESEARCH]")
    assert (sr.CompletionFlag, sr.VerificationFlag, sr.PreliminaryFlag) == ("COMPLETE", "UNVERIFIED", "PRELIMINARY")


def test_each_kind_replaces_its_like_and_a_refusal_replaces_all():
    """A revision names the report of its own kind; where a case is refused now, no earlier report stands."""
    first = make_envelope()
    objects = tuple((SR_CLASS, first.sop_uid(kind), first.series_uid(kind)) for kind in ("sr", "key-sr"))
    before = Predecessor(job_id=first.job_id, objects=objects, change="slices arrived")
    envelope = make_envelope(job_id="second", revision=2, predecessor=before)
    case = replace(make_case(), envelope=envelope)
    refusal = Findings(state="refused", reason_code="missing slices", reason="one is absent")
    refused = encode_sr(refusal, None, case.headers, None, replace(envelope, refused=True))

    assert replaced(encoded(case)) == [first.sop_uid("key-sr")]
    assert replaced(refused) == [first.sop_uid("sr"), first.sop_uid("key-sr")]


def test_a_contour_of_any_length_fits():
    """More corners than Graphic Data can hold are thinned out evenly, and the line stays closed."""
    rows, columns = np.indices((200, 200))
    mask = np.zeros((12, 200, 200), bool)
    mask[4] = (columns % 3 == rows % 2) | (rows == 199)  # a comb whose teeth zigzag: four corners on every row of each
    corners, _ = region(groups(encoded(with_mask(make_case(), mask)))[0])

    assert len(corners) == 8191
    assert corners[0].tolist() == corners[-1].tolist()


def test_encoding_twice_gives_the_same_bytes():
    """Nothing is drawn at random and nothing comes from the clock."""
    case = make_case(DRAWN, FOUND)
    once, twice = (encode_key_sr(case.findings, case.volume, case.headers, case.envelope) for _ in range(2))

    assert as_bytes(once) == as_bytes(twice)
    assert not any(item.ValueType == "UIDREF" and not item.UID.startswith("2.25.") for item in walk(reread(once)))


def test_wrong_arguments_are_refused():
    """It needs a lesion, an image, and a key slice that the lesion lies on."""
    case = make_case()
    nothing = Findings(state="succeeded")
    with pytest.raises(ValueError, match="needs a lesion"):
        encode_key_sr(nothing, case.volume, case.headers, case.envelope)
    with pytest.raises(ValueError, match="header"):
        encode_key_sr(case.findings, case.volume, [], case.envelope)
    elsewhere = np.zeros((12, 32, 40), bool)
    elsewhere[9, 3, 3] = True
    with pytest.raises(ValueError, match="empty slice"):
        encoded(with_mask(case, elsewhere))
