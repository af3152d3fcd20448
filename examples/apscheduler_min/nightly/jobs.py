"""What runs on a schedule."""


def generate_upcoming_sessions(days=7):
    return {"days": days}
