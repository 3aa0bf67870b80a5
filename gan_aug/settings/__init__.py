"""Every setting, with its default, its range and its meaning."""
