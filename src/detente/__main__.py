"""`python -m detente` is the command line."""

import sys

from detente.cli import main

sys.exit(main())
