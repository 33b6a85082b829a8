#!/usr/bin/env python3
"""The documented `scripts/NAME.py` are links to this file: it starts the program NAME beside it."""

import os
import pathlib
import sys

called = pathlib.Path(sys.argv[0])
target = pathlib.Path(__file__).resolve().parent / called.stem
os.execv(target, [str(target), *sys.argv[1:]])
