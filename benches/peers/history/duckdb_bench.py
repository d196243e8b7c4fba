"""The questions of `yiping bench history --keep` asked of DuckDB, on the same Parquet files.

Usage: duckdb_bench.py FOLDER [RUNS]     (FOLDER as that command names it)
"""
import json
import sys
import time

import duckdb

folder, runs = sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 2
db = duckdb.connect()
for table, files in {
    "observations": "observations/*/*/part-*.parquet",
    "cells": "cells-15m/*/*/part-*.parquet",
    "datastreams": "datastreams-*.parquet",
}.items():
    db.execute(f"CREATE VIEW {table} AS SELECT * FROM read_parquet('{folder}/{files}', hive_partitioning = false)")
QUESTIONS = {
    "cells by 15 min from readings": "SELECT d.cell, time_bucket(INTERVAL '15 minutes', o.time) AS start, count(*), avg(o.value), min(o.value), "
    "max(o.value) FROM observations o JOIN datastreams d USING (series) GROUP BY 1, 2",
    "mean of all readings by 15 min": "SELECT time_bucket(INTERVAL '15 minutes', time) AS start, count(*), avg(value) FROM observations GROUP BY 1",
    "one datastream": "SELECT time, value FROM observations WHERE series = 4711 ORDER BY time",
}
figures = {"duckdb": duckdb.__version__, "threads": db.execute("SELECT current_setting('threads')").fetchone()[0]}
for name, question in QUESTIONS.items():
    took = []
    for _ in range(runs):
        begun = time.perf_counter()
        rows = db.execute(f"SELECT count(*) FROM ({question})").fetchone()[0]
        took.append(round((time.perf_counter() - begun) * 1e3, 1))
    figures[name] = {"rows": rows, "ms": took}
print(json.dumps(figures, indent=1))
