# SPDX-License-Identifier: Apache-2.0
"""Build the kernels: one table of directives and flags, one extension per `ext/*.pyx`."""

import os
from pathlib import Path

from Cython.Build import cythonize
from setuptools import Extension, setup

# The switches of a safety build, which has a folder of its own: see CONTRIBUTING.md. A release sets none of them.
DEBUG = os.environ.get("DESMOS_DEBUG") == "1"
ANNOTATE = os.environ.get("DESMOS_ANNOTATE") == "1"
SANITIZE = os.environ.get("DESMOS_SANITIZE", "")

DIRECTIVES = {
    "language_level": 3,
    "boundscheck": True,
    "wraparound": False,
    "initializedcheck": True,
    "overflowcheck": True,
    "cdivision": False,
    "embedsignature": False,
    "linetrace": DEBUG,
    # The hints ask to give up the bounds checks, which stay on in release builds too.
    "show_performance_hints": False,
}
COMPILE = ["-O0", "-g", "-UNDEBUG"] if DEBUG else ["-O2", "-g0"]
SANITIZER_FLAGS = ["-fno-sanitize-recover=all", "-fno-omit-frame-pointer", "-g"]
SANITIZERS = {
    "": [],
    "1": ["-fsanitize=address,undefined", *SANITIZER_FLAGS],
    # Only clang counts the branches taken, which guide the fuzzer through the kernels.
    "fuzz": ["-fsanitize=address,undefined,fuzzer-no-link", *SANITIZER_FLAGS],
}[SANITIZE]
if SANITIZE == "fuzz":
    os.environ.setdefault("CC", "clang")
MACROS: list[tuple[str, str | None]] = [("CYTHON_TRACE_NOGIL", "1")] if DEBUG else []
LIBRARIES = {"seal": ["crypto"], "posts": ["crypto"]}


def extensions() -> list[Extension]:
    """Return one extension for each kernel."""
    return [
        Extension(
            f"ext.{source.stem}",
            [str(source)],
            include_dirs=["."],
            depends=sorted(str(header) for header in Path("ext").glob("*.h")),
            extra_compile_args=["-Wall", "-Wno-unreachable-code", *COMPILE, *SANITIZERS],
            extra_link_args=SANITIZERS,
            define_macros=MACROS,
            libraries=LIBRARIES.get(source.stem, []),
        )
        for source in sorted(Path("ext").glob("*.pyx"))
    ]


if __name__ == "__main__":
    setup(
        ext_modules=cythonize(  # type: ignore[no-untyped-call]
            extensions(),
            compiler_directives=DIRECTIVES,
            # The tracer needs the generated C beside its source, so a debug build keeps it there.
            build_dir=None if DEBUG else "build/cython",
            annotate=ANNOTATE,
            # No `nthreads`: its pool of processes wins two seconds, and asks for a /dev/shm that not every machine lets one write in.
            quiet=True,
        )
    )
