"""Sections 1 to 3: what the node is, in a few tables, and how to read the rest."""

from __future__ import annotations

from collections.abc import Iterator

from node.app.conformance.facts import SERVICES, Facts, class_name
from node.app.conformance.markdown import listed, section, table
from node.dicom.kinds import SOP_CLASSES, TEMPLATES, offered
from node.network.commitment import PUSH_MODEL
from node.network.contexts import STORAGE, VERIFICATION
from node.network.scu import STUDY_ROOT_FIND

NOT_HERE = "not in this configuration"
NO_ARCHIVE = (
    "radnode is no archive. Success to a C-STORE means that the instance is on its disk, durable, to be evaluated. For "
    "how long is up to the site: a sender must keep its own copy, or have one in an archive."
)


def overview(facts: Facts) -> str:
    """Section 1."""
    return section(
        "1", "Overview",
        f"radnode {facts.version} receives studies by C-STORE, evaluates them by models of radiogenomics, and sends "
        "Segmentations, Structured Reports and report pages back. Research use: every result is marked RESEARCH, "
        "UNVERIFIED and PRELIMINARY.",
        NO_ARCHIVE,
        section("1.1", "Content and transfer", table(
            ("SOP class", "SOP Class UID", "created", "accepted", "sent"), _content(facts))),
        section("1.1.1", "Structured Reporting root template IDs", table(
            ("kind", "SOP class", "root template"),
            [(kind, class_name(SOP_CLASSES[kind]), f"TID {TEMPLATES[kind][0]}") for kind in facts.kinds
             if kind in TEMPLATES])),
        section("1.2", "DIMSE services", "Of what is accepted, images, drawings and marks that a pipeline asks for are "
                "evaluated; the rest is taken so that no retrieve of a study fails.",
                table(("service", "SCU", "SCP"), [
            (SERVICES[VERIFICATION], "yes", "yes"),
            ("Storage", "yes" if facts.sent else NOT_HERE, "yes"),
            (SERVICES[PUSH_MODEL], "yes" if facts.committing else NOT_HERE, "yes" if facts.asking else NOT_HERE),
            (SERVICES[STUDY_ROOT_FIND], "yes" if _counting(facts) else NOT_HERE, "no"),
        ])),
        section("1.3", "DICOM web services", f"STOW-RS as a user agent: {'yes' if facts.web else NOT_HERE}. None as an "
                "origin server."),
        section("1.4", "Media services", "None. `radnode run` reads and writes plain DICOM files, no file-set."),
        section("1.5", "Real-Time Video", "None."),
        section("1.6", "De-identification", "None; what is de-identified already is taken as it is."),
        section("1.7", "Specific Character Sets", "Every character set of PS3.3 C.12.1.1.2 that pydicom decodes is "
                "read; results are written in ISO_IR 192 (UTF-8)."),
    )  # fmt: skip


def introduction() -> str:
    """Section 3."""
    return section(
        "3", "Introduction",
        section("3.1", "Revision history", "This statement is written by the program from its code and configuration; "
                "its revision is the program's version, its history the program's changelog."),
        section("3.2", "Audience", "Those who connect radnode to an archive, a modality or a router."),
        section("3.3", "Remarks", "It says what the program negotiates, takes, makes and sends. Whether two systems "
                "work together has to be tried."),
        section("3.4", "Terms", "As in PS3.1 to PS3.18."),
        section("3.5", "Abbreviations", listed((
            "AE: Application Entity", "AIR: AI Results, a profile of IHE Radiology", "SCU, SCP: user, provider of a "
            "service class", "SEG: Segmentation", "SR: Structured Report", "TID: template of PS3.16"))),
        section("3.6", "References", "DICOM PS3.1 to PS3.18; IHE Radiology AI Results (AIR) 1.3."),
    )  # fmt: skip


def _content(facts: Facts) -> Iterator[tuple[str, ...]]:
    made = {SOP_CLASSES[kind] for kind in facts.kinds}
    sent = {uid for kind in facts.sent for uid in offered(kind)}  # a report may go out as another class
    for uid in dict.fromkeys([*STORAGE, *(SOP_CLASSES[kind] for kind in facts.kinds)]):
        yield class_name(uid), uid, _yes(uid in made), _yes(uid in STORAGE), _yes(uid in sent)


def _counting(facts: Facts) -> bool:
    return any(peer.count for peer in facts.config.peers.values())


def _yes(so: bool) -> str:  # noqa: FBT001 - a value to be written
    return "yes" if so else "no"
