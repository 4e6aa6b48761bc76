"""The report of all benchmarks: `report.md` and `report.png`, generated from the figures in `results/`."""
