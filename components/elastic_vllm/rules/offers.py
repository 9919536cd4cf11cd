"""Do the region and its zones sell the pools' machines, and do the zones exist?"""

from collections.abc import Iterator

from elastic_vllm.catalog import MachineRow, machines, nearest, offer, selling_zones, sold, zones
from elastic_vllm.clouds.facts import Bill
from elastic_vllm.rules.view import View
from elastic_vllm.spec import NodePoolSpec
from elastic_vllm.spec.finding import Finding, kind

NOT_OFFERED = kind("machine-not-offered")
OFFER_UNKNOWN = kind("machine-offer-unknown")
NO_ZONE = kind("no-such-zone")


def machines_are_sold_where_they_are_asked_for(view: View) -> Iterator[Finding]:
    """Says so where no source knows. What is reserved has been sold."""
    bill = view.config.cluster.bill()
    every = (
        (f"{key}.{pool.machine_key}", pool, machines(machine.cloud).get(name, machine))
        for key, pool, machine in view.pools
        for name in pool.machines or (machine.name,)
    )
    for at, pool, machine in every:
        if bill.region is None or pool.capacity == "reserved":  # a reservation proves it
            continue
        known, row = sold(machine, bill.region), offer(machine.cloud, machine.name)
        there = ", ".join(nearest(machine, bill.region)[:4]) or "no region that the catalogue knows"
        if known is None:
            yield OFFER_UNKNOWN.at(
                at,
                f"no source says whether {bill.region} sells {machine.name}, and for how much: look it up "
                f"(its price in {machine.price_region} stands in). Known to sell it: {there}",
                pool.name,
            )
        elif row is not None and not known:
            yield NOT_OFFERED.at(
                at,
                f"{bill.region} sells no {machine.name} ({row.as_of}); use another accelerator, or a region "
                f"that does: {there}",
                pool.name,
            )
        else:
            yield from _in_zones(bill, at, pool, machine)


def _in_zones(bill: Bill, at: str, pool: NodePoolSpec, machine: MachineRow) -> Iterator[Finding]:
    """Where letters name the same zones for everyone, each must sell it; else one of yours may not."""
    region = bill.region or ""
    selling, row = selling_zones(machine, region), zones(machine.cloud).get(region)
    chosen = pool.zones or bill.zones
    if not selling or row is None or not chosen:
        return
    lacking = [zone for zone in chosen if zone[-1] not in selling]
    if selling.isalpha() and lacking:
        yield NOT_OFFERED.at(
            at,
            f"no {machine.name} in {', '.join(lacking)} ({region} has it in the zones {', '.join(selling)}); "
            "set zones of the pool, or of the cluster, to some of these",
            pool.name,
        )
    elif selling.isdigit() and len(selling) + len(chosen) <= len(row.letters):
        yield OFFER_UNKNOWN.at(
            at,
            f"{region} sells {machine.name} in {len(selling)} of its {len(row.letters)} zones (ids ending in "
            f"{', '.join(f'az{end}' for end in selling)}), and each account has its own letters for them; "
            "look up yours, and set zones of the pool, or of the cluster",
            pool.name,
        )


def zones_exist(view: View) -> Iterator[Finding]:
    """Those that the stack names, or that it gets when it names none."""
    bill = view.config.cluster.bill()
    row = zones(view.config.cluster.catalogue).get(bill.region or "")
    if row is None or not bill.zones:
        return
    unknown = [zone for zone in bill.zones if zone[-1] not in row.letters]
    refused = [zone for zone in bill.control_plane_zones if zone[-1] in row.control_plane]
    there = ", ".join(f"{bill.zones[0][:-1]}{end}" for end in row.letters if end not in row.control_plane)
    if unknown:
        yield NO_ZONE.at("cluster.zones", f"{', '.join(unknown)} does not exist; {row.name} has: {there}")
    elif refused:
        yield NO_ZONE.at(
            "cluster.zones",
            f"{', '.join(refused)} takes no control plane in most accounts; choose of: {there}",
        )
    elif row.each and len(bill.zones) > row.each:
        yield NO_ZONE.at(
            "cluster.zones",
            f"each account sees {row.each} of the zones {there}; look up yours, and name them",
        )
