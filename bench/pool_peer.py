"""The peer of pool_bench: pyarrow.

usage: pool_peer.py make SOURCE.parquet ROWS                    rows of nectar_like (BALLOT_SHARED_DATA) with altered prompts
       pool_peer.py copy SOURCE POOL OUT THREADS                reads all of SOURCE, writes what POOL holds to OUT, as POOL is written"""
import os
import pathlib
import random
import resource
import sys
import time

import pyarrow as pa
import pyarrow.parquet as pq


def rows_of_nectar():
    shared = pathlib.Path(os.environ.get("BALLOT_SHARED_DATA", "-")) / "nectar_like/nectar_like.parquet"
    if shared.exists():
        return pq.read_table(shared).to_pylist()
    words = "the answer depends on water and time boil first then gently".split()
    draw = random.Random(1)
    text = lambda n: " ".join(draw.choice(words) for _ in range(n))
    return [{"prompt": f"\n\nHuman: {text(20)}\n\nAssistant: ", "turns": 1, "num_responses": 7, "source": ["bench"], "good_natured": True,
             "answers": [{"answer": text(120 + draw.randrange(120)), "model": f"model-{r}", "rank": float(r)} for r in range(1, 8)]} for _ in range(600)]


def make(path, rows):
    base, schema = rows_of_nectar(), None
    with_writer, made = None, 0
    while made < rows:
        part = []
        for row in base[: rows - made]:
            part.append({**row, "prompt": row["prompt"].replace("\n\nAssistant: ", f" (No. {made + len(part)})\n\nAssistant: ")})
        table = pa.Table.from_pylist(part, schema=schema)
        schema = schema or table.schema
        with_writer = with_writer or pq.ParquetWriter(path, schema, compression="snappy")
        with_writer.write_table(table, row_group_size=200)
        made += len(part)
    with_writer.close()


def copy(source, pool, out, threads):
    pa.set_cpu_count(int(threads))
    table = pq.read_table(pool)  # not in the time: the peer only writes it
    start = time.time()
    rows = sum(batch.num_rows for batch in pq.ParquetFile(source).iter_batches())
    read = time.time() - start
    start = time.time()
    pq.write_table(table, out, compression="zstd", row_group_size=5000, write_statistics=False)
    write = time.time() - start
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"pyarrow: reads {rows} rows in {read:.1f} s, writes the pool in {write:.1f} s ({os.path.getsize(out) >> 20} MiB): {read + write:.1f} s "
          f"on {threads} threads; peak memory {peak:.0f} MiB (it holds the whole pool)")


if __name__ == "__main__":
    if sys.argv[1] == "make":
        make(sys.argv[2], int(sys.argv[3]))
    else:
        copy(*sys.argv[2:6])
