"""The monitored stack: server, schedules, automations, and who may use the GPU."""
