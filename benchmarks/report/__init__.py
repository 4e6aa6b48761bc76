"""One report of all benchmarks: `report.md` and `report.png`, made of the figures in `results/`."""
