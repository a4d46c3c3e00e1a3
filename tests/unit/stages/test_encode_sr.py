"""Findings to a structured report."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
from pydicom.sequence import Sequence

from node.dicom import inherit
from node.dicom.envelope import device_uid
from node.domain.findings import Estimate, Findings
from node.domain.order import Predecessor
from node.domain.refusals import REFUSALS
from node.domain.words import NO_SUBSTITUTE
from node.stages.encode_seg import encode_seg
from node.stages.encode_sr import encode_sr
from tests.support.findings import (
    DRAWN,
    EGFR,
    ENHANCED_CT,
    FOUND,
    KRAS,
    PREDICTED,
    RTSTRUCT,
    Case,
    as_bytes,
    make_case,
    make_envelope,
    reread,
)
from tests.support.reports import groups, named, numbers, texts, walk
from tests.support.series import MR

REFUSED = Findings(state="refused", reason_code="missing slices", reason="between slice 3 and 5 of 12 one is absent")
PREDECESSOR = Predecessor(
    job_id="first",
    objects=(
        ("1.2.840.10008.5.1.4.1.1.66.4", "2.25.1", "2.25.2"),
        ("1.2.840.10008.5.1.4.1.1.88.34", "2.25.3", "2.25.4"),
    ),
    change="slices arrived",
)


def encoded(case: Case):
    """The report as a receiver reads it."""
    seg = encode_seg(case.findings, case.volume, case.headers, case.envelope) if case.findings.lesions else None
    return reread(encode_sr(case.findings, case.volume, case.headers, seg, case.envelope))


def refused(**changes):
    """A refused case that never became a volume."""
    case = make_case()
    return reread(encode_sr(REFUSED, None, case.headers, None, replace(case.envelope, **changes)))


def asked(case: Case, *predictions):
    """The same case with other predictions on its first lesion."""
    [lesion] = case.findings.lesions
    return replace(case, findings=replace(case.findings, lesions=(replace(lesion, predictions=predictions),)))


def test_the_root_is_a_measurement_report_by_a_device():
    """TID 1500: language, device observer, procedure of CID 100; complete, unverified, preliminary."""
    sr = encoded(make_case())

    assert sr.SOPClassUID == "1.2.840.10008.5.1.4.1.1.88.34"
    assert sr.ConceptNameCodeSequence[0].CodeValue == "126000"
    assert sr.ContentTemplateSequence[0].TemplateIdentifier == "1500"
    assert (sr.CompletionFlag, sr.VerificationFlag, sr.PreliminaryFlag) == ("COMPLETE", "UNVERIFIED", "PRELIMINARY")
    assert sr.ContentQualification == "RESEARCH"
    assert named(sr, "121058")[0].ConceptCodeSequence[0].CodeValue == "25045-6"
    assert named(encoded(make_case(sop_class=MR)), "121058")[0].ConceptCodeSequence[0].CodeValue == "25056-3"


def test_the_four_equalities_of_ihe_air_hold():
    """Every algorithm in the tree and in the SEG stands in Contributing Equipment with the very same values."""
    case = make_case(DRAWN, FOUND)
    seg = reread(encode_seg(case.findings, case.volume, case.headers, case.envelope))
    sr = encoded(case)

    def contributing(ds):
        return {
            (i.Manufacturer, i.ManufacturerModelName, i.SoftwareVersions, i.DeviceUID)
            for i in ds.ContributingEquipmentSequence
        }

    observer = tuple(
        next(i for i in sr.ContentSequence if i.ConceptNameCodeSequence[0].CodeValue == value)
        for value in ("121014", "121015", "121012")
    )
    assert (observer[0].TextValue, observer[1].TextValue, observer[2].UID) in {
        (maker, model, uid) for maker, model, _, uid in contributing(sr)
    }
    in_tree = {
        tuple(named(item, value)[0].TextValue for value in ("111001", "111003"))
        for item in walk(sr)
        if named(item, "111001")
    }
    [algorithm] = seg.SegmentSequence[1].SegmentationAlgorithmIdentificationSequence
    assert in_tree == {("Lung EGFR", "1.0.0"), ("Lung KRAS", "1.0.0")}
    assert in_tree <= {(model, version) for _, model, version, _ in contributing(sr)}
    assert (algorithm.AlgorithmSource, algorithm.AlgorithmName, algorithm.AlgorithmVersion) in {
        entry[:3] for entry in contributing(seg)
    }
    assert contributing(seg) == contributing(sr)
    assert {device_uid(EGFR), device_uid(KRAS)} <= {entry[3] for entry in contributing(sr)}


def test_each_lesion_is_one_group():
    """Tracking as in the SEG, finding, site, referenced segment and only the slices it lies on."""
    case = make_case(DRAWN, FOUND)
    seg = reread(encode_seg(case.findings, case.volume, case.headers, case.envelope))
    first, second = groups(encoded(case))

    for group, lesion, segment in zip((first, second), case.findings.lesions, seg.SegmentSequence, strict=True):
        assert group.ContentTemplateSequence[0].TemplateIdentifier == "1411"
        assert named(group, "112040")[0].UID == lesion.tracking_uid == segment.TrackingUID
        assert named(group, "112039")[0].TextValue == lesion.tracking_id == segment.TrackingID
        reference = named(group, "121191")[0].ReferencedSOPSequence[0]
        assert (reference.ReferencedSOPInstanceUID, reference.ReferencedSegmentNumber) == (
            seg.SOPInstanceUID,
            lesion.number,
        )
        sources = [i.ReferencedSOPSequence[0].ReferencedSOPInstanceUID for i in named(group, "121233")]
        expected = [h.SOPInstanceUID for h in case.headers[3 * lesion.number : 3 * lesion.number + 4]]
        assert sources == expected
        assert named(group, "Source image for segmentation")
        assert named(group, "363698007")[0].ConceptCodeSequence[0].CodeMeaning == "Lung"
    assert named(first, "121071")[0].ConceptCodeSequence[0].CodeMeaning == "Neoplasm"
    assert named(second, "121071")[0].ConceptCodeSequence[0].CodeMeaning == "Lesion"


@pytest.mark.parametrize(("lung", "code"), [("left", "7771000"), ("right", "24028007"), ("", None)])
def test_the_finding_site_says_which_lung(lung, code):
    """Laterality modifies the lung where the image shows the side; where it does not, nothing is guessed."""
    case = make_case()
    lesion = replace(case.findings.lesions[0], lung=lung)
    [group] = groups(encoded(replace(case, findings=replace(case.findings, lesions=(lesion,)))))
    [site] = named(group, "363698007")
    sides = [item.ConceptCodeSequence[0].CodeValue for item in named(site, "272741003")]

    assert sides == ([code] if code else [])
    assert any("lung, as the lungs were found" in text for text in texts(group)) == bool(code)


def test_a_site_that_the_configuration_names_more_closely_takes_no_side():
    """A left upper lobe is the operator's word, to which the image adds nothing."""
    case = make_case()
    lesion = replace(case.findings.lesions[0], lung="left")
    envelope = replace(case.envelope, site=("44714003", "SCT", "Left Upper Lobe of Lung"))
    [group] = groups(encoded(replace(case, findings=replace(case.findings, lesions=(lesion,)), envelope=envelope)))

    assert named(named(group, "363698007")[0], "272741003") == []


def test_measurements_and_probabilities_are_numbers_with_units():
    """Volume, axes, diameter and the probability with its interval, as a viewer prints them."""
    [group] = groups(encoded(make_case()))

    assert numbers(group) == {
        "Volume": (0.512, "cm3"),
        "Long axis": (11.3, "mm"),
        "Short axis": (8.0, "mm"),
        "Maximum 3D Diameter of a Mesh": (13.9, "mm"),
        "Ground-glass share of lesion without rim, vessels and air": (31.0, "%"),
        "AI-predicted probability of EGFR mutation": (41.3, "%"),
        "AI-predicted probability of EGFR mutation, lower limit": (22.0, "%"),
        "AI-predicted probability of EGFR mutation, upper limit": (63.0, "%"),
    }
    [probability] = named(group, "RG-PROB-EGFR")
    gene = named(probability, "RG-GENE")[0].ConceptCodeSequence[0]
    assert (gene.CodeValue, gene.CodingSchemeDesignator, gene.CodeMeaning) == ("HGNC:3236", "HGNC", "EGFR")


def test_a_withheld_prediction_has_a_reason_and_no_number():
    """Never a fake 0.5: an empty value with its qualifier, the status "Not evaluated", and the reason in words."""
    [group] = groups(encoded(make_case()))
    [status] = named(group, "RG-STAT-KRAS")
    [absent] = named(status, "RG-PROB-KRAS")

    assert status.ConceptCodeSequence[0].CodeMeaning == "Not evaluated"
    assert len(absent.MeasuredValueSequence) == 0
    assert absent.NumericValueQualifierCodeSequence[0].CodeMeaning == "Value unknown"
    assert any("KRAS mutation: not evaluated. Smoking is not known." in text for text in texts(group))


@pytest.mark.parametrize("broken", [math.nan, math.inf, -math.inf])
def test_numbers_that_are_none_are_not_written(broken):
    """NaN and the infinities become empty values with the right qualifier; a broken estimate is not evaluated."""
    estimate = Estimate(probability=0.4, lower=broken, upper=0.6, contributions={})
    case = asked(make_case(), replace(PREDICTED, estimate=estimate))
    [lesion] = case.findings.lesions
    lesion = replace(lesion, measurements=replace(lesion.measurements, volume_ml=broken))
    sr = encoded(replace(case, findings=replace(case.findings, lesions=(lesion,))))
    [group] = groups(sr)

    assert "Volume" not in numbers(group)
    assert not any("probability" in meaning for meaning in numbers(group))
    assert named(group, "118565006")[0].NumericValueQualifierCodeSequence[0].CodeValue in {"114000", "114001", "114002"}


def test_extreme_numbers_fit_their_vr():
    """Numeric Value is a DS: at most 16 characters, whatever the number."""
    for value in (1e-12, 1 / 3, 123456789.123456789, 1e15):
        case = make_case()
        [lesion] = case.findings.lesions
        lesion = replace(lesion, measurements=replace(lesion.measurements, volume_ml=value, diameter_3d_mm=value))
        sr = encoded(replace(case, findings=replace(case.findings, lesions=(lesion,))))
        values = [i.MeasuredValueSequence for i in walk(sr) if i.ValueType == "NUM"]
        assert all(len(v[0].get_item("NumericValue").value) <= 16 for v in values if v)


def test_every_probability_travels_with_its_evidence():
    """Calibration, prevalence, operating point, inputs with origin, missing ones, model hash, limits, no substitute."""
    [group] = groups(encoded(make_case()))
    [said] = [text for text in texts(group) if text.startswith("AI-predicted probability of EGFR")]

    for expected in (
        "41% (95% interval 22% to 63%)",
        "Calibrated",
        "from the training prevalence (20%) to 14%",
        "Operating point 14%",
        "age 66 [PatientAge (0010,1010)]",
        "smoking not current [SmokingStatus (0010,21A0)]",
        "Inputs missing: pack-years",
        "like those that the model was made for",
        "smoking +0.80; age -0.31",
        "SHA-256 abababababab",
        "Histology was not supplied.",
        "25 mutated",
        "Valid only if this lesion is a primary NSCLC.",
        NO_SUBSTITUTE,
    ):
        assert expected in said


def test_no_laboratory_code_names_a_concept():
    """Everything predicted is named by our own scheme and begins with "AI-predicted"; LOINC names nothing at all."""
    sr = encoded(make_case())
    names = [item.ConceptNameCodeSequence[0] for item in walk(sr)]

    predicted = [name for name in names if "mutation" in name.CodeMeaning]
    assert len(predicted) >= 6
    assert all(name.CodeMeaning.startswith("AI-predicted") for name in predicted)
    assert all(name.CodingSchemeDesignator == "99RADNODE" for name in predicted)
    assert not any(name.CodingSchemeDesignator == "LN" for name in names)


def test_evidence_lists_what_is_referenced_and_nothing_else():
    """Lesion slices and SEG in this study, the structure set of another study as other evidence."""
    case = make_case()
    sr = encoded(case)

    def uids(sequence):
        return {
            sop.ReferencedSOPInstanceUID
            for study in sequence
            for series in study.ReferencedSeriesSequence
            for sop in series.ReferencedSOPSequence
        }

    [study] = sr.CurrentRequestedProcedureEvidenceSequence
    assert study.StudyInstanceUID == case.volume.study_uid
    expected = {header.SOPInstanceUID for header in case.headers[3:7]} | {case.envelope.sop_uid("seg")}
    assert uids([study]) == expected
    assert uids(sr.PertinentOtherEvidenceSequence) == {DRAWN.sop_uid}


def test_the_source_of_the_drawing_is_referenced():
    """RT structure set as COMPOSITE, Segmentation as IMAGE, nothing for a model."""
    seg_source = replace(DRAWN, kind="seg", sop_class="1.2.840.10008.5.1.4.1.1.66.4", sop_uid="1.2.5")
    for provenance, value_type in ((DRAWN, "COMPOSITE"), (seg_source, "IMAGE")):
        [group] = groups(encoded(make_case(provenance)))
        [item] = named(group, "121112")
        assert item.ValueType == value_type
        assert item.ReferencedSOPSequence[0].ReferencedSOPInstanceUID == provenance.sop_uid
    assert named(groups(encoded(make_case(FOUND)))[0], "121112") == []
    assert DRAWN.sop_class == RTSTRUCT


def test_frames_of_an_enhanced_source_are_one_item():
    """One image item with the numbers of the frames that the lesion lies on."""
    case = make_case(enhanced=True)
    [group] = groups(encoded(case))
    [item] = named(group, "121233")
    [sop] = item.ReferencedSOPSequence

    assert (sop.ReferencedSOPClassUID, sop.ReferencedSOPInstanceUID) == (ENHANCED_CT, case.headers[0].SOPInstanceUID)
    assert [int(n) for n in sop.ReferencedFrameNumber] == [4, 5, 6, 7]


def test_a_refused_case_says_why():
    """No group, no number: the outcome, the coded reason, the sentence for it and what was found."""
    sr = refused(refused=True)
    [said] = named(sr, "C0034375")

    assert named(sr, "126010") == []
    assert named(said, "RG-OUTCOME")[0].ConceptCodeSequence[0].CodeMeaning == "Not evaluated"
    assert named(said, "RG-REASON")[0].ConceptCodeSequence[0].CodeMeaning == "missing slices"
    [text] = [text for text in texts(said) if text.startswith("NOT EVALUATED")]
    assert REFUSALS["missing slices"] in text
    assert REFUSED.reason in text
    [study] = sr.CurrentRequestedProcedureEvidenceSequence
    assert len(study.ReferencedSeriesSequence[0].ReferencedSOPSequence) == 12


@pytest.mark.parametrize("code", REFUSALS)
def test_every_refusal_can_be_reported(code):
    """Each code becomes a report, also for images that have next to no header."""
    header = make_case().headers[0]
    for keyword in (*inherit.REQUIRED, "Modality", "FrameOfReferenceUID", "ImagePositionPatient", "PixelSpacing"):
        if keyword in header:
            delattr(header, keyword)
    header.SOPClassUID = "1.2.840.10008.5.1.4.1.1.7.4"
    sr = reread(encode_sr(replace(REFUSED, reason_code=code), None, [header], None, make_envelope()))

    assert any(REFUSALS[code] in text for text in texts(sr))


def test_a_revision_says_what_changed_and_names_its_predecessor():
    """New UIDs, "rev 2", the change as the first line, and the replaced report (not the SEG) as predecessor."""
    case = make_case()
    first = encoded(case)
    envelope = make_envelope(job_id="second", revision=2, predecessor=PREDECESSOR)
    findings = replace(case.findings, change="a structure set arrived")
    sr = encoded(replace(case, findings=findings, envelope=envelope))
    [study] = sr.PredecessorDocumentsSequence
    [series] = study.ReferencedSeriesSequence
    [replaced] = series.ReferencedSOPSequence

    assert sr.SOPInstanceUID != first.SOPInstanceUID
    assert sr.SeriesInstanceUID != first.SeriesInstanceUID
    assert sr.SeriesDescription == "AI lung SR rev 2 [RESEARCH]"
    assert texts(named(sr, "C0034375")[0])[0] == "Changed since the previous result: a structure set arrived."
    assert (study.StudyInstanceUID, series.SeriesInstanceUID) == ("1.2.99", "2.25.4")
    assert replaced.ReferencedSOPInstanceUID == "2.25.3"
    assert [named(g, "112040")[0].UID for g in groups(sr)] == [named(g, "112040")[0].UID for g in groups(first)]


def test_requests_of_the_source_are_answered():
    """Referenced Request Sequence comes from the images' Request Attributes."""
    from pydicom.dataset import Dataset

    attributes = Dataset()
    attributes.RequestedProcedureID = "RP1"
    sr = encoded(make_case(RequestAttributesSequence=Sequence([attributes])))

    assert sr.ReferencedRequestSequence[0].RequestedProcedureID == "RP1"
    assert "ReferencedRequestSequence" not in encoded(make_case())


def test_encoding_twice_gives_the_same_bytes():
    """Nothing is drawn at random and nothing comes from the clock, refused or not."""
    case = make_case(DRAWN, FOUND)
    seg = encode_seg(case.findings, case.volume, case.headers, case.envelope)
    once, twice = (encode_sr(case.findings, case.volume, case.headers, seg, case.envelope) for _ in range(2))

    assert as_bytes(once) == as_bytes(twice)
    assert as_bytes(encode_sr(REFUSED, None, case.headers, None, case.envelope)) == as_bytes(
        encode_sr(REFUSED, None, case.headers, None, case.envelope)
    )


@pytest.mark.parametrize("keyword", [*inherit.REQUIRED, "PatientAge", "StudyDescription"])
def test_sources_may_lack_any_attribute(keyword):
    """A source that lacks it is encoded all the same; highdicom alone raises AttributeError for most."""
    sr = encoded(make_case(**{keyword: None}))

    if keyword in inherit.REQUIRED:
        assert not sr[keyword].value


def test_nothing_of_the_stand_in_remains():
    """The image that highdicom was shown instead of the patient's is referenced nowhere."""
    case = make_case()

    assert case.envelope.uid("stand-in").encode() not in as_bytes(encoded(case))


def test_wrong_arguments_are_refused():
    """A report needs an image; lesions need their volume and Segmentation."""
    case = make_case()
    with pytest.raises(ValueError, match="header"):
        encode_sr(REFUSED, None, [], None, case.envelope)
    with pytest.raises(ValueError, match="together"):
        encode_sr(case.findings, case.volume, case.headers, None, case.envelope)
