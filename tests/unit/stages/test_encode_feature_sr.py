"""Radiomic features to a structured report."""

from __future__ import annotations

from dataclasses import replace

import pydicom
import pytest

from node.domain.order import Extraction
from node.stages.encode_feature_sr import encode_feature_sr
from node.stages.encode_seg import encode_seg
from tests.support.findings import as_bytes, reread
from tests.support.radiomics import INFINITE, measured_case
from tests.support.reports import groups, named

EXTRACTION = Extraction(filters=("log",), log_sigma_mm=(2.0,))
CODES = {"YEKZ": "original_shape_VoxelVolume", "Q4LE": "original_firstorder_Mean", "ACUI": "original_glcm_Contrast"}


@pytest.fixture(scope="module")
def case():
    """Two lesions with all features of two images."""
    return measured_case(EXTRACTION)


@pytest.fixture(scope="module")
def encoded(case):
    """The report as it is written."""
    seg = encode_seg(case.findings, case.volume, case.headers, case.envelope)
    return encode_feature_sr(case.findings, case.volume, case.headers, seg, case.envelope, EXTRACTION)


@pytest.fixture(scope="module")
def report(encoded):
    """The report as a receiver reads it."""
    return reread(encoded)


def test_each_lesion_has_all_its_features(case, report):
    """One TID 1411 group per lesion; every feature is there, with a value or without one."""
    assert report.SeriesDescription == "AI lung feature SR [RESEARCH]"
    for group, lesion in zip(groups(report), case.findings.lesions, strict=True):
        m = lesion.measurements
        nums = [item for item in group.ContentSequence if item.ValueType == "NUM"]
        assert group.ContentTemplateSequence[0].TemplateIdentifier == "1411"
        assert lesion.tracking_uid == named(group, "112040")[0].UID
        assert len(nums) == len(m.features)
        for code, name in CODES.items():
            [value] = named(group, code)[0].MeasuredValueSequence
            assert value.FloatingPointValue == m.features[name]


def test_every_number_fits_and_is_the_number(case, report):
    """DS of at most 16 characters, right to its last digit, beside the double itself."""
    for group in groups(report):
        for [value] in (item.MeasuredValueSequence for item in group.ContentSequence if item.ValueType == "NUM"):
            text = value.get_item("NumericValue").value
            assert len(text.strip() if isinstance(text, bytes) else str(text)) <= 16
            assert float(value.NumericValue) == pytest.approx(value.FloatingPointValue, rel=1e-8)


def test_what_is_not_finite_is_not_evaluated(report):
    """Neither dropped nor invented: the concept, that it was not evaluated, and the empty NUM with the reason."""
    first, second = groups(report)
    [item] = named(first, "pyradiomics glcm MCC")
    [absent] = item.ContentSequence

    assert INFINITE.endswith("glcm_MCC")
    assert item.ConceptCodeSequence[0].CodeValue == "RG-NOTEVALUATED"
    assert len(absent.MeasuredValueSequence) == 0
    assert absent.NumericValueQualifierCodeSequence[0].CodeMeaning == "Positive Infinity"
    assert named(second, "pyradiomics glcm MCC")[0].ValueType == "NUM"


def test_every_number_says_how_it_was_computed(case, report):
    """The algorithm in the words of Contributing Equipment, and its settings with image and bin width."""
    group = groups(report)[0]
    plain, filtered = named(group, "ACUI")[0], named(group, "pyradiomics glcm Contrast of log-sigma-2-0-mm-3D")[0]
    node = report.ContributingEquipmentSequence[-1]

    for item, image in ((plain, "original"), (filtered, "log-sigma-2-0-mm-3D")):
        [name], [version], [parameters] = (named(item, code) for code in ("111001", "111003", "111002"))
        assert (name.TextValue, version.TextValue) == (node.ManufacturerModelName, node.SoftwareVersions)
        assert f"image {image}; resampled to 1 mm isotropic; bin width 25 HU" in parameters.TextValue
        assert parameters.TextValue.startswith("pyradiomics 3.")


def test_a_lesion_without_features_says_why(case):
    """Where nothing could be computed the group stands with the reason."""
    lesion = case.findings.lesions[1]
    note = "Radiomic features could not be computed: the lesion is too small."
    bare = replace(lesion, measurements=replace(lesion.measurements, features={}, notes=(note,)))
    findings = replace(case.findings, lesions=(case.findings.lesions[0], bare))
    seg = encode_seg(findings, case.volume, case.headers, case.envelope)
    sr = reread(encode_feature_sr(findings, case.volume, case.headers, seg, case.envelope, EXTRACTION))
    group = groups(sr)[1]

    assert not [item for item in group.ContentSequence if item.ValueType == "NUM"]
    assert note in named(group, "121106")[0].TextValue


def test_the_same_order_gives_the_same_bytes(case, encoded):
    """Nothing in it comes from the clock or from chance."""
    seg = encode_seg(case.findings, case.volume, case.headers, case.envelope)
    again = encode_feature_sr(case.findings, case.volume, case.headers, seg, case.envelope, EXTRACTION)

    assert as_bytes(again) == as_bytes(encoded)
    assert isinstance(again, pydicom.Dataset)


def test_it_needs_a_lesion_and_a_header(case):
    """Nothing is reported of nothing."""
    seg = encode_seg(case.findings, case.volume, case.headers, case.envelope)
    with pytest.raises(ValueError, match="needs a lesion"):
        encode_feature_sr(replace(case.findings, lesions=()), case.volume, case.headers, seg, case.envelope, EXTRACTION)
