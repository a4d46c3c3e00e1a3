"""
`radnode conformance`: the DICOM Conformance Statement, written from the running code and its configuration.

Organised as PS3.2 annex N asks; every table comes from the registry that the code itself works by, so that the
statement cannot say what the program does not do. A test asks the SCP over a socket, and watches what the SCU proposes.
"""

from __future__ import annotations

from node.app.conformance.air import air
from node.app.conformance.facts import Facts
from node.app.conformance.markdown import listed, section
from node.app.conformance.network import communication
from node.app.conformance.objects import annexes
from node.app.conformance.overview import introduction, overview
from node.app.conformance.security import security
from node.app.conformance.services import configuration, model, services

CONTENTS = (
    "1 Overview", "2 Table of contents", "3 Introduction", "4 Implementation model",
    "5 Service and interoperability description", "6 Configuration", "7 Network and media communication details",
    "8 Security", "A.A Information Object Definitions", "A.B Structured Report content",
    "A.C Security details", "A.D Mapping of attributes",
    "A.E Code set usage", "A.I IHE AI Results (AIR) capabilities",
)  # fmt: skip


def statement(facts: Facts) -> str:
    """The whole statement, in Markdown."""
    parts = (
        f"# DICOM Conformance Statement: radnode {facts.version}, AE {facts.title}",
        overview(facts),
        section("2", "Table of contents", listed(CONTENTS)),
        introduction(),
        model(facts),
        services(facts),
        configuration(facts),
        communication(facts),
        security(facts),
        annexes(facts),
        air(facts),
    )
    return "\n\n".join(parts) + "\n"
