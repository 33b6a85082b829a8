#!/usr/bin/env python3
"""Looks for secrets in the project's text files. Exit 0: none; 1: some, each named as path:line: label."""

import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
SKIP_DIRS = {".git", "var", ".venv", "build", ".ccache", "node_modules", "__pycache__"}
PATTERNS = {
    "openai_api_key": re.compile(r"OPENAI_API_KEY\s*=\s*['\"]?[A-Za-z0-9_\-]{16,}"),
    "aws_access_key": re.compile(r"AKIA[0-9A-Z]{16}"),
    "aws_secret": re.compile(r"AWS_SECRET_ACCESS_KEY\s*=\s*['\"]?[A-Za-z0-9/+]{40}"),
    "bearer_token": re.compile(r"Bearer\s+[A-Za-z0-9._\-]{24,}"),
    "nrg_api_key": re.compile(r"nrgk_[a-f0-9]{32}_[A-Za-z0-9_\-]{20,}"),
}
ALLOW = "secrets-scan: made up"  # on the same line: the value was invented for a test


def made_up(text):
    """Whether a match is visibly an example: words joined by hyphens, or a tail of hardly any different characters."""
    value = re.split(r"[=\s'\"]+", text)[-1]
    tail = value.rsplit("_", 1)[-1]
    return re.fullmatch(r"[a-z]+(-[a-z]+)+", value) is not None or len(set(tail)) <= 3


def candidates():
    """Tracked and new files where git is at hand, else a walk."""
    try:
        listed = subprocess.run(["git", "-C", str(ROOT), "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
                                check=True, capture_output=True).stdout
        paths = [ROOT / name for name in listed.decode().split("\0") if name]
    except (OSError, subprocess.CalledProcessError):
        paths = list(ROOT.rglob("*"))
    for path in sorted(paths):
        parts = path.relative_to(ROOT).parts
        if path.is_file() and not SKIP_DIRS & set(parts) and path.name != ".env":
            yield path


def main():
    found = []
    for path in candidates():
        try:
            text = path.read_text(encoding="utf-8")
        except (UnicodeDecodeError, OSError):
            continue
        for number, line in enumerate(text.splitlines(), 1):
            if ALLOW in line:
                continue
            for label, pattern in PATTERNS.items():
                if any(not made_up(match.group(0)) for match in pattern.finditer(line)):
                    found.append(f"  - {path.relative_to(ROOT).as_posix()}:{number}: {label}")
    if found:
        print("Potential secrets detected:")
        print("\n".join(found))
        return 1
    print("No secret patterns detected in tracked files.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
