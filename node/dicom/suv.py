"""
Standardised uptake value by body weight.

SUVbw = activity concentration [Bq/ml] x body weight [g] / injected dose [Bq], the dose decayed to the moment that the
image is decay-corrected to. Follows the vendor-neutral calculation of the RSNA-QIBA FDG-PET/CT profile, in the cases
that it calls safe; everything else is refused.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from pydicom.dataset import Dataset

from node.domain.language import Said, say
from node.errors import Refused

PHILIPS = "Philips PET Private Group"
GE = "GEMS_PETD_01"
LONGEST_UPTAKE = timedelta(hours=24)
"""An injection longer than this before the scan is a wrong date, not an uptake time."""

SMALLEST_DOSE_BQ = 1e5
"""A smaller Radionuclide Total Dose was written in another unit than becquerel."""


def suv_factor(headers: Sequence[Dataset]) -> float:
    """
    What rescaled values of a PET series must be multiplied with to be SUVbw (g/ml).

    Args:
        headers: All headers of the series: the start of the scan is the earliest acquisition among them.

    Raises:
        Refused: "unsupported image" when SUVbw cannot be computed from what the headers say.
    """
    ds = headers[0]
    units = str(ds.get("Units") or "")
    if units == "GML":
        kind = str(ds.get("SUVType") or "BW")
        if kind != "BW":
            raise _refusal(say("Units GML with SUV Type {kind}: not by body weight", kind=kind))
        return 1.0
    if units == "CNTS":
        return _philips(headers)
    if units == "BQML":
        return _per_becquerel(headers)
    raise _refusal(say("Units (0054,1001) are {units}", units=units or say("absent")))


def _philips(headers: Sequence[Dataset]) -> float:
    """Philips counts: (7053,xx00) makes SUV of them, (7053,xx09) becquerel per millilitre."""
    if suv := _private(headers[0], 0x7053, PHILIPS, 0x00):
        return suv
    if activity := _private(headers[0], 0x7053, PHILIPS, 0x09):
        return activity * _per_becquerel(headers)
    raise _refusal(say("Units CNTS without a scale factor"))


def _private(ds: Dataset, group: int, creator: str, element: int) -> float:
    try:
        return float(ds.private_block(group, creator)[element].value)
    except (KeyError, TypeError, ValueError):
        return 0.0


def _per_becquerel(headers: Sequence[Dataset]) -> float:
    ds = headers[0]
    corrected = ds.get("CorrectedImage") or ()
    if corrected and not {"ATTN", "DECY"} <= set(corrected):
        raise _refusal(say("not corrected for attenuation and decay"))
    weight_kg = _number(ds, "PatientWeight")
    injected = (ds.get("RadiopharmaceuticalInformationSequence") or [Dataset()])[0]
    dose = _number(injected, "RadionuclideTotalDose")
    if dose < SMALLEST_DOSE_BQ:
        raise _refusal(say("Radionuclide Total Dose is not in becquerel"))
    correction = str(ds.get("DecayCorrection") or "")
    if correction == "START":
        half_life = _number(injected, "RadionuclideHalfLife")
        dose *= 2 ** (-_uptake(headers, injected).total_seconds() / half_life)
    elif correction != "ADMIN":
        raise _refusal(say("Decay Correction (0054,1102) is {correction}", correction=correction or say("absent")))
    return weight_kg * 1000 / dose


def _uptake(headers: Sequence[Dataset], injected: Dataset) -> timedelta:
    """Time from the injection to the moment of decay correction."""
    scan = _scan_start(headers)
    start = _moment(injected.get("RadiopharmaceuticalStartDateTime"))
    if start is None:
        start = _moment(f"{scan:%Y%m%d}", injected.get("RadiopharmaceuticalStartTime"))
        if start is not None and start > scan:  # injected before midnight
            start -= timedelta(days=1)
    if start is None:
        raise _refusal(say("the time of injection is absent"))
    if not timedelta(0) <= scan - start <= LONGEST_UPTAKE:
        raise _refusal(say("the time of injection does not fit the time of the scan"))
    return scan - start


def _scan_start(headers: Sequence[Dataset]) -> datetime:
    """Series time, unless a later reconstruction overwrote it: then GE's own scan time, or the first acquisition."""
    series = _moment(headers[0].get("SeriesDate"), headers[0].get("SeriesTime"))
    acquired = [moment for ds in headers if (moment := _moment(ds.get("AcquisitionDate"), ds.get("AcquisitionTime")))]
    if not acquired:
        raise _refusal(say("the time of acquisition is absent"))
    if series is not None and series <= min(acquired):
        return series
    return _ge_scan_time(headers[0]) or min(acquired)


def _ge_scan_time(ds: Dataset) -> datetime | None:
    try:
        return _moment(ds.private_block(0x0009, GE)[0x0D].value)
    except KeyError:
        return None


def _moment(date: Any, time: Any = "") -> datetime | None:
    """
    A DICOM date and time (or one DT value) to the minute or better (PS3.5 table 6.2-1), None when it is less.

    Its zone is left aside: all times of one series share it.
    """
    digits = re.split(r"[+-]", f"{date or ''}{time or ''}".strip())[0]
    whole, _, fraction = digits.partition(".")
    if len(whole) < len("YYYYMMDDHHMM"):
        return None
    try:
        seconds = datetime.strptime(whole[:14].ljust(14, "0"), "%Y%m%d%H%M%S")  # noqa: DTZ007 - local to the series
    except ValueError:
        return None
    return seconds + timedelta(seconds=float(f"0.{fraction}")) if fraction.isdigit() else seconds


def _number(ds: Dataset, keyword: str) -> float:
    try:
        found = float(ds.get(keyword) or 0)
    except (TypeError, ValueError):
        found = 0.0
    if found > 0:
        return found
    raise _refusal(say("{keyword} is absent or zero", keyword=keyword))


def _refusal(why: Said) -> Refused:
    return Refused("unsupported image", say("SUVbw cannot be computed: {why}", why=why), at="PET series")
