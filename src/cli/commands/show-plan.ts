// plan: prints what `build --reuse` would run and reuse, with reasons and what it is expected to take.
import { print } from '../../events/index.ts';
import { type PlannedNode, planBuild } from '../../index.ts';
import type { CommandSession } from '../command-session.ts';
import { unlessStopped } from '../ending.ts';
import { chosen, loadAndParse } from './run.ts';

export async function planCommand(session: CommandSession): Promise<boolean> {
  const { flags, logger } = session;
  // Templates see the command that is planned.
  const asBuild = { ...session, flags: { ...flags, which: 'build', reuse: true } };
  const parsed = await loadAndParse(asBuild, { write: false });
  const { selected, warnings } = chosen(asBuild, parsed);
  for (const warning of warnings) logger.fire(warning);
  const nodes = await unlessStopped(session.signal, planBuild(parsed, selected));
  if (flags['output'] === 'json') {
    for (const { node, decision, reason, took } of nodes) {
      const { unique_id } = node;
      print(logger, JSON.stringify({ unique_id, decision, reason, seconds: took?.seconds, rows: took?.rows }));
    }
    return true;
  }
  for (const planned of nodes) print(logger, lineOf(planned));
  print(logger, totalsOf(nodes));
  return true;
}

function lineOf({ node: { unique_id: id }, decision, reason, took }: PlannedNode): string {
  if (decision === 'reused') return `reused ${id} because ${reason}`;
  const expected = took === null ? '' : ` (last time ${amount(took.seconds, took.rows)})`;
  return `runs ${id} ${decision === 'runs' ? 'because' : 'if'} ${reason}${expected}`;
}

function totalsOf(nodes: readonly PlannedNode[]): string {
  const of = (...decisions: PlannedNode['decision'][]): PlannedNode[] =>
    nodes.filter(({ decision }) => decisions.includes(decision));
  const expected = (some: readonly PlannedNode[]): string => {
    const sum = (part: 'seconds' | 'rows'): number => some.reduce((all, { took }) => all + (took?.[part] ?? 0), 0);
    return amount(sum('seconds'), sum('rows'));
  };
  const runs = of('runs');
  const depends = of('depends');
  const unknown = runs.filter(({ took }) => took === null).length;
  return (
    `\n${runs.length} run, ${depends.length} run if data change, ${of('reused').length} are reused. Expected from ` +
    `the last runs: ${expected(runs)}` +
    (depends.length === 0 ? '' : `, at most ${expected([...runs, ...depends])}`) +
    (unknown === 0 ? '.' : `, without ${unknown} that have no recorded run.`)
  );
}

function amount(seconds: number, rows: number | null): string {
  return `${seconds.toFixed(2)} s${rows === null ? '' : ` and ${rows} rows`}`;
}
