"""What becomes of every fire time: pure decisions and three loops over plain data; no Django, driver or HTTP."""
