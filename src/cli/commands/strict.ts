// compile --strict and build --strict: prints the mistakes that the local engine finds, and what it could not check.
import { note, print } from '../../events/index.ts';
import { checkPolicies, checkProject, type Finding, formatError, type ParsedProject } from '../../index.ts';
import { pluralize } from '../../log.ts';
import { inColumns } from '../columns.ts';
import type { CommandSession } from '../command-session.ts';
import { chosen } from './run.ts';

/** Maximum number of nodes that the text output lists as not checked. */
const LISTED = 20;

/** @returns whether there are no mistakes */
export async function checkStrictly(session: CommandSession, parsed: ParsedProject, json: boolean): Promise<boolean> {
  const { logger, secrets } = session;
  const { selected } = chosen(session, parsed);
  const policies = await checkPolicies(parsed, selected);
  const { checked, ...ofProject } = await checkProject(parsed, selected);
  const findings = [...ofProject.findings, ...(policies?.findings ?? [])];
  const notChecked = [...ofProject.notChecked, ...(policies?.notChecked ?? [])];
  if (json) {
    for (const finding of findings) print(logger, secrets.maskJson(JSON.stringify(recordOf(finding))));
    for (const { node, reason } of notChecked)
      print(logger, secrets.maskJson(JSON.stringify({ node, status: 'not_checked', reason })));
    return findings.length === 0;
  }
  for (const { error } of findings) print(logger, secrets.mask(`${formatError(error)}\n`));
  if (notChecked.length > 0) {
    const rows = notChecked.slice(0, LISTED).map(({ node, reason }) => [node, reason]);
    const more = notChecked.length > LISTED ? [`… and ${notChecked.length - LISTED} more, see --output json`] : [];
    print(logger, secrets.mask(['Not checked:', ...inColumns(rows), ...more].join('\n  ')));
  }
  const text =
    `${checked} nodes checked, ${ofProject.notChecked.length} not checked, ` +
    `${ofProject.findings.length} mistakes found`;
  note(logger, text, { level: ofProject.findings.length > 0 ? 'error' : 'info' });
  if (policies !== null) {
    const summary =
      `policies: ${pluralize(policies.tagged, 'column')} with a tag, ${policies.notChecked.length} not checked, ` +
      pluralize(policies.findings.length, 'violation');
    note(logger, summary, { level: policies.findings.length > 0 ? 'error' : 'info' });
  }
  return findings.length === 0;
}

/** A mistake in the format of `--output json`. docs/strict.md documents the keys. */
function recordOf({ node, error }: Finding): Record<string, unknown> {
  const { path, line, column, hint, code } = error.details;
  return {
    node,
    status: 'mistake',
    code: error.errorCode,
    server_code: code,
    message: error.message,
    path,
    line,
    column,
    hint,
  };
}
