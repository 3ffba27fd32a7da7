// unit-test capture: prints a unit test of a model with rows of the database, as YAML.
import { stringify } from 'yaml';
import { errorOf } from '../../error-table.ts';
import { print } from '../../events/index.ts';
import { captureUnitTest, columnPlace } from '../../index.ts';
import { type CommandSession, now } from '../command-session.ts';
import { loadAndParse } from './run.ts';

/** A condition may name its input: `orders: status = 'paid'`. */
const FOR_INPUT = /^\s*([^\s:'"()]+)\s*:(?!:)\s*(.+)$/s;

/** @returns true. @throws `usage` for an unknown model or input, and a wrong number of rows */
export async function captureCommand(session: CommandSession): Promise<boolean> {
  const { flags, logger, positional, secrets } = session;
  const [, asked = ''] = positional;
  const rows = Number(flags['rows']);
  if (rows < 1) throw errorOf('captureRows', { rows });
  const written = typeof flags['where'] === 'string' ? flags['where'] : null;
  const [, input = null, condition = written] = FOR_INPUT.exec(written ?? '') ?? [];
  const parsed = await loadAndParse(session, { write: false });
  try {
    const { node: id } = columnPlace(parsed, asked);
    const model = parsed.manifest.nodes[id];
    if (model?.resource_type !== 'model' || model.language !== 'sql') throw errorOf('captureNoModel', { node: id });
    const name = typeof flags['test_name'] === 'string' ? flags['test_name'] : `${model.name}_captured`;
    const time = new Date(now()).toISOString().slice(0, 19).replace('T', ' ');
    const test = await captureUnitTest(parsed, model, { name, rows, where: { input, condition }, now: time });
    print(logger, secrets.mask(stringify({ unit_tests: [test] }, { lineWidth: 0, version: '1.1' }).trimEnd()));
    return true;
  } finally {
    await parsed.adapter.close();
  }
}
