"""The networks that generate, and how they are trained."""
