import dataclasses
import json
import subprocess
import sys

from gan_aug.reporting.environment import describe_environment, diagnose


def test_the_environment_is_ready_for_json(cpu, digits):
    found = json.loads(json.dumps(describe_environment(cpu, digits.provenance)))
    assert found["device"] == {
        "kind": "cpu",
        "name": "CPU",
        "precision": "float32",
        "xla": False,
        "reproducibility": None,
    }
    assert found["dataset"]["name"] == "digits"
    assert found["versions"]["keras"].startswith("3.")


def test_it_says_where_one_seed_does_not_give_one_result(cpu, digits):
    gpu = dataclasses.replace(cpu, kind="gpu")
    found = describe_environment(gpu, digits.provenance)
    assert "another result each time" in found["device"]["reproducibility"]


def test_the_diagnosis_names_what_is_used(cpu):
    facts = diagnose(cpu)
    assert facts["networks train on"] == "CPU, without XLA"
    assert facts["precision"] == "float32"
    assert facts["oneDNN"] == "on"
    assert "GiB available" in facts["memory"]
    assert "tensorflow 2." in facts["libraries"]


def test_importing_the_package_turns_onednn_on_unless_the_environment_says_no():
    code = "import gan_aug, os; print(os.environ['TF_ENABLE_ONEDNN_OPTS'])"
    for given, expected in ((None, "1"), ("0", "0")):
        environment = {"TF_ENABLE_ONEDNN_OPTS": given} if given else {}
        done = subprocess.run(
            [sys.executable, "-c", code],
            env=environment,
            capture_output=True,
            text=True,
            check=True,
        )
        assert done.stdout.strip() == expected
