"""The conformance statement, held against what SCP, SCU and encoders really do."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import get_args

import pytest
from pydicom.dataset import Dataset
from pydicom.uid import ExplicitVRBigEndian, ExplicitVRLittleEndian
from pynetdicom import AE, AllStoragePresentationContexts, evt
from pynetdicom.presentation import build_context

from node.app.conformance import statement
from node.app.conformance.facts import Facts
from node.config import parse
from node.deliver.cstore import deliver
from node.dicom.kinds import ATTRIBUTES, SOP_CLASSES, TEMPLATES
from node.domain.document import ResultKind
from node.domain.findings import Findings
from node.domain.order import Order
from node.errors import DeliveryFailed
from node.network.commitment import PUSH_MODEL, Report, ask, report
from node.network.contexts import STORAGE
from node.network.office import Office
from node.network.scp import Peer, Scp, ScpSettings
from node.network.scu import count_instances, echo
from node.stages.load import Loaded
from node.work import objects
from tests.support.findings import DRAWN, EGFR, FOUND, KRAS, SEGMENTER, as_bytes, make_case
from tests.support.ledgers import an_order
from tests.support.statement import Statement

CONFIG = """
[receive]
ae_title = "RADNODE"
idle_timeout_s = 45
max_associations = 7
[peers.pacs]
ae_title = "PACS"
host = "127.0.0.1"
port = 104
count = true
[destinations.pacs]
peer = "pacs"
send = ["seg", "sr", "key-sr"]
[destinations.ehr]
fhir = "https://ehr.example/fhir"
[[pipelines]]
name = "lung"
models = ["lung-egfr"]
send_to = ["pacs", "ehr"]
[pipelines.series.ct]
modality = "CT"
"""
EVERY: tuple[ResultKind, ...] = get_args(ResultKind)
STRANGE = ("1.2.840.10008.1.2.4.100", str(ExplicitVRBigEndian), "1.2.840.10008.1.2.4.95")  # MPEG2, Big Endian, JPIP


def facts(text: str = CONFIG) -> Facts:
    """An installation with two classifiers and a segmenter."""
    config = parse(text, at="config.toml", base=Path("/"))
    return Facts(config=config, models=(EGFR, KRAS, SEGMENTER), version="0.1.0")


@pytest.fixture(scope="module")
def said() -> Statement:
    """The statement of a site with a PACS and a FHIR server."""
    return Statement(statement(facts()))


def order(kind: ResultKind) -> Order:
    """An order that asks for one kind."""
    plain = an_order()
    return replace(plain, pipeline=replace(plain.pipeline, kinds=(kind,)))


def made(kind: ResultKind) -> list[Dataset]:
    """What the encoders make of a kind: of a case with two lesions and of a refused one."""
    case = make_case(DRAWN, FOUND)
    findings = Findings(state="refused", reason_code="missing slices", reason="one is absent")
    found = objects.evaluated(order(kind), case.findings, Loaded(case.volume, tuple(case.headers)))
    return [*found.values(), *objects.refused(order(kind), findings, case.headers).values()]


@contextmanager
def archive(statuses: int = 0) -> Iterator[tuple[Peer, list[tuple[str, list[str]]]]]:
    """Somebody who accepts all that is proposed to him, answers every C-STORE with a status, and writes down."""
    seen: list[tuple[str, list[str]]] = []
    identity: list[tuple[str, bytes]] = []

    def requested(event: evt.Event) -> None:
        request = event.assoc.requestor
        seen.extend((str(c.abstract_syntax), list(map(str, c.transfer_syntax))) for c in request.requested_contexts)
        identity.append((str(request.implementation_class_uid), request.implementation_version_name))
        event.assoc.acceptor.supported_contexts = [
            build_context(c.abstract_syntax, c.transfer_syntax) for c in request.requested_contexts
        ]

    handlers = [
        (evt.EVT_REQUESTED, requested), (evt.EVT_C_STORE, lambda _: statuses),
        (evt.EVT_C_FIND, lambda _: iter([(0x0000, None)])),
    ]  # fmt: skip
    ae = AE("PACS")
    ae.add_supported_context("1.2.840.10008.1.1")
    server = ae.start_server(("127.0.0.1", 0), block=False, evt_handlers=handlers)
    try:
        yield Peer(name="pacs", ae_title="PACS", host="127.0.0.1", port=server.server_address[1]), seen
    finally:
        server.shutdown()


@pytest.fixture(scope="module")
def door() -> Iterator[int]:
    """Port of the SCP that `radnode serve` opens."""
    peer = Peer(name="ct", ae_title="CT")
    scp = Scp(ScpSettings(ae_title="RADNODE", port=0, peers=(peer,)), lambda _: 0)
    yield scp.start()
    scp.stop()


def accepted(port: int, proposals: list[tuple[str, list[str]]]) -> list[tuple[str, str]]:
    """What the SCP accepts of these contexts: SOP class and transfer syntax."""
    ae = AE("CT")
    association = ae.associate("127.0.0.1", port, [build_context(*each) for each in proposals], "RADNODE")
    found = [(str(c.abstract_syntax), str(c.transfer_syntax[0])) for c in association.accepted_contexts]
    if association.is_established:
        association.release()
    return found


def test_the_scp_accepts_exactly_what_is_stated(said, door):
    """Every SOP class, in each transfer syntax by itself: those of the table, and some that are not in it."""
    stated = said.contexts("7.2.1.4.1")
    syntaxes = sorted({each for row in stated.values() for each in row} | set(STRANGE))

    for sop_class, wanted in stated.items():
        found = accepted(door, [(sop_class, [syntax]) for syntax in syntaxes])
        assert found == [(sop_class, syntax) for syntax in syntaxes if syntax in wanted]


def test_the_scp_accepts_no_sop_class_that_is_not_stated(said, door):
    """All storage classes that pynetdicom knows, and queries, retrievals, worklists, commitment."""
    stated = said.contexts("7.2.1.4.1")
    others = [str(context.abstract_syntax) for context in AllStoragePresentationContexts]
    others += ["1.2.840.10008.5.1.4.1.2.2.1", "1.2.840.10008.5.1.4.1.2.2.2", "1.2.840.10008.5.1.4.31",
               "1.2.840.10008.1.20.1", "1.2.840.10008.5.1.4.34.6.1"]  # fmt: skip
    unstated = [uid for uid in others if uid not in stated]

    assert len(unstated) > 100
    for start in range(0, len(unstated), 100):
        assert accepted(door, [(uid, [ExplicitVRLittleEndian]) for uid in unstated[start : start + 100]]) == []


def test_storage_commitment_is_stated_where_it_is_switched_on():
    """The context that the door then takes besides, and what our own questions and reports propose."""
    on = CONFIG.replace("count = true", "count = true\nmay_ask_commitment = true")
    on = on.replace('peer = "pacs"', 'peer = "pacs"\ncommit = true')
    stated = Statement(statement(facts(on)))
    peer = Peer(name="ct", ae_title="CT")
    scp = Scp(ScpSettings(ae_title="RADNODE", port=0, peers=(peer,)), lambda _: 0, service=Office())
    port = scp.start()
    try:
        wanted = stated.contexts("7.2.1.4.1")[PUSH_MODEL]
        assert [accepted(port, [(PUSH_MODEL, [each])]) for each in wanted] == [[(PUSH_MODEL, each)] for each in wanted]
        assert accepted(port, [(PUSH_MODEL, list(STRANGE))]) == []
    finally:
        scp.stop()
    with archive() as (pacs, seen):
        asked = [(SOP_CLASSES["sr"], "2.25.2")]
        ask(pacs, "RADNODE", "2.25.1", asked, on_report=lambda _: 0, answered=lambda: True, hold_s=0)
        report(pacs, "RADNODE", Report(transaction_uid="2.25.3", committed=((SOP_CLASSES["sr"], "2.25.2"),)))

    assert {sop_class for sop_class, _ in seen} == {PUSH_MODEL}
    assert seen[0][1] == seen[1][1] == stated.contexts("7.2.1.3.1")[PUSH_MODEL]
    assert "no archive" in stated.sections["5.2.6.2"]
    services = {row["service"]: (row["SCU"], row["SCP"]) for row in stated.table("1.2")}
    assert services["Storage Commitment Push Model"] == ("yes", "yes")


def test_a_site_that_sends_every_kind_states_each_class_that_it_may_send():
    """Also those that stand in for another; and the door takes back all that radnode makes."""
    every = ", ".join(f'"{kind}"' for kind in EVERY)
    stated = Statement(statement(facts(CONFIG.replace('send = ["seg", "sr", "key-sr"]', f"send = [{every}]"))))
    content = {row["SOP Class UID"]: row for row in stated.table("1.1")}
    proposed = [uid for uid in stated.contexts("7.2.1.3.1") if uid in content]

    assert len(proposed) == 8
    assert [uid for uid in proposed if content[uid]["sent"] != "yes"] == []
    assert set(SOP_CLASSES.values()) | {"1.2.840.10008.5.1.4.1.1.88.59"} <= set(STORAGE)


def test_the_transfer_syntaxes_stand_in_the_order_of_preference(said, door):
    """Of all in one context the first of the table is taken, in whatever order they are proposed."""
    for sop_class, wanted in list(said.contexts("7.2.1.4.1").items())[:3]:
        assert accepted(door, [(sop_class, list(reversed(wanted)))]) == [(sop_class, wanted[0])]


def test_the_scp_says_who_it_is_as_stated(said, door):
    """Implementation Class UID, version name and PDU size, and a rejection for a stranger."""
    ae = AE("CT")
    ae.add_requested_context("1.2.840.10008.1.1")
    association = ae.associate("127.0.0.1", door, ae_title="RADNODE")
    them = association.acceptor
    association.release()

    assert str(them.implementation_class_uid) == said.value("7.1.1", "Implementation Class UID")
    assert them.implementation_version_name == said.value("7.1.1", "Implementation Version Name")
    assert f"{them.maximum_length} bytes" == said.value("7.1.1", "maximum PDU size")
    for calling, called, when in (("CT", "OTHER", "called"), ("STRANGER", "RADNODE", "calling")):
        turned_away = AE(calling)
        turned_away.add_requested_context("1.2.840.10008.1.1")
        answer = turned_away.associate("127.0.0.1", door, ae_title=called).acceptor.primitive
        reason = f"{answer.result}, {answer.result_source}, {answer.diagnostic}"
        [row] = [row for row in said.table("7.2.1.4.2") if when in row["when"]]
        assert row["result, source, reason (PS3.8 table 9-21)"] == reason


def test_the_scu_proposes_exactly_what_is_stated(said, tmp_path):
    """C-ECHO, C-FIND, and C-STORE of every object that this configuration sends."""
    paths = []
    for kind in facts().sent:
        for number, ds in enumerate(made(kind)):
            paths.append(tmp_path / f"{kind}{number}.dcm")
            paths[-1].write_bytes(as_bytes(ds))
    with archive() as (peer, seen):
        assert echo(peer, "RADNODE") == ""
        count_instances(peer, "RADNODE", "1.2.3")
        for path in paths:
            deliver(path, peer, "RADNODE")
    proposed: dict[str, list[str]] = {}
    for sop_class, syntaxes in seen:
        proposed.setdefault(sop_class, []).extend(each for each in syntaxes if each not in proposed.get(sop_class, []))

    assert proposed == said.contexts("7.2.1.3.1")


def test_a_configuration_without_destinations_and_counts_states_no_such_proposals():
    """Only what may happen is stated."""
    alone = Statement(statement(facts('[peers.pacs]\nae_title = "PACS"\nhost = "h"\nport = 104\n')))

    assert list(alone.contexts("7.2.1.3.1")) == ["1.2.840.10008.1.1"]
    services = {row["service"]: row["SCU"] for row in alone.table("1.2")}
    assert services["Storage"] == "not in this configuration"


def test_every_answer_to_a_c_store_means_what_is_stated(said, tmp_path):
    """A real SCP gives each status of the table; sent, again, or dead as it says there."""
    path = tmp_path / "sr.dcm"
    path.write_bytes(as_bytes(made("sr")[0]))
    for row in said.table("7.3.2"):
        status = {"others": 0x0999}.get(row["answer"]) or int(row["answer"].replace("x" * 3, "001").replace("xx", "01")
                                                              .replace("0x", "", 1), 16)  # fmt: skip
        with archive(status) as (peer, _):
            follows = row["what follows"]
            try:
                receipt = deliver(path, peer, "RADNODE")
                assert follows == ("sent, with the warning" if receipt.note else "sent"), row
            except DeliveryFailed as error:
                found = "dead" if not error.retry else f"tried {error.tries} times" if error.tries else "tried again"
                assert follows.startswith(found), row


@pytest.mark.parametrize("kind", EVERY)
def test_every_object_is_of_the_class_and_syntax_that_is_stated(kind):
    """Also its root template, and no private attribute."""
    for ds in made(kind):
        template = ds.get("ContentTemplateSequence")
        assert str(ds.SOPClassUID) == ds.file_meta.MediaStorageSOPClassUID == SOP_CLASSES[kind]
        assert ds.file_meta.TransferSyntaxUID == ExplicitVRLittleEndian
        assert ([template[0].TemplateIdentifier] if template else []) == list(TEMPLATES.get(kind, ()))[:1]
        assert not [element for element in ds.iterall() if element.tag.is_private]


@pytest.mark.parametrize("kind", EVERY)
def test_every_attribute_of_an_object_is_stated_and_those_said_to_be_there_always_are(kind):
    """Each attribute at the top level stands in A.A.1.1, or in the section of its kind."""
    text = CONFIG.replace('send = ["seg", "sr", "key-sr"]', f'send = ["{kind}"]')
    stated = Statement(statement(facts(text)))
    [section] = [s for number, s in stated.sections.items() if re.fullmatch(r"A\.A\.\d+", number)
                 and all(attribute in s for attribute in _tags(ATTRIBUTES[kind]))][:1]  # fmt: skip
    shared = {row["tag"]: row["presence"] for row in stated.table("A.A.1.1")}
    for ds in made(kind):
        tags = {f"({e.tag.group:04X},{e.tag.element:04X})" for e in ds}
        assert tags - set(shared) - set(re.findall(r"\([0-9A-F]{4},[0-9A-F]{4}\)", section)) == set()
        assert {tag for tag, presence in shared.items() if presence == "always"} - tags == set()


def _tags(keywords: tuple[str, ...]) -> list[str]:
    from node.app.conformance.facts import attribute

    return [attribute(keyword)[1] for keyword in keywords]


@pytest.mark.parametrize("kind", EVERY)
def test_every_private_code_of_an_object_is_stated_with_its_meaning(kind, said):
    """Also those of the refusals and of each installed model; every scheme of ours is declared."""
    stated = {(row["code value"], row["meaning"]) for row in said.table("A.E.2")}
    declared = {row["designator"] for row in said.table("A.E.1")}
    for ds in made(kind):
        found = [item for item in _items(ds) if str(item.get("CodingSchemeDesignator", "")).startswith("99")]
        found = [item for item in found if "CodeValue" in item]
        assert {_general(item.CodeValue, item.CodeMeaning) for item in found} <= stated
        assert {item.CodingSchemeDesignator for item in found} <= declared
    assert len({value for value, _ in stated}) == len(stated)


def _general(value: str, meaning: str) -> tuple[str, str]:
    """A code of the flat text report carries the number of the lesion; the statement has {n} there."""
    if not re.match(r"RT\d", value):
        return value, meaning
    return re.sub(r"^RT\d+", "RT{n}", value), re.sub(r"(?i)(lesion) \d+", r"\1 {n}", meaning)


def _items(ds: Dataset) -> Iterator[Dataset]:
    for element in ds:
        if element.VR == "SQ":
            for item in element.value:
                yield item
                yield from _items(item)


def test_it_follows_the_template_and_says_that_the_node_is_no_archive(said):
    """Sections of PS3.2 annex N in their order; limits as configured; the FHIR server is no DICOM service."""
    numbers = [number for number in said.sections if number.count(".") == 0]

    assert numbers == ["1", "2", "3", "4", "5", "6", "7", "8"]
    assert list(said.sections) == sorted(said.sections, key=list(said.sections).index)
    assert "no archive" in said.sections["1"]
    assert "no archive" in said.sections["5.2.5.2"]
    assert said.value("7.1.1", "idle time-out as acceptor") == "45 s"
    assert said.value("7.1.1", "associations accepted at once") == "7"
    assert {row["name"]: row["reached by"] for row in said.table("6.2.2")} == {
        "pacs": "C-STORE to pacs", "ehr": "HTTP (HL7 FHIR R4)",
    }  # fmt: skip


def test_the_air_table_says_which_kinds_carry_what(said):
    """Only kinds that this configuration makes; no point, no parametric map, no viewer is claimed."""
    primitives = {row["primitive"]: row for row in said.table("A.I.2")}
    made_here = {row["kind"] for row in said.table("A.A.1")}

    assert made_here == {"seg", "sr", "key-sr"}
    assert primitives["regions"]["in"] == "seg, key-sr"
    assert [name for name, row in primitives.items() if row["supported"] == "no"] == ["locations", "parametric maps"]
    assert {k for row in primitives.values() for k in row["in"].split(", ") if k != "–"} <= made_here
    assert {row["actor"]: row["supported"] for row in said.table("A.I.1")}["Image Display"] == "no"


def test_the_command_writes_it_for_the_shipped_configuration(tmp_path):
    """`radnode conformance --out FILE`, with the codes of the shipped models."""
    path = tmp_path / "statement.md"
    command = [sys.executable, "-m", "node", "conformance"]
    subprocess.run([*command, "--out", str(path)], check=True, capture_output=True, text=True, timeout=180)
    text = path.read_text()

    codes = [row["code value"] for row in Statement(text).table("A.E.2")]
    assert {"RG-PROB-EGFR", "RG-LOW-EGFR", "RG-UPP-EGFR", "RG-STAT-EGFR", "RG-R01"} <= set(codes)
    assert text.startswith("# DICOM Conformance Statement: radnode ")
