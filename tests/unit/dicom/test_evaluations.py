"""What a radiologist states in a measurement report becomes values; what is not stated stays unknown."""

from __future__ import annotations

import numpy as np
import pydicom
import pytest
from pydicom.dataset import Dataset
from pydicom.sr.coding import Code

from node.dicom.evaluations import read_report
from node.dicom.header import read_instance
from node.errors import InstanceUnreadable
from tests.support import marks
from tests.support.readings import (
    ABSENT,
    ATTENUATION,
    CENTRAL,
    CN2,
    EFFUSION,
    LUNG_METASTASIS,
    N_CATEGORY,
    PLACE,
    PRESENT,
    SOLID,
    UNDETERMINED,
    by_radnode,
    evaluation,
    own,
    reading,
    saved,
)
from tests.support.reports import groups
from tests.support.series import image_series

CT = image_series(np.zeros((3, 16, 16)))
LATERALITY, LEFT = Code("272741003", "SCT", "Laterality"), Code("7771000", "SCT", "Left")


def read(tmp_path, ds, own_names=None):
    """What a report says, after a round trip through a file."""
    return read_report(saved(ds, tmp_path / "sr.dcm"), own_names or {})


def said(tmp_path, *items, **options):
    """What a report with these items in its container of evaluations says."""
    return read(tmp_path, reading(CT, whole=items, **options))


def test_evaluations_of_a_group_and_of_the_whole_are_read(tmp_path):
    """The codes that DICOM, SNOMED CT and RadLex have for the findings, from both places of TID 1500."""
    found = read(
        tmp_path,
        reading(
            CT,
            [(ATTENUATION, SOLID), (PLACE, CENTRAL)],
            whole=[evaluation(N_CATEGORY, CN2), evaluation(EFFUSION, PRESENT), evaluation(LUNG_METASTASIS, ABSENT)],
            ContentDate="20261120",
            ContentTime="101530.25",
            VerificationFlag="VERIFIED",
        ),
    )
    assert found.values == {
        "solid": "yes", "central": "yes", "nodal_stage": "n2", "effusion": "yes", "lung_metastasis": "no",
    }  # fmt: skip
    assert found.problems == {}
    assert (found.written, found.when, found.verified) == ("20261120101530", "2026-11-20 10:15", True)
    assert found.sop_uid in found.origin


def test_what_is_not_mentioned_is_not_no(tmp_path):
    """Neither value nor problem."""
    found = said(tmp_path, evaluation(EFFUSION, ABSENT), evaluation(own("Emphysema"), PRESENT))
    assert (found.values, found.problems) == ({"effusion": "no"}, {})


@pytest.mark.parametrize(
    ("name", "answer", "quantity", "level"),
    [
        ("Lymphangitic carcinomatosis", own("Yes"), "lymphangitic", "yes"),
        ("Pleural Metastases", own("absent"), "pleural_metastasis", "no"),
        ("Central tumor location", own("No"), "central", "no"),
        ("Nodule type", own("Part-solid"), "solid", "no"),
        ("Nodule type", own("Ground glass (finding)"), "solid", "no"),
        ("Texture", Code("RID50151", "RadLex", "solid pulmonary nodule"), "solid", "yes"),
        ("N stage", own("cN0"), "nodal_stage", "n0"),
        ("Clinical N category", own("N3b"), "nodal_stage", "n3"),
        ("Pleural effusion", Code("121054", "DCM", "Absent"), "effusion", "no"),
        ("Tumor location", Code("14414005", "SCT", "Peripheral"), "central", "no"),
    ],
)
def test_codes_of_a_site_count_by_their_meaning(tmp_path, name, answer, quantity, level):
    """As a reporting template of one's own names them."""
    assert said(tmp_path, evaluation(own(name), answer)).values == {quantity: level}


@pytest.mark.parametrize(
    "name", ["No pleural effusion", "Pericardial effusion", "T stage", "Sleep Stage N2", "Solid food"]
)
def test_a_name_must_be_the_whole_name(tmp_path, name):
    """A longer name may say the contrary."""
    found = said(tmp_path, evaluation(own(name), PRESENT))
    assert (found.values, found.problems) == ({}, {})


@pytest.mark.parametrize(
    ("name", "answer", "quoted"),
    [
        (EFFUSION, UNDETERMINED, "Undetermined"),
        (EFFUSION, own("Small"), "Small"),
        (N_CATEGORY, own("NX"), "NX"),
        (N_CATEGORY, own("ypN0"), "ypN0"),
        (ATTENUATION, Code("004", "99LIDCQIICR", "4 out of 5"), "4 out of 5"),
        (EFFUSION, Code("52101004", "SCT", "Absent"), "Absent"),
    ],
)
def test_an_answer_that_is_not_understood_is_told(tmp_path, name, answer, quoted):
    """Guessing is worse than a missing input; a code that contradicts its own meaning is such an answer, too."""
    found = said(tmp_path, evaluation(name, answer))
    assert found.values == {}
    [why] = found.problems.values()
    assert why == f"'{quoted}' is no answer that is understood"


def test_a_place_that_is_neither_central_nor_peripheral_says_nothing(tmp_path):
    """A lobe is a location, too, and may stand beside the other one."""
    lobe = evaluation(PLACE, Code("45653009", "SCT", "Upper lobe of lung"))
    assert said(tmp_path, lobe).problems == {}
    assert said(tmp_path, lobe, evaluation(PLACE, CENTRAL)).values == {"central": "yes"}


def test_codes_of_a_site_count_where_the_configuration_names_them(tmp_path):
    """With every kind of answer that the finding has: yes and no, or what it is."""
    names = {("99HOSPITAL", "X1"): "solid"}
    answers = [(PRESENT, "yes"), (own("Part-solid"), "no"), (Code("RID5741", "RADLEX", "Solid"), "yes")]
    for answer, level in answers:
        ds = reading(CT, whole=[evaluation(own("Dichte"), answer)])
        assert read(tmp_path, ds, names).values == {"solid": level}
        assert read(tmp_path, ds).values == {}


def test_a_report_that_contradicts_itself_gives_no_value(tmp_path):
    """Two lesions, one solid and one not: which of them a model would be asked about is not known here."""
    found = said(
        tmp_path,
        evaluation(ATTENUATION, SOLID),
        evaluation(own("Solid"), ABSENT),
        evaluation(EFFUSION, PRESENT),
    )
    assert found.values == {"effusion": "yes"}
    assert found.problems == {"solid": "the report says both: no, yes"}


def test_the_same_twice_is_no_contradiction(tmp_path):
    """As where the group and the whole say it."""
    assert said(tmp_path, evaluation(EFFUSION, PRESENT), evaluation(EFFUSION, PRESENT)).values == {"effusion": "yes"}


def test_no_on_one_side_says_nothing_of_the_other(tmp_path):
    """An effusion on the left is an effusion; none on the left is not none."""
    left = (LATERALITY, LEFT)
    right = (LATERALITY, Code("24028007", "SCT", "Right"))
    there = said(tmp_path, evaluation(EFFUSION, PRESENT, left), evaluation(EFFUSION, ABSENT, right))
    assert (there.values, there.problems) == ({"effusion": "yes"}, {})
    half = said(tmp_path, evaluation(EFFUSION, ABSENT, left))
    assert (half.values, half.problems) == ({}, {"effusion": "it is denied of one place only"})


def test_a_qualification_that_is_not_understood_forbids_the_value(tmp_path):
    """The word "present" with "certainty: doubtful" is not "present"."""
    doubt = (own("Certainty"), own("Doubtful"))
    found = said(tmp_path, evaluation(EFFUSION, PRESENT, doubt))
    assert found.values == {}
    assert found.problems == {"effusion": "it is qualified by 'Certainty', which is not understood"}


def test_a_finding_in_words_is_not_read(tmp_path):
    """A TEXT item may say anything."""
    words = marks.content("TEXT", tuple(EFFUSION)[:3], TextValue="small, left")
    found = said(tmp_path, words)
    assert (found.values, found.problems) == ({}, {"effusion": "it is stated in words, which are not read"})


@pytest.mark.parametrize(
    "finding",
    [
        Code("14799000", "SCT", "Neoplasm, Secondary"),
        Code("59441001", "SCT", "Lymph node"),
        own("Metastasis"),
        own("Rib"),
    ],
)
def test_a_group_of_something_else_says_nothing_of_the_tumour(tmp_path, finding):
    """A solid metastasis is no solid tumour; what is said of the patient counts wherever it stands."""
    found = read(tmp_path, reading(CT, [(ATTENUATION, SOLID), (EFFUSION, PRESENT)], finding=finding))
    assert found.values == {"effusion": "yes"}


def test_what_a_device_observed_is_no_reading(tmp_path):
    """The same document with another observer."""
    evaluations = [(ATTENUATION, SOLID), (EFFUSION, PRESENT)]
    found = read(tmp_path, reading(CT, evaluations, device=True))
    assert (found.values, found.problems) == ({}, {})
    assert read(tmp_path, reading(CT, evaluations)).values == {"solid": "yes", "effusion": "yes"}


def test_a_group_that_a_device_observed_is_passed_over_in_the_report_of_a_person(tmp_path):
    """The observer of a group replaces that of the document (TID 1501 row 2b)."""
    ds = reading(CT, [(ATTENUATION, SOLID)], whole=[evaluation(EFFUSION, PRESENT)])
    device = marks.content(
        "CODE", ("121005", "DCM", "Observer Type"), ConceptCodeSequence=marks.code("121007", "DCM", "Device")
    )
    ds = pydicom.dcmread(saved(ds, tmp_path / "person.dcm"))
    [group] = groups(ds)
    group.ContentSequence.append(device)
    assert read(tmp_path, ds).values == {"effusion": "yes"}


def test_a_hand_made_report_without_observer_and_flags_is_taken_as_it_is(tmp_path):
    """A person is the default observer; no date, not verified."""
    path = marks.report(
        tmp_path / "sr.dcm",
        [marks.group(marks.NODULE, [evaluation(ATTENUATION, SOLID)])],
    )
    ds = pydicom.dcmread(path)
    ds.ContentSequence = ds.ContentSequence[1:]
    found = read(tmp_path, ds)
    assert found.values == {"solid": "yes"}
    assert (found.written, found.verified) == ("", False)
    assert found.origin.endswith("of unknown date, not verified")


def test_documents_that_were_taken_over_are_named(tmp_path):
    """Predecessor Documents Sequence (0040,A360); a device puts nothing in the place of a person's document."""
    sop, series, study = Dataset(), Dataset(), Dataset()
    sop.ReferencedSOPClassUID, sop.ReferencedSOPInstanceUID = "1.2.840.10008.5.1.4.1.1.88.34", "1.2.3.4"
    series.SeriesInstanceUID, series.ReferencedSOPSequence = "1.2.3", [sop]
    study.StudyInstanceUID, study.ReferencedSeriesSequence = "1.2", [series]
    assert read(tmp_path, reading(CT, PredecessorDocumentsSequence=[study])).replaces == ("1.2.3.4",)
    assert read(tmp_path, reading(CT, device=True, PredecessorDocumentsSequence=[study])).replaces == ()


def test_what_a_radnode_made_is_known_as_ours_before_it_is_read(tmp_path):
    """Design rule 5: the ledger gives no such object to a study."""
    path = saved(by_radnode(reading(CT, [(ATTENUATION, SOLID)])), tmp_path / "sr.dcm")
    assert read_instance(path).ours


def test_a_broken_file_is_an_error(tmp_path):
    """Named, without quoting anything of it."""
    (tmp_path / "sr.dcm").write_bytes(b"no DICOM")
    with pytest.raises(InstanceUnreadable, match="no usable SR"):
        read_report(tmp_path / "sr.dcm", {})
