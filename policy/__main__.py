"""Where the engine starts the policy pack: builds it, which then serves the engine until it is stopped."""

import sys
from pathlib import Path

# The engine runs this folder on its own; the rules and the product's modules are found from the one above.
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from policy.pack import serve

serve()
