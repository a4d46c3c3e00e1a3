from __future__ import annotations

import pytest

from node.domain.sequence import sighting


def named(name: str, **attributes: str):
    return sighting({"SeriesDescription": (name,), **{k: (v,) for k, v in attributes.items()}})


FLAIR = [
    "AX FLAIR", "Ax T2 FLAIR", "t2_tirm_tra_dark-fluid_320", "T2W_FLAIR", "3D Brain VIEW FLAIR SHC",
    "t2_space_dark-fluid_sag_p2_iso", "Sag CUBE T2 FLAIR FS", "FLAIR tra 3mm", "AX FLAIR +C", "T2 FLAIR axial post Gd",
    "eFLAIR", "t2_blade_tra_dark-fluid", "FLAIR cor", "WIP FLAIR_3D", "Axial FLAIR BLADE",
    "T2 FLAIR (not T1)", "t2_spc_da-fl_FLAIR",
]  # fmt: skip
T1C = [
    "T1 post Gd", "AX T1 POST", "t1_mprage_sag_p2_iso_KM", "T1W 3D TFE +C", "Ax T1 +C", "t1_se_tra_nach KM", "T1 Gd",
    "3D T1 BRAVO +GAD", "T1_MPRAGE_POST", "SAG 3D T1 CE", "T1 axial con contraste", "t1_fl2d_tra_Gd", "AX T1 C+",
    "T1 SE avec inj", "eT1W_TSE Gadovist", "T1 mdc", "Ax SPGR post contrast", "t1_vibe_tra_km", "MPRAGE GD",
    "t1_tse_dark-fluid_tra_KM", "Ax T1 FSE FLAIR +C", "T1 MPRAGE GD pre-op", "3D T1 POST GAD PRE OP STEALTH",
    "T1 MPRAGE basal ganglia +C", "AX T1 POST GD surgical plan", "T1 +C pre-treatment", "T1 Gd prä-OP",
]  # fmt: skip
T1 = [
    "T1 pre", "AX T1 W/O", "t1_se_tra_nativ", "T1 ohne KM", "T1 sin contraste", "T1 sans injection", "t1 vor KM",
    "T1W pre contrast", "AX T1 non contrast", "T1 senza mdc", "T1 basal", "T1 pre operative pre Gd",
]  # fmt: skip
OTHER = [
    "AX DWI b1000", "ADC", "ep2d_diff_tra_TRACEW", "SWI_Images", "TOF 3D multi-slab", "MIP T1 post", "localizer",
    "Perfusion DSC", "T1 SUB", "Subtraction T1 Gd", "rCBV", "t2*_gre", "survey", "AX DTI 32dir", "t2_swan",
    "t1_twist_dyn KM", "T1 dynamic +C", "TRICKS T1 post Gd",
    "T1 plan scan", "3-plane T1", "PLAN", "Plan_Scan",
]  # fmt: skip


@pytest.mark.parametrize("name", FLAIR)
def test_flair_is_known_by_its_many_names(name):
    """Vendors and sites call one weighting by many names, in several languages."""
    assert named(name).family == "flair"


@pytest.mark.parametrize("name", T1C)
def test_post_contrast_t1_is_known_by_its_many_names(name):
    """As are a T1-weighted series and the agent that was given for it."""
    assert (named(name).family, named(name).contrast) == ("t1", True)


@pytest.mark.parametrize("name", T1)
def test_a_series_before_contrast_is_not_taken_for_one_after(name):
    """A word of denial wins over the word that it denies, and over an agent that the header carries along."""
    found = named(name, ContrastBolusAgent="Gadovist")
    assert (found.family, found.contrast) == ("t1", False)


@pytest.mark.parametrize("name", OTHER)
def test_maps_scouts_and_derived_series_are_neither(name):
    """Diffusion, perfusion, susceptibility, angiography, subtraction: none stands in for a structural series."""
    assert named(name).family == "other"


def test_t1_flair_is_a_t1_weighted_image():
    """The inversion in "T1 FLAIR" darkens fluid on a T1-weighted image; edema does not light up on it."""
    assert named("Ax T1 FLAIR +C").family == "t1"


@pytest.mark.parametrize(
    ("times", "family"),
    [
        ({"EchoTime": "125", "RepetitionTime": "9000", "InversionTime": "2500", "ScanningSequence": "IR"}, "flair"),
        ({"EchoTime": "2.9", "RepetitionTime": "2300", "InversionTime": "900", "ScanningSequence": "GR"}, "t1"),
        ({"EchoTime": "9", "RepetitionTime": "600", "ScanningSequence": "SE"}, "t1"),
        ({"EchoTime": "98", "RepetitionTime": "5200", "ScanningSequence": "SE"}, "t2"),
        ({"EchoTime": "80", "RepetitionTime": "6000", "ScanningSequence": "EP"}, "other"),
        ({"EchoTime": "30", "RepetitionTime": "3000", "ScanningSequence": "SE"}, ""),
        ({}, ""),
    ],
)
def test_the_times_of_the_sequence_tell_where_no_name_does(times, family):
    """A series called by a number or a body part is known by echo, repetition and inversion time."""
    found = named("Schädel 3", **times)
    assert found.family == family
    assert not family or family == "other" or "TE" in found.why


@pytest.mark.parametrize(
    ("agent", "contrast"), [("Gadovist 7 ml", True), ("NONE", False), ("NO", False), ("-", False), ("", None)]
)
def test_the_stated_agent_tells_where_the_name_does_not(agent, contrast):
    """Contrast/Bolus Agent counts unless it denies; absent, nothing is claimed."""
    assert named("T1 axial", **({"ContrastBolusAgent": agent} if agent else {})).contrast is contrast


@pytest.mark.parametrize("inversion", [{}, {"InversionTime": "0"}])
def test_an_inversion_that_is_not_told_is_not_denied(inversion):
    """Many scanners leave Inversion Time out: then a name decides, and where no name does the image is no FLAIR."""
    times = {"EchoTime": "85", "RepetitionTime": "8000", **inversion}

    assert (named("AX FLAIR", **times).family, named("Schädel 3", **times).family) == ("flair", "t2")
    assert named("AX FLAIR", EchoTime="9", RepetitionTime="600").family == ""


@pytest.mark.parametrize("name", ["T1 MPRAGE post-op", "T1 postoperative", "T1 post surgery", "T1 pre-op"])
def test_an_operation_is_no_contrast_agent(name):
    """Before or after it, the name leaves open what was injected; another word may tell."""
    assert named(name).contrast is None
    assert named(f"{name} post Gd").contrast is True
    assert named(f"{name} nativ").contrast is False


def test_what_was_seen_is_said():
    """The operator reads why a series was taken for what it was."""
    assert named("AX FLAIR").why == "SeriesDescription names it FLAIR; nothing tells of contrast agent"


def test_a_name_that_the_times_contradict_is_not_believed():
    """Two series whose descriptions were swapped fill no role; a T1 FLAIR is no contradiction."""
    swapped = named("t1_se_tra_KM", EchoTime="120", RepetitionTime="9000", InversionTime="2500", ScanningSequence="IR")
    dark = named("Ax T1 FLAIR", EchoTime="9", RepetitionTime="2000", InversionTime="760", ScanningSequence="IR")

    assert (swapped.family, dark.family) == ("", "t1")
    assert "names it T1, but it has inversion recovery with long echo" in swapped.why
