"""Nodes come for replicas that have none and go when empty; which replica goes first."""

from elastic_vllm.simulate.forecast.pool import Node, Pool
from elastic_vllm.simulate.forecast.replicas import Replica, first_to_go


def test_a_pool_orders_what_waiting_replicas_need_beside_what_is_coming() -> None:
    pool = Pool(slots=2, least=0, most=10)
    assert len(pool.order(3, 0.0)) == 2
    assert pool.order(3, 1.0) == []  # four slots are on their way
    assert len(pool.order(7, 1.0)) == 2


def test_a_pool_never_has_more_nodes_than_it_may() -> None:
    pool = Pool(slots=1, least=1, most=3)
    assert len(pool.order(9, 0.0)) == 2
    assert pool.order(9, 1.0) == []


def test_a_replica_goes_to_the_fullest_node_so_that_others_come_empty() -> None:
    pool = Pool(slots=2, least=2, most=2)
    first = pool.take()
    assert first is not None
    assert pool.take() is first
    assert pool.take() is not first


def test_only_nodes_above_the_floor_that_were_empty_for_long_are_given_back() -> None:
    pool = Pool(slots=1, least=1, most=3)
    for node in pool.order(2, 0.0):
        pool.register(node)
        node.empty_since = 10.0
    assert pool.empty(19.0, 10.0) == []
    young = pool.empty(20.0, 10.0)
    assert len(young) == 2
    taken = pool.take()
    for node in young:
        pool.remove(node)
    assert len(pool.nodes) == (2 if taken in young else 1)


def taken(pool: Pool) -> list[Node]:
    node = pool.take()
    assert node is not None
    return [node]


def replica(name: str, **changes: object) -> Replica:
    made = Replica(name, 0.0, 1000)
    for key, value in changes.items():
        setattr(made, key, value)
    return made


def test_without_a_node_goes_first_then_not_ready_then_the_youngest() -> None:
    pool = Pool(slots=1, least=3, most=3)
    old = replica("old", nodes=taken(pool), ready=True, ready_changed_t=10.0)
    young = replica("young", nodes=taken(pool), ready=True, ready_changed_t=90.0)
    loading = replica("loading", nodes=taken(pool))
    homeless = replica("homeless")
    order = [one.name for one in first_to_go([old, young, loading, homeless])]
    assert order == ["homeless", "loading", "young", "old"]


def test_a_replica_that_shares_its_node_goes_before_one_that_has_it_alone() -> None:
    pool = Pool(slots=2, least=2, most=2)
    shared, _, alone = taken(pool), taken(pool), taken(pool)
    one = replica("one", nodes=shared, ready=True, ready_changed_t=10.0)
    other = replica("other", nodes=shared, ready=True, ready_changed_t=10.0)
    single = replica("single", nodes=alone, ready=True, ready_changed_t=90.0)
    assert [each.name for each in first_to_go([single, one, other])][-1] == "single"
