# SPDX-License-Identifier: Apache-2.0
"""Kinds of metrics that the library has not: those that are told and not counted, and those that a kernel counts."""

from collections.abc import Iterable, Mapping

from prometheus_client import CollectorRegistry
from prometheus_client import Metric as Family
from prometheus_client.registry import Collector


class Own(Collector):
    """A metric of ours, by the name that a scrape shows."""

    def __init__(self, name: str, kind: str, documentation: str, labels: tuple[str, ...] = ()) -> None:
        """Hold nothing yet."""
        self.name, self.kind, self.documentation, self.labels = name, kind, documentation, labels

    def _family(self) -> Family:
        return Family(self.name.removesuffix("_total"), self.documentation, self.kind)

    def describe(self) -> Iterable[Family]:
        """Say what it is, before there is anything to tell too."""
        yield self._family()

    def collect(self) -> Iterable[Family]:
        """Give nothing: who counts writes it out."""
        return ()

    def head(self) -> str:
        """Return the lines that stand before its series."""
        return f"# HELP {self.name} {self.documentation}\n# TYPE {self.name} {self.kind}\n"


class Told(Own):
    """Gauges of one name that are told, not counted: the same whichever process is asked."""

    def __init__(self, name: str, documentation: str, labels: tuple[str, ...] = (), *, registries: Iterable[CollectorRegistry]) -> None:
        """Tell nothing yet."""
        super().__init__(name, "gauge", documentation, labels)
        self.values: dict[tuple[str, ...], float] = {}
        for registry in registries:
            registry.register(self)

    def set(self, value: float, *labels: str) -> None:
        """Tell one value."""
        self.values[labels] = value

    def replace(self, values: Mapping[tuple[str, ...], float]) -> None:
        """Tell these values; what was told before and is not among them goes to 0."""
        self.values = {**dict.fromkeys(self.values, 0.0), **values}

    def collect(self) -> Iterable[Family]:
        """Give what is told."""
        family = self._family()
        for labels, value in tuple(self.values.items()):
            family.add_sample(self.name, dict(zip(self.labels, labels, strict=True)), value)
        yield family


class Since(Own):
    """A count that is told, not counted: the same in every process, and it goes on over a restart."""

    def __init__(self, name: str, documentation: str, *, registries: Iterable[CollectorRegistry]) -> None:
        """Tell nothing yet."""
        super().__init__(name, "counter", documentation)
        self.value: float | None = None
        for registry in registries:
            registry.register(self)

    def collect(self) -> Iterable[Family]:
        """Give the count, if there is one."""
        if self.value is not None:
            family = self._family()
            family.add_sample(self.name, {}, self.value)
            yield family
