"""Every benchmark, one after the other: `python -m tests.bench [NAME …]`. Each prints ratios measured in this run; nothing is asserted."""

import importlib
import sys
from pathlib import Path

NAMES = sorted(path.stem for path in Path(__file__).parent.glob("*.py") if not path.stem.startswith("_"))

sys.path.insert(0, str(Path(__file__).parents[1]))
for name in sys.argv[1:] or NAMES:
    print(f"\n== {name}", flush=True)
    importlib.import_module(f"tests.bench.{name}").main()
