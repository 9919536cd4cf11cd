"""Where a cold start's time goes, and what each measure against it spares: arithmetic on the catalogue."""

from dataclasses import replace

from elastic_vllm import catalog
from elastic_vllm.spec import ClusterSpec, CompileCacheSpec, LocalCluster, ModelSpec
from elastic_vllm.vllm.startup import Start, start_of

KEPT = CompileCacheSpec(storage_class="any")


def table(model: ModelSpec, machine: catalog.MachineRow, cluster: ClusterSpec) -> dict[str, Start]:
    """By measure: a new node without any, each alone, all of them, and the stack as it is."""

    weights_gb = catalog.models()[model.checkpoint].weights_gb * model.copies
    read = weights_gb / catalog.loading().read_gb_per_second

    def start(
        *, image: bool = False, compiled: bool = False, warm: bool = False, streamed: bool = False
    ) -> Start:
        where = LocalCluster(cloud="local", machines=cluster.catalogue, image_on_nodes=image)
        engine = model.engine.model_copy(update={"compile_cache": KEPT if compiled else None})
        found = start_of(where, model.model_copy(update={"engine": engine}), machine)
        weights = found.weights if streamed else max(read, found.weights)
        node = {"boot": 0.0, "image": 0.0} if warm else {}
        return replace(found, weights=weights, **node)

    return {
        "none": start(),
        "image on the node": start(image=True),
        "weights streamed": start(streamed=True),
        "compile cache kept": start(compiled=True),
        "warm headroom": start(warm=True),
        "all of them": start(compiled=True, warm=True, streamed=True),
        "this stack": start(
            image=cluster.image_on_nodes,
            compiled=model.engine.compile_cache is not None,
            warm=model.headroom > 0,
            streamed=True,
        ),
    }
