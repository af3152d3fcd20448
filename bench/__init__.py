"""What Clockwright costs, measured beside what the machine allows. `README.md` says what each figure means."""
