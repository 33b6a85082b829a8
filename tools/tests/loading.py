"""Loads a script of tools/ that has no .py ending as a module."""

import importlib.machinery
import importlib.util
import pathlib
import sys


def load_tool(name):
    sys.dont_write_bytecode = True
    path = pathlib.Path(__file__).resolve().parent.parent / name
    loader = importlib.machinery.SourceFileLoader(name, str(path))
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader(name, loader))
    loader.exec_module(module)
    return module
