"""Who we say that we are on an association (PS3.7 annex D.3.3.2): the same as in the files that we write."""

from __future__ import annotations

from importlib.metadata import version

from pynetdicom import AE

from node.dicom.uids import IMPLEMENTATION_UID

VERSION_NAME = f"RADNODE_{version('radnode')}"[:16]
"""Implementation Version Name, at most 16 characters."""


def introduce(ae: AE) -> None:
    """Give an application entity our Implementation Class UID and Version Name in place of pynetdicom's."""
    ae.implementation_class_uid, ae.implementation_version_name = IMPLEMENTATION_UID, VERSION_NAME
