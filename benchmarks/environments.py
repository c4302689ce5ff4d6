"""Virtual environments of what the service is compared with, made when they are first asked for.

Each has its packages pinned by hash in `benchmarks/servers/<name>.txt`, and is made anew when that
file changes, or the Python that makes it: all that is compared runs on the same.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import venv
from hashlib import sha256
from pathlib import Path

SERVERS = Path(__file__).parent / "servers"
FOLDER = Path(__file__).parent / ".environments"  # git passes over it


def python_of(name: str) -> str:
    """Return the Python of an environment, made first where it is missing or old."""
    requirements, folder = SERVERS / f"{name}.txt", FOLDER / name
    origin = f"{requirements.read_text(encoding='utf-8')}{sys.version}{sys.base_prefix}"
    digest = sha256(origin.encode()).hexdigest()
    stamp, python = folder / "made_from", str(folder / "bin" / "python")
    if not stamp.exists() or stamp.read_text(encoding="ascii") != digest:
        print(f"Making the environment of {name} …", file=sys.stderr)
        shutil.rmtree(folder, ignore_errors=True)
        venv.create(folder, with_pip=True)
        install = ["-m", "pip", "--disable-pip-version-check", "--quiet", "install"]
        subprocess.run([python, *install, "--require-hashes", "-r", requirements], check=True)
        stamp.write_text(digest, encoding="ascii")
    return python
