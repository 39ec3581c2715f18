"""How answers become grades: functions that several benchmarks share."""
