"""Standardised uptake values."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom.dataset import Dataset

from node.dicom.suv import suv_factor
from node.errors import Refused

F18_S = 6586.2
"""Half-life of fluorine-18 in seconds, as scanners write it."""


def pet(**changes):
    """A PET header: 70 kg, 350 MBq F-18 at 09:00, scan at 10:00; `injection` changes the radiopharmaceutical item."""
    ds, injection = Dataset(), Dataset()
    injection.RadionuclideTotalDose, injection.RadionuclideHalfLife = 3.5e8, F18_S
    injection.RadiopharmaceuticalStartTime = "090000"
    ds.Units, ds.DecayCorrection, ds.CorrectedImage = "BQML", "START", ["NORM", "ATTN", "DECY"]
    ds.PatientWeight = 70
    ds.SeriesDate = ds.AcquisitionDate = "20261101"
    ds.SeriesTime = ds.AcquisitionTime = "100000.00"
    for keyword, value in changes.pop("injection", {}).items():
        setattr(injection, keyword, value)
    ds.RadiopharmaceuticalInformationSequence = [injection]
    for keyword, value in changes.items():
        setattr(ds, keyword, value)
    return ds


EXPECTED = 70_000 / (3.5e8 * 2 ** (-3600 / F18_S))


def test_the_dose_decays_to_the_start_of_the_scan():
    """One hour of uptake: weight over the dose that was left after it."""
    assert suv_factor([pet()]) == pytest.approx(EXPECTED, rel=1e-12)


def test_a_correction_to_the_injection_takes_the_whole_dose():
    """ADMIN: pixels already refer to the time of injection."""
    assert suv_factor([pet(DecayCorrection="ADMIN")]) == pytest.approx(70_000 / 3.5e8)


def test_a_series_time_after_the_acquisition_is_not_believed():
    """A reconstruction later that day overwrote the series time: the earliest acquisition of all beds counts."""
    beds = [pet(SeriesTime="150000", AcquisitionTime=t) for t in ("100300", "100000", "100600")]

    assert suv_factor(beds) == pytest.approx(EXPECTED)


def test_ge_tells_the_scan_time_itself():
    """GE keeps the scan time in a private element when a reconstruction overwrote the series time."""
    ds = pet(SeriesTime="150000", AcquisitionTime="101500")
    ds.private_block(0x0009, "GEMS_PETD_01", create=True).add_new(0x0D, "DT", "20261101100000.00")

    assert suv_factor([ds]) == pytest.approx(EXPECTED)


def test_an_injection_before_midnight():
    """23:30 before a scan at 00:30 was the day before; a full date and time needs no guess."""
    scan = {"SeriesTime": "003000", "AcquisitionTime": "003000"}
    by_time = pet(**scan, injection={"RadiopharmaceuticalStartTime": "233000"})
    by_date = pet(**scan, injection={"RadiopharmaceuticalStartDateTime": "20261031233000.000000+0100"})

    assert suv_factor([by_time]) == suv_factor([by_date]) == pytest.approx(EXPECTED)


def test_units_that_are_suv_already():
    """GML by body weight passes as it is."""
    assert suv_factor([pet(Units="GML")]) == suv_factor([pet(Units="GML", SUVType="BW")]) == 1


def test_philips_counts():
    """The private SUV factor is taken first, else the private activity factor with the dose."""
    direct, activity = pet(Units="CNTS"), pet(Units="CNTS")
    direct.private_block(0x7053, "Philips PET Private Group", create=True).add_new(0x00, "DS", "0.000385")
    activity.private_block(0x7053, "Philips PET Private Group", create=True).add_new(0x00, "DS", "0")
    activity.private_block(0x7053, "Philips PET Private Group").add_new(0x09, "DS", "2.5")

    assert suv_factor([direct]) == pytest.approx(0.000385)
    assert suv_factor([activity]) == pytest.approx(2.5 * EXPECTED)


@given(weight=st.floats(3, 300), dose=st.floats(1e6, 1e9), minutes=st.integers(0, 300))
def test_an_even_body_has_suv_one(weight, dose, minutes):
    """A dose spread evenly over a body of water has SUV 1 everywhere, whatever the uptake time."""
    time = f"{10 + minutes // 60:02}{minutes % 60:02}00"
    ds = pet(PatientWeight=weight, SeriesTime=time, AcquisitionTime=time)
    ds.RadiopharmaceuticalInformationSequence[0].RadionuclideTotalDose = dose
    ds.RadiopharmaceuticalInformationSequence[0].RadiopharmaceuticalStartTime = "100000"
    becquerel_per_ml = dose * 2 ** (-minutes * 60 / F18_S) / (weight * 1000)

    assert becquerel_per_ml * suv_factor([ds]) == pytest.approx(1, rel=1e-9)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"Units": "CNTS"}, "CNTS"),
        ({"Units": "PROPCPS"}, "PROPCPS"),
        ({"Units": ""}, "absent"),
        ({"Units": "GML", "SUVType": "LBM"}, "LBM"),
        ({"PatientWeight": 0}, "PatientWeight"),
        ({"PatientWeight": None}, "PatientWeight"),
        ({"DecayCorrection": "NONE"}, "NONE"),
        ({"CorrectedImage": ["NORM", "DECY"]}, "attenuation"),
        ({"AcquisitionTime": ""}, "acquisition"),
        ({"injection": {"RadionuclideTotalDose": 350}}, "becquerel"),
        ({"injection": {"RadionuclideTotalDose": None}}, "RadionuclideTotalDose"),
        ({"injection": {"RadionuclideHalfLife": None}}, "RadionuclideHalfLife"),
        ({"injection": {"RadiopharmaceuticalStartTime": ""}}, "injection is absent"),
        ({"injection": {"RadiopharmaceuticalStartDateTime": "20261001090000"}}, "does not fit"),
        ({"injection": {"RadiopharmaceuticalStartDateTime": "20261101110000"}}, "does not fit"),
        ({"RadiopharmaceuticalInformationSequence": []}, "RadionuclideTotalDose"),
    ],
)
def test_what_cannot_be_computed_is_refused(changes, words):
    """A missing or impossible fact refuses the case and is named."""
    with pytest.raises(Refused, match=words) as caught:
        suv_factor([pet(**changes)])

    assert caught.value.code == "unsupported image"
