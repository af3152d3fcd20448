"""What people use today, doing our work: one module a peer, each run by the interpreter of `.venv-bench`.

`python -m bench.peers.NAME load` brings the schedules into the peer's store, `… serve ROLE` is the peer at work until
it is stopped. What there is to do stands in `work.json` of the folder that `BENCH_WORK` names. Nothing here
imports Clockwright, and nothing of Clockwright imports this.
"""
