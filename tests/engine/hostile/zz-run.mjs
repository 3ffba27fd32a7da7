// tests/engine/hostile/attempt.ts
import { fork, spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";

// tests/engine/hostile/input.ts
var PROJECT = "name: p\nversion: '1.0'\nprofile: p\n";
var HARMLESS = [0, 1, 2];
var times = (text, count) => text.repeat(count);

// tests/engine/hostile/attempt.ts
var CHILD = join("/work/wt/hostile2/tests/engine/hostile", "child.mjs");
var MOST = { megabytes: 2e3, seconds: 60, wait: 240 };
var OUTPUT = /^(?:manifest\.json|semantic_manifest\.json|graph_summary\.json|partial_parse\.\w+|run_results\.json|dbt\.log)$/;
var FORBIDDEN = [
  /Internal Error/,
  /RangeError|ReferenceError|SyntaxError: /,
  /call stack/i,
  /heap out of memory|heap limit/i,
  /Invalid (?:string|array|count|typed array|regular expression|time|date|code point)/,
  /Cannot (?:read|set|convert|destructure|access|assign|create|mix|perform)/,
  /is not (?:a function|iterable|a constructor|extensible|an object)/,
  /(?<!is )\bundefined\b(?! (?:alias|macro|variable))/,
  /\[object /,
  /\bE(?:NOENT|ISDIR|NOTDIR|ACCES|LOOP|NAMETOOLONG|INVAL|PERM|NXIO|EXIST|MFILE|BUSY|XDEV)\b/,
  /node:(?:internal|fs)/,
  /^\s+at .*:\d+:\d+\)?$/m,
  /in JSON at position|is not valid JSON|Unexpected (?:token|end of JSON|identifier|number|string)/,
  /\bReflect\b|\bSymbol\(/,
  /polluted/,
  /Assertion|FATAL ERROR/,
  /must be of type|ERR_[A-Z_]+/
];
function faults(input, attempt) {
  const found = [];
  const allowed = input.exit ?? [1, 2];
  if (attempt.exit === null || !allowed.includes(attempt.exit)) found.push(`exit code ${attempt.exit}`);
  for (const word of FORBIDDEN) {
    const match = word.exec(attempt.output);
    if (match !== null) found.push(`says \u201C${attempt.output.slice(Math.max(0, match.index - 60), match.index + 60).replaceAll("\n", "\u23CE")}\u201D`);
  }
  if (attempt.exit !== 0 && attempt.output.trim() === "") found.push("says nothing");
  if (attempt.exit !== 0 && input.names !== void 0 && !(typeof input.names === "string" ? attempt.output.includes(input.names) : input.names.test(attempt.output))) found.push(`does not name ${input.names}`);
  if (attempt.output.length > 2e5) found.push(`says ${attempt.output.length} characters`);
  if (attempt.seconds > MOST.seconds) found.push(`takes ${attempt.seconds.toFixed(0)} s`);
  if (attempt.megabytes > MOST.megabytes) found.push(`takes ${attempt.megabytes.toFixed(0)} MB`);
  for (const path of attempt.outside) found.push(`writes ${path}`);
  return found;
}
var Arena = class {
  base = mkdtempSync(join(tmpdir(), "tsdbt-hostile-"));
  profile;
  #child = null;
  #count = 0;
  #isolated;
  /** @param isolated a process of its own for each input */
  constructor(credentials2, isolated3) {
    this.#isolated = isolated3;
    const dev = { type: "postgres", host: "127.0.0.1", port: 1, user: "u", password: "hidden-word", schema: "s", threads: 1, connect_timeout: 1, retries: 0, ...credentials2 };
    this.profile = JSON.stringify({ p: { target: "dev", outputs: { dev: { dbname: "d", ...dev } } } });
  }
  async attempt(input) {
    const top = join(this.base, String(this.#count++));
    const dir = join(top, "x/y/project");
    mkdirSync(dir, { recursive: true });
    for (const [path, text] of [["canary", "c"], ["x/canary", "c"], ["x/y/canary", "c"], ["home/canary", "c"]]) {
      mkdirSync(dirname(join(top, path)), { recursive: true });
      writeFileSync(join(top, path), text);
    }
    for (const [path, content] of Object.entries({ "dbt_project.yml": PROJECT, "profiles.yml": this.profile, ...input.files })) put(join(dir, path), content);
    const before = snapshot(top, dir);
    const done = await (this.#isolated ? isolated(dir, top, input) : this.#inChild(dir, top, input));
    const after = snapshot(top, dir);
    const outside = [...after].filter(([path, text]) => before.get(path) !== text && !OUTPUT.test(path.split("/").at(-1))).map(([path]) => path);
    outside.push(...[...before.keys()].filter((path) => !after.has(path)).map((path) => `(removed) ${path}`));
    rmSync(top, { recursive: true, force: true });
    return { ...done, outside };
  }
  close() {
    this.#child?.kill("SIGKILL");
    rmSync(this.base, { recursive: true, force: true });
  }
  async #inChild(dir, top, input) {
    const child = this.#child ??= fork(CHILD, [], { execArgv: ["--max-old-space-size=1600"], stdio: ["ignore", "pipe", "pipe", "ipc"] });
    const words2 = [];
    const listen = (data) => void words2.push(data.toString());
    child.stdout?.on("data", listen);
    child.stderr?.on("data", listen);
    return new Promise((resolve) => {
      const settle = (result) => {
        clearTimeout(timer);
        child.removeAllListeners();
        child.stdout?.removeListener("data", listen);
        child.stderr?.removeListener("data", listen);
        resolve(result);
      };
      const gone = () => {
        this.#child = null;
        settle({ exit: null, output: words2.join(""), seconds: 0, megabytes: 0 });
      };
      const timer = setTimeout(() => child.kill("SIGKILL"), MOST.wait * 1e3);
      child.once("exit", gone);
      child.once("message", (message) => settle(message));
      child.send({ dir, argv: input.command, env: environment(top, dir, input) });
    });
  }
};
function environment(top, dir, input) {
  return { HOME: join(top, "home"), DBT_PROFILES_DIR: dir, NO_COLOR: "1", DBT_USE_COLORS: "false", PATH: process.env["PATH"] ?? "", ...input.env };
}
function isolated(dir, top, input) {
  const report = join(top, "peak");
  const done = spawnSync(process.execPath, ["--require", join("/work/wt/hostile2/tests/engine/hostile", "peak.cjs"), join("/work/wt/hostile2/tests/engine/hostile", "../../../bin/tsdbt.js"), ...input.command], {
    cwd: dir,
    env: { ...environment(top, dir, input), TSDBT_HOSTILE_PEAK: report },
    timeout: MOST.wait * 1e3,
    killSignal: "SIGKILL",
    encoding: "utf8",
    maxBuffer: 1 << 30
  });
  let used = { megabytes: 0, seconds: 0 };
  try {
    used = JSON.parse(readFileSync(report, "utf8"));
    rmSync(report);
  } catch {
  }
  return { exit: done.status, output: done.stdout + done.stderr, ...used };
}
function put(path, content) {
  mkdirSync(dirname(path), { recursive: true });
  if (typeof content === "object" && "link" in content) symlinkSync(content.link, path);
  else if (typeof content === "object" && "put" in content) {
    if (content.put === "folder") mkdirSync(path, { recursive: true });
    else spawnSync("mkfifo", [path]);
  } else writeFileSync(path, typeof content === "function" ? content() : content);
}
function snapshot(top, project) {
  const found = /* @__PURE__ */ new Map();
  const visit = (dir) => {
    for (const name of readdirSync(dir)) {
      const path = join(dir, name);
      if (path === project) continue;
      const stat = statSync(path);
      found.set(path.slice(top.length + 1), stat.isDirectory() ? "" : readFileSync(path, "utf8").slice(0, 100));
      if (stat.isDirectory()) visit(path);
    }
  };
  visit(top);
  return found;
}

// tests/engine/hostile/inputs-files.ts
var MODEL = { "models/a.sql": "select 1 as b" };
var BROKEN = {
  "null": "null",
  "a list": "[]",
  "an empty object": "{}",
  "a number": "5",
  "a text": '"x"',
  nothing: "",
  "half of it": '{"metadata": {"dbt_schema_ver',
  binary: new Uint8Array([0, 255, 254, 1, 2, 10, 0, 10]),
  "a folder": { put: "folder" },
  "a FIFO": { put: "fifo" },
  "/proc/self/mem": { link: "/proc/self/mem" },
  "/dev/zero": { link: "/dev/zero" },
  "a link to itself": { link: "itself" },
  "lists in lists": times("[", 1e5) + times("]", 1e5),
  "lines of null": "null\nnull\nnull\nnull\n",
  "keys of no object": '{"__proto__": {"polluted": 1}}'
};
var version = (kind, v, rest) => `{"metadata": {"dbt_schema_version": "https://schemas.getdbt.com/dbt/${kind}/v${v}.json", "generated_at": "2024-01-01T00:00:00Z"}${rest}}`;
var odd = (kind, v, keys) => Object.fromEntries([
  ["nothing but metadata", version(kind, v, "")],
  ...keys.flatMap((key) => ["null", "5", "[]", "{}", "[null]", '{"a": null}', "[{}]", '{"model.p.a": {}}', '{"model.p.a": 5}', '"x"'].map((value) => [`${key} that is ${value}`, version(kind, v, `, "${key}": ${value}`)]))
]);
var LEFT = [
  { path: "prod/manifest.json", named: true, commands: [["ls", "--select", "state:modified+", "--state", "prod"], ["compile", "--no-introspect", "--defer", "--state", "prod", "--favor-state"]], more: odd("manifest", 12, ["nodes", "sources", "macros", "metadata", "parent_map", "semantic_models"]) },
  { path: "prod/run_results.json", named: true, commands: [["ls", "--select", "result:error", "--state", "prod"], ["retry", "--state", "prod"]], more: odd("run-results", 6, ["results", "args"]) },
  { path: "prod/sources.json", named: true, commands: [["ls", "--select", "source_status:fresher+", "--state", "prod"]], more: odd("sources", 3, ["results"]) },
  { path: "prod/run.journal", commands: [["retry", "--state", "prod"], ["ls", "--select", "result:error", "--state", "prod"]], more: { "an odd start": '{"k":"start"}\n', "a start of nothing": '{"k":"start","args":null,"selected":5,"pid":"x"}\n', "odd lines": '{"k":"start","invocation_id":"x","command":"run","args":{"which":"run"},"started_at":"x","pid":999999999,"selected":["model.p.a"]}\n{"k":"result"}\n{"k":"batches"}\n{"k":"batch","id":1}\n{"k":"begin"}\n' } },
  { path: "target/run.journal", commands: [["parse"], ["compile", "--no-introspect"]], more: { "an odd start": '{"k":"start"}\n', "odd lines": '{"k":"start","invocation_id":"x","command":"run","args":{},"started_at":"x","pid":999999999,"selected":[5]}\n{"k":"result","result":null}\n{"k":"batches","id":"a","all":5}\n' } },
  { path: "target/run_results.json", commands: [["retry"]], named: true },
  { path: "target/partial_parse.msgpack", commands: [["parse"]] },
  { path: "target/manifest.json", commands: [["parse"]] },
  { path: "target/semantic_manifest.json", commands: [["parse"]] },
  { path: "target/graph_summary.json", commands: [["ls"]] },
  { path: "kept.cache", commands: [["parse", "--partial-parse-file-path", "kept.cache"]] },
  { path: "dbt_project.yml", named: true, commands: [["parse"]] },
  { path: "profiles.yml", named: true, commands: [["parse"]] },
  { path: "packages.yml", commands: [["deps"]] },
  { path: "package-lock.yml", commands: [["deps"], ["parse"]] },
  { path: "selectors.yml", commands: [["ls", "--selector", "a"]] },
  { path: ".env", commands: [["parse"]] },
  { path: ".dbtignore", commands: [["parse"]] },
  { path: "models/b.sql", commands: [["parse"]] },
  { path: "models/s.yml", commands: [["parse"]] },
  { path: "models/d.md", commands: [["parse"]] },
  { path: "macros/m.sql", commands: [["parse"]] },
  { path: "seeds/c.csv", commands: [["parse"], ["ls", "--resource-type", "seed"]] },
  { path: "tests/fixtures/f.csv", commands: [["parse"]], setting: { "models/s.yml": "unit_tests: [{name: u, model: a, given: [{input: this, format: csv, fixture: f}], expect: {rows: []}}]" } },
  { path: "logs/dbt.log", commands: [["parse"]] },
  { path: "logs", commands: [["parse"]] },
  { path: "target", commands: [["parse"], ["compile", "--no-introspect"]] },
  { path: "models", commands: [["parse"]] },
  { path: "target/compiled", commands: [["compile", "--no-introspect"]] },
  { path: "target/compiled/p/models/a.sql", commands: [["compile", "--no-introspect"]] }
];
var left = LEFT.flatMap(({ path, commands, more, named, setting }) => Object.entries({ ...BROKEN, ...more }).flatMap(([what, content]) => commands.map((command) => ({
  name: `${path} is ${what}: ${command.join(" ")}`,
  command,
  files: { ...MODEL, ...setting, [path]: content },
  exit: HARMLESS,
  ...named ? { names: path.split("/").at(-1) } : {}
}))));
var caches = ["null\n[]\n{}", "{}\n{}\n{}", '{"files": null}\n[]\n5'].map((body) => ({ name: `a kept parse of ${body.replaceAll("\n", " ")}`, command: ["parse"], files: { ...MODEL, "target/partial_parse.msgpack": `${"0".repeat(64)}
${body}` }, exit: HARMLESS }));
var DATABASE_STATE = ["null", "[]", "{}", "5", '{"x": null}', "", "half {", "[[1]]"];
var states = [
  ...["view_state.json", "test_state.json", "freshness.json", "run_results.json", "catalog.json", "sources.json", "run.journal"].flatMap((file) => DATABASE_STATE.map((content) => ({
    name: `target/${file} is ${content || "empty"}: build`,
    command: ["build"],
    database: true,
    exit: [0],
    files: { ...MODEL, [`target/${file}`]: content }
  }))),
  ...["a folder", "a FIFO", "a link to itself", "/dev/zero", "binary"].flatMap((what) => ["view_state.json", "test_state.json", "run_results.json", "run.journal", "catalog.json"].map((file) => ({
    name: `target/${file} is ${what}: build, docs generate`,
    command: file === "catalog.json" ? ["docs", "generate"] : ["build"],
    database: true,
    exit: HARMLESS,
    files: { ...MODEL, [`target/${file}`]: BROKEN[what] }
  })))
];
var ODD_NAMES = ["../../escape", "../../../escape", "/tmp/escape-tsdbt", "..", ".", "a/../../../../escape", "x\\..\\..\\escape", times("n", 300), times("n", 70), "a\0b", "a\nb", `a'b"c;--`, "__proto__", "constructor", "toString", "\xFCn\xEFc\xF6d\xE9", "$(touch escape)", "CON", " ", ""];
var names = ODD_NAMES.flatMap((name) => {
  const text = JSON.stringify(name);
  const each = (what, command, files, database = false) => ({ name: `${what} ${text}`, command, files: { ...MODEL, ...files }, exit: HARMLESS, ...database ? { database } : {} });
  return [
    each("a model with the alias", ["compile", "--no-introspect"], { "models/a.sql": `{{ config(alias=${text}) }} select 1 as b` }),
    each("a model with the schema", ["run"], { "models/a.sql": `{{ config(schema=${text}) }} select 1 as b` }, true),
    each("a model built with the alias", ["run"], { "models/a.sql": `{{ config(alias=${text}) }} select 1 as b` }, true),
    each("a singular test in YAML of a model named", ["build"], { "models/s.yml": `models: [{name: a, data_tests: [{unique: {name: ${text}, column_name: b}}]}]` }, true),
    each("a unit test named", ["build"], { "models/s.yml": `unit_tests: [{name: ${text}, model: a, given: [], expect: {rows: [{b: 1}]}}]` }, true),
    each("a snapshot named", ["build"], { "snapshots/s.yml": `snapshots: [{name: ${text}, relation: ref('a'), config: {strategy: check, check_cols: all, unique_key: b}}]` }, true),
    each("a project named", ["compile", "--no-introspect"], { "dbt_project.yml": `name: ${text}
profile: p
` }),
    each("model-paths", ["compile", "--no-introspect"], { "dbt_project.yml": `${PROJECT}model-paths: [${text}]
` }),
    each("macro-paths", ["parse"], { "dbt_project.yml": `${PROJECT}macro-paths: [${text}]
` }),
    each("seed-paths", ["parse"], { "dbt_project.yml": `${PROJECT}seed-paths: [${text}]
` }),
    each("docs-paths", ["parse"], { "dbt_project.yml": `${PROJECT}docs-paths: [${text}]
` }),
    each("asset-paths", ["docs", "generate"], { "dbt_project.yml": `${PROJECT}asset-paths: [${text}]
` }, true),
    each("target-path", ["parse"], { "dbt_project.yml": `${PROJECT}target-path: ${text}
` }),
    each("log-path", ["parse"], { "dbt_project.yml": `${PROJECT}log-path: ${text}
` }),
    each("packages-install-path", ["deps"], { "dbt_project.yml": `${PROJECT}packages-install-path: ${text}
`, "packages.yml": "packages: [{local: other}]\n", "other/dbt_project.yml": "name: o\nversion: '1.0'\n" }),
    each("a package named", ["deps"], { "packages.yml": "packages: [{local: other}]\n", "other/dbt_project.yml": `name: ${text}
version: '1.0'
` }),
    each("clean-targets", ["clean"], { "dbt_project.yml": `${PROJECT}clean-targets: [${text}]
` }),
    each("a source named", ["compile", "--no-introspect"], { "models/s.yml": `sources: [{name: ${text}, tables: [{name: ${text}, columns: [{name: ${text}, data_tests: [unique]}]}]}]` }),
    each("a target named", ["compile", "--no-introspect", "--target", name], {}),
    each("a profile named", ["compile", "--no-introspect", "--profile", name], {}),
    each("a selector named", ["ls", "--selector", name], { "selectors.yml": `selectors: [{name: ${text}, definition: ${text}}]` }),
    each("a macro called", ["run-operation", name], {}),
    each("a group, a semantic model and a metric named", ["parse"], { "models/s.yml": `groups: [{name: ${text}, owner: {name: x}}]
metrics: [{name: ${text}, label: x, type: simple, type_params: {measure: ${text}}}]
exposures: [{name: ${text}, type: dashboard, owner: {email: x}}]` }),
    each("a state in", ["ls", "--select", "state:new", "--state", name], {}),
    each("a fixture named", ["parse"], { "models/s.yml": `unit_tests: [{name: u, model: a, given: [{input: this, format: csv, fixture: ${text}}], expect: {rows: []}}]` })
  ];
});
var paths = ["model.with.dots", "model with spaces", "__proto__", "constructor", "toString", "-", "--select", "*", "[a", "\xF6", times("n", 250), "a'b", "{{ 1 }}", "%s", "$x"].map((name) => ({
  name: `a file named ${name}.sql`,
  command: ["compile", "--no-introspect"],
  files: { [`models/${name}.sql`]: "select '{{ this }}' as b", [`macros/${name}.sql`]: "{% macro x() %}{% endmacro %}", [`tests/${name}.sql`]: "select 1" },
  exit: HARMLESS
}));
var MILLION = 1e6;
var TEXTS = [
  ["a model of 30 MB without Jinja", "models/b.sql", () => times("select 1 as a union all\n", 13e5)],
  ["a model with 200,000 tags", "models/b.sql", () => times("{{ 1 }}\n", 2e5)],
  ["a line of 10 MB with an error", "models/b.sql", () => `${times("x", 10 * MILLION)}{{ 1 / 0 }}`],
  ["a line of 10 MB with a broken tag", "models/b.sql", () => `${times("x", 10 * MILLION)}{% if %}`],
  ["20,000 macros", "macros/b.sql", () => Array.from({ length: 2e4 }, (_, i) => `{% macro m${i}() %}{{ m${i + 1}() }}{% endmacro %}`).join("\n")],
  ["20 MB of docs", "models/b.md", () => times("{% docs a %}x{% enddocs %}\n", 7e5)],
  ["one docs block of 30 MB", "models/b.md", () => `{% docs a %}${times("x", 30 * MILLION)}{% enddocs %}`],
  ["a seed of 30 MB", "seeds/b.csv", () => `a,b
${times("1,2\n", 7e6)}`],
  ["a seed of a million columns", "seeds/b.csv", () => `${times("a,", MILLION)}
${times("1,", MILLION)}
`],
  ["a seed of quotes", "seeds/b.csv", () => times('"', MILLION + 1)],
  ["a seed of one cell", "seeds/b.csv", () => `a
"${times("x\n", 5 * MILLION)}"
`],
  ["YAML of 10 MB in a scalar", "models/s.yml", () => `models:
  - name: a
    description: "${times("x", 10 * MILLION)}"
`],
  ["YAML of 20,000 models", "models/s.yml", () => `models:
${Array.from({ length: 2e4 }, (_, i) => `  - name: m${i}
    description: x
`).join("")}`],
  ["flow YAML of 200,000 items", "models/s.yml", () => `models: [{name: a, meta: {x: [${times("1,", 2e5)}]}}]`],
  ["a million empty lines of YAML", "models/s.yml", () => times("\n", MILLION)],
  ["a million spaces before a key", "models/s.yml", () => `models:
${times(" ", MILLION)}- name: a
`],
  ["a million dashes", "models/s.yml", () => times("-", MILLION)],
  ["a million quotes", "models/s.yml", () => `a: ${times("'", MILLION)}`],
  [".env of 20 MB", ".env", () => times("A=1\n", 5 * MILLION)],
  [".env of one line", ".env", () => `A=${times("x", 10 * MILLION)}`],
  [".env of quotes", ".env", () => `A="${times('\\"', 2e5)}`],
  [".env of references", ".env", () => `A=1
${Array.from({ length: 60 }, () => "A=${A}${A}\n").join("")}`],
  [".dbtignore of 20,000 patterns", ".dbtignore", () => times("**/a*b*c*d*e*f*g*h/**\n", 2e4)],
  [".dbtignore that backtracks", ".dbtignore", `${times("*a", 40)}
`, { [`models/${times("a", 200)}.sql`]: "select 1" }],
  [".dbtignore of spans", ".dbtignore", `${times("**/", 40)}b
`, { [`models/${times("a/", 40)}c.sql`]: "select 1" }],
  [".dbtignore with broken classes", ".dbtignore", "[z-a]\n[\n[!]\n\\\n!\n/\n[[:foo:]]\n"],
  ["fixtures of 10 MB", "tests/fixtures/f.csv", () => times("1,2\n", 2 * MILLION)],
  ["a comment never closed of 10 MB", "models/b.sql", () => `{# ${times("-", 10 * MILLION)}`],
  ["spaces in a tag", "models/b.sql", () => `{{ 1${times(" ", 2 * MILLION)}}}`],
  ["dashes and spaces before a tag", "models/b.sql", () => `${times(" \n", MILLION)}{%- if 1 -%}${times(" \n", MILLION)}{%- endif -%}`],
  ["a string never closed in a tag", "models/b.sql", () => `{{ '${times("\\\\", MILLION)}`],
  ["a config of 100,000 keys", "models/b.sql", () => `{{ config(${Array.from({ length: 1e5 }, (_, i) => `k${i}=1`).join(",")}) }}select 1`],
  ["5,000 refs", "models/b.sql", () => times("{{ ref('a') }}", 5e3)],
  ["a test block never closed", "tests/generic/b.sql", "{% test a(model) %}"],
  ["a snapshot block in a model", "models/b.sql", "{% snapshot a %}select 1{% endsnapshot %}"],
  ["words that open a block", "models/b.sql", () => times("{% snapshot ", 1e5)],
  ["words that open a comment", "macros/b.sql", () => times("{# ", 3e5)],
  ["a source of 20,000 tables", "models/s.yml", () => `sources: [{name: s, tables: [${Array.from({ length: 2e4 }, (_, i) => `{name: t${i}}`).join(",")}]}]`],
  ["with clauses never closed", "models/b.sql", () => `with ${times("a as (", 1e5)}`],
  ["comments of SQL never closed", "models/b.sql", () => `select 1 ${times("/* ", 2e5)}`],
  ["spaces at the end of 2 MB", "models/b.sql", () => `select 1${times(" ", 2 * MILLION)}x`],
  ["semicolons", "models/b.sql", () => times(";", 2 * MILLION)]
];
var large = TEXTS.flatMap(([name, path, content, more]) => [["parse"], .../^models\/b\.sql|ephemeral/.test(path) ? [["compile", "--no-introspect"]] : []].map((command) => ({
  name: `${name}: ${command[0]}`,
  command,
  files: { ...MODEL, ...more, [path]: content },
  exit: HARMLESS
})));
var DEEP_JSON = times("[", 5e4) + times("]", 5e4);
var WORDS = [
  ...[DEEP_JSON, times("{a: ", 2e4), "{a: &a [*a]}", "{a: &a {<<: *a}}", "5", "[]", "null", "x", "{", "{a: {{ 1 }}}", "!!python/object:a {}", times("9", 1e5), "{__proto__: 1, constructor: 2}", "{1: 2, [1]: 3}", `{a: ${times("9", 5e3)}}`, "\0", '"', "- - - -"].flatMap((value) => [["compile", "--no-introspect", "--vars", value], ["run-operation", "m", "--args", value], ["parse", "--warn-error-options", value]]),
  ...[
    times("+", 5e4),
    `${times("+", 1)}a${times("+", 5e4)}`,
    "99999999999999999999999+a",
    "a+99999999999999999999",
    "@@@a",
    "@a+",
    "+",
    "@",
    ":",
    "a:b:c:d",
    times("a ", 1e5),
    times("a,", 1e5),
    times("*", 5e3),
    `${times("*a", 2e3)}b`,
    times("*a", 30),
    "[",
    "[!",
    "[z-a]",
    "[[:alpha:]]",
    "\\",
    "**/**/**",
    times("**/", 2e3),
    "path:../../..",
    "path:/etc/*",
    "path:/proc/**",
    "file:..",
    "fqn:",
    "tag:",
    "config.a.b.c.d:x",
    "config.__proto__:x",
    "config.meta.constructor:x",
    "config.:x",
    "nosuch:x",
    "constructor:x",
    "__proto__:x",
    "toString:x",
    "state:nosuch",
    "result:nosuch",
    "source_status:x",
    "package:*",
    "package:this",
    "version:latest",
    "test_type:x",
    "access:x",
    "group:x",
    "resource_type:x",
    "unit_test:*",
    `path:${times("a/", 5e4)}`,
    `tag:${times("[a", 2e4)}`,
    times("?", 5e4),
    "path:**/*a*a*a*a*a*a*a*a*a*a*a*a*a*a*b",
    "a\0b",
    "$(ls)",
    "\u{1F986}"
  ].flatMap((value) => [["ls", "--select", value], ["ls", "--exclude", value]]),
  ...["0", "-1", "99999999999999999999", "1e9", "NaN", "x", "0x10", "", "1.5"].flatMap((value) => [["parse", "--threads", value], ["show", "--inline", "select 1", "--limit", value], ["parse", "--log-file-max-bytes", value], ["parse", "--printer-width", value], ["parse", "--maximum-seed-size-mib", value]]),
  ...["x", "", "99999999 days", "-1 day", "9999999999999999999 hours", "0000-00-00", "2024-13-45", "+275760-09-14", times("9", 1e4), "3 fortnights", "{a: &a [*a]}", "{start: 1, end: []}"].flatMap((value) => [["compile", "--no-introspect", "--sample", value], ["compile", "--no-introspect", "--event-time-start", value, "--event-time-end", "2024-01-01"]]),
  ...[
    ["ls", "--output-keys", times("a ", 1e4)],
    ["ls", "--output", "json", "--output-keys", "__proto__"],
    ["ls", "--resource-type", "constructor"],
    ["parse", "--log-format", "x"],
    ["parse", "--log-level", "__proto__"],
    ["nosuch"],
    ["constructor"],
    ["__proto__"],
    ["run", "--nosuch"],
    ["--"],
    ["parse", "--project-dir", "nosuch"],
    ["parse", "--project-dir", "/proc"],
    ["parse", "--project-dir", "/dev/null"],
    ["parse", "--profiles-dir", "/dev/null"],
    ["parse", "--profiles-dir", "/proc/self/fd"],
    ["parse", "--project-dir", times("a", 5e3)],
    ["parse", "--target-path", times("a", 5e3)],
    ["parse", "--target-path", "/proc/x"],
    ["parse", "--target-path", "/dev/null"],
    ["parse", "--log-path", "/dev/null"],
    ["parse", "--log-path", "/proc/x"],
    ["ls", "--state", "/proc", "--select", "state:new"],
    ["ls", "--state", "/dev/null", "--select", "state:new"],
    ["ls", "--state", "/dev", "--select", "state:new"],
    ["compile", "--no-introspect", "--inline", times("{", 1e5)],
    ["compile", "--no-introspect", "--inline", "{{ 1 / 0 }}"],
    ["run-operation", "m"],
    ["run-operation"],
    ["run-operation", times("a", 1e5)],
    ["run-operation", "../../x"],
    ["retry"],
    ["clone", "--state", "nosuch"],
    ["debug"],
    ["debug", "--config-dir"],
    ["docs", "serve", "--port", "99999999"],
    ["docs", "serve", "--port", "x"],
    ["docs", "serve", "--host", "999.999.999.999"],
    ["docs", "generate", "--no-compile"],
    ["source", "freshness"],
    ["db", "nosuch"],
    ["load", "nosuch"],
    ["load", "--from", "/dev/null"],
    ["load", "--from", "/proc/self/mem"],
    ["load", "--from", "nosuch"],
    ["produce"],
    ["produce", "--topic", "t", "--from", "/nosuch"],
    ["run", "--every", "x"],
    ["run", "--every", "0s"],
    ["run", "--every", "99999999999h"],
    ["init", "../../escape"],
    ["init", "__proto__"],
    ["init", times("a", 300)],
    ["deps", "--add-package", "x"],
    ["deps", "--add-package", "../../x@1"],
    ["deps", "--add-package", "{a: &a [*a]}"],
    ["clean"],
    ["deps", "--lock", "--upgrade"],
    ["show", "--inline", ""],
    ["show"],
    ["show", "--select", "nosuch"]
  ]
];
var words = WORDS.map((command) => ({
  name: `tsdbt ${command.map((word) => word.length > 40 ? `${word.slice(0, 30)}\u2026(${word.length})` : word).join(" ")}`,
  command,
  exit: HARMLESS,
  files: { ...MODEL, "macros/m.sql": "{% macro m(a=1) %}{{ log(a, info=true) }}{% endmacro %}", "models/c.sql": "select '{{ var('a', 1) }}' as b from {{ ref('a') }}" }
}));
var ENVIRONMENT = [{ DBT_THREADS: "x" }, { DBT_TARGET_PATH: "\n" }, { DBT_LOG_PATH: "/dev/null/x" }, { DBT_PROFILES_DIR: "/nosuch" }, { DBT_PROFILES_DIR: "/dev/null" }, { DBT_PROJECT_DIR: "/proc" }, { DBT_ENGINE_LOG_LEVEL: "constructor" }, { DBT_WARN_ERROR_OPTIONS: "{" }, { DBT_WARN_ERROR_OPTIONS: times("[", 5e4) }, { DBT_PRINTER_WIDTH: "99999999999" }, { DBT_PARTIAL_PARSE: "maybe" }, { HOME: "/nosuch" }, { DBT_LOG_FILE_MAX_BYTES: "-1" }];
var environment2 = ENVIRONMENT.map((env) => ({ name: `the environment ${JSON.stringify(env).slice(0, 80)}`, command: ["parse"], files: MODEL, env, exit: HARMLESS }));
var FILES = [...left, ...caches, ...names, ...paths, ...large, ...words, ...environment2, ...states];

// tests/engine/hostile/inputs-templates.ts
var DEEP = 3e4;
var NESTED = {
  parentheses: (n2) => `{{ ${times("(", n2)}1${times(")", n2)} }}`,
  lists: (n2) => `{{ ${times("[", n2)}${times("]", n2)} }}`,
  dictionaries: (n2) => `{{ ${times('{"a":', n2)}1${times("}", n2)} }}`,
  "tuples of one": (n2) => `{{ ${times("(", n2)}1${times(",)", n2)} }}`,
  minus: (n2) => `{{ ${times("-", n2)}1 }}`,
  not: (n2) => `{{ ${times("not ", n2)}1 }}`,
  sums: (n2) => `{{ 1${times("+1", n2)} }}`,
  "sums to the right": (n2) => `{{ 1${times("+(1", n2)}${times(")", n2)} }}`,
  tildes: (n2) => `{{ 1${times("~1", n2)} }}`,
  powers: (n2) => `{{ 1${times("**1", n2)} }}`,
  "ands and ors": (n2) => `{{ 1${times(" and 1 or 0", n2)} }}`,
  comparisons: (n2) => `{{ 1${times(" < 2", n2)} }}`,
  filters: (n2) => `{{ 1${times("|abs", n2)} }}`,
  tests: (n2) => `{{ 1${times(" is defined", n2)} }}`,
  attributes: (n2) => `{{ x${times(".a", n2)} }}`,
  subscripts: (n2) => `{{ x${times("[0]", n2)} }}`,
  "subscripts in subscripts": (n2) => `{{ ${times("x[", n2)}0${times("]", n2)} }}`,
  calls: (n2) => `{{ x${times("()", n2)} }}`,
  "calls in calls": (n2) => `{{ ${times("x(", n2)}${times(")", n2)} }}`,
  "keyword arguments": (n2) => `{{ ${times("x(a=", n2)}1${times(")", n2)} }}`,
  ternaries: (n2) => `{{ ${times("1 if 0 else ", n2)}1 }}`,
  slices: (n2) => `{{ x${times("[1:2]", n2)} }}`,
  ifs: (n2) => `${times("{% if 1 %}", n2)}${times("{% endif %}", n2)}`,
  elifs: (n2) => `{% if 0 %}${times("{% elif 0 %}", n2)}{% endif %}`,
  fors: (n2) => `${times("{% for i in [1] %}", n2)}${times("{% endfor %}", n2)}`,
  "set blocks": (n2) => `${times("{% set a %}", n2)}${times("{% endset %}", n2)}`,
  "filter blocks": (n2) => `${times("{% filter upper %}", n2)}${times("{% endfilter %}", n2)}`,
  "call blocks": (n2) => `${times("{% call x() %}", n2)}${times("{% endcall %}", n2)}`,
  withs: (n2) => `${times("{% with a=1 %}", n2)}${times("{% endwith %}", n2)}`,
  macros: (n2) => `${times("{% macro a() %}", n2)}${times("{% endmacro %}", n2)}`,
  "targets of for": (n2) => `{% for ${times("(", n2)}a${times(",)", n2)} in x %}{% endfor %}`,
  "targets of set": (n2) => `{% set ${times("(", n2)}a${times(",)", n2)} = x %}`,
  "blocks never closed": (n2) => times("{% if 1 %}", n2),
  "parentheses never closed": (n2) => `{{ ${times("(", n2)}`,
  "strings in a row": (n2) => `{{ ${times('"a" ', n2)} }}`,
  names: (n2) => `{{ ${times("a", n2 * 10)} }}`,
  digits: (n2) => `{{ ${times("9", n2 * 10)} }}`,
  outputs: (n2) => times("{{ 1 }}", n2),
  comments: (n2) => `${times("{#", n2)}${times("#}", n2)}`,
  braces: (n2) => times("{", n2 * 3),
  "raw blocks never closed": (n2) => times("{% raw %}", n2)
};
var nested = Object.entries(NESTED).flatMap(([what, text]) => [
  { name: `a model with ${DEEP} ${what}`, command: ["parse"], files: { "models/a.sql": `select 1
${text(DEEP)}` }, exit: HARMLESS, names: /a\.sql|Found|^$/ },
  { name: `a macro with 3,000 ${what}, called`, command: ["compile", "--no-introspect"], files: { "macros/m.sql": `{% macro m(x) %}
${text(3e3)}
{% endmacro %}`, "models/a.sql": "select {{ m(1) }}" }, exit: HARMLESS }
]);
var inOtherFiles = [
  ...Object.entries({ parentheses: NESTED["parentheses"], ifs: NESTED["ifs"], powers: NESTED["powers"], "calls in calls": NESTED["calls in calls"] }).flatMap(([what, make]) => {
    const text = JSON.stringify(make(DEEP));
    return [
      { name: `${what} in dbt_project.yml`, command: ["parse"], files: { "dbt_project.yml": `name: p
version: ${text}
profile: p
` }, exit: HARMLESS },
      { name: `${what} in vars of dbt_project.yml`, command: ["parse"], files: { "dbt_project.yml": `name: p
profile: p
models: {p: {+schema: ${text}}}
`, "models/a.sql": "select 1" } },
      { name: `${what} in profiles.yml`, command: ["parse"], files: { "profiles.yml": `p: {target: dev, outputs: {dev: {type: postgres, host: ${text}, user: u, password: p, port: 1, dbname: d, schema: s}}}` } },
      { name: `${what} in a description`, command: ["parse"], files: { "models/a.sql": "select 1", "models/s.yml": `models: [{name: a, description: ${text}}]` } },
      { name: `${what} in the arguments of a test`, command: ["parse"], files: { "models/a.sql": "select 1", "models/s.yml": `models: [{name: a, columns: [{name: b, data_tests: [{accepted_values: {values: [${text}]}}]}]}]` }, exit: HARMLESS },
      { name: `${what} in the file of docs`, command: ["parse"], files: { "models/d.md": `{% docs a %}${make(DEEP)}{% enddocs %}` }, exit: HARMLESS },
      { name: `${what} in on-run-start`, command: ["parse"], files: { "dbt_project.yml": `name: p
profile: p
on-run-start: ${text}
` }, exit: HARMLESS },
      { name: `${what} in --inline`, command: ["compile", "--no-introspect", "--inline", make(3e3)], files: {}, exit: HARMLESS }
    ];
  })
];
var VALUES = [
  // What doubles.
  "{% set ns = namespace(l=[1]) %}{% for i in range(40) %}{% set ns.l = ns.l + ns.l %}{% endfor %}{{ ns.l | length }}",
  "{% set l = [1] %}{% for i in range(40) %}{% do l.extend(l) %}{% endfor %}{{ l | length }}",
  "{% set ns = namespace(l=[1]) %}{% for i in range(40) %}{% set ns.l = ns.l * 2 %}{% endfor %}{{ ns.l | length }}",
  "{% set ns = namespace(l=(1,)) %}{% for i in range(40) %}{% set ns.l = ns.l + ns.l %}{% endfor %}{{ ns.l | length }}",
  "{% set ns = namespace(s='ab') %}{% for i in range(40) %}{% set ns.s = ns.s ~ ns.s %}{% endfor %}{{ ns.s | length }}",
  "{% set ns = namespace(s='ab') %}{% for i in range(40) %}{% set ns.s = ns.s + ns.s %}{% endfor %}{{ ns.s | length }}",
  "{% set ns = namespace(s='\xE4\u20AC') %}{% for i in range(40) %}{% set ns.s = ns.s ~ ns.s %}{% endfor %}{{ ns.s | upper | length }}",
  "{% set ns = namespace(s='aa') %}{% for i in range(40) %}{% set ns.s = ns.s | replace('a', 'aa') %}{% endfor %}{{ ns.s }}",
  "{% set ns = namespace(s='aa') %}{% for i in range(40) %}{% set ns.s = ns.s.replace('', 'aa') %}{% endfor %}{{ ns.s }}",
  "{% set ns = namespace(s='aa') %}{% for i in range(40) %}{% set ns.s = ns.s.join(ns.s) %}{% endfor %}{{ ns.s }}",
  "{% set ns = namespace(s='aa') %}{% for i in range(40) %}{% set ns.s = [ns.s, ns.s] | join(ns.s) %}{% endfor %}{{ ns.s }}",
  "{% set ns = namespace(s='aa') %}{% for i in range(40) %}{% set ns.s = '%s%s' % (ns.s, ns.s) %}{% endfor %}{{ ns.s }}",
  "{% set ns = namespace(s='aa') %}{% for i in range(40) %}{% set ns.s = '{0}{0}'.format(ns.s) %}{% endfor %}{{ ns.s }}",
  "{% set ns = namespace(s='aa') %}{% for i in range(40) %}{% set ns.s = ('%s%s' | format(ns.s, ns.s)) %}{% endfor %}{{ ns.s }}",
  "{% set ns = namespace(s='&') %}{% for i in range(40) %}{% set ns.s = ns.s | e | string | forceescape %}{% endfor %}{{ ns.s }}",
  "{% set ns = namespace(s='a') %}{% for i in range(40) %}{% set ns.s = tojson([ns.s, ns.s]) %}{% endfor %}{{ ns.s }}",
  "{% set ns = namespace(s='a') %}{% for i in range(40) %}{% set ns.s = toyaml([ns.s, ns.s]) %}{% endfor %}{{ ns.s }}",
  "{% set ns = namespace(s='a') %}{% for i in range(40) %}{% set ns.s = modules.re.sub('', ns.s, ns.s) %}{% endfor %}{{ ns.s }}",
  "{% set ns = namespace(s='a') %}{% for i in range(40) %}{% set ns.s %}{{ ns.s }}{{ ns.s }}{% endset %}{% endfor %}{{ ns.s }}",
  "{% set ns = namespace(s=[1]) %}{% for i in range(40) %}{% set ns.s = modules.itertools.chain(ns.s, ns.s) | list %}{% endfor %}{{ ns.s }}",
  "{% set ns = namespace(s=10) %}{% for i in range(60) %}{% set ns.s = ns.s * ns.s %}{% endfor %}{{ ns.s > 1 }}",
  "{% set d = {} %}{% for i in range(4000) %}{% for j in range(4000) %}{% do d.update({i * 4000 + j: i}) %}{% endfor %}{% endfor %}{{ d | length }}",
  "{% set l = [] %}{% for i in range(100000) %}{% do l.append(('x' * 100000) | upper) %}{% endfor %}{{ l | length }}",
  "{% set l = [] %}{% for i in range(100000) %}{% do l.append([0] * 1000000) %}{% endfor %}{{ l | length }}",
  "{% set l = [] %}{% for i in range(100000) %}{% do l.append(range(99999) | list) %}{% endfor %}{{ l | length }}",
  // What holds itself many times over: short to build, endless to walk.
  ...[
    "{{ ns.l }}",
    "{{ tojson(ns.l) | length }}",
    "{{ ns.l | tojson | length }}",
    "{{ ns.l == ns.m }}",
    "{{ ns.l in [ns.m] }}",
    "{{ toyaml(ns.l) }}",
    "{{ ns.l | pprint }}",
    "{{ ns.l | string }}",
    "{{ '%s' % [ns.l] }}",
    "{{ [ns.l, ns.m] | unique | list }}",
    "{{ [ns.l, ns.m] | sort }}",
    "{{ ns.l < ns.m }}",
    "{{ set([ns.l]) }}",
    '{{ ns.l | map("string") | list }}',
    "{{ log(ns.l) }}",
    "{{ print(ns.l) }}",
    '{{ config(meta={"a": ns.l}) }}',
    "{{ ref(ns.l) }}",
    "{{ return(ns.l) }}",
    '{{ ns.l ~ "" }}',
    "{{ [ns.l] | groupby(0) }}",
    '{{ {"a": ns.l}.items() | list }}',
    "{{ local_md5(ns.l) }}",
    '{{ var("x", ns.l) }}',
    "{{ exceptions.raise_compiler_error(ns.l) }}",
    "{{ exceptions.warn(ns.l) }}"
  ].map((use) => `{% set ns = namespace(l=[1], m=[1]) %}{% for i in range(60) %}{% set ns.l = [ns.l, ns.l] %}{% set ns.m = [ns.m, ns.m] %}{% endfor %}${use}`),
  ...["{{ ns.l }}", "{{ tojson(ns.l) }}", "{{ ns.l == ns.m }}"].map((use) => `{% set ns = namespace(l={}, m={}) %}{% for i in range(60) %}{% set ns.l = {'a': ns.l, 'b': ns.l} %}{% set ns.m = {'a': ns.m, 'b': ns.m} %}{% endfor %}${use}`),
  ...["{{ ns.l }}", "{{ {ns.l: 1} }}", "{{ ns.l == ns.m }}", "{{ [ns.l, ns.m] | unique | list }}"].map((use) => `{% set ns = namespace(l=(1,), m=(1,)) %}{% for i in range(60) %}{% set ns.l = (ns.l, ns.l) %}{% set ns.m = (ns.m, ns.m) %}{% endfor %}${use}`),
  // What holds itself.
  ...[
    "{{ l }}",
    "{{ tojson(l) }}",
    "{{ l | tojson }}",
    "{{ l == m }}",
    "{{ l in m }}",
    "{{ l < m }}",
    "{{ toyaml(l) }}",
    "{{ l | pprint }}",
    "{{ l | sum(start=[]) }}",
    "{{ l | join }}",
    '{{ config(meta={"a": l}) }}',
    "{{ ref(l) }}",
    '{{ var("a", l) }}',
    "{{ return(l) }}",
    "{{ l.index(m) }}",
    "{{ l.count(m) }}",
    "{{ [l, m] | unique | list }}",
    "{{ [l, m] | sort }}",
    "{{ [l, m] | max }}",
    "{{ l | string }}",
    "{{ l.copy() == m.copy() }}",
    "{% do l.remove(m) %}",
    '{{ l | map("string") | list }}',
    "{{ (l, ) == (m, ) }}"
  ].map((use) => `{% set l = [] %}{% do l.append(l) %}{% set m = [] %}{% do m.append(m) %}${use}`),
  ...["{{ d }}", "{{ tojson(d) }}", "{{ d == e }}", "{{ toyaml(d) }}", "{{ d | pprint }}", "{{ config(meta=d) }}", "{{ config(**d) }}", "{{ d | dictsort }}", "{{ d | xmlattr }}", "{{ d | items | list }}"].map((use) => `{% set d = {} %}{% do d.update({'a': d}) %}{% set e = {} %}{% do e.update({'a': e}) %}${use}`),
  ...["{{ ns.l }}", "{{ tojson(ns.l) | length }}", "{{ ns.l == ns.m }}", "{{ toyaml(ns.l) }}", "{{ ns.l | pprint }}", '{{ config(meta={"a": ns.l}) }}'].map((use) => `{% set ns = namespace(l=[], m=[]) %}{% for i in range(50000) %}{% set ns.l = [ns.l] %}{% set ns.m = [ns.m] %}{% endfor %}${use}`),
  // Too many.
  ...[
    "permutations(range(30))",
    "permutations(range(11), 11)",
    "permutations(range(30), 9)",
    "combinations(range(60), 30)",
    "combinations_with_replacement(range(60), 30)",
    "product(range(1000), range(1000), range(1000))",
    "product([1,2], repeat=100000000)",
    "product([], repeat=100000000)",
    "product([1], repeat=100000000)",
    "repeat(1, 1000000000)",
    "tee([1], 1000000000)",
    "count() | list",
    "cycle([1]) | list",
    "cycle([]) | list",
    "islice(count(), 1000000000)",
    "islice([1], 0, 10, 0)",
    "chain(count())",
    "zip_longest(range(9000000), range(9000000))",
    "accumulate(count())",
    "starmap(range, count())",
    "combinations([1,2,3], 1000000000)",
    "combinations(range(3), 99999999999999999999999)",
    "compress(count(), count())"
  ].map((call) => `{{ modules.itertools.${call.replace(/^(\w+\(.*?\))( \| list)?$/s, (_, c, l) => `${c.replaceAll("count()", "modules.itertools.count()").replace(/^modules\.itertools\./, "")}${l ?? ""}`)} }}`),
  ...[
    "'x' * 10 ** 12",
    "'x' * 99999999",
    "'\xE4\u20AC' * 99999999",
    "[0] * 10 ** 9",
    "[0] * 99999999",
    "(0,) * 99999999",
    "10 ** (10 ** 10)",
    "2 ** 100000000",
    "9 ** 9 ** 9",
    "0.5 ** 99999999999999999999",
    "(-2) ** 0.5",
    "1e308 * 10",
    "10 ** 400 / 3",
    "10 ** 400 * 1.5",
    "(10 ** 4300) | string",
    "10 ** 5000",
    "('9' * 1000000) | int",
    "('9' * 1000000) | float",
    "'x'.ljust(10 ** 12)",
    "'x'.ljust(10 ** 8)",
    "'x'.rjust(99999999999999999999)",
    "'x'.zfill(10 ** 10)",
    "'x'.center(10 ** 10)",
    "'x' | center(10 ** 12)",
    "'\\t'.expandtabs(10 ** 10)",
    "'%1000000000000d' % 1",
    "'%.1000000000f' % 1",
    "'%*d' % (10 ** 9, 1)",
    "'%.*f' % (10 ** 9, 1)",
    "'{:1000000000000}'.format(1)",
    "'{:.1000000000f}'.format(1.5)",
    "'{:0>999999999}'.format(1)",
    "'{0:{1}}'.format(1, 10 ** 9)",
    "'x' | indent(10 ** 12)",
    "'x\\n' * 1000 | indent(10 ** 6)",
    "'x' | truncate(10 ** 18)",
    "'x y' | wordwrap(10 ** 18)",
    "'x' | wordwrap(0)",
    "'x' | wordwrap(-5)",
    "range(10 ** 9)",
    "range(10 ** 18) | list",
    "range(0, 10 ** 30)",
    "range(10 ** 400)",
    "range(1, 10, 0)",
    "[1] | batch(10 ** 9, 1) | list",
    "[1] | batch(0) | list",
    "[1] | batch(-1) | list",
    "[1] | slice(10 ** 9) | list",
    "[1] | slice(0) | list",
    "1.5 | round(10 ** 9)",
    "1.5 | round(-10 ** 9)",
    "1.5 | round(400)",
    "1 | round(-10 ** 6)",
    "1 | filesizeformat",
    "10 ** 400 | filesizeformat",
    "lipsum(10 ** 9)",
    "lipsum(n=10, min=10 ** 8, max=10 ** 9)",
    "joiner(1)()",
    "cycler()",
    "'a' | tojson(10 ** 9)",
    "[[1]] | tojson(10 ** 8)",
    "tojson([1], sort_keys=10 ** 9)",
    "modules.datetime.date(10 ** 9, 1, 1)",
    "modules.datetime.timedelta(days=10 ** 18)",
    "modules.datetime.timedelta(days=999999999) * 1000",
    "modules.datetime.datetime.max + modules.datetime.timedelta(days=1)",
    "modules.datetime.datetime.strptime('x' * 100000, '%Y' * 1000)",
    "modules.datetime.datetime.now().strftime('%Y' * 1000000) | length",
    "modules.datetime.datetime.fromtimestamp(10 ** 18)",
    "modules.pytz.timezone('x' * 1000000)",
    "modules.pytz.timezone('../../etc/passwd')",
    "fromjson('[' * 100000)",
    `fromjson('[' * 100000 ~ ']' * 100000)`,
    `fromjson('{"a":' * 100000 ~ '1' ~ '}' * 100000)`,
    "fromjson('1' * 1000000)",
    "fromjson('1e999999999')",
    "fromyaml('[' * 20000)",
    "fromyaml('[' * 20000 ~ ']' * 20000)",
    "fromyaml('{a: ' * 20000 ~ '1' ~ '}' * 20000)",
    "fromyaml('- ' * 20000)",
    "fromyaml('a: &a [*a]')",
    "fromyaml('a: &a {<<: *a}')",
    "fromyaml('&a [*a, *a]')",
    "fromyaml('a: &a [1,1,1,1,1,1,1,1,1]\\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a]\\nc: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b]\\nd: &d [*c,*c,*c,*c,*c,*c,*c,*c,*c]\\ne: &e [*d,*d,*d,*d,*d,*d,*d,*d,*d]\\nf: &f [*e,*e,*e,*e,*e,*e,*e,*e,*e]\\ng: &g [*f,*f,*f,*f,*f,*f,*f,*f,*f]\\nh: &h [*g,*g,*g,*g,*g,*g,*g,*g,*g]\\ni: &i [*h,*h,*h,*h,*h,*h,*h,*h,*h]')",
    "fromyaml('x' * 20000000) | length",
    "fromyaml('!!python/object:os.system [ls]')",
    "local_md5('x' * 90000000)",
    "('a,' * 30000000).split(',') | length",
    "('a' * 30000000) | list | length",
    "('a' * 30000000) | reverse | list | length",
    "('x' * 30000000) | urlize | length",
    "('<' * 50000000) | e | length",
    "('x ' * 10000000) | wordcount",
    "('x' * 30000000) | title | length",
    "('&' * 50000000) | urlencode | length",
    "('\xE9' * 10000000) | tojson | length",
    "dict(a=1) | xmlattr",
    "['x' * 90000000] * 100 | join | length",
    "(['x' * 90000000] * 100) | string | length",
    "tojson(['x' * 90000000] * 100) | length",
    "range(99999) | map('string') | map('center', 100000) | join | length",
    "zip(range(99999), range(99999)) | list | length",
    "set(range(99999) | list * 200)",
    "range(99999) | list | sort | sum",
    "range(99999) | list | unique | list | length",
    "[1] | sum(start=[])",
    "[[1]] * 3000 | sum(start=[]) | length",
    "{}.update",
    "namespace(a=namespace)",
    "self",
    "self()",
    "loop",
    "caller()",
    "context",
    "varargs",
    "kwargs",
    "super()",
    "cycler",
    "graph",
    "builtins",
    "model",
    "this | tojson",
    "target | tojson",
    "flags | tojson",
    "adapter",
    "adapter.dispatch('x' * 1000000)()",
    "adapter.dispatch('__proto__')()",
    "ref('x' * 10000000)",
    "ref('__proto__')",
    "ref('constructor')",
    "source('__proto__', 'constructor')",
    "var('__proto__')",
    "var('constructor', 1)",
    "env_var('__proto__')",
    "env_var('x' * 10000000)",
    "doc('x')",
    "exceptions.raise_compiler_error('x' * 90000000)",
    "exceptions.raise_compiler_error(1)",
    "exceptions.warn('x' * 90000000)",
    "log('x' * 90000000)",
    "config(alias='x' * 10000000)",
    "config(tags=['x'] * 1000000)",
    "config.get('x' * 10000000)",
    "config(materialized=1)",
    "config(materialized=['a'])",
    "config(1)",
    "config('a', 'b')",
    "config(schema={})",
    "config(alias=1)",
    "config(tags={'a': 1})",
    "config(meta=1)",
    "config(pre_hook=1)",
    "config(enabled='maybe')",
    "config(constructor=1, __proto__=2)",
    "config(persist_docs=1)",
    "config(grants=1)",
    "config(unique_key={})",
    "config(on_schema_change={})"
  ].map((expression) => `{{ ${expression} }}`),
  // What calls itself.
  "{% macro a() %}{{ b() }}{% endmacro %}{% macro b() %}{{ a() }}{% endmacro %}{{ a() }}",
  "{% macro a() %}{% call a() %}{{ caller() }}{% endcall %}{% endmacro %}{{ a() }}",
  "{% macro a(x) %}{{ x(x) }}{% endmacro %}{{ a(a) }}",
  "{% macro a(x) %}{{ [1] | map(x) | list }}{% endmacro %}{{ a(a) }}",
  "{% for x in [[1]] recursive %}{{ loop([x]) }}{% endfor %}",
  "{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}",
  "{% for a in range(99999) %}{% for b in range(99999) %}x{% endfor %}{% endfor %}",
  "{% set l = [1] %}{% for x in l %}{% do l.append(x) %}{% endfor %}",
  "{% for x in modules.itertools.count() %}{% endfor %}",
  "{% for x in modules.itertools.count() %}{{ x }}{% endfor %}",
  "{% for x in modules.itertools.cycle(['x' * 1000000]) %}{{ x }}{% endfor %}",
  "{% include 'a' %}",
  "{% extends 'a' %}",
  "{% import 'models/a.sql' as x %}",
  "{% from '../../etc/passwd' import x %}",
  "{% include 'a.sql' ignore missing %}{% include ['a', 'b'] %}",
  "{{ '\\x' }}",
  "{{ '\\u' }}",
  "{{ '\\N{nothing}' }}",
  "{{ '\\U99999999' }}",
  "{{ 0x }}",
  "{{ 0b2 }}",
  "{{ 1_000__0 }}",
  "{{ 1e }}",
  "{{ 'abc }}",
  "{{ a. }}",
  "{{ | }}",
  "{% %}",
  "{%",
  "{{",
  "{#",
  "{% endif %}",
  "{% unknown %}",
  "{% set %}",
  "{% set a.b.c = 1 %}",
  "{% for in %}",
  "{% macro %}",
  "{% macro 1() %}{% endmacro %}",
  "{% materialization x %}{% endmaterialization %}",
  "{% test %}{% endtest %}",
  "{% snapshot %}{% endsnapshot %}",
  "{% docs %}{% enddocs %}"
];
var values = VALUES.map((text, i) => ({ name: `template ${i}: ${text.length > 150 ? `${text.slice(0, 60)} \u2026 ${text.slice(-80)}` : text}`, command: ["parse"], files: { "models/a.sql": `select 1
${text}` }, exit: HARMLESS, names: /models\/a\.sql|models\/a|Found|^$/ }));
var A = "'a' * 40 ~ '!'";
var PATTERNS = [
  `modules.re.match('(a+)+$', ${A})`,
  `modules.re.search('(a|a)*$', ${A})`,
  `modules.re.fullmatch('(a|aa)+', ${A})`,
  `modules.re.findall('(a*)*b', ${A})`,
  `modules.re.split('(a+)+b', ${A})`,
  `modules.re.sub('(a+)+b', 'x', ${A})`,
  `modules.re.subn('(.*)*b', 'x', ${A})`,
  `modules.re.compile('([a-z]+)*c').match(${A})`,
  `modules.re.finditer('(a?){40}a{40}b', ${A}) | list`,
  `modules.re.match('^(([a-z])+.)+[A-Z]([a-z])+$', ${A})`,
  `modules.re.match('(?:a|b|ab)*c', 'ab' * 30)`,
  `modules.re.match('(x+x+)+y', 'x' * 60)`,
  `modules.re.search('.*.*.*.*.*.*=', 'x' * 3000)`,
  `modules.re.search('(?=(a+)+b)', ${A})`,
  `modules.re.search('(?<=(a+)+)b', ${A})`,
  `modules.re.match('(\\\\w+\\\\s?)*!', 'aaaa ' * 12)`,
  `modules.re.sub('\\\\s+$', '', ' ' * 200000 ~ 'x')`,
  "modules.re.compile('(' * 50000)",
  "modules.re.compile('(' * 50000 ~ ')' * 50000)",
  "modules.re.compile('[' * 50000)",
  "modules.re.compile('a' * 5000000)",
  "modules.re.compile('a{1000000000}')",
  "modules.re.match('(a{60000}){60000}', 'a')",
  "modules.re.match('(((a{999}){999}){999}){999}', 'a')",
  "modules.re.compile('a{99999999999999999999}')",
  "modules.re.compile('\\\\1')",
  "modules.re.compile('(?P<a>x)(?P<a>y)')",
  "modules.re.compile('(?P<__proto__>x)')",
  "modules.re.compile('[z-a]')",
  "modules.re.compile('*')",
  "modules.re.compile('\\\\p{L}')",
  "modules.re.compile('(?R)')",
  "modules.re.compile('a|*')",
  "modules.re.compile('\\\\')",
  "modules.re.compile('(?i' )",
  "modules.re.sub('a', '\\\\9', 'a')",
  "modules.re.sub('a', '\\\\g<b>', 'a')",
  "modules.re.match(1, 'a')",
  "modules.re.match('a', 1)",
  "modules.re.compile('a', 99999999999999999999)",
  "modules.re.compile('a', 'b')",
  "modules.re.split('a', 'a', 'b')",
  "modules.re.sub('a', 1, 'a')",
  "modules.re.escape(1)",
  "modules.re.sub('', 'x' * 1000000, 'y' * 1000000)",
  "modules.re.findall('', 'x' * 3000000) | length",
  "modules.re.search('x', 'y' * 30000000)",
  "modules.re.match('a', 'a').group(9)",
  "modules.re.match('a', 'a').group('x')",
  "modules.re.match('(?:a|a)*' * 30 ~ 'b', 'a' * 30)",
  "modules.re.compile('(a|b|c|d|e|f)*g').pattern",
  "modules.re.search('^(.*?,){25}P', '1,' * 400)",
  "modules.re.compile('|' * 100000).match('a')",
  "modules.re.compile('(?:' * 3000 ~ 'a' ~ ')*' * 3000).match('a' * 100)"
];
var patterns = PATTERNS.map((text) => ({ name: `pattern: ${text}`, command: ["parse"], files: { "models/a.sql": `select 1
{{ ${text} }}` }, exit: HARMLESS, names: /models\/a\.sql|Found|^$/ }));
var TEMPLATES = [...nested, ...inOtherFiles, ...values, ...patterns];

// tests/engine/hostile/inputs-yaml.ts
var ALIASES = Array.from({ length: 9 }, (_, i) => `${"abcdefghi"[i]}: &${"abcdefghi"[i]} [${i === 0 ? times("x,", 9) : times(`*${"abcdefghi"[i - 1]},`, 9)}]
`).join("");
var MERGES = Array.from({ length: 40 }, (_, i) => `k${i}: &k${i} {${i === 0 ? "x: 1" : `<<: [*k${i - 1}, *k${i - 1}], y${i}: 1`}}
`).join("");
var NEST = 2e4;
var SHAPES = {
  "lists in lists": `a: ${times("[", NEST)}${times("]", NEST)}
`,
  "lists never closed": `a: ${times("[", NEST)}
`,
  "mappings in mappings": `a: ${times("{a: ", NEST)}1${times("}", NEST)}
`,
  "block lists in block lists": `a:
  ${times("- ", NEST)}1
`,
  "block mappings in block mappings": Array.from({ length: 2e3 }, (_, i) => `${" ".repeat(i)}a:
`).join(""),
  "question marks": `${times("? ", NEST)}a
`,
  "an alias bomb": ALIASES,
  "a merge bomb": MERGES,
  "an anchor in itself": "a: &a [*a]\nname: p\n",
  "an anchor merged with itself": "a: &a {<<: *a, b: 1}\nname: p\n",
  "two anchors in each other": "a: &a {b: &b {c: *a, <<: *a}}\n",
  "an anchor that is the whole": "&a {name: p, models: *a}\n",
  "an anchor as its own key": "&a {*a : 1}\n",
  "an alias to nothing": "a: *nothing\n",
  "a merge of nothing": "a: {<<: 1}\n",
  "a merge of a list of itself": "a: &a [{<<: *a}]\n",
  "ten thousand anchors": Array.from({ length: 1e4 }, (_, i) => `k${i}: &k${i} ${i === 0 ? 1 : `*k${i - 1}`}
`).join(""),
  "a long chain of anchors": Array.from({ length: 1e4 }, (_, i) => `k${i}: &k${i} [${i === 0 ? 1 : `*k${i - 1}`}]
`).join(""),
  "a tab": "a:\n	- b\n",
  "a NUL byte": "a: b\0\n",
  "bytes that are no UTF-8": new Uint8Array([97, 58, 32, 255, 254, 10]),
  "UTF-16": new Uint8Array([255, 254, 97, 0, 58, 0, 32, 0, 49, 0]),
  "a Python object": "a: !!python/object/apply:os.system [ls]\n",
  "a binary tag": 'a: !!binary "@@@"\n',
  "a tag of its own": "a: !x [1]\n",
  "a set, an ordered map and pairs": "a: !!set {b}\nc: !!omap [d: 1]\ne: !!pairs [f: 1]\n",
  "an int of a million digits": `a: ${times("9", 1e6)}
`,
  "a float beyond all": "a: 1.0e+999999\nb: .inf\nc: .nan\n",
  "absurd sexagesimal": `a: ${times("1:", 1e4)}1
`,
  "absurd dates": "a: 9999-99-99\nb: 0000-00-00 99:99:99\n",
  "a list as a key": "? [a, b]\n: 1\n",
  "a mapping as a key": "{a: 1}: 2\n",
  "two documents": "a: 1\n---\nb: 2\n",
  "a directive": "%YAML 9.9\n---\na: 1\n",
  "quotes never closed": 'a: "b\n',
  "nothing": "",
  "only a comment": "# a\n",
  "null": "null\n",
  "a number": "5\n",
  "a text": "hello\n",
  "a list": "[1, 2]\n",
  "__proto__ and constructor": "__proto__: {polluted: 1}\nconstructor: {prototype: {polluted: 1}}\n"
};
var FILES2 = {
  "dbt_project.yml": { command: ["parse"] },
  "profiles.yml": { command: ["parse"] },
  "models/s.yml": { command: ["parse"] },
  "packages.yml": { command: ["deps"] },
  "package-lock.yml": { command: ["parse"], files: { "packages.yml": "packages: [{local: x}]\n" } },
  "dependencies.yml": { command: ["deps"] },
  "selectors.yml": { command: ["ls", "--selector", "a"] },
  "connections.yml": { command: ["load", "status"], files: { "models/a.yml": "sources: [{name: r, tables: [{name: t, config: {meta: {tsdbt: {load: {topic: t, connection: c}}}}, columns: [{name: a, data_type: text}]}]}]\n" } }
};
var shapes = Object.entries(FILES2).flatMap(([path, { command, files }]) => Object.entries(SHAPES).map(([what, text]) => ({ name: `${path} with ${what}`, command, files: { ...files, [path]: text }, exit: HARMLESS })));
var INSIDE = {
  "vars of dbt_project.yml": (value) => ["dbt_project.yml", `${PROJECT}vars:
  v: ${value}
`],
  "models of dbt_project.yml": (value) => ["dbt_project.yml", `${PROJECT}models:
  p:
    +meta: ${value}
`],
  "a meta": (value) => ["models/s.yml", `models:
  - name: a
    config:
      meta: {m: ${value}}
`],
  "the arguments of a test": (value) => ["models/s.yml", `models:
  - name: a
    data_tests:
      - t: {x: ${value}}
`],
  "rows of a unit test": (value) => ["models/s.yml", `unit_tests:
  - name: u
    model: a
    given: []
    expect: {rows: ${value}}
`]
};
var VALUES2 = {
  "lists in lists": `${times("[", NEST)}${times("]", NEST)}`,
  "mappings in mappings": `${times("{a: ", NEST)}1${times("}", NEST)}`,
  "lists in lists, 900 deep": `${times("[", 900)}${times("]", 900)}`,
  "an alias bomb": `{${ALIASES.replaceAll("\n", ", ")}}`,
  "an anchor in itself": "&a [*a]",
  "an anchor merged with itself": "&a {<<: *a, b: 1}",
  "an absurd number": times("9", 1e5)
};
var inside = Object.entries(INSIDE).flatMap(([where, make]) => Object.entries(VALUES2).map(([what, value]) => {
  const [path, text] = make(value);
  return {
    name: `${what} in ${where}`,
    command: ["compile", "--no-introspect"],
    exit: HARMLESS,
    files: { "models/a.sql": "select {{ var('v', 1) | string | length }}", "tests/generic/t.sql": "{% test t(model, x) %}select {{ x | string | length }}{% endtest %}", [path]: text }
  };
}));
var ODD = ["null", "[]", "{}", "5", '"x"', "[null]", "{a: {b: [1]}}", "true", "-1.5", "[[1]]", "2020-01-01", '"{{ 1 / 0 }}"', '"{{ nosuch() }}"', "{__proto__: 1}", ".nan"];
var KEYS = [
  "models: @",
  "models: [@]",
  "models: [{name: @}]",
  "models: [{name: a, columns: @}]",
  "models: [{name: a, columns: [@]}]",
  "models: [{name: a, columns: [{name: @}]}]",
  "models: [{name: a, columns: [{name: b, data_tests: @}]}]",
  "models: [{name: a, columns: [{name: b, data_tests: [@]}]}]",
  "models: [{name: a, columns: [{name: b, data_tests: [{unique: @}]}]}]",
  "models: [{name: a, columns: [{name: b, data_tests: [{unique: {config: @}}]}]}]",
  "models: [{name: a, columns: [{name: b, constraints: @}]}]",
  "models: [{name: a, columns: [{name: b, constraints: [@]}]}]",
  "models: [{name: a, columns: [{name: b, data_type: @}]}]",
  "models: [{name: a, config: @}]",
  "models: [{name: a, config: {tags: @}}]",
  "models: [{name: a, config: {meta: @}}]",
  "models: [{name: a, config: {contract: @}}]",
  "models: [{name: a, config: {grants: @}}]",
  "models: [{name: a, config: {pre_hook: @}}]",
  "models: [{name: a, config: {schema: @}}]",
  "models: [{name: a, config: {alias: @}}]",
  "models: [{name: a, config: {enabled: @}}]",
  "models: [{name: a, config: {materialized: @}}]",
  "models: [{name: a, config: {docs: @}}]",
  "models: [{name: a, config: {event_time: @}}]",
  'models: [{name: a, config: {batch_size: @, materialized: incremental, incremental_strategy: microbatch, event_time: b, begin: "2020-01-01"}}]',
  "models: [{name: a, config: {begin: @, materialized: incremental, incremental_strategy: microbatch, event_time: b, batch_size: day}}]",
  'models: [{name: a, config: {lookback: @, materialized: incremental, incremental_strategy: microbatch, event_time: b, batch_size: day, begin: "2020-01-01"}}]',
  "models: [{name: a, versions: @}]",
  "models: [{name: a, versions: [@]}]",
  "models: [{name: a, latest_version: @, versions: [{v: 1}]}]",
  "models: [{name: a, versions: [{v: @}]}]",
  "models: [{name: a, versions: [{v: 1, columns: [@]}]}]",
  "models: [{name: a, access: @}]",
  "models: [{name: a, group: @}]",
  "models: [{name: a, deprecation_date: @}]",
  "models: [{name: a, constraints: [@]}]",
  "models: [{name: a, time_spine: @}]",
  "models: [{name: a, description: @}]",
  "models: [{name: a, docs: @}]",
  "sources: @",
  "sources: [@]",
  "sources: [{name: @}]",
  "sources: [{name: s, tables: @}]",
  "sources: [{name: s, tables: [@]}]",
  "sources: [{name: s, tables: [{name: @}]}]",
  "sources: [{name: s, tables: [{name: t, freshness: @}]}]",
  "sources: [{name: s, tables: [{name: t, freshness: {warn_after: @}}]}]",
  "sources: [{name: s, quoting: @}]",
  "sources: [{name: s, tables: [{name: t, loaded_at_field: @}]}]",
  "sources: [{name: s, schema: @}]",
  "sources: [{name: s, overrides: @}]",
  "sources: [{name: s, tables: [{name: t, config: {meta: {tsdbt: {load: @}}}}]}]",
  "seeds: [{name: a, config: {column_types: @}}]",
  "snapshots: @",
  "snapshots: [@]",
  "snapshots: [{name: n, relation: @}]",
  'snapshots: [{name: n, relation: ref("a"), config: @}]',
  'snapshots: [{name: n, relation: ref("a"), config: {strategy: @, unique_key: a}}]',
  "exposures: [@]",
  "exposures: [{name: e, type: @, owner: {email: x}}]",
  "exposures: [{name: e, type: dashboard, owner: @}]",
  "exposures: [{name: e, type: dashboard, owner: {email: x}, depends_on: @}]",
  "groups: [@]",
  "groups: [{name: g, owner: @}]",
  "macros: [@]",
  "macros: [{name: m, arguments: @}]",
  "metrics: [@]",
  "metrics: [{name: m, label: m, type: @, type_params: {}}]",
  "metrics: [{name: m, label: m, type: simple, type_params: @}]",
  "semantic_models: [@]",
  "semantic_models: [{name: m, model: @}]",
  'semantic_models: [{name: m, model: ref("a"), entities: @, dimensions: @, measures: @}]',
  "saved_queries: [@]",
  "saved_queries: [{name: q, query_params: @}]",
  "saved_queries: [{name: q, query_params: {metrics: @}, exports: @}]",
  "unit_tests: @",
  "unit_tests: [@]",
  "unit_tests: [{name: u, model: @, given: [], expect: {rows: []}}]",
  "unit_tests: [{name: u, model: a, given: @, expect: {rows: []}}]",
  "unit_tests: [{name: u, model: a, given: [@], expect: {rows: []}}]",
  "unit_tests: [{name: u, model: a, given: [{input: @, rows: []}], expect: {rows: []}}]",
  "unit_tests: [{name: u, model: a, given: [], expect: @}]",
  "unit_tests: [{name: u, model: a, given: [], expect: {rows: @}}]",
  "unit_tests: [{name: u, model: a, given: [], expect: {format: @, rows: x}}]",
  "unit_tests: [{name: u, model: a, given: [{input: this, format: csv, fixture: @}], expect: {rows: []}}]",
  "unit_tests: [{name: u, model: a, overrides: @, given: [], expect: {rows: []}}]",
  "functions: [@]",
  "functions: [{name: f, arguments: @, returns: @}]",
  "analyses: [@]",
  "data_tests: [@]",
  "version: @",
  "@: 1"
];
var odd2 = KEYS.flatMap((key, i) => ODD.map((value, j) => ({
  name: `properties ${key.replaceAll("@", value)}`,
  command: ["parse"],
  exit: HARMLESS,
  ...(i + j) % 7 === 0 ? {} : { long: true },
  files: { "models/a.sql": "select 1 as b", "seeds/a2.csv": "a\n1\n", "models/s.yml": `${key.replaceAll("@", value)}
` }
})));
var PROJECT_KEYS = [
  "name: @",
  `${PROJECT}version: @`,
  `${PROJECT}config-version: @`,
  `name: p
profile: @`,
  `${PROJECT}model-paths: @`,
  `${PROJECT}model-paths: [@]`,
  `${PROJECT}target-path: @`,
  `${PROJECT}log-path: @`,
  `${PROJECT}clean-targets: @`,
  `${PROJECT}on-run-start: @`,
  `${PROJECT}vars: @`,
  `${PROJECT}vars: {p: @}`,
  `${PROJECT}models: @`,
  `${PROJECT}models: {p: @}`,
  `${PROJECT}models: {+schema: @}`,
  `${PROJECT}models: {+tags: @}`,
  `${PROJECT}flags: @`,
  `${PROJECT}flags: {warn_error_options: @}`,
  `${PROJECT}flags: {printer_width: @}`,
  `${PROJECT}quoting: @`,
  `${PROJECT}dispatch: @`,
  `${PROJECT}dispatch: [@]`,
  `${PROJECT}query-comment: @`,
  `${PROJECT}packages-install-path: @`,
  `${PROJECT}require-dbt-version: @`,
  `${PROJECT}docs-paths: @`,
  `${PROJECT}asset-paths: @`,
  `${PROJECT}restrict-access: @`,
  `${PROJECT}dbt-cloud: @`,
  `${PROJECT}@: 1`
];
var oddProjects = PROJECT_KEYS.flatMap((key, i) => ODD.map((value, j) => ({
  name: `dbt_project.yml ${key.replace(PROJECT, "").replaceAll("@", value)}`,
  command: ["parse"],
  exit: HARMLESS,
  ...(i + j) % 7 === 0 ? {} : { long: true },
  files: { "dbt_project.yml": `${key.replaceAll("@", value)}
`, "models/a.sql": "select 1" }
})));
var PROFILE_KEYS = ["p: @", "p: {outputs: @}", "p: {target: @, outputs: {dev: {type: postgres}}}", "p: {target: dev, outputs: {dev: @}}", "p: {target: dev, outputs: {dev: {type: @}}}", "config: @", ...["host", "port", "user", "password", "dbname", "schema", "threads", "sslmode", "keepalives_idle", "search_path", "retries", "connect_timeout", "role"].map((key) => `p: {target: dev, outputs: {dev: {type: postgres, host: h, port: 1, user: u, password: p, dbname: d, schema: s, ${key}: @}}}`)];
var oddProfiles = PROFILE_KEYS.flatMap((key, i) => ODD.map((value, j) => ({
  name: `profiles.yml ${key.replaceAll("@", value)}`,
  command: ["parse"],
  exit: HARMLESS,
  ...(i + j) % 7 === 0 ? {} : { long: true },
  files: { "profiles.yml": `${key.replaceAll("@", value)}
` }
})));
var YAML = [...shapes, ...inside, ...odd2, ...oddProjects, ...oddProfiles];

// tests/engine/hostile/zz-run.mts
var ALL = [...TEMPLATES, ...YAML, ...FILES];
console.log("counts", TEMPLATES.length, YAML.length, FILES.length, ALL.filter((i) => !i.long).length);
if (process.argv[2] === "count") process.exit(0);
var part = Number(process.argv[2] ?? 0);
var parts = Number(process.argv[3] ?? 1);
var isolated2 = process.argv[4] === "isolated";
var from = Number(process.env.FROM ?? 0);
var filter = process.argv[5] ? new RegExp(process.argv[5]) : null;
var server = { credentials: { type: "postgres", host: "127.0.0.1", port: 55712, user: "u", password: "x", database: "d" }, close: async () => {
} };
var { database: dbname, ...credentials } = server.credentials;
var arena = new Arena({ ...credentials, dbname, schema: "hostile" }, isolated2);
var n = 0;
var bad = 0;
var start = Date.now();
for (const [i, input] of ALL.entries()) {
  if (i % parts !== part || i < from) continue;
  if (filter && !filter.test(input.name)) continue;
  const t = Date.now();
  const a = await arena.attempt(input);
  const f = faults(input, a);
  n++;
  if (f.length) bad++;
  console.log(JSON.stringify({ i, name: input.name.slice(0, 150), long: input.long, exit: a.exit, s: +a.seconds.toFixed(2), w: (Date.now() - t) / 1e3, mb: Math.round(a.megabytes), ...f.length ? { f } : {}, ...filter || f.length ? { out: a.output.slice(0, 600) } : {} }));
}
console.log("done", n, "bad", bad, (Date.now() - start) / 1e3);
arena.close();
await server.close();
process.exit(0);
