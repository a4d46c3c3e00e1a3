"""Report pages as a reader takes them in: text, places, pixels."""

from __future__ import annotations

from dataclasses import dataclass, replace

import pypdfium2 as pdfium
from pydicom.dataset import Dataset

from node.domain.findings import Findings, Lesion, Prediction
from node.page.draw import report_page
from tests.support.findings import DRAWN, PREDICTED, WITHHELD, Case, make_case, make_lesion

BORDERLINE = replace(PREDICTED, state="borderline", reason="slice thickness 3 mm is above 2.5 mm")
REFUSED = Findings(state="refused", reason_code="organ partial", reason="the apex of the left lung is cut off")


@dataclass(frozen=True)
class Printed:
    """A page: how many there are, its text with single spaces, and boxes (left, bottom, right, top) of its lines."""

    pages: int
    text: str
    boxes: list[tuple[float, float, float, float]]


def printed(pdf: bytes) -> Printed:
    """Read a PDF back."""
    document = pdfium.PdfDocument(pdf)
    try:
        text = document[0].get_textpage()
        boxes = [text.get_rect(n) for n in range(text.count_rects())]
        return Printed(len(document), " ".join(text.get_text_bounded().split()), boxes)
    finally:
        document.close()


def overlaps(boxes: list[tuple[float, float, float, float]], slack: float = 1.0) -> list[tuple]:
    """Pairs of boxes that cover each other by more than `slack` points both ways."""
    found = []
    for number, (left, bottom, right, top) in enumerate(boxes):
        for other in boxes[number + 1 :]:
            across = min(right, other[2]) - max(left, other[0])
            down = min(top, other[3]) - max(bottom, other[1])
            if across > slack and down > slack:
                found.append((boxes[number], other))
    return found


def page_of(case: Case) -> bytes:
    """The report page of a case; of a refusal without its volume."""
    refused = case.findings.state == "refused"
    envelope = replace(case.envelope, refused=refused).naming(case.findings)
    return report_page(case.findings, None if refused else case.volume, case.headers, envelope)


def refused_case(headers: list[Dataset] | None = None, **changes: object) -> Case:
    """A case that was not evaluated."""
    case = make_case()
    return replace(case, findings=replace(REFUSED, **changes), headers=headers or case.headers)  # type: ignore[arg-type]


def crowded_case(lesions: int, models: int, **changes: object) -> Case:
    """A case of so many lesions, each with so many answers: given, borderline and refused ones in turn."""
    case = make_case()
    answers = [_named((PREDICTED, BORDERLINE, WITHHELD)[n % 3], n) for n in range(models)]
    made = [_numbered(make_lesion(DRAWN, 1), n, answers) for n in range(1, lesions + 1)]
    return replace(case, findings=replace(case.findings, lesions=tuple(made), **changes))  # type: ignore[arg-type]


def _named(prediction: Prediction, number: int) -> Prediction:
    facts = replace(prediction.model, id=f"model-{number}", digest=f"{number:064x}", name=f"Model {number}")
    return replace(prediction, model=facts)


def _numbered(lesion: Lesion, number: int, answers: list[Prediction]) -> Lesion:
    return replace(lesion, number=number, tracking_id=f"GTV-{number}", predictions=tuple(answers))
