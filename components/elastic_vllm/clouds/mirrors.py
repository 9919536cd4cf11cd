"""Where a cluster's charts and their images come from, if not from the internet. The same on every cloud."""

from pydantic import Field

from elastic_vllm.section import Section


class Mirrors(Section):
    """Copies of the charts that the stack installs and of their images; ``engine.image`` is apart."""

    charts: str | None = Field(
        default=None,
        pattern=r"^oci://[a-z0-9][-.:_/a-z0-9]*[a-z0-9]$",
        examples=["oci://registry.example.com/charts"],
    )
    """A registry and prefix; a chart is under its own name, as in ``<charts>/karpenter``."""
    images: str | None = Field(
        default=None,
        pattern=r"^[a-z0-9][-.:_/a-z0-9]*[a-z0-9]$",
        examples=["registry.example.com/mirror"],
    )
    """A registry and prefix; an image keeps its path, tag and digest: ``<images>/karpenter/controller``."""

    def chart(self, source: str) -> str:
        """Where the chart is that ``source`` publishes."""
        return f"{self.charts}/{source.rpartition('/')[2]}" if self.charts else source

    def repository(self, source: str) -> dict[str, str]:
        """A chart's setting for an image's repository; nothing where the chart's own holds."""
        return {"repository": f"{self.images}/{source.partition('/')[2]}"} if self.images else {}
