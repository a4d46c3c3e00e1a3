"""Section 7: associations, presentation contexts and statuses, as the network modules have them."""

from __future__ import annotations

from collections.abc import Iterator

from node.app.conformance.facts import Facts, class_name, default, syntaxes
from node.app.conformance.markdown import listed, section, table
from node.deliver import cstore
from node.dicom.kinds import TRANSFER_SYNTAX, offered
from node.dicom.uids import IMPLEMENTATION_UID
from node.network import scp
from node.network.commitment import push_model
from node.network.contexts import VERIFICATION, accepted, requested
from node.network.identity import VERSION_NAME
from node.network.scp import ScpSettings
from node.network.scu import STUDY_ROOT_FIND, count_instances, echo
from node.receive import door

APPLICATION_CONTEXT = "1.2.840.10008.3.1.1.1"

CONTEXT_HEAD = ("SOP class", "SOP Class UID", "transfer syntaxes", "role", "extended negotiation")


def communication(facts: Facts) -> str:
    """Section 7."""
    return section(
        "7", "Network and media communication details",
        section("7.1", "General", section("7.1.1", "Association parameters", table(
            ("parameter", "value"), _parameters(facts)))),
        section("7.2", "Specifications", section(
            "7.2.1", facts.title,
            section("7.2.1.3", "Association initiation", "Each service asks for an association of its own.",
                    section("7.2.1.3.1", "Proposed presentation contexts", table(CONTEXT_HEAD, proposals(facts)))),
            section("7.2.1.4", "Association acceptance", listed(_policy(facts)),
                    section("7.2.1.4.1", "Accepted presentation contexts", "Of several transfer syntaxes in one "
                            "context the first of this order is taken.", table(CONTEXT_HEAD, acceptances(facts))),
                    section("7.2.1.4.2", "Rejections", table(
                        ("result, source, reason (PS3.8 table 9-21)", "when"), _rejections()))))),
        section("7.3", "Status codes",
                section("7.3.1", "C-STORE as SCP", "", table(("status", "meaning", "when"), _answered(facts))),
                section("7.3.2", "C-STORE as SCU", "", table(("answer", "meaning", "what follows"), understood()))),
    )  # fmt: skip


def proposals(facts: Facts) -> Iterator[tuple[str, ...]]:
    """What is proposed as an SCU: SOP class and transfer syntaxes of each context."""
    services = [VERIFICATION, *([STUDY_ROOT_FIND] if any(p.count for p in facts.config.peers.values()) else [])]
    for uid in services:
        yield class_name(uid), uid, syntaxes(requested(uid).transfer_syntax), "SCU", "none"
    for uid in dict.fromkeys(each for kind in facts.sent for each in offered(kind)):
        yield class_name(uid), uid, syntaxes([TRANSFER_SYNTAX]), "SCU", "none"
    roles = [*(["SCU"] if facts.committing else []), *(["SCP, to report"] if facts.asking else [])]
    if roles:
        yield _push_model("; ".join(roles))


def _push_model(roles: str) -> tuple[str, ...]:
    context = push_model()
    uid = str(context.abstract_syntax)
    return class_name(uid), uid, syntaxes(context.transfer_syntax), roles, "SCP/SCU role selection"


def acceptances(facts: Facts) -> Iterator[tuple[str, ...]]:
    """What is accepted as an SCP."""
    for context in accepted():
        uid = str(context.abstract_syntax)
        yield class_name(uid), uid, syntaxes(context.transfer_syntax), "SCP", "none"
    if facts.asking or facts.committing:
        yield _push_model("SCP, SCU")


def _parameters(facts: Facts) -> Iterator[tuple[str, object]]:
    receive = facts.config.receive
    yield "Application Context Name", APPLICATION_CONTEXT
    yield "Implementation Class UID", IMPLEMENTATION_UID
    yield "Implementation Version Name", VERSION_NAME
    yield "maximum PDU size", f"{scp.PDU_BYTES} bytes"
    yield "associations accepted at once", receive.max_associations
    yield "of one calling AE title", receive.max_associations_per_peer
    yield "associations initiated at once", "one for each destination, one for queries"
    yield "asynchronous operations", "one outstanding; not negotiated"
    yield "user identity negotiation", "not supported: a request for it is ignored"
    yield "idle time-out as acceptor", f"{receive.idle_timeout_s:g} s"
    yield "time-out for an A-ASSOCIATE-RQ", f"{default(ScpSettings, 'request_timeout_s'):g} s"
    yield "time-out as initiator: C-STORE", f"{default(cstore.deliver, 'timeout_s'):g} s"
    yield "time-out as initiator: C-ECHO", f"{default(echo, 'timeout_s'):g} s"
    yield "time-out as initiator: C-FIND", f"{default(count_instances, 'timeout_s'):g} s"


def _policy(facts: Facts) -> Iterator[str]:
    receive = facts.config.receive
    yield f"The called AE title is {facts.title}; the calling one that of a peer in 6.2.1, from its address if set."
    yield "A peer that may not send may associate and echo; its C-STOREs are answered 0x0124."
    if receive.tls:
        yield "Only TLS is taken, from a client whose certificate names its calling AE title."
    most, of_one = receive.max_associations, receive.max_associations_per_peer
    yield f"At most {most} associations are open at once, {of_one} of one calling AE title."


def _rejections() -> Iterator[tuple[str, str]]:
    when = {
        scp.NOT_US: "the called AE title is not ours",
        scp.UNKNOWN: "the calling AE title, its address or its certificate is unknown",
        scp.FULL: "a limit on open associations is reached; to be tried again",
    }
    for reason, why in when.items():
        yield ", ".join(map(str, reason)), why


def _answered(facts: Facts) -> Iterator[tuple[str, str, str]]:
    receive = facts.config.receive
    yield _hex(scp.SUCCESS), "Success", "the instance is on disk, durable"
    yield (
        _hex(door.OUT_OF_RESOURCES), "Refused: out of resources",
        f"less than {receive.low_disk_gb:g} GB free, larger than {receive.largest_object_mb:g} MB, or the disk failed",
    )  # fmt: skip
    yield _hex(door.WRONG_CLASS), "Error: data set does not match SOP class", "not the SOP class of its context"
    yield _hex(door.CANNOT_UNDERSTAND), "Error: cannot understand", "the data set is empty"
    yield _hex(door.INVALID_INSTANCE), "Invalid SOP Instance", "its UID breaks the rules for UIDs"
    yield _hex(scp.NOT_AUTHORISED), "Refused: not authorised", "the peer may not send"


def understood() -> Iterator[tuple[str, str, str]]:
    """Statuses of a C-STORE response, and what we make of them."""
    again, never = "tried again, as long as it takes", "dead, until an operator revives it"
    yield _hex(scp.SUCCESS), "Success", "sent"
    for status, words in cstore.WARNINGS.items():
        yield _hex(status), words, "sent, with the warning"
    yield "0xBxxx", "other warnings", "sent, with the warning"
    yield "0xA7xx", "out of resources", again
    yield _hex(cstore.RESOURCE_LIMITATION), "resource limitation", again
    yield "0xA9xx", "data set does not match SOP class", never
    for status, words in cstore.PERMANENT.items():
        yield _hex(status), words, never
    yield "0xCxxx", "cannot understand", f"tried {cstore.TRIES_WHEN_NOT_UNDERSTOOD} times"
    yield "others", "unknown", f"tried {cstore.TRIES_WHEN_NOT_UNDERSTOOD} times"


def _hex(status: int) -> str:
    return f"0x{status:04X}"
