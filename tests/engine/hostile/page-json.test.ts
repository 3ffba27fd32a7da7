// Half of a surrogate pair in a name, which YAML accepts, does not stop the scripts of a page.
import { expect, it } from 'vitest';
import { renderPage } from '../../../src/docs/page.ts';
import type { SiteData } from '../../../src/docs/site-data.ts';
import { pageJson } from '../../../src/http/page-json.ts';

const TEXTS = ['\ud800', 'a\udfffb', '\ud83d\ude00', '\\ud800', '\\\\ud800', '\\\ud800', '\n\ud800"', '\ude00\ud83d'];

it('the JSON of a page contains only text that can be part of a link', () => {
  for (const text of TEXTS) {
    const read: unknown = JSON.parse(pageJson(JSON.stringify([text])));
    expect(read).toEqual([Buffer.from(text).toString()]);
    expect(() => encodeURIComponent(String(read))).not.toThrow();
  }
});

it('a docs page with such a name has it as text', () => {
  const data = { project: 'p', nodes: [{ id: 'source.p.s\ud800.t' }] };
  expect(renderPage(data as unknown as SiteData)).toContain('"source.p.s\ufffd.t"');
});
