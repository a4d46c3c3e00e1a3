"""Which instances fill a role."""

from __future__ import annotations

import pytest

from node.domain.rules import Condition, Role, fit
from node.domain.series import Instance, Patient


def instance(modality="MR", **attributes):
    """An instance with these attributes, each a tuple of texts."""
    return Instance(
        sop_uid="1.1",
        sop_class="1.2",
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


def test_a_series_that_does_not_fit_says_why():
    """The reason names the attribute, and the modality comes first."""
    role = Role(modality="MR", where={"SeriesDescription": Condition(matches="FLAIR")})

    assert fit(role, (instance(SeriesDescription=("T1",)),)).why_not == "SeriesDescription does not match 'FLAIR'"
    assert fit(role, (instance("CT"),)).why_not == "Modality is CT, not MR"
    assert fit(role, ()).why_not == "has no instance"


def test_a_role_may_ask_for_a_weighting_and_for_contrast():
    """What the series was taken for, and on what grounds, is told either way."""
    role = Role(modality="MR", sequence="t1", contrast=True)
    after = fit(role, (instance(SeriesDescription=("t1_mprage_KM",)),))
    before = fit(role, (instance(SeriesDescription=("T1 pre",)),))
    other = fit(role, (instance(SeriesDescription=("AX FLAIR",)),))

    assert (len(after.instances), after.why) == (
        1,
        "SeriesDescription names it T1; SeriesDescription says that contrast agent was given",
    )
    assert before.why_not.startswith("was not recognised as taken after contrast agent")
    assert other.why_not.startswith("is no T1: SeriesDescription names it FLAIR")
