"""Outputs of stages, kept so that none is computed twice."""
