// Renaming of columns and completion on ClickHouse, whose embedded engine parses the queries.
import type { CompletionItem, WorkspaceEdit } from 'vscode-languageserver-protocol/node';
import { afterEach, describe, expect, it } from 'vitest';
import { clickhouseMissing } from '../support/clickhouse.ts';
import { EditorClient, SHOP } from './editor-client.ts';

let editor: EditorClient;
afterEach(() => editor.close());

const PROFILES =
  'shop:\n  target: ch\n  outputs:\n' +
  '    ch: {type: clickhouse, host: 127.0.0.1, port: 1, user: u, password: p, schema: s, threads: 1}\n';

describe.skipIf(clickhouseMissing !== null)('the language server on ClickHouse', () => {
  it('renames a column in the readers that keep its name, unless several changes are possible', async () => {
    editor = await EditorClient.open({
      'dbt_project.yml': SHOP['dbt_project.yml'] ?? '',
      'profiles.yml': PROFILES,
      'models/base.sql': "select 1 as id, ['a'] as Tags, 2 as amount\n",
      'models/mid.sql': "select id, amount, arrayMap(x -> upper(x), Tags) as tags from {{ ref('base') }}\n",
      'models/last.sql':
        "with m as (select * from {{ ref('mid') }})\nselect m.amount * 2 as amount, id from m where amount > 1\n",
    });
    const where = ['models/base.sql', '2 as am|ount'] as const;
    const edit = await editor.ask<WorkspaceEdit>('textDocument/rename', ...where, { newName: 'total' });
    const found = editor.edited(edit);
    expect(found['models/base.sql']).toBe("select 1 as id, ['a'] as Tags, 2 as total\n");
    expect(found['models/mid.sql']).toBe(
      "select id, total, arrayMap(x -> upper(x), Tags) as tags from {{ ref('base') }}\n",
    );
    // In WHERE, the alias takes precedence over the column, and lineage cannot distinguish them.
    expect(found['models/last.sql']).toBeUndefined();
    expect(await editor.message()).toContain('models/last.sql:2: several changes are possible');
    await editor.openFile('models/last.sql', "select m. from {{ ref('mid') }} m\n");
    const items = await editor.ask<CompletionItem[]>('textDocument/completion', 'models/last.sql', 'select m.|');
    expect(items.map(({ label }) => label)).toEqual(['id', 'amount', 'tags']);
  });
});
