"""The named workload against the service and its floor, in one run: `python -m bench`, or `make bench`.

Only ratios within one run count, for machines differ and are noisy. Every part is a process of its own, as in life:
PostgreSQL (durable: fsync and synchronous commit), the service (`taggad serve`), the load, the floor (`pgbench`).
"""
