"""Which instances fill a role."""

from __future__ import annotations

from dataclasses import replace

import pytest

from node.domain.rules import Condition, Role, fit
from node.domain.series import Instance, Patient

MR = "1.2.840.10008.5.1.4.1.1.4"


def instance(modality="MR", **attributes):
    """An instance with these attributes, each a tuple of texts."""
    return Instance(
        sop_uid="1.1",
        sop_class=MR,
        series_uid="1.3",
        study_uid="1.4",
        patient=Patient("P"),
        modality=modality,
        transfer_syntax="1.2.840.10008.1.2",
        attributes=attributes,
    )


@pytest.mark.parametrize(
    ("condition", "values", "failure"),
    [
        (Condition(equals="head"), ("HEAD ",), None),
        (Condition(equals="A\\B"), ("a", "b"), None),
        (Condition(equals="head"), ("CHEST",), "is not 'head'"),
        (Condition(equals="head"), (), "is absent"),
        (Condition(matches="(?i)flair"), ("t2 FLAIR",), None),
        (Condition(matches="flair"), ("FLAIR",), "does not match 'flair'"),
        (Condition(excludes="t1"), (), None),
        (Condition(excludes="t1"), ("t1 post",), "matches the excluded 't1'"),
        (Condition(minimum=1, maximum=3), ("1", "3.0"), None),
        (Condition(minimum=1), ("0.5",), "is 0.5, below 1"),
        (Condition(maximum=3), ("2", "4"), "is 4, above 3"),
        (Condition(maximum=3), ("thin",), "is no number"),
        (Condition(maximum=3), (), "is absent"),
        (Condition(includes=("axial",)), ("ORIGINAL", "AXIAL"), None),
        (Condition(includes=("axial",)), ("ORIGINAL",), "does not include 'axial'"),
        (Condition(lacks=("LOCALIZER",)), (), None),
        (Condition(lacks=("LOCALIZER",)), ("localizer",), "includes 'LOCALIZER'"),
    ],
)
def test_a_condition_says_why_it_fails(condition, values, failure):
    """Each kind of condition passes what it should, and names what it does not."""
    assert condition.failure(values) == failure


def test_a_scout_does_not_spoil_its_series():
    """Instances are judged one by one; those that fit fill the role."""
    role = Role(modality="MR", where={"ImageType": Condition(lacks=("LOCALIZER",))})
    scout, axial = instance(ImageType=("ORIGINAL", "PRIMARY", "LOCALIZER")), instance(ImageType=("ORIGINAL",))
    found = fit(role, (scout, axial))

    assert found.instances == (axial,)
    assert (found.conditions, found.why_not) == (2, "")


REFORMAT, CAPTURE = ("DERIVED", "SECONDARY", "MPR"), "1.2.840.10008.5.1.4.1.1.7"


def test_what_no_volume_can_be_made_of_is_left_out_of_its_series():
    """A reformat, or a Secondary Capture that calls itself MR, beside planes of the acquisition."""
    axial = instance(ImageType=("ORIGINAL", "PRIMARY", "M_FFE"))
    found = fit(Role(modality="MR"), (instance(ImageType=REFORMAT), replace(instance(), sop_class=CAPTURE), axial))

    assert (found.instances, found.barred) == ((axial,), "")


def test_a_series_of_which_no_volume_can_be_made_stays_and_says_so():
    """It may be all that there is: then the case is refused with this reason."""
    reformat = fit(Role(modality="MR"), (instance(ImageType=REFORMAT),))
    capture = fit(Role(modality="MR"), (replace(instance(), sop_class=CAPTURE),))

    assert (len(reformat.instances), reformat.barred) == (1, "Image Type says MPR")
    assert (len(capture.instances), capture.barred) == (1, f"SOP class {CAPTURE} is no CT, MR or PET image")


def test_a_series_that_does_not_fit_says_why():
    """The reason names the attribute, and the modality comes first."""
    role = Role(modality="MR", where={"SeriesDescription": Condition(matches="FLAIR")})

    assert fit(role, (instance(SeriesDescription=("T1",)),)).why_not == "SeriesDescription does not match 'FLAIR'"
    assert fit(role, (instance("CT"),)).why_not == "Modality is CT, not MR"
    assert fit(role, ()).why_not == "has no instance"


def test_a_name_that_tells_of_contrast_agent_counts_only_where_it_is_asked_for():
    """A FLAIR after contrast agent is no better one than a FLAIR whose name says nothing."""
    flair = instance(SeriesDescription=("AX FLAIR +C",))

    assert not fit(Role(modality="MR", sequence="flair"), (flair,)).named
    assert fit(Role(modality="MR", sequence="flair", contrast=True), (flair,)).named


def test_a_role_may_ask_for_a_weighting_and_for_contrast():
    """What the series was taken for, and on what grounds, is told either way."""
    role = Role(modality="MR", sequence="t1", contrast=True)
    after = fit(role, (instance(SeriesDescription=("t1_mprage_KM",)),))
    before = fit(role, (instance(SeriesDescription=("T1 pre",)),))
    other = fit(role, (instance(SeriesDescription=("AX FLAIR",)),))

    carried = fit(role, (instance(SeriesDescription=("t1_mprage",), ContrastBolusAgent=("Gadovist",)),))

    assert (len(after.instances), after.why) == (
        1,
        "SeriesDescription names it T1; SeriesDescription says that contrast agent was given",
    )
    assert (after.named, carried.named, len(carried.instances)) == (True, False, 1)
    assert before.why_not.startswith("was not recognised as taken after contrast agent")
    assert other.why_not.startswith("is no T1: SeriesDescription names it FLAIR")
