"""What people get: folders, reports, charts and pictures."""
