"""Whether the stored schedules are sound, and what another version of engine or zone data would make of them."""
