"""Serves the page: `python app.py`, then open the address it prints (see `vqa/serving.py`)."""

import sys

from vqa.serving import main

if __name__ == "__main__":
    sys.exit(main())
