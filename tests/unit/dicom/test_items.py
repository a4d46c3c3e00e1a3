"""Content items that not every reader takes."""

from __future__ import annotations

import pytest

from node.dicom.items import Reference, drawn_in


@pytest.mark.parametrize(
    ("sop_class", "value_type"),
    [
        ("1.2.840.10008.5.1.4.1.1.66.4", "IMAGE"),
        ("1.2.840.10008.5.1.4.1.1.66.7", "COMPOSITE"),  # DCMTK 3.6.7 gives up a report over an unknown image class
        ("1.2.840.10008.5.1.4.1.1.481.3", "COMPOSITE"),
    ],
)
def test_the_source_of_a_drawing_is_referred_to_as_readers_can_take_it(sop_class, value_type):
    """A Segmentation is an image; a label map and a structure set are composites."""
    item = drawn_in(Reference(sop_class=sop_class, sop_uid="1.2.3", series_uid="1.2", study_uid="1"))
    assert item.ValueType == value_type
