"""What the server does on its own when something happens: ``automations.yaml``."""

from pathlib import Path
from typing import Any

import yaml
from prefect.blocks.notifications import CustomWebhookNotificationBlock
from prefect.client.orchestration import SyncPrefectClient
from prefect.events import AutomationCore

from gan_aug.errors import UserError
from gan_aug.flows.server.secrets import NOTIFY_VARIABLE

__all__ = ["create_automations"]

NOTIFICATION_BLOCK = "gan-aug"
NOTIFICATION = "send-notification"
# `text` is what Slack, Mattermost and Teams show.
MESSAGE = {"title": "{{subject}}", "text": "{{subject}}\n{{body}}"}


def create_automations(client: SyncPrefectClient, file: Path, *, notify: bool) -> None:
    """Create the automations of a file, or change those of the same names.

    Args:
        client: Of the server.
        file: Automations as ``prefect automation create`` takes them, without the block that
            notifications need.
        notify: Whether the server's environment says where notifications are posted to, as JSON;
            if not, automations that send any are left out.

    Raises:
        UserError: The file holds something else.
    """
    block = {"block_document_id": save_webhook()} if notify else {}
    for planned in read_automations(file):
        notifies = any(action["type"] == NOTIFICATION for action in planned["actions"])
        if notifies and not block:
            for left in client.read_automations_by_name(planned["name"]):
                client.delete_automation(left.id)
            continue
        actions = [
            action | (block if action["type"] == NOTIFICATION else {})
            for action in planned["actions"]
        ]
        automation = AutomationCore.model_validate(planned | {"actions": actions})
        known = client.read_automations_by_name(automation.name)
        if not known:
            client.create_automation(automation)
        # A change forgets which runs it was waiting for.
        elif known[0].model_dump(exclude={"id"}) != automation.model_dump():
            client.update_automation(known[0].id, automation)


def read_automations(file: Path) -> list[dict[str, Any]]:
    """Return what a file says of each automation, in the words of Prefect's API."""
    planned = yaml.safe_load(file.read_text(encoding="utf-8"))
    if not isinstance(planned, list):
        raise UserError(
            f"{file}: expected a list of automations, found {type(planned).__name__}; begin each "
            "with `- name:`"
        )
    return planned


def save_webhook() -> Any:
    """Save, on the server of the settings, how notifications are sent; return the block's id.

    The address is in the environment of the server's process alone, and the block names the
    variable: whoever reads the API or the database finds no more.
    """
    variable = f"${NOTIFY_VARIABLE}"
    block = CustomWebhookNotificationBlock(
        name=NOTIFICATION_BLOCK,
        url=f"{{{{ {variable} }}}}",
        json_data=MESSAGE,
        # Prefect takes the names of secrets alone for places to fill in.
        secrets={variable: ""},
    )
    return block.save(NOTIFICATION_BLOCK, overwrite=True)
