"""``python -m wanfx``."""

import sys

from wanfx.cli.main import main

sys.exit(main())
