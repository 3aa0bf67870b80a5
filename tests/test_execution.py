import contextlib
import dataclasses
import shutil
from dataclasses import dataclass

import fsspec
import numpy as np
import pytest
from climbing import Watcher, climb, describe_climb
from numpy.typing import NDArray

from gan_aug.classifiers.cnn import CnnConfig
from gan_aug.classifiers.rows import flatten_images
from gan_aug.device import Compute
from gan_aug.errors import UserError
from gan_aug.execution import Executor, execute_stage
from gan_aug.images import add_channel, to_unit
from gan_aug.stage import External, Stage
from gan_aug.store.formats import ArrayFormat, ArraysFormat
from gan_aug.store.source import digest_source
from gan_aug.store.store import Store

ARRAY = ArrayFormat("array")


@dataclass(frozen=True)
class Pair:
    """Two arrays."""

    first: NDArray
    second: NDArray


def count(size, start=0):
    return np.arange(start, start + size)


def split(values, at):
    return Pair(values[:at], values[at:])


def join(parts, last):
    return np.concatenate([*parts, last])


def fail(**_anything):
    raise UserError("values: expected some, found none")


def describe_count(size=6, **changes):
    return dataclasses.replace(
        Stage("count", f"count to {size}", count, ARRAY, settings={"size": size}), **changes
    )


def describe_join():
    """Of a diamond: both halves of the split are joined, behind what was split."""
    counted = describe_count()
    halves = Stage(
        "split",
        "split",
        split,
        ArraysFormat("pair", Pair),
        settings={"at": 2},
        inputs={"values": counted},
    )
    return Stage(
        "join",
        "join",
        join,
        ARRAY,
        inputs={"parts": [counted, counted], "last": halves.select("second")},
    )


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path / "store")


@pytest.fixture
def noted(store):
    """An executor, and the labels of what it executed."""
    labels = []

    def execute(stage, where):
        labels.append(stage.label)
        return execute_stage(stage, where)

    return Executor(store, execute), labels


def test_inputs_are_executed_first_and_each_once(noted):
    execute, labels = noted
    output = execute(describe_join())
    assert labels == ["count to 6", "split", "join"]
    assert output.load().tolist() == [*range(6), *range(6), 2, 3, 4, 5]
    assert [made.label for made in execute.outputs.values()] == labels
    assert execute(describe_count()).load().tolist() == list(range(6))
    assert execute(describe_join()) is output
    assert len(labels) == 3


def test_what_the_store_has_is_not_made_again(store, monkeypatch):
    first = Executor(store, execute_stage)(describe_join())
    monkeypatch.setattr("test_execution.join", fail)
    execute = Executor(store, execute_stage)
    again = execute(describe_join())
    assert (first.reused, again.reused) == (False, True)
    assert all(output.reused for output in execute.outputs.values())
    assert again.entry == first.entry
    assert again.seconds == first.seconds
    np.testing.assert_array_equal(again.load(), first.load())


def test_a_damaged_input_is_made_again_and_its_successors_stay(store):
    execute = Executor(store, execute_stage)
    execute(describe_join())
    counted = store.locate(describe_count())
    (counted.path / "array.npy").write_bytes(b"?")
    again = Executor(store, execute_stage)
    again(describe_join())
    reused = {output.label: output.reused for output in again.outputs.values()}
    assert reused == {"count to 6": False, "split": True, "join": True}


def test_an_external_value_is_loaded_only_where_it_is_needed(store):
    loads = []

    def load():
        loads.append(1)
        return np.array([7])

    stage = dataclasses.replace(
        describe_join(), inputs={"parts": [describe_count()], "last": External("seven", load)}
    )
    execute = Executor(store, execute_stage)
    assert execute(stage).load().tolist() == [0, 1, 2, 3, 4, 5, 7]
    Executor(store, execute_stage)(stage)
    assert loads == [1]


def test_a_stage_whose_input_is_nowhere_says_which(store):
    with pytest.raises(UserError, match=r"store: expected count/\w+ at .*, found none"):
        execute_stage(describe_join(), store)


def test_a_stage_that_fails_leaves_nothing_and_ends_those_that_need_it(noted, store):
    execute, labels = noted
    failing = describe_count(run=fail, label="failing")
    stage = dataclasses.replace(describe_join(), inputs={"parts": [failing], "last": failing})
    for _ in range(2):
        with pytest.raises(UserError, match="values: expected some"):
            execute(stage)
    assert labels == ["failing", "failing"], "it is tried again"
    assert not execute.outputs
    assert [path.name for path in (store.root / "count").iterdir() if path.is_dir()] == []


# ------------------------------------------------------------ what a stage is called with


def take(**given):
    """Keep the names of what it was called with."""
    return np.array(sorted(given))


def describe_take(**changes):
    return Stage("take", "take", take, ARRAY, settings={"a": 1}, **changes)


@pytest.mark.parametrize(
    ("changes", "names"),
    [
        ({}, ["a"]),
        ({"steps": 3}, ["a", "on_progress"]),
        ({"steps": 0}, ["a", "on_progress"]),
        ({"resumable": True}, ["a", "checkpoint"]),
        ({"compute": Compute()}, ["a"]),
        ({"compute": Compute(), "trains": True}, ["a", "compute"]),
        ({"trains": True}, ["a"]),
        ({"inputs": {"b": describe_count()}}, ["a", "b"]),
    ],
)
def test_a_stage_is_called_with_what_it_has(store, changes, names):
    stage = describe_take(**changes)
    assert Executor(store, execute_stage)(stage).load().tolist() == names


def test_watchers_are_told_and_nothing_is_held_where_nothing_is_computed(store):
    held = []

    @contextlib.contextmanager
    def hold(stage):
        held.append(stage.label)
        yield

    for expected in ([1, 2, 3, 4], []):
        watcher = Watcher()
        execute_stage(describe_climb(), store, watch=watcher, hold=hold)
        assert watcher.steps == expected
    assert held == ["climb of 4"]


# ------------------------------------------------------------------- what a key is made of


def test_a_place_is_a_matter_of_everything_that_the_result_depends_on(store):
    stage = describe_count()
    counted, longer = describe_count(), describe_count(7)
    cpu = Compute()
    places = [
        stage,
        describe_count(7),
        describe_count(name="other"),
        describe_count(settings={"size": 6, "start": 1}),
        describe_count(settings={"size": "6"}),
        describe_count(settings={"size": 6, "config": CnnConfig()}),
        describe_count(settings={"size": 6, "config": CnnConfig(updates=7)}),
        describe_count(settings={"size": 6, "function": to_unit}),
        describe_count(settings={"size": 6, "function": add_channel}),
        describe_count(settings={"size": 6, "function": flatten_images}),
        describe_count(run=flatten_images),
        describe_count(run=climb),
        describe_count(compute=cpu),
        describe_count(compute=dataclasses.replace(cpu, dtype_policy="mixed_bfloat16")),
        describe_count(compute=dataclasses.replace(cpu, kind="gpu")),
        describe_count(inputs={"values": counted}),
        describe_count(inputs={"other": counted}),
        describe_count(inputs={"values": longer}),
        describe_count(inputs={"values": [counted]}),
        describe_count(inputs={"values": [counted, longer]}),
        describe_count(inputs={"values": [longer, counted]}),
        describe_count(inputs={"values": counted.select("first")}),
        describe_count(inputs={"values": counted.select("second")}),
        describe_count(inputs={"values": External("digest", lambda: 1)}),
        describe_count(inputs={"values": External("other", lambda: 1)}),
    ]
    found = [store.locate(place) for place in places]
    assert len({entry.identity for entry in found}) == len(places)
    assert store.locate(describe_count()) == found[0]


def test_a_place_is_no_matter_of_anything_else(store):
    """Names for people, the machine's own name, how it is told, how it is kept."""
    cpu = Compute()
    same = [
        describe_count(label="another", steps=3, trains=True, resumable=True),
        describe_count(format=ArrayFormat("other")),
    ]
    assert {store.locate(stage) for stage in same} == {store.locate(describe_count())}
    machines = [cpu, dataclasses.replace(cpu, name="another", jit_compile=True, steps_per_call=1)]
    places = {store.locate(describe_count(compute=machine)).identity for machine in machines}
    assert len(places) == 1
    loads = [External("digest", lambda: 1), External("digest", lambda: 2)]
    assert len({store.locate(describe_count(inputs={"v": load})).identity for load in loads}) == 1


def test_a_change_of_an_input_changes_all_that_follows(store):
    joined = describe_join()
    halves = joined.inputs["last"].stage
    changed = dataclasses.replace(halves, settings={"at": 3})
    other = dataclasses.replace(joined, inputs=joined.inputs | {"last": changed.select("second")})
    assert store.locate(other).identity != store.locate(joined).identity


def test_the_source_of_a_run_and_of_a_setting_that_is_a_function_counts(store, monkeypatch):
    stages = [describe_count(run=to_unit), describe_count(settings={"predict": flatten_images})]
    before = [store.locate(stage).identity for stage in stages]
    for changed, moves in (
        ("gan_aug.images", [True, False]),
        ("gan_aug.classifiers.rows", [False, True]),
    ):
        with monkeypatch.context() as patch:
            patch.setattr(
                "gan_aug.store.store.digest_source",
                lambda name, changed=changed: "new" if name == changed else digest_source(name),
            )
            after = [store.locate(stage).identity for stage in stages]
        assert [a != b for a, b in zip(after, before, strict=True)] == moves


# --------------------------------------------------------------------------- other hosts


@pytest.fixture
def hosts(tmp_path):
    """Two hosts with one store in memory."""
    yield [Store.open(tmp_path / host, "memory://gan-aug/store") for host in ("here", "there")]
    fsspec.filesystem("memory").rm("/gan-aug", recursive=True)


def test_what_one_host_made_another_reuses(hosts):
    here, there = hosts
    made = Executor(here, execute_stage)(describe_join())
    execute = Executor(there, execute_stage)
    found = execute(describe_join())
    assert all(output.reused for output in execute.outputs.values())
    np.testing.assert_array_equal(found.load(), made.load())


def test_an_output_is_fetched_when_it_is_read(hosts):
    here, there = hosts
    made = Executor(here, execute_stage)(describe_join())
    elsewhere = dataclasses.replace(made, entry=there.locate(describe_join()))
    assert not elsewhere.entry.path.exists()
    np.testing.assert_array_equal(elsewhere.load(), made.load())
    following = describe_count(run=take, settings={}, inputs={"joined": describe_join()})
    assert execute_stage(following, there).load().tolist() == ["joined"]


def test_what_was_made_before_there_was_a_remote_store_is_copied_there(hosts, tmp_path):
    here, _ = hosts
    Executor(Store(here.root), execute_stage)(describe_count())
    again = Executor(here, execute_stage)(describe_count())
    assert again.reused
    assert (again.entry.remote / "array.npy").exists()
    shutil.rmtree(again.entry.path)
    assert again.load().tolist() == list(range(6))
