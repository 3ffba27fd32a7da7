# Runs dbt once for each line of standard input ({"cwd", "args", "env", "seconds"}) in a child of a process that has
# loaded dbt already, and answers with a line {"code", "out"}: what a shell would show of it; with "apart": true what
# was written to standard error stands behind the rest. A child that takes longer is killed.
import atexit
import importlib
import json
import os
import signal
import sys
import tempfile

sys.argv[0] = "dbt"
from dbt.cli.main import cli  # noqa: E402
import dbt.task.build  # noqa: E402, F401

for adapter in ("postgres", "clickhouse"):
    try:
        importlib.import_module(f"dbt.adapters.{adapter}.impl")
    except ModuleNotFoundError:
        pass  # the environment has the other one


def child(job, out, err):
    signal.setitimer(signal.ITIMER_REAL, job["seconds"])
    os.chdir(job["cwd"])
    os.environ.update(job["env"])
    with open(os.devnull) as nothing:
        os.dup2(nothing.fileno(), 0)
    os.dup2(out.fileno(), 1)
    os.dup2(err.fileno(), 2)
    sys.argv = ["dbt", *job["args"]]
    main = sys.modules["dbt.cli.main"]
    # dbt 1.12 reads .env of the folder when the module is loaded, which was elsewhere.
    if hasattr(main, "load_dotenv"):
        main.load_dotenv(main.find_dotenv(usecwd=True), override=False)
    code = 0
    try:
        cli(job["args"], prog_name="dbt")
    except SystemExit as exit:
        code = exit.code if isinstance(exit.code, int) else 1
    except BaseException:
        import traceback

        traceback.print_exc()
        code = 1
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


def text(file):
    file.seek(0)
    return file.read().decode("utf-8", errors="replace")


for line in sys.stdin:
    job = json.loads(line)
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as apart:
        err = apart if job.get("apart") else out
        pid = os.fork()
        if pid == 0:
            child(job, out, err)
        _, status = os.waitpid(pid, 0)
        answer = {"code": os.waitstatus_to_exitcode(status), "out": text(out) + text(apart)}
    print(json.dumps(answer), flush=True)
