"""Sections 4 to 6: the one AE, what it does by which service, and what the site has set."""

from __future__ import annotations

from node.app.conformance.facts import Facts
from node.app.conformance.markdown import listed, section, table
from node.app.conformance.overview import NO_ARCHIVE, NOT_HERE
from node.config.sections import DestinationSection
from node.deliver import commit, outbox
from node.dicom.kinds import TRANSFER_SYNTAX

NONE = "Not supported."
FLOW = """```
 peers ══ C-STORE, C-ECHO ══▶ [ radnode: receive ▸ assemble ▸ work ▸ deliver ] ══ C-STORE, STOW-RS ══▶ destinations
       ◀═ Storage Commitment ═▶ [   C-FIND: how many instances? ══▶ the sender   ] ◀═ Storage Commitment ═▶
```"""


def model(facts: Facts) -> str:
    """Section 4."""
    return section(
        "4", "Implementation model",
        section("4.1", "Application Entities and data flow", FLOW, section(
            "4.1.1", f"Functional definition of {facts.title}",
            "One AE title for all. It keeps what it receives on disk before it answers; judges a study once nothing "
            "more arrives; evaluates it in worker processes; and sends the results, each kind a series of its own in "
            "the study of the images.")),
    )  # fmt: skip


def services(facts: Facts) -> str:
    """Section 5."""
    settle = facts.config.settle
    return section(
        "5", "Service and interoperability description",
        section("5.1", "Mapping of services to Application Entities", table(("service", "AE"), [
            (name, facts.title)
            for name in ("Verification", "Storage", "Storage Commitment", "Query/Retrieve (C-FIND)")])),
        section(
            "5.2", "DIMSE services",
            section("5.2.1", "Basic Worklist Management", NONE),
            section("5.2.2", "Modality Performed Procedure Step", NONE),
            section("5.2.3", "Unified Worklist and Procedure Step", NONE),
            section("5.2.4", "Instance Availability Notification", NONE),
            section("5.2.5", "Storage",
                    section("5.2.5.1", "SCU", listed((
                        "Objects of a result go one by one in a fixed order, each on an association of its own that "
                        "proposes exactly its SOP class and transfer syntax.",
                        "The same object is sent byte for byte again until it was answered, with the same SOP Instance "
                        f"UID; pauses grow from {outbox.FIRST_WAIT_S} s to {outbox.LONGEST_WAIT_S // 60} min.",
                        "A later revision supersedes what was not yet sent of an earlier one."))),
                    section("5.2.5.1.1", "Transcoding", "None: results are sent in the transfer syntax they are made "
                            "in."),
                    section("5.2.5.2", "SCP", listed((
                        NO_ARCHIVE, "Level 2 (full) while an instance is kept: every element is kept as it was sent.",
                        "An instance that comes again unaltered is stored once; with another header it is another "
                        "version; with other pixels under the same UID the case is refused and says so.",
                        f"A study is judged when nothing arrived for {settle.study_quiet_s:g} s.")))),
            section("5.2.6", "Storage Commitment", commitment(facts)),
            section("5.2.7", "Query/Retrieve", "As an SCU of C-FIND only, to ask the sender of a study how many "
                    "instances it has; by the peers with `count`."),
            section("5.2.8", "Print Management", NONE)),
        section("5.3", "DICOM web services", web(facts)),
        section("5.4", "Media services", NONE),
        section("5.5", "Real-Time Video", NONE),
        section("5.7", "Specific Character Sets", "An attribute whose characters cannot be decoded is left out of a "
                "result rather than written wrong."),
    )  # fmt: skip


def commitment(facts: Facts) -> str:
    """What holds of Storage Commitment, in either role."""
    days = facts.config.receive.commit_keep_days
    return "\n\n".join((
        section("5.2.6.1", "SCU", NOT_HERE.capitalize() + "." if not facts.committing else listed((
            f"Destinations that are asked: {', '.join(facts.committing)}.",
            "The request follows when all objects of a result were sent; it names each under the SOP class and SOP "
            "Instance UID under which it went out. A transaction is kept on disk before it is sent.",
            "The report is taken on the same association, or on one that the peer opens, in either role "
            "(SCP/SCU role selection).",
            f"What the peer lacks is sent again, {commit.RESENDS} times at most; without a report it is asked again "
            "with a new transaction."))),
        section("5.2.6.2", "SCP", NOT_HERE.capitalize() + "." if not facts.asking else listed((
            NO_ARCHIVE,
            f"Peers that may ask: {', '.join(facts.asking)}. Others are answered 0x0124.",
            f"An instance is committed when it is read back from disk unaltered, for {days:g} days and no longer. One "
            "that is not here fails with 0x0112, one of another SOP class with 0x0119.",
            "The report goes out on the association of the request while that is open, else on a new one."))),
    ))  # fmt: skip


def web(facts: Facts) -> str:
    """What holds of DICOMweb: STOW-RS as a user agent."""
    if not facts.web:
        return section("5.3.1", "Studies service (user agent)", NOT_HERE.capitalize() + ".")
    return section("5.3.1", "Studies service (user agent)", listed((
        f"Store transaction (STOW-RS, PS3.18 10.5) of one object a request, to: {', '.join(facts.web)}. No other "
        "transaction, and none as an origin server.",
        f"Objects are {TRANSFER_SYNTAX} in multipart/related; type=application/dicom, as they lie on disk.",
        "A FailedSOPSequence in the response is judged as a C-STORE status is (7.3.2).")))  # fmt: skip


def configuration(facts: Facts) -> str:
    """Section 6."""
    receive = facts.config.receive
    return section(
        "6", "Configuration",
        section("6.1", "General", table(("parameter", "value"), [
            ("AE title", facts.title),
            ("address and port of the SCP", f"{receive.host}:{receive.port}"),
            ("TLS on the SCP", "yes" if receive.tls else "no"),
            ("largest object", f"{receive.largest_object_mb:g} MB"),
            ("least free disk space", f"{receive.low_disk_gb:g} GB"),
        ])),
        section("6.2", "DIMSE services",
                section("6.2.1", "Peers", "Nobody else is known to the node.", table(
                    ("name", "AE title", "address", "may send", "called by TLS", "asked for counts"),
                    [(name, p.ae_title, f"{p.host or 'any'}:{p.port}" if p.port else p.host or "any",
                      _yes(p.may_send), _yes(p.tls), _yes(p.count)) for name, p in facts.config.peers.items()])),
                section("6.2.2", "Destinations", table(
                    ("name", "reached by", "kinds", "given up after"),
                    [(name, _way(d), ", ".join(d.takes),
                      f"{d.give_up_after_h:g} h") for name, d in facts.config.destinations.items()]))),
    )  # fmt: skip


def _way(destination: DestinationSection) -> str:
    if destination.peer:
        return f"C-STORE to {destination.peer}"
    return "STOW-RS" if destination.stow else "HTTP (HL7 FHIR R4)"


def _yes(so: bool) -> str:  # noqa: FBT001 - a value to be written
    return "yes" if so else "no"
