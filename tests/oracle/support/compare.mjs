// What counts as a difference between what dbt and tsdbt left of a case (see play.mjs): exit codes, results, compiled
// SQL, tables, manifests.
import { differences, sqlTokens } from './differences.mjs';
import { printed } from './play.mjs';

/** Fields of the manifest that cannot or need not be equal, each with its reason. */
const MANIFEST_IGNORED = [
  [
    /^metadata\.(generated_at|invocation_id|invocation_started_at|run_started_at|user_id|tsdbt_version)$/,
    'identity and clock of the invocation',
  ],
  [/\.created_at$/, 'clock'],
  [/\.root_path$/, 'the copies stand in different folders'],
  [
    /^macros\.macro\.(dbt|dbt_postgres)\./,
    'our own text of the built-in macros; macros.mjs compares names and arguments',
  ],
  [/^(parent_map|child_map)\.(macro)\./, 'macros have no edges there'],
  [/\.depends_on\.macros(\.|$)/, 'compared as sets of names of macros outside the built-in packages'],
  [/^docs\.doc\.dbt\.__overview__\.block_contents$/, 'our own text'],
];

/**
 * A manifest whose lists have an order that dbt itself does not fix: disabled nodes of one id stand as dbt walks the
 * folders, which is the file system's order; the sources of a model come from a set where dbt reads it without Jinja.
 */
function inOrder(manifest) {
  if (!manifest) return manifest;
  const byFile = (a, b) => (a.original_file_path < b.original_file_path ? -1 : 1);
  const disabled = Object.entries(manifest.disabled ?? {}).map(([id, list]) => [id, [...list].sort(byFile)]);
  const nodes = Object.entries(manifest.nodes ?? {}).map(([id, node]) => {
    if (node.resource_type !== 'model' || !((node.sources?.length ?? 0) > 1)) return [id, node];
    const ids = node.depends_on.nodes;
    const sources = ids.filter((each) => each.startsWith('source.')).sort();
    const nodesInOrder = ids.map((each) => (each.startsWith('source.') ? sources.shift() : each));
    return [
      id,
      {
        ...node,
        sources: [...node.sources].sort((a, b) => (a.join('.') < b.join('.') ? -1 : 1)),
        depends_on: { ...node.depends_on, nodes: nodesInOrder },
      },
    ];
  });
  return { ...manifest, nodes: Object.fromEntries(nodes), disabled: Object.fromEntries(disabled) };
}

/** @returns differences by area; `ignore` is the plan's, and `compareOutput`: true, or which steps */
export function compare(theirs, ours, { ignore, compareOutput }) {
  const found = {};
  const note = (area, lines) => {
    const patterns = (ignore[area] ?? []).map((p) => new RegExp(p));
    const counted = lines.filter((line) => !patterns.some((p) => p.test(line)));
    if (counted.length > 0) (found[area] ??= []).push(...counted);
  };
  theirs.seen.forEach((step, i) => {
    const mine = ours.seen[i];
    if (step.exit !== mine.exit)
      note('exit code', [`step ${i + 1} \`${step.run}\`: ${step.exit} ≠ ${mine.exit}\n${mine.output.slice(-1500)}`]);
    note(
      'results',
      differences(step.results, mine.results, () => false, `step ${i + 1}`),
    );
    note(
      'freshness',
      differences(step.sources, mine.sources, () => false, `step ${i + 1}`),
    );
    note(
      'catalog',
      differences(step.catalog, mine.catalog, () => false, `step ${i + 1}`),
    );
    if (compareOutput === true || (typeof compareOutput === 'function' && compareOutput(step)))
      note(
        'output',
        differences(printed(step.output), printed(mine.output), () => false, `step ${i + 1} \`${step.run}\``),
      );
    note(
      'tables',
      differences(step.database, mine.database, () => false, `step ${i + 1}`),
    );
  });
  const byBytes = (path) => /(^|\/)(models|analyses|analysis)\//.test(path) && !/\.(yml|yaml)\//.test(path);
  const form = (files, exact) =>
    Object.fromEntries(Object.entries(files).map(([path, text]) => [path, exact(path) ? text : sqlTokens(text)]));
  note('compiled SQL', differences(form(theirs.compiled, byBytes), form(ours.compiled, byBytes)));
  // A seed is emptied by DELETE: readers keep their rows until the commit, where TRUNCATE would show them an empty
  // table.
  const emptied = (files) =>
    Object.fromEntries(
      Object.entries(files).map(([path, sql]) => [path, sql.replace(/^truncate table /, 'delete from ')]),
    );
  // A snapshot on Postgres compares keys as well as ids, which different keys may share.
  const byId = (files) =>
    Object.fromEntries(
      Object.entries(files).map(([path, sql]) => [
        path,
        sql.replace(
          / and \( select DBT_INTERNAL_SOURCE \. dbt_unique_key\w* is not distinct .*? as DBT_INTERNAL_DEST \)/,
          '',
        ),
      ]),
    );
  note('run SQL', differences(emptied(form(theirs.run, () => false)), byId(emptied(form(ours.run, () => false)))));
  const ignored = MANIFEST_IGNORED.map(([pattern]) => pattern);
  note(
    'manifest',
    differences(inOrder(theirs.manifest), inOrder(ours.manifest), (path) => ignored.some((p) => p.test(path))),
  );
  return found;
}

/** What differs in an area, for people: how many lines, and the first `most` of them. */
export function differencesText(area, lines, most = 12) {
  const first = lines.slice(0, most).map((line) => `    ${line.replaceAll('\n', '\n      ')}\n`);
  return `  ${area}: ${lines.length}\n${first.join('')}`;
}
