# SPDX-License-Identifier: Apache-2.0
"""Lines of the kernels for the measure of coverage: what a `.pxd` holds is compiled into each kernel that calls it, and counts as one file.

Cython's own plugin knows only a file beside which lies the C that was made of it.
"""

from pathlib import Path
from typing import Any

from Cython.Coverage import CythonModuleReporter, Plugin

KERNELS = Path("ext").resolve()


class KernelPlugin(Plugin):
    """Cython's plugin, with the sources of all kernels read before the first line is run."""

    def configure(self, config: Any) -> None:
        """Read which lines of which sources each kernel holds."""
        super().configure(config)  # type: ignore[no-untyped-call]
        for made in sorted(KERNELS.glob("*.c")):
            self._read_source_lines(str(made), "")  # type: ignore[no-untyped-call]

    def file_reporter(self, filename: str) -> CythonModuleReporter:
        """Report a source by the lines that any kernel holds of it."""
        # A source of Cython's own library, which it takes for one of ours, has no line under this name.
        made, name = self._c_files_map[filename][0], f"ext/{Path(filename).name}"
        lines: dict[int, str] = {}
        for sources in self._parsed_c_files.values():
            lines |= sources.get(name, {})
        excluded: set[int] | frozenset[int] = self._excluded_lines_map.get(name, frozenset())
        return CythonModuleReporter(made, filename, name, lines, excluded)  # type: ignore[no-untyped-call]


def coverage_init(registry: Any, _: Any) -> None:
    """Register the plugin, as coverage asks of the module."""
    plugin = KernelPlugin()
    registry.add_configurer(plugin)
    registry.add_file_tracer(plugin)
