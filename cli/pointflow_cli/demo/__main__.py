"""`python -m pointflow_cli.demo`."""

import sys

from pointflow_cli.demo.show import main

sys.exit(main())
