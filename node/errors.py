"""
Everything that goes wrong on purpose.

* NodeError
  + ConfigError          the operator must edit config.toml
  + Locked               another radnode already works on this state directory
  + LedgerError          the ledger cannot be read or written
    - LedgerFull         its disk has no room; nothing was written, it may be tried again
  + StartFailed          the machine lacks what the service needs to start or to go on
  + InstanceRejected     the sender must send something else (carries a DICOM status)
  + InstanceUnreadable   what was received is no DICOM object that we can read
  + Refused              this case must not be evaluated; carries a code, ends as a "not evaluated" SR
  + ModelFailed          a model refused its input or broke its promise
  + DeliveryFailed       the receiver did not take a result (carries whether trying again may help)
"""

from __future__ import annotations

from typing import Any


class NodeError(Exception):
    """Base of the tree. Says where, what was found, and what to do about it."""

    def __init__(self, found: str, *, at: str, do: str) -> None:
        super().__init__(f"{at}: {found}; {do}")
        self.found, self.at, self.do = found, at, do

    def __reduce__(self) -> tuple[Any, ...]:
        """Errors come back from worker processes; the stock way would lose the keyword arguments, and the error."""
        return _again, (type(self), self.args, self.__dict__)


def _again(kind: type[NodeError], args: tuple[object, ...], state: dict[str, object]) -> NodeError:
    error = kind.__new__(kind, *args)
    error.__dict__.update(state)
    return error


class ConfigError(NodeError):
    """The configuration is wrong; the operator must edit it. `mistakes` holds one line each."""

    def __init__(self, mistakes: list[str], *, at: str, do: str = "edit the file and start again") -> None:
        super().__init__("\n".join(mistakes), at=at, do=do)
        self.mistakes = mistakes


class Locked(NodeError):
    """Another radnode already works on this state directory."""


class LedgerError(NodeError):
    """The ledger cannot be read or written."""


class LedgerFull(LedgerError):
    """The ledger's disk has no room; nothing was written, and the same may be tried again later."""


class StartFailed(NodeError):
    """The service cannot start, or go on, on this machine as it is."""


class InstanceRejected(NodeError):
    """The sender must send something else."""

    def __init__(self, found: str, *, at: str, do: str, status: int) -> None:
        super().__init__(found, at=at, do=do)
        self.status = status  #: DICOM status that answers the C-STORE (PS3.4 table B.2-1)


class InstanceUnreadable(NodeError):
    """What was received is no DICOM object that we can read."""


class Refused(NodeError):
    """
    This case must not be evaluated; ends as a "not evaluated" SR.

    `code` is one of `node.domain.refusals.REFUSALS`, where the reader's sentence for it stands.
    """

    def __init__(
        self, code: str, found: str, *, at: str, do: str = "no action: the case is documented as not evaluated"
    ) -> None:
        super().__init__(found, at=at, do=do)
        self.code = code


class ModelFailed(NodeError):
    """A model refused its input or broke its promise."""


class DeliveryFailed(NodeError):
    """The receiver did not take a result."""

    def __init__(
        self, found: str, *, at: str, do: str, retry: bool, tries: int | None = None, unwanted: bool = False
    ) -> None:
        super().__init__(found, at=at, do=do)
        self.unwanted = unwanted  #: whether it does not take this kind of object at all
        self.retry = retry  #: whether the same object may be sent again later
        self.tries = tries  #: give up after so many tries in all; None: only time limits it
