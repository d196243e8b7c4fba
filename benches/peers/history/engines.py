"""The same SQL asked of DuckDB and of DataFusion (both as published wheels), on the Parquet files of `yiping bench history --keep`.

Usage: engines.py FOLDER [RUNS]     (FOLDER as that command names it; benches/peers/history/setup installs both)
"""
import json
import os
import sys
import time

import datafusion
import duckdb

folder, runs = sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 3
table = next(f for f in os.listdir(folder) if f.startswith("datastreams-"))

duck = duckdb.connect()
duck.execute(f"CREATE VIEW observations AS SELECT * FROM read_parquet('{folder}/observations/*/*/part-*.parquet', hive_partitioning = false)")
duck.execute(f"CREATE VIEW cells AS SELECT * FROM read_parquet('{folder}/cells-15m/*/*/part-*.parquet', hive_partitioning = false)")
duck.execute(f"CREATE VIEW datastreams AS SELECT * FROM read_parquet('{folder}/{table}')")

fusion = datafusion.SessionContext()
fusion.register_parquet("observations", f"{folder}/observations/")
fusion.register_parquet("cells", f"{folder}/cells-15m/")
fusion.register_parquet("datastreams", f"{folder}/{table}")

# `{bin}` is the one word in which they differ.
QUESTIONS = {
    "cells by 15 min from readings": "SELECT d.cell, {bin}(INTERVAL '15 minutes', o.time) AS start, count(*), avg(o.value), min(o.value), "
    "max(o.value) FROM observations o JOIN datastreams d USING (series) GROUP BY 1, 2",
    "cells by 15 min from roll-ups": "SELECT cell, start, sum(count) AS n, sum(sum) / sum(count) AS mean, min(min), max(max) FROM cells GROUP BY 1, 2",
    "mean of all readings by 15 min": "SELECT {bin}(INTERVAL '15 minutes', time) AS start, count(*), avg(value) FROM observations GROUP BY 1",
    "newest reading of each series": "SELECT series, max(time) FROM observations GROUP BY 1",
    "one datastream": "SELECT time, value FROM observations WHERE series = 4711 ORDER BY time",
}
ENGINES = {
    f"duckdb {duckdb.__version__}": lambda q: duck.execute(q.replace("{bin}", "time_bucket")).fetchone()[0],
    f"datafusion {datafusion.__version__}": lambda q: fusion.sql(q.replace("{bin}", "date_bin")).to_pydict()["n"][0],
}
figures = {}
for name, question in QUESTIONS.items():
    for engine, ask in ENGINES.items():
        took = []
        for _ in range(runs):
            begun = time.perf_counter()
            rows = ask(f"SELECT count(*) AS n FROM ({question}) AS q")
            took.append(round((time.perf_counter() - begun) * 1e3, 1))
        figures.setdefault(name, {})[engine] = {"rows": rows, "ms": took}
print(json.dumps(figures, indent=1))
