"""prefect.yaml spells out settings: its form in the UI shows no preset."""

import pytest
import yaml

from gan_aug.flows.server.plan import Plan
from gan_aug.settings.presets import resolve_config
from gan_aug.settings.run import RunConfig
from gan_aug.settings.study import StudyConfig

FLOWS = {"gan_aug.flows.augment.augment": RunConfig, "gan_aug.flows.study.study": StudyConfig}
DEPLOYMENTS = {
    deployment["name"]: deployment
    for deployment in yaml.safe_load(Plan().deployments.read_text())["deployments"]
}


@pytest.mark.parametrize("name", DEPLOYMENTS)
def test_the_settings_of_every_deployment_are_settings(name):
    settings = FLOWS[DEPLOYMENTS[name]["entrypoint"]]
    settings.model_validate(DEPLOYMENTS[name]["parameters"]["config"])


def test_the_smoke_deployment_is_the_smoke_preset_on_digits():
    config = RunConfig.model_validate(DEPLOYMENTS["smoke"]["parameters"]["config"])
    assert config == resolve_config("smoke", {"dataset": "digits"})


def test_the_form_shows_everyday_settings_and_knows_all():
    schema = RunConfig.model_json_schema()
    hidden = [pattern.strip("^$") for pattern in schema["patternProperties"]]
    assert list(schema["properties"])[:3] == ["dataset", "labels", "arms"]
    assert len(schema["properties"]) < 10
    assert sorted([*schema["properties"], *hidden]) == sorted(RunConfig.model_fields)
