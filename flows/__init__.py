"""Orchestration: Prefect flows and the command, and nothing else."""
