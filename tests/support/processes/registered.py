"""`python -m support.processes.registered FOLDER`: takes a token of the registry in a folder."""

import sys
from pathlib import Path

from trainer.registry.state import Registry

if __name__ == "__main__":
    Registry(Path(sys.argv[1])).next_token()
