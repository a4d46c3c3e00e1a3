"""All radiomic features of a job as a table, for people who compute with them."""

from __future__ import annotations

import csv
import io
import math

from node.domain.findings import Findings
from node.domain.order import Order
from node.domain.radiomics import Feature, volume_unit

COLUMNS = ("job", "tracking_uid", "lesion", "feature", "ibsi", "value", "unit", "not_evaluated")


def features_csv(order: Order, findings: Findings) -> bytes:
    """
    All features of all lesions, one a row; nothing of the patient, nor any word that others wrote.

    A feature without a finite value has an empty `value`, and what came out in `not_evaluated`. A refused case has no
    rows.

    Returns:
        UTF-8, lines ended by CR LF (RFC 4180), the names of the columns first. Numbers read back as they were.
    """
    text = io.StringIO(newline="")
    rows = csv.writer(text)
    rows.writerow(COLUMNS)
    unit = volume_unit(order.pipeline.modality)
    for lesion in findings.lesions:
        m = lesion.measurements
        for name, value in {**m.features, **m.no_value}.items():
            feature = Feature.of(name, order.pipeline.extraction, unit)
            result = (repr(float(value)), feature.unit, "") if math.isfinite(value) else ("", feature.unit, str(value))
            rows.writerow((order.job_id, lesion.tracking_uid, lesion.number, name, feature.ibsi, *result))
    return text.getvalue().encode()
