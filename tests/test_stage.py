from types import SimpleNamespace

import numpy as np
import pytest

from gan_aug.errors import UserError
from gan_aug.stage import External, Given, Input, Stage, as_sequence
from gan_aug.store.formats import ArrayFormat


def make(name, **inputs):
    return Stage(name, name, np.add, ArrayFormat("array"), inputs=inputs)


def test_a_stage_lists_the_stages_that_it_needs_whatever_way_it_names_them():
    one, two, three = make("one"), make("two"), make("three")
    external = External("digest", lambda: 1)
    stage = make("last", a=one, b=two.select("part"), c=[three, one], d=external)
    assert stage.list_inputs() == [one, two, three, one]
    assert one.list_inputs() == []


def test_a_part_of_an_output_is_named_with_dots():
    one = make("one")
    assert one.select("train.images") == Input(one, "train.images")
    value = SimpleNamespace(train=SimpleNamespace(images=[1, 2]))
    assert one.select("train.images").pick(value) == [1, 2]
    assert one.select("train").pick(value) is value.train


def test_one_input_is_as_good_as_a_sequence_of_one():
    one = make("one")
    external = External("digest", lambda: 1)
    for single in (one, one.select("part"), external):
        assert as_sequence(single) == [single]
    assert as_sequence([one, one]) == [one, one]


def test_what_is_given_comes_back_whatever_it_is_known_by():
    assert Given(3)(name="own", sha256={}) == 3
    with pytest.raises(UserError, match=r"data: expected them in the store, .*start again"):
        Given(None)(name="own")
