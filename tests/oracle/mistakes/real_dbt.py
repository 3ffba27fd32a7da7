# Runs dbt once for each line of standard input ({"cwd", "args", "env"}) in a child of a process that has loaded dbt
# already, and answers with a line {"code", "out"}: what a shell would show of it.
import io
import json
import os
import sys
import tempfile

sys.argv[0] = "dbt"
from dbt.cli.main import cli  # noqa: E402
import dbt.adapters.postgres.impl  # noqa: E402, F401


def child(job, file):
    os.chdir(job["cwd"])
    os.environ.update(job["env"])
    os.dup2(file.fileno(), 1)
    os.dup2(file.fileno(), 2)
    sys.argv = ["dbt", *job["args"]]
    code = 0
    try:
        cli(job["args"], prog_name="dbt")
    except SystemExit as exit:
        code = exit.code if isinstance(exit.code, int) else 1
    except BaseException:
        import traceback

        traceback.print_exc()
        code = 1
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


for line in sys.stdin:
    with tempfile.TemporaryFile() as file:
        pid = os.fork()
        if pid == 0:
            child(json.loads(line), file)
        _, status = os.waitpid(pid, 0)
        file.seek(0)
        out = io.TextIOWrapper(file, encoding="utf-8", errors="replace").read()
    print(json.dumps({"code": os.waitstatus_to_exitcode(status), "out": out}), flush=True)
