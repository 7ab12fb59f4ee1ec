"""`python -m ipsecplane`: the command line."""

import sys

from ipsecplane.cli import main

if __name__ == "__main__":
    sys.exit(main())
