"""`python -m node` and the `radnode` command."""

from __future__ import annotations

from node.cli import main

__all__ = ["main"]

if __name__ == "__main__":
    main()
