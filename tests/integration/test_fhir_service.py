"""A study comes in by DICOM, and a FHIR server has the result: the whole service, over real sockets."""

from __future__ import annotations

import json

from node.demo.patient import chest_ct
from tests.support.clients import dcmsend
from tests.support.fhir import fhir_server
from tests.support.peers import until
from tests.support.service import Service


def test_a_study_that_was_sent_is_a_report_on_the_fhir_server(tmp_path):
    """The server is away at first; then the report is there once, with the job's numbers; no log names the patient."""
    chest_ct(tmp_path / "ct", seed=3)
    with fhir_server() as server:
        node = Service(tmp_path / "node", sections=f'[destinations.ehr]\nfhir = "{server.url}"\n')
        node.config.write_text(node.config.read_text().replace("send_to = []", 'send_to = ["ehr"]'))
        server.before = lambda: (503, {}) if len(server.requests) < 2 else None
        with node:
            dcmsend(node.port, tmp_path / "ct")
            until(lambda: b'"event": "delivery.sent"' in node.log_bytes(), within_s=240, what="the delivery")
            assert node.stop() == 0
    [job] = node.jobs()
    [report] = server.of("DiagnosticReport")
    predictions = [p for lesion in job.document["lesions"] for p in lesion["predictions"]]
    values = [
        each["valueQuantity"]["value"]
        for each in server.of("Observation")
        if each["code"]["coding"][0]["code"] == "RG-PROB-EGFR"
    ]
    [kept] = node.state.glob("results/*/*/fhir.json")
    patient = report["subject"]["identifier"]["value"]

    assert values == [round(100 * p["probability"], 1) for p in predictions]
    assert report["identifier"][0]["value"] in [f"urn:oid:{f['sop_instance_uid']}" for f in job.document["files"]]
    assert {body for _, _, body in server.requests} == {kept.read_bytes()}
    assert len(server.resources) == len(json.loads(kept.read_bytes())["entry"])
    assert patient
    assert patient.encode() not in node.log_bytes()
