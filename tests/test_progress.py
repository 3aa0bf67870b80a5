from gan_aug.progress import count_from, ignore_progress, tell_each


def test_each_of_several_listeners_is_told():
    one, two = [], []
    tell = tell_each(
        lambda done, metrics: one.append((done, metrics)),
        lambda done, metrics: two.append(done),
        ignore_progress,
    )
    tell(3, {"loss": 0.5})
    assert (one, two) == ([(3, {"loss": 0.5})], [3])


def test_the_steps_of_one_part_are_counted_after_those_before_it():
    told = []
    tell = count_from(10, lambda done, metrics: told.append((done, metrics)))
    tell(1, {})
    tell(2, {"loss": 0.5})
    assert told == [(11, {}), (12, {"loss": 0.5})]
