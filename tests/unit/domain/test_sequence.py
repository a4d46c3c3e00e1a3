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
AFTER = [
    "T1 post Gd", "AX T1 POST", "t1_mprage_sag_p2_iso_KM", "T1W 3D TFE +C", "Ax T1 +C", "t1_se_tra_nach KM", "T1 Gd",
    "3D T1 BRAVO +GAD", "T1_MPRAGE_POST", "SAG 3D T1 CE", "T1 axial con contraste", "t1_fl2d_tra_Gd", "AX T1 C+",
    "T1 SE avec inj", "eT1W_TSE Gadovist", "T1 mdc", "Ax SPGR post contrast", "t1_vibe_tra_km", "MPRAGE GD",
    "t1_tse_dark-fluid_tra_KM", "Ax T1 FSE FLAIR +C", "T1 MPRAGE GD pre-op", "3D T1 POST GAD PRE OP STEALTH",
    "T1 MPRAGE basal ganglia +C", "AX T1 POST GD surgical plan", "T1 +C pre-treatment", "T1 Gd prä-OP",
    "T1 POSTCONTRAST", "T1_postcontraste", "T1 POSTGAD", "T1 Post-contrast", "t1post", "AX T1-Gd", "T1 - Gd",
    "T1 Gd pre-biopsy", "T1 GD pre SRS", "T1 GD pre resection", "T1 MPRAGE +C PRE GAMMA KNIFE", "T1 PRE BIOPSY GD",
    "T1 POST pre-trial", "T1 KM vor der OP", "t1_tra_n.KM", "t1_tra_m.KM", "T1 nach i.v. KM", "T1 W CONTRAST",
    "AX T1 W/ CONTRAST", "T1 après gado", "T1 después de contraste", "T1 após o contraste", "T1 c/ contraste",
    "T1 dopo mdc", "T1 na contrast", "T1 Gd subacute", "T1 Gd post subtotal resection", "T1 造影",
]  # fmt: skip
BEFORE = [
    "T1 pre", "AX T1 W/O", "t1_se_tra_nativ", "T1 ohne KM", "T1 sin contraste", "T1 sans injection", "t1 vor KM",
    "T1W pre contrast", "AX T1 non contrast", "T1 senza mdc", "T1 basal", "T1 pre operative pre Gd", "PRE T1 AX",
    # English
    "T1 PRECONTRAST", "T1_precontrast", "T1 PREGAD", "AX T1 PREGD", "AX T1 PRE-GAD", "T1PRE", "T1 before Gd",
    "T1 before iv contrast", "T1 B4 GAD", "T1 plain", "T1 NO GAD", "T1 NON-GAD", "T1 NONGAD", "T1 noncontrast",
    "T1 W.O. CONTRAST", "T1 W-O CONTRAST", "AX T1 W/OUT CONTRAST", "AX T1W/O CONTRAST", "T1 WO", "T1 unenhanced",
    "T1 uncontrasted", "T1 C-", "T1 -C", "T1 (-Gd)", "T1 prior to contrast", "T1 w/oGd", "T1 woGd", "T1 0 contrast",
    # German
    "t1_tra_o.KM", "t1_tra o. KM", "T1 o KM", "T1 oKM", "T1 vKM", "t1 v. KM", "T1 ohneKM", "T1 ohne Kontrast",
    "T1 leer", "T1 prä KM", "T1 vor Gd", "T1 vor i.v. KM", "T1 kein KM",
    # French
    "T1 AVANT GADO", "T1 avant injection", "T1 avant injection de gado", "AX T1 PRÉ GD", "T1 PRÉ CONTRASTE",
    "T1 sans gado", "T1 SS INJ", "T1 sans produit de contraste", "T1 non injecté",
    # Spanish, Portuguese, Italian
    "T1 ANTES DE CONTRASTE", "T1 antes gd", "T1 previo al contraste", "T1 SIN GADOLINIO", "T1 S/ CONTRASTE", "T1 S/C",
    "T1 simple", "T1 sem contraste", "T1 antes do contraste", "T1 prima mdc", "T1 prima del mezzo di contrasto",
    "T1 basale", "T1 senza gad", "T1 in bianco", "T1 s.mdc",
    # Dutch, Scandinavian, Japanese
    "T1 zonder contrast", "T1 voor contrast", "T1 blanco", "T1 utan kontrast", "T1 uden kontrast", "T1 造影前",
]  # fmt: skip
UNCLEAR = [
    "T1 GD PRE AND POST", "T1 pre/post Gd", "T1 Gd (POST-PRE)", "T1 KM pre", "T1 W & W/O CONTRAST", "T1 W/WO",
    "T1 ohne und mit KM", "T1 mit und ohne KM", "T1 vor/nach KM", "T1 sin y con contraste", "T1 KM nativ", "T1 C-/C+",
    "T1 c/s contraste", "T1 com e sem contraste", "T1 Gd-", "t1_km-", "T1 GAD (-)", "T1 Gd none", "T1 contrast: no",
]  # fmt: skip
SILENT = [
    "T1 axial", "T1 MPRAGE post-op", "T1 postoperative", "T1 post surgery", "T1 pre-op", "T1 nach Bestrahlung",
    "T1 avant chirurgie", "T1 after biopsy", "T1 post fossa", "T1 sinc", "T1 C-spine",
]  # fmt: skip
OTHER = [
    "AX DWI b1000", "ADC", "ep2d_diff_tra_TRACEW", "SWI_Images", "TOF 3D multi-slab", "MIP T1 post", "localizer",
    "Perfusion DSC", "T1 SUB", "Subtraction T1 Gd", "rCBV", "t2*_gre", "survey", "AX DTI 32dir", "t2_swan",
    "t1_twist_dyn KM", "T1 dynamic +C", "TRICKS T1 post Gd",
    "T1 plan scan", "3-plane T1", "PLAN", "Plan_Scan",
    "FLAIR subtraction", "FLAIR SUB", "FLAIR MIP", "FLAIR_ADC", "localizer FLAIR", "SWI+FLAIR fused",
    "CBV FLAIR overlay", "DWI FLAIR", "FLAIR*", "T2* FLAIR", "T1 SUB FLAIR", "Perf FLAIR",
    "T1 color map Gd", "T1 map", "T1 POST SEG", "Subs T1 Gd", "T1_KM_subt", "T1Sub KM", "subT1", "T1 post Gd SUB",
    "SUBTRAKTION T1 KM", "soustraction T1", "T1 sustracción", "T1 sottrazione", "T1 POST MINUS PRE", "T1 KM MEAN",
]  # fmt: skip


@pytest.mark.parametrize("name", FLAIR)
def test_flair_is_known_by_its_many_names(name):
    """Vendors and sites call one weighting by many names, in several languages."""
    assert named(name).family == "flair"


@pytest.mark.parametrize("agent", [{}, {"ContrastBolusAgent": "Gadovist"}])
@pytest.mark.parametrize(
    ("name", "contrast"),
    [*((name, True) for name in AFTER), *((name, False) for name in BEFORE), *((name, None) for name in UNCLEAR)],
)
def test_contrast_agent_is_known_by_its_many_names(name, contrast, agent):
    """Also where it is denied, whatever agent the header carries along; where a name tells both, nobody knows."""
    found = named(name, **agent)
    assert (found.family, found.contrast, found.named) == ("t1", contrast, contrast is not None)


@pytest.mark.parametrize("name", SILENT)
def test_a_name_may_say_nothing_of_contrast_agent(name):
    """Before or after an operation is neither before nor after the agent: then the header tells, or another word."""
    told = named(name, ContrastBolusAgent="Gadovist")
    assert (named(name).contrast, told.contrast, told.named) == (None, True, False)
    assert named(f"{name} post Gd").contrast is True
    assert named(f"{name} nativ").contrast is False


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


def test_what_was_seen_is_said():
    """The operator reads why a series was taken for what it was."""
    assert named("AX FLAIR").why == "SeriesDescription names it FLAIR; nothing tells of contrast agent"


def test_a_name_that_the_times_contradict_is_not_believed():
    """Two series whose descriptions were swapped fill no role; a T1 FLAIR is no contradiction."""
    swapped = named("t1_se_tra_KM", EchoTime="120", RepetitionTime="9000", InversionTime="2500", ScanningSequence="IR")
    dark = named("Ax T1 FLAIR", EchoTime="9", RepetitionTime="2000", InversionTime="760", ScanningSequence="IR")

    assert (swapped.family, dark.family) == ("", "t1")
    assert "names it T1, but it has inversion recovery with long echo" in swapped.why


@pytest.mark.parametrize(("inversion", "family"), [("2500", "flair"), ("160", ""), ("", "flair")])
def test_the_times_tell_what_a_tirm_is(inversion, family):
    """Siemens calls FLAIR and STIR alike; a T1-weighted one has a name of its own."""
    times = {"EchoTime": "120", "RepetitionTime": "9000", "ScanningSequence": "IR"}
    told = named("t2_tirm_tra", **times, **({"InversionTime": inversion} if inversion else {}))

    assert (told.family, named("t2_tirm_tra").family, named("t1_tirm_tra").family) == (family, "", "t1")


@pytest.mark.parametrize(
    "kind",
    [
        "SUBTRACT", "SUBTRACTION", "M\\SUB", "M\\STD_DEVIATION", "ADC", "T1 MAP", "PHASE MAP", "P\\ND",
        "SEGMENTATION",
        "OTHER\\SEGMENTATION", "VOLUME\\SUBTRACTION",
    ],
)  # fmt: skip
def test_what_was_computed_is_no_weighting(kind):
    """Such an image keeps the name and the times of the series that it was computed from."""
    found = sighting({"SeriesDescription": ("T1 post Gd",), "ImageType": ("DERIVED", "SECONDARY", *kind.split("\\"))})

    assert found.family == "other"
    assert found.why.startswith("Image Type says ")


@pytest.mark.parametrize(
    "kind",
    ["M\\ND\\NORM", "M_SE\\M\\SE", "OTHER", "DIXON\\IN_PHASE", "IP\\IN PHASE", "MPR", "PROPELLER", "SUBURBAN", "W"],
)
def test_other_image_types_leave_the_name_to_tell(kind):
    """Magnitude, water and in-phase images; what is a reformat is said where the role is filled."""
    found = sighting({"SeriesDescription": ("T1 post Gd",), "ImageType": ("ORIGINAL", "PRIMARY", *kind.split("\\"))})

    assert found.family == "t1"
