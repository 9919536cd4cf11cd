"""What a region sells, and what it costs there: rows of ``catalogue.yaml`` by the factors of ``offers.yaml``.

What no source has is said to be unknown, and keeps the price of the catalogue's own region.
"""

from functools import cache
from statistics import median_low

from elastic_vllm.catalog.rows import CloudName, MachineRow, OfferRow, RegionOffer, ServiceRow
from elastic_vllm.catalog.tables import offers, zones


@cache
def offer(cloud: CloudName, name: str) -> OfferRow | None:
    """Where a machine or a service is sold, where that is known: the longest start of its name counts."""
    found = [prefix for prefix in offers(cloud) if name.startswith(prefix)]
    return offers(cloud)[max(found, key=len)] if found else None


def sold(machine: MachineRow, region: str) -> bool | None:
    """Whether a region sells a machine; ``None`` where no source says."""
    row = offer(machine.cloud, machine.name)
    if row is None:
        return None
    return True if region in row.regions else False if region in row.asked else None


def selling_zones(machine: MachineRow, region: str) -> str:
    """The ends of the names of the zones that have a machine; empty where they are not known."""
    there = _there(machine.cloud, machine.name, region)
    return there.zones if there else ""


def nearest(machine: MachineRow, region: str) -> tuple[str, ...]:
    """Regions that sell a machine, those of the same continent first, then the cheapest first."""
    row = offer(machine.cloud, machine.name)
    if row is None:
        return ()
    continent = region.partition("-")[0]

    def distance(name: str) -> tuple[bool, float, str]:
        return name.partition("-")[0] != continent, row.regions[name].factor or float("inf"), name

    return tuple(sorted(row.regions, key=distance))


def machine_in(machine: MachineRow, region: str | None) -> MachineRow:
    """The machine with the prices of a region, as far as they are known."""
    there = _there(machine.cloud, machine.name, region)
    if region is None or there is None:
        return machine
    found: dict[str, object] = {}
    if there.factor is not None:
        usd = machine.usd_per_hour
        found = _cited(machine, machine.cloud, region)
        found["usd_per_hour"] = None if usd is None else round(usd * there.factor, 6)
    if there.spot:
        found |= {"spot_factor": median_low(there.spot), "spot_range": (there.spot[0], there.spot[-1])}
    return machine.model_copy(update=found)


def service_in(service: ServiceRow, cloud: CloudName, region: str | None) -> ServiceRow:
    """The service with the price of a region, as far as that is known."""
    there = _there(cloud, service.name, region)
    if region is None or service.everywhere:
        return service.model_copy(update={"price_region": region or service.price_region})
    if there is None or there.factor is None:
        return service
    usd = round(service.usd * there.factor, 6)
    return service.model_copy(update={**_cited(service, cloud, region), "usd": usd})


def default_zones(cloud: CloudName, region: str) -> str:
    """The letters of the zones that nodes get when a stack names none; ``abc`` where nothing is known."""
    row = zones(cloud).get(region)
    return row.default if row else "abc"


def _there(cloud: CloudName, name: str, region: str | None) -> RegionOffer | None:
    row = offer(cloud, name)
    return row.regions.get(region) if row and region else None


def _cited(row: MachineRow | ServiceRow, cloud: CloudName, region: str) -> dict[str, object]:
    """Region and source of a price. The date stays that of the catalogue's price, by which prices age.

    Factors hardly move: tables of both clouds that are fourteen months apart agree within 0.3 %.
    """
    by = offer(cloud, row.name)
    if by is None or region == row.price_region:
        return {"price_region": region}
    return {"price_region": region, "source": f"{row.source}; for {region} by factors of {by.source}"}
