"""Findings to result objects: which kinds there are, and what each is made from."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cache

import structlog
from pydicom.dataset import Dataset

from node.dicom.envelope import Envelope
from node.domain.document import ResultKind
from node.domain.findings import Findings
from node.domain.order import Order
from node.page.draw import raster, report_page
from node.stages.encode_feature_sr import encode_feature_sr
from node.stages.encode_key_sr import encode_key_sr
from node.stages.encode_pdf import encode_pdf
from node.stages.encode_sc import encode_sc
from node.stages.encode_seg import encode_labelmap, encode_seg, overlap
from node.stages.encode_sr import encode_sr
from node.stages.encode_text_sr import encode_text_sr
from node.stages.load import Loaded

log = structlog.get_logger()


def evaluated(order: Order, findings: Findings, measured: Loaded) -> dict[ResultKind, Dataset]:
    """
    Every object that the order asks for, of a case with lesions, in the order of delivery.

    Args:
        order: Names the kinds.
        findings: At least one lesion.
        measured: The series that was measured.
    """
    envelope = Envelope.of(order).naming(findings)
    volume, headers = measured.volume, measured.headers
    seg = encode_seg(findings, volume, headers, envelope)
    page = cache(lambda: report_page(findings, volume, headers, envelope))
    makers: Mapping[ResultKind, Callable[[], Dataset]] = {
        "seg": lambda: seg,
        "sr": lambda: encode_sr(findings, volume, headers, seg, envelope),
        "key-sr": lambda: encode_key_sr(findings, volume, headers, envelope),
        "text-sr": lambda: encode_text_sr(findings, volume, headers, envelope),
        "labelmap": lambda: encode_labelmap(findings, volume, headers, envelope),
        "feature-sr": lambda: encode_feature_sr(findings, volume, headers, seg, envelope, order.pipeline.extraction),
        "pdf": lambda: encode_pdf(page(), findings, volume, headers, envelope),
        "sc": lambda: encode_sc(raster(page()), findings, volume, headers, envelope),
    }
    return {kind: makers[kind]() for kind in order.pipeline.kinds if not _left_out(kind, findings)}


def _left_out(kind: ResultKind, findings: Findings) -> bool:
    """Whether an object cannot show these findings: nothing is lost, the Segmentation shows them all."""
    if kind != "labelmap" or not overlap(findings):
        return False
    log.info("result.omitted", reason="labelmap: lesions overlap, and a voxel of a label map belongs to one only")
    return True


def refused(order: Order, findings: Findings, headers: Sequence[Dataset]) -> dict[ResultKind, Dataset]:
    """
    What is sent of a case that was not evaluated: it needs no pixels, only the headers of what was refused.

    Args:
        order: Names the kinds; those that show a lesion are not made.
        findings: The refusal.
        headers: Of the images that were refused, at least one.
    """
    envelope = Envelope.of(order, refused=True).naming(findings)
    page = cache(lambda: report_page(findings, None, headers, envelope))
    makers: Mapping[ResultKind, Callable[[], Dataset]] = {
        "sr": lambda: encode_sr(findings, None, headers, None, envelope),
        "text-sr": lambda: encode_text_sr(findings, None, headers, envelope),
        "pdf": lambda: encode_pdf(page(), findings, None, headers, envelope),
        "sc": lambda: encode_sc(raster(page()), findings, None, headers, envelope),
    }
    return {kind: makers[kind]() for kind in order.pipeline.kinds if kind in makers}
