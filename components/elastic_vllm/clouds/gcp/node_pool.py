"""One pool as GKE node pools: one machine type, tainted, bounded, from zero.

Spot and on demand are two node pools under one label, since a GKE node pool is one or the other. GKE's
autoscaler takes the cheapest that fits, hence Spot while there is some. Each is bounded by itself.
"""

from typing import TYPE_CHECKING

import pulumi
from pulumi_gcp.container import NodePool

from elastic_vllm import catalog
from elastic_vllm.clouds.gcp import billing, naming, nodes
from elastic_vllm.clouds.gcp.cluster import GkeContext
from elastic_vllm.clouds.gcp.placement import node_labels
from elastic_vllm.clouds.gpu_node import GPU_RESOURCE, GPU_TAINT
from elastic_vllm.spec import NodePoolSpec

if TYPE_CHECKING:
    from pulumi_gcp.container import NodePoolNodeConfigArgsDict

LOCAL_SSD_GB = 375
RESERVATION_KEY = "compute.googleapis.com/reservation-name"
FLEX_START_SECONDS = "604800s"
"""Seven days, the longest that flex-start gives a machine for."""
SPOT_SHUTDOWN_SECONDS = 120
"""The longest that GKE offers a Spot node to end its pods in. Compute Engine promises 30 seconds of it."""


def node_pool(
    name: str, gke: GkeContext, pool: NodePoolSpec, opts: pulumi.ResourceOptions
) -> pulumi.Output[str]:
    """Register the pool; answer the id of the node pool that its floor is in."""
    machine = catalog.machine_for("gcp", pool.accelerator, pool.gpus_per_node, pool.chosen)
    if naming.has_spot(pool):
        above_the_floor = (0, pool.max_nodes - pool.min_nodes)
        _register(naming.spot(name), gke, pool, machine, opts=opts, spot=True, bounds=above_the_floor)
    bounds = (pool.min_nodes, pool.max_nodes)
    return _register(name, gke, pool, machine, opts=opts, spot=pool.capacity == "spot", bounds=bounds).id


def node_config(
    gke: GkeContext, pool: NodePoolSpec, machine: catalog.MachineRow, *, spot: bool
) -> "NodePoolNodeConfigArgsDict":
    """A node of the pool. Its taint is written out, though GKE adds the same one to nodes with GPUs."""
    config: NodePoolNodeConfigArgsDict = {
        **nodes.node_config(machine.name, gke.spec, gke.node_account, gke.cost_labels),
        "guest_accelerators": [
            {
                "type": accelerator_type(machine),
                "count": machine.gpus,
                # Left out, GKE installs no driver at all; the default one may be too old for CUDA 13.
                "gpu_driver_installation_config": {"gpu_driver_version": "LATEST"},
            }
        ],
        "labels": dict(node_labels(pool)),
        "taints": [{"key": GPU_RESOURCE, "value": GPU_TAINT["value"], "effect": "NO_SCHEDULE"}],
        "gcfs_config": {"enabled": True},
        "disk_size_gb": billing.GPU_DISK_GB,
        "disk_type": billing.boot_disk(machine),
    }
    if machine.local_disk_gb:
        config["ephemeral_storage_local_ssd_config"] = {
            "local_ssd_count": machine.local_disk_gb // LOCAL_SSD_GB
        }
    if gke.spec.image_disk:
        config["secondary_boot_disks"] = [
            {"disk_image": gke.spec.image_disk, "mode": "CONTAINER_IMAGE_CACHE"}
        ]
    if pool.reservation:
        config["reservation_affinity"] = {
            "consume_reservation_type": "SPECIFIC_RESERVATION",
            "key": RESERVATION_KEY,
            "values": [pool.reservation.name],
        }
    if pool.capacity == "flex-start":
        config["flex_start"] = True
        config["max_run_duration"] = FLEX_START_SECONDS
        config["reservation_affinity"] = {"consume_reservation_type": "NO_RESERVATION"}
    if spot:
        config["spot"] = True
        config["kubelet_config"] = {
            "insecure_kubelet_readonly_port_enabled": "FALSE",
            "shutdown_grace_period_seconds": SPOT_SHUTDOWN_SECONDS,
        }
    return config


def accelerator_type(machine: catalog.MachineRow) -> str:
    """Google's own name of the machine's GPU."""
    if machine.accelerator_type is None:
        raise LookupError(f"the catalogue's row of {machine.name} has no acceleratorType")
    return machine.accelerator_type


def initial_count(zones: int, bounds: tuple[int, int]) -> int:
    """Nodes in each zone at the start, so that the floor is there: the autoscaler does not fill up to it.

    Rounded up, unless that would pass the pool's ceiling; what is too much the autoscaler gives back.
    """
    least, most = bounds
    filled = -(-least // zones)
    return filled if filled * zones <= most else least // zones


def _register(  # noqa: PLR0913  # one node pool is all of these
    name: str,
    gke: GkeContext,
    pool: NodePoolSpec,
    machine: catalog.MachineRow,
    *,
    opts: pulumi.ResourceOptions,
    spot: bool,
    bounds: tuple[int, int],
) -> NodePool:
    # A cluster that exists may have other zones than the stack file: there each pool names its own.
    of_stack = gke.spec.node_zones if gke.spec.existing else ()
    zones = [pool.reservation.zone] if pool.reservation else sorted(pool.zones or of_stack)
    own = pulumi.ResourceOptions(
        provider=gke.provider,
        depends_on=[*gke.before_nodes],
        ignore_changes=[*nodes.LIVE_SIZES],
        custom_timeouts=nodes.TIMEOUTS,
    )
    return NodePool(
        name,
        cluster=gke.name,
        location=gke.location,
        initial_node_count=initial_count(len(zones) or gke.zones, bounds),
        autoscaling={
            "total_min_node_count": bounds[0],
            "total_max_node_count": bounds[1],
            "location_policy": "ANY",
        },
        management=nodes.management(repair=pool.capacity != "flex-start"),
        node_locations=zones or None,
        network_config=nodes.private(),
        node_config=node_config(gke, pool, machine, spot=spot),
        # A node more than the quota allows would be asked for in vain; so one goes before one comes.
        upgrade_settings={"strategy": "SURGE", "max_surge": 0, "max_unavailable": 1},
        opts=pulumi.ResourceOptions.merge(opts, own),
    )
