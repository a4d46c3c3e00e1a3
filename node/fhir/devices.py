"""Who made a result, as Devices: this installation, and every algorithm by the hash of its package."""

from __future__ import annotations

from node.dicom.codes import ARTIFICIAL_INTELLIGENCE
from node.dicom.envelope import MANUFACTURER, MODEL_NAME, Envelope, algorithm_name, device_uid
from node.dicom.uids import derive_uid
from node.domain import evidence, exchange
from node.domain.facts import ModelFacts
from node.fhir.elements import Json, concept, filled, identifier, local, notes


def node_uid(envelope: Envelope) -> str:
    """UID of this installation in this version: a Device that was sent once is never altered by a later version."""
    return derive_uid("device", envelope.installation, envelope.node_version)


def node(envelope: Envelope) -> Json:
    """This installation of radnode."""
    return {
        "resourceType": "Device",
        "identifier": [identifier(node_uid(envelope)), identifier(envelope.device_uid)],
        "status": "active",
        "manufacturer": MANUFACTURER,
        "serialNumber": envelope.installation,
        "deviceName": [{"name": MODEL_NAME, "type": "model-name"}],
        "version": [_version(exchange.SOFTWARE, envelope.node_version)],
    }


def algorithm(facts: ModelFacts) -> Json:
    """A model: Device UID, name, version and manufacturer are those of the DICOM objects (IHE AIR)."""
    return filled(
        {
            "resourceType": "Device",
            "identifier": [identifier(device_uid(facts))],
            "status": "active",
            "manufacturer": facts.manufacturer,
            "modelNumber": facts.id,
            "deviceName": [{"name": algorithm_name(facts), "type": "model-name"}],
            "type": concept(ARTIFICIAL_INTELLIGENCE),
            "version": [_version(exchange.SOFTWARE, facts.version), _version(exchange.DIGEST, facts.digest)],
            "note": notes([*exchange.use(facts), *evidence.caveats(facts)]),
        }
    )


def made_by(facts: ModelFacts) -> Json | None:
    """Reference to the Device of a model; None for one of which no package is known."""
    return local(device_uid(facts)) if facts.digest else None


def _version(kind: str, value: str) -> Json:
    return {"type": {"text": kind}, "value": value}
