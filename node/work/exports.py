"""What a job leaves beside its result objects, for people who compute with it."""

from __future__ import annotations

import csv
import io
import math

from node.domain.findings import Findings
from node.domain.order import Order
from node.domain.radiomics import Feature
from node.domain.volume import Volume

FEATURES = "features.csv"
COLUMNS = ("job", "tracking_uid", "lesion", "feature", "ibsi", "value", "unit", "not_evaluated")


def exports(order: Order, findings: Findings, volume: Volume) -> dict[str, bytes]:
    """File name to content of all that the order asks for, of a case with lesions."""
    makers = {"csv": lambda: {FEATURES: features_csv(order, findings, volume)}}
    made: dict[str, bytes] = {}
    for kind in order.pipeline.exports:
        made |= makers[kind]()
    return made


def features_csv(order: Order, findings: Findings, volume: Volume) -> bytes:
    """
    All features of all lesions, one a row; nothing of the patient, nor any word that others wrote.

    A feature without a finite value has an empty `value`, and what came out in `not_evaluated`.

    Returns:
        UTF-8, lines ended by CR LF (RFC 4180), the names of the columns first. Numbers read back as they were.
    """
    text = io.StringIO(newline="")
    rows = csv.writer(text)
    rows.writerow(COLUMNS)
    for lesion in findings.lesions:
        m = lesion.measurements
        for name, value in {**m.features, **m.no_value}.items():
            feature = Feature.of(name, order.pipeline.extraction, volume.unit)
            finite = math.isfinite(value)
            result = (repr(float(value)), feature.unit, "") if finite else ("", feature.unit, str(value))
            rows.writerow((order.job_id, lesion.tracking_uid, lesion.number, name, feature.ibsi, *result))
    return text.getvalue().encode()
