"""`python -m flowmap_studio` is the command line."""

import sys

from flowmap_studio.cli import main

if __name__ == "__main__":
    sys.exit(main())
