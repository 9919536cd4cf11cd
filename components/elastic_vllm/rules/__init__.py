"""Rules over a whole stack: pure functions from a stack to findings. No Pulumi, no files but the catalogue.

A new rule is a function in one of the modules beside this one, a line in ``RULES`` with the kinds that it may
give, and their rows in ``spec/kinds.yaml``. A test then asks for a stack with just that mistake.
"""

from collections.abc import Callable, Iterator, Mapping
from datetime import date
from types import MappingProxyType

from elastic_vllm.clouds import refusals
from elastic_vllm.rules import (
    capacity,
    cost,
    engines,
    fit,
    groups,
    lifecycle,
    offers,
    references,
    scaling,
    security,
    slo,
)
from elastic_vllm.rules.view import View
from elastic_vllm.spec.finding import PLAN_INCOMPLETE, STACK_FILE, Finding, Kind
from elastic_vllm.spec.stack import StackConfig

Rule = Callable[[View], Iterator[Finding]]

RULES: Mapping[Rule, tuple[Kind, ...]] = MappingProxyType(
    {
        references.names_are_unique: (references.DUPLICATE_NAME,),
        references.models_are_on_declared_pools: (references.MISSING_POOL,),
        references.machines_exist: (references.NO_MACHINE,),
        fit.replicas_fit_one_node: (fit.REPLICA_GPUS, fit.REPLICA_CPU, fit.REPLICA_MEMORY),
        fit.weights_and_one_request_fit_the_gpus: (fit.WEIGHTS, fit.CONTEXT),
        engines.arguments_are_what_vllm_takes: (engines.ARGUMENTS,),
        engines.engines_have_what_their_processes_take: (engines.CORES, engines.MEMORY),
        fit.fp8_runs_as_expected: (fit.FP8_EXPERTS, fit.FP8_COMPUTE),
        fit.allowed_images_fit_the_context: (fit.IMAGES,),
        capacity.least_replicas_fit_the_pool: (capacity.MIN_EXCEEDS_POOL,),
        capacity.headroom_fits_beside_the_least_replicas: (capacity.HEADROOM_EXCEEDS_POOL,),
        capacity.most_replicas_fit_the_pool: (capacity.MAX_EXCEEDS_POOL,),
        groups.groups_have_room_for_their_last_node: (groups.GROUP_SHARES_POOL, groups.GROUP_EXCEEDS_POOL),
        groups.groups_need_their_nodes: (groups.GROUP_FITS_NODE,),
        capacity.every_gpu_of_a_node_can_be_used: (capacity.STRANDED_GPUS,),
        references.the_cloud_takes_the_stack: refusals.KINDS,
        offers.machines_are_sold_where_they_are_asked_for: (offers.NOT_OFFERED, offers.OFFER_UNKNOWN),
        offers.zones_exist: (offers.NO_ZONE,),
        capacity.quota_covers_full_load: (capacity.QUOTA,),
        scaling.cpu_targets_can_tell_load: (scaling.CANNOT_FIRE, scaling.ALWAYS_FIRES, scaling.NOT_SELECTIVE),
        scaling.replicas_are_kept_until_new_ones_could_come: (scaling.SHORT_WINDOW,),
        scaling.metrics_are_known_to_vllm: (scaling.UNKNOWN_METRIC,),
        scaling.nothing_counts_on_replicas_that_sleep: (scaling.SLEEP_AUTOSCALED,),
        engines.metrics_are_of_whole_replicas: (engines.METRIC,),
        scaling.zero_replicas_can_wake: (scaling.SCALE_TO_ZERO,),
        slo.slo_can_be_held: (slo.UNREACHABLE, slo.BREACH),
        lifecycle.drains_leave_a_margin: (lifecycle.DRAIN_MARGIN,),
        lifecycle.drains_cover_the_longest_answer: (lifecycle.DRAIN_SHORT,),
        lifecycle.budgets_cover_the_load: (lifecycle.STARTUP_BUDGET,),
        lifecycle.waited_for_replicas_can_fall_back: (lifecycle.SPOT_ALONE,),
        lifecycle.production_has_a_second_replica: (lifecycle.SOLE_REPLICA,),
        lifecycle.production_images_have_a_digest: (lifecycle.IMAGE_BY_TAG,),
        lifecycle.production_names_its_weights: (lifecycle.UNPINNED_REVISION,),
        security.the_control_plane_is_reached_from_few_places: (
            security.OPEN_ENDPOINT,
            security.WIDE_ENDPOINT,
            security.EXAMPLE_RANGE,
        ),
        security.production_asks_for_keys: (security.NO_API_KEY,),
        security.nothing_secret_is_written_out: (security.SECRET_IN_PLAIN,),
        security.production_is_protected: (security.UNPROTECTED,),
        cost.the_most_is_within_the_budget: (cost.OVER_BUDGET,),
        cost.a_budget_knows_every_price: (cost.UNPRICED,),
        cost.machines_have_the_price_of_their_region: (cost.ELSEWHERE,),
        cost.floors_do_more_work_than_they_wait: (cost.IDLE_FLOOR,),
        cost.pools_buy_spot_where_it_would_do: (cost.SPOT,),
        cost.prices_are_recent: (cost.OLD_PRICES,),
        cost.no_cheaper_machine_fits: (cost.CHEAPER,),
    }
)
"""Every rule in the order of the findings, with all kinds that it may give."""


ELSEWHERE: tuple[Kind, ...] = (STACK_FILE, PLAN_INCOMPLETE, fit.FP8_BLOCKS, security.MISSING_API_KEY)
"""Kinds that other places give: reading the file, the plan, the sections' own rules, reading a secret."""

KINDS: Mapping[str, Kind] = MappingProxyType(
    {kind.id: kind for kind in (*ELSEWHERE, *(kind for kinds in RULES.values() for kind in kinds))}
)
"""Every kind of finding by its id, those of ``elastic_vllm.rules.policy`` aside."""


def findings(config: StackConfig, today: date | None = None) -> tuple[Finding, ...]:
    """What every rule has to say, policy aside. Prices age by ``today``, which is today when left out."""
    view = View(config, today or date.today())  # noqa: DTZ011  # the catalogue's dates are plain, too
    return tuple(finding for rule in RULES for finding in rule(view))


def errors(config: StackConfig) -> tuple[Finding, ...]:
    """What stops a stack: of the rules that can, and no policy changes it."""
    view = View(config, date.min)
    grave = (rule for rule, kinds in RULES.items() if any(kind.severity == "error" for kind in kinds))
    return tuple(finding for rule in grave for finding in rule(view) if finding.severity == "error")
