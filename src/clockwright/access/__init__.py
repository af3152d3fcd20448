"""Who calls: communities, roles and API tokens."""
