"""
Certificates to try TLS with: an authority, and one certificate for each AE title. `python -m node.demo.certs FOLDER`.

For trials: the authority's key is thrown away, so that nobody can sign with it later, and all of them end soon.
"""

from __future__ import annotations

import argparse
import ipaddress
import os
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import quote

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from node.network.tls import URI_SCHEME, Credentials

DAYS = 30
BITS = 2048  # RSA: DCMTK 3.6.7 and others of its age speak TLS 1.2 with no other kind of certificate
LEEWAY = timedelta(minutes=5)  # for clocks that differ


@dataclass(frozen=True, slots=True, kw_only=True)
class Authority:
    """Who signs; lives in memory only."""

    certificate: x509.Certificate
    key: rsa.RSAPrivateKey


def found(folder: Path, name: str = "radnode trial authority", *, days: float = DAYS) -> Authority:
    """Make an authority and write its certificate to `folder`/ca.pem."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=BITS)
    subject = _named(name)
    usage = x509.KeyUsage(
        digital_signature=False, content_commitment=False, key_encipherment=False, data_encipherment=False,
        key_agreement=False, key_cert_sign=True, crl_sign=True, encipher_only=False, decipher_only=False,
    )  # fmt: skip
    certificate = (
        _template(subject, subject, key.public_key(), days)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(usage, critical=True)
        .sign(key, SHA256())
    )
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "ca.pem").write_bytes(certificate.public_bytes(Encoding.PEM))
    return Authority(certificate=certificate, key=key)


def issue(
    authority: Authority, folder: Path, ae_title: str, *, hosts: Sequence[str] = (), days: float = DAYS
) -> Credentials:
    """
    Write `folder`/TITLE.pem and TITLE.key (mode 0600) for an application entity, good for either role.

    Args:
        ae_title: Becomes the common name and a URI `dicom:TITLE`.
        hosts: Names and addresses under which it may be called, too.
        days: Until it ends; negative: how long ago it ended.
    """
    key = rsa.generate_private_key(public_exponent=65537, key_size=BITS)
    signer = authority.key.public_key()
    certificate = (
        _template(_named(ae_title), authority.certificate.subject, key.public_key(), days)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]), False)
        .add_extension(x509.SubjectAlternativeName([_entity(ae_title), *map(_host, hosts)]), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(signer), critical=False)
        .sign(authority.key, SHA256())
    )
    stem = quote(ae_title, safe=" ").replace(" ", "_")
    files = Credentials(certificate=folder / f"{stem}.pem", key=folder / f"{stem}.key", ca=folder / "ca.pem")
    files.certificate.write_bytes(certificate.public_bytes(Encoding.PEM))
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    files.key.unlink(missing_ok=True)
    with os.fdopen(os.open(files.key, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(private)
    return files


def main(arguments: Sequence[str] | None = None) -> None:
    """Make an authority and a certificate for each AE title; say what to write into config.toml."""
    parser = argparse.ArgumentParser(prog="node.demo.certs", description=main.__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("ae_titles", nargs="*", default=["RADNODE", "ARCHIVE", "SCANNER"], metavar="AE_TITLE")
    parser.add_argument("--host", action="append", default=[], help="name or address that the certificates may bear")
    parser.add_argument("--days", type=int, default=DAYS, help=f"how long they last ({DAYS})")
    given = parser.parse_args(arguments)
    authority = found(given.folder, days=given.days)
    made = [issue(authority, given.folder, title, hosts=given.host, days=given.days) for title in given.ae_titles]
    print(f"For trials, until {datetime.now(UTC) + timedelta(days=given.days):%Y-%m-%d}, in {given.folder}:")
    print("  ca.pem    " + "  ".join(f"{one.certificate.name} + {one.key.name}" for one in made))
    print(f'[tls]\ncertificate = "{made[0].certificate}"\nkey = "{made[0].key}"\nca = "{made[0].ca}"')


def _template(subject: x509.Name, issuer: x509.Name, key: rsa.RSAPublicKey, days: float) -> x509.CertificateBuilder:
    """What all of them have; one that has ended lasted for a day."""
    now = datetime.now(UTC)
    end = now + timedelta(days=days)
    return (
        x509.CertificateBuilder(issuer_name=issuer, subject_name=subject, public_key=key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(min(now, end - timedelta(days=1)) - LEEWAY)
        .not_valid_after(end)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
    )


def _named(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])


def _entity(ae_title: str) -> x509.GeneralName:
    return x509.UniformResourceIdentifier(URI_SCHEME + quote(ae_title, safe=""))


def _host(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)


if __name__ == "__main__":
    main()
