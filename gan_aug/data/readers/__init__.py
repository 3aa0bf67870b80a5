"""Readers: one file for each form that data sets come in."""
