"""`make bench`: every benchmark, one after the other; each compares with a peer in the same run."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

if __name__ == "__main__":
    failed = 0
    for path in sorted(Path(__file__).parent.glob("bench_*.py")):
        print(f"== {path.stem}", flush=True)
        failed += subprocess.run([sys.executable, "-m", f"tests.benchmarks.{path.stem}"], check=False).returncode != 0
    sys.exit(failed)
