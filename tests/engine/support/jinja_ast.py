# Dumps the trees that real jinja2 (with dbt's extensions) makes of macro files, in the form of src/jinja/ast-dump.ts.
# Usage: python jinja_ast.py FILE...   prints one JSON object {file: dump}. Needs jinja2 and dbt-common.
import json
import sys

import jinja2.nodes as nodes
from dbt_common.clients.jinja import get_environment


def dump(value):
    if isinstance(value, nodes.Node):
        fields = ", ".join(f"{name}={dump(getattr(value, name, None))}" for name in value.fields)
        at = "" if isinstance(value, (nodes.Operand, nodes.Keyword)) or value.lineno is None else f"@{value.lineno}"
        return f"{type(value).__name__}{at}({fields})"
    if isinstance(value, list):
        return "[" + ", ".join(map(dump, value)) + "]"
    if isinstance(value, tuple):
        return "[" + ", ".join(map(dump, value)) + "]"
    return repr(value)


def main(files):
    environment = get_environment(None, capture_macros=True)
    out = {}
    for file in files:
        with open(file, encoding="utf-8") as handle:
            source = handle.read()
        try:
            out[file] = dump(environment.parse(source))
        except Exception as error:  # the words of the error are compared too
            out[file] = f"{type(error).__name__}: {error}"
    json.dump(out, sys.stdout)


main(sys.argv[1:])
