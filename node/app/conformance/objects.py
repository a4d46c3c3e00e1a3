"""The annexes: what the objects hold, where it comes from, which templates and codes they use."""

from __future__ import annotations

from collections.abc import Iterator

from pydicom.sr.coding import Code

from node.app.conformance.facts import Facts, attribute, class_name, syntaxes
from node.app.conformance.markdown import section, table
from node.dicom import vocabulary
from node.dicom.codes import SCHEME, SCHEMES
from node.dicom.envelope import KINDS, MANUFACTURER, MODEL_NAME, TITLES
from node.dicom.inherit import OPTIONAL, REQUIRED
from node.dicom.kinds import ATTRIBUTES, SOP_CLASSES, TEMPLATES, TRANSFER_SYNTAX

SHARED = {
    "SOPClassUID": "as in A.1.1",
    "SOPInstanceUID": "derived (2.25) from the job and the kind: made again, it is the same",
    "SpecificCharacterSet": "ISO_IR 192",
    "InstanceCreationDate": "of the work order",
    "InstanceCreationTime": "of the work order",
    "StudyInstanceUID": "of the images",
    "Modality": "by the SOP class",
    "SeriesInstanceUID": "derived from the job and the kind: each kind is a series",
    "SeriesNumber": "series_base + 10 × place of the pipeline + place of the kind, the next free one by 1000",
    "SeriesDescription": "AI, pipeline, kind, revision, [RESEARCH]",
    "SeriesDate": "of the work order",
    "SeriesTime": "of the work order",
    "ContentDate": "of the work order",
    "ContentTime": "of the work order",
    "InstanceNumber": "1",
    "ContentQualification": "RESEARCH",
    "Manufacturer": MANUFACTURER,
    "ManufacturerModelName": MODEL_NAME,
    "SoftwareVersions": "of radnode",
    "DeviceSerialNumber": "of this installation",
    "ContributingEquipmentSequence": "every algorithm, with its Device UID by the hash of its package, then radnode",
}
"""Attributes that every result has beside those that are copied from the images, and what stands in them."""

SOMETIMES = {"CodingSchemeIdentificationSequence": "where codes of the schemes in A.E.1 are used"}


def annexes(facts: Facts) -> str:
    """Annexes A.A to A.E."""
    return "\n\n".join((_definitions(facts), _reports(facts), _security(), _mapping(), _codes(facts)))


def _definitions(facts: Facts) -> str:
    return section(
        "A.A", "Information Object Definitions",
        section("A.A.1", "All result objects", table(
            ("kind", "SOP class", "SOP Class UID", "transfer syntax", "series description", "series number"),
            [(kind, class_name(SOP_CLASSES[kind]), SOP_CLASSES[kind], syntaxes([TRANSFER_SYNTAX]),
              f"AI … {TITLES[kind]} [RESEARCH]", f"base + {KINDS[kind]}") for kind in facts.kinds])),
        section("A.A.1.1", "Attributes of every result", "", table(
            ("attribute", "tag", "presence", "value"), _shared())),
        *(section(f"A.A.{place}", f"Attributes of {kind}", table(
            ("attribute", "tag"), [attribute(keyword) for keyword in ATTRIBUTES[kind]]))
          for place, kind in enumerate(facts.kinds, start=2)),
        section(f"A.A.{2 + len(facts.kinds)}", "Private attributes", "None."),
    )  # fmt: skip


def _shared() -> Iterator[tuple[str, str, str, str]]:
    for keyword in REQUIRED:
        yield *attribute(keyword), "always", "copied from the images, empty where they have no valid one"
    for keyword in OPTIONAL:
        yield *attribute(keyword), "sometimes", "copied from the images where they have a valid one"
    for keyword, value in SHARED.items():
        yield *attribute(keyword), "always", value
    for keyword, value in SOMETIMES.items():
        yield *attribute(keyword), "sometimes", value


def _reports(facts: Facts) -> str:
    rows = [
        (kind, " ".join(f"TID {number}" for number in TEMPLATES[kind])) for kind in facts.kinds if kind in TEMPLATES
    ]
    return section("A.B", "Structured Report content", "Completion COMPLETE, verification UNVERIFIED, preliminary flag "
                   "PRELIMINARY; language as configured (en-US, de-DE, es-ES); observer: a device. A "
                   "value that was not evaluated is an empty NUM with its reason (CID 42).",
                   table(("kind", "templates, the root first"), rows))  # fmt: skip


def _security() -> str:
    return section("A.C", "Security details", "None beyond section 8: no LDAP, no DHCP for DICOM, no DNS service "
                   "discovery, no audit messages over syslog.")  # fmt: skip


def _mapping() -> str:
    return section("A.D", "Mapping of attributes", table(("from the images", "to the results"), [
        ("attributes of A.A.1.1 that are copied", "the same attribute"),
        ("Request Attributes Sequence (0040,0275)", "Referenced Request Sequence (0040,A370) of a report"),
        ("Tracking ID (0062,0020), Tracking UID (0062,0021) of a drawing", "the same, in SEG and reports"),
        ("Frame of Reference UID (0020,0052)", "the same, in segmentations"),
    ]))  # fmt: skip


def _codes(facts: Facts) -> str:
    declared = [(name, *about) for name, about in SCHEMES.items()]
    head = ("code value", "scheme", "meaning")
    return section(
        "A.E", "Code set usage",
        section("A.E.1", "Coding schemes declared in Coding Scheme Identification Sequence", table(
            ("designator", "name", "responsible organization"), declared)),
        section("A.E.2", f"Private codes ({SCHEME})", "Those of predictions are made for each installed model. None of "
                "them means a finding of a laboratory.", table(head, _rows(vocabulary.private(facts.models)))),
        section("A.E.3", "Codes of other schemes", "Beside those of the templates in A.B, of the pipelines' finding "
                "sites and of the models' genes (HGNC).", table(head, _rows(vocabulary.standard()))),
    )  # fmt: skip


def _rows(found: list[Code]) -> list[tuple[str, str, str]]:
    return [(code.value, code.scheme_designator, code.meaning) for code in found]
