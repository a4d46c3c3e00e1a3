"""Section 8: how the node is protected on the network."""

from __future__ import annotations

from node.app.conformance.facts import Facts
from node.app.conformance.markdown import section, table
from node.network import tls

PROFILE = "BCP 195 RFC 8996, 9325 TLS Secure Transport Connection Profile (PS3.15 B.12)"


def security(facts: Facts) -> str:
    """Section 8."""
    config = facts.config
    calls = [name for name, peer in config.peers.items() if peer.tls]
    plain = "" if config.tls else "This configuration sets up no TLS: DICOM travels in the clear."
    return section(
        "8", "Security",
        section("8.1", "Introduction", "Nobody is let in, and nobody sent to, who is not in the configuration.", plain),
        section("8.2", "External network requirements", "A clock that is right (certificates, times of results); names "
                "of peers are resolved where hosts are given by name. Nothing else."),
        section("8.3", "TCP ports", table(("port", "direction", "protocol"), [
            (config.receive.port, "in", "DICOM over TLS" if config.receive.tls else "DICOM"),
            *((p.port, f"out, to {name}", "DICOM over TLS" if p.tls else "DICOM")
              for name, p in config.peers.items() if p.port),
        ])),
        section("8.4", "DICOM security profiles",
                section("8.4.1", "Secure Use and User Identity", "Not supported."),
                section("8.4.2", "Secure Transport Connection", table(("", ""), [
                    ("profile", PROFILE),
                    ("as acceptor", "yes" if config.receive.tls else "no"),
                    ("as initiator", f"to {', '.join(calls)}" if calls else "no"),
                    ("versions", "TLS 1.2 and 1.3"),
                    ("cipher suites of TLS 1.2 (OpenSSL)", tls.CIPHERS),
                    ("certificates", "of both sides, signed by the configured authority; a caller's names its AE "
                     "title, that of a peer we call its AE title or its host"),
                    ("revocation", "not checked"),
                    ("resumption, renegotiation, compression", "none"),
                ])),
                section("8.4.3", "Media Storage Security", "Not supported."),
                section("8.4.4", "Attribute Confidentiality", "Not supported."),
                section("8.4.5", "Digital Signature", "Not supported.")),
        section("8.5", "User identity negotiation", "Not supported."),
        section("8.6", "Web services security", "A DICOMweb or FHIR destination is reached by https with the "
                "certificates of the system or those configured, and a token or password where one is."),
        section("8.7", "Other", "Logs hold UIDs, never a patient's name, number or date."),
    )  # fmt: skip
