"""How many associations are open, all callers together and for each."""

from __future__ import annotations

import threading
from collections import Counter
from dataclasses import dataclass, field

from pynetdicom.association import Association


@dataclass(slots=True)
class Room:
    """Associations that were let in and are not over."""

    callers: dict[Association, str] = field(default_factory=dict)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def count(self) -> Counter[str]:
        """How many are open, for each caller."""
        with self.lock:
            self.callers = {one: ae for one, ae in self.callers.items() if _goes_on(one)}
            return Counter(self.callers.values())

    def admit(self, association: Association, caller: str, *, at_most: int, per_peer: int) -> bool:
        """Count one in, if there is room."""
        with self.lock:
            self.callers = {one: ae for one, ae in self.callers.items() if _goes_on(one)}
            callers = Counter(self.callers.values())
            if callers.total() >= at_most or callers[caller] >= per_peer:
                return False
            self.callers[association] = caller
            return True


def _goes_on(association: Association) -> bool:
    return bool(association.is_alive() and not (association.is_released or association.is_aborted))
