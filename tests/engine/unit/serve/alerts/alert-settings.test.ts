// `alerts:` of jobs.yml: channels, filters, limits, and what is refused.
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { TsdbtError } from '../../../../../src/errors.ts';
import { loadYaml, locate } from '../../../../../src/project/yaml.ts';
import type { Json } from '../../../../../src/contracts/node.ts';
import { withOn } from '../../../../../src/serve/yaml-value.ts';
import type { Keys } from '../../../../../src/settings/setting.ts';
import { channelsOf } from './alert-stage.ts';

const folder = mkdtempSync(join(tmpdir(), 'tsdbt-alerts-'));
const path = join(folder, 'jobs.yml');
writeFileSync(join(folder, 'ca.pem'), 'a certificate');

function read(text: string) {
  const seen: string[] = [];
  const { alerts } = withOn(loadYaml(text, path)) as { alerts: Json };
  const lineOf = (keys: Keys) => locate(text, keys)?.line;
  const channels = channelsOf(alerts, { path, lineOf, seen: (secret) => secret !== '' && seen.push(secret) });
  const texts = (_key: string, value: unknown): unknown =>
    typeof value === 'function' ? value() : value instanceof Set ? [...value] : value;
  return { channels: JSON.parse(JSON.stringify(channels, texts)), seen };
}

const BASE = {
  on: ['failed', 'stale', 'slow', 'project', 'database', 'recovered'],
  owner: null,
  group: null,
  tag: null,
  job: null,
  after: 1,
  repeat: 3_600_000,
  rows: 5,
  timeout: 10_000,
};

describe('the alerts section of jobs.yml', () => {
  it('has channels of four kinds, with defaults for missing options', () => {
    const { channels, seen } = read(`
alerts:
  hook: { webhook: "https://example.com/a", secret: s3cret-key-of-more-than-24 }
  oncall: { slack: "https://hooks.slack.com/services/T/B/abc" }
  am: { alertmanager: "http://127.0.0.1:9093/", token: bearer-token, labels: { team: data } }
  mail:
    email: [a@example.com, "B <b@example.com>"]
    from: tsdbt@example.com
    smtp: { host: mail.example.com, user: u, password: mail-password, ca: ca.pem }
`);
    expect(channels).toEqual([
      {
        ...BASE,
        name: 'hook',
        kind: 'webhook',
        webhook: 'https://example.com/a',
        secret: 's3cret-key-of-more-than-24',
        headers: null,
      },
      { ...BASE, name: 'oncall', kind: 'slack', slack: 'https://hooks.slack.com/services/T/B/abc' },
      {
        ...BASE,
        name: 'am',
        kind: 'alertmanager',
        alertmanager: 'http://127.0.0.1:9093',
        username: null,
        password: null,
        token: 'bearer-token',
        labels: { team: 'data' },
      },
      {
        ...BASE,
        name: 'mail',
        kind: 'email',
        email: ['a@example.com', 'B <b@example.com>'],
        from: 'tsdbt@example.com',
        smtp: {
          host: 'mail.example.com',
          port: null,
          user: 'u',
          password: 'mail-password',
          tls: 'starttls',
          ca: 'a certificate',
          servername: null,
        },
      },
    ]);
    expect(seen).toEqual([
      's3cret-key-of-more-than-24',
      'https://hooks.slack.com/services/T/B/abc',
      '/services/T/B/abc',
      'bearer-token',
      'mail-password',
    ]);
  });

  it('has filters and limits, and `on` is a key even though YAML 1.1 reads it as a boolean', () => {
    const { channels } = read(`
alerts:
  hook:
    webhook: https://example.com/a
    on: [failed, recovered]
    owner: [Ann, data@example.com]
    group: finance
    tag: [a, b]
    job: fast
    after: 2
    repeat: none
    rows: 0
    timeout: 1m
`);
    expect(channels).toMatchObject([
      {
        on: ['failed', 'recovered'],
        owner: ['Ann', 'data@example.com'],
        group: ['finance'],
        tag: ['a', 'b'],
        job: ['fast'],
        after: 2,
        repeat: null,
        rows: 0,
        timeout: 60_000,
      },
    ]);
  });

  const hook = 'webhook: https://example.com/a';
  const smtp = 'email: a@b.c, from: a@b.c, smtp: ';
  it.each([
    ['alerts: [x]', 1, '\'alerts\' must be a dictionary of channels, found ["x"]', undefined],
    [
      'alerts:\n  a: x',
      2,
      'channel \'a\' must be a dictionary with webhook or slack or alertmanager or email, found "x"',
      'Write: oncall: { webhook: https://… }, or slack',
    ],
    ['alerts:\n  a: { after: 2 }', 2, "channel 'a' needs one of webhook, slack, alertmanager, email", undefined],
    ['alerts:\n  a: { webhok: x }', 2, "unknown key 'webhok' of channel 'a'", "did you mean 'webhook'?"],
    [`alerts:\n  a: { ${hook}, slack: "https://x.y" }`, 2, "has 'webhook' and 'slack'", 'Make two channels of it.'],
    [`alerts:\n  a:\n    ${hook}\n    repeet: 1h`, 4, "unknown key 'repeet' of channel 'a'", "did you mean 'repeat'?"],
    [`alerts:\n  a:\n    ${hook}\n    smtp: {}`, 4, "unknown key 'smtp' of channel 'a'", 'Keys: webhook, secret'],
    [
      'alerts:\n  a: { webhook: example.com }',
      2,
      "'webhook' of channel 'a' must be a URL with http or https",
      undefined,
    ],
    ['alerts:\n  a: { webhook: "" }', 2, 'must be a URL', 'is the environment variable set?'],
    [
      'alerts:\n  a: { webhook: "https://u:p@x.y" }',
      2,
      "'webhook' of channel 'a' must not hold credentials",
      undefined,
    ],
    ['alerts:\n  a: { slack: "http://hooks.slack.com/x" }', 2, 'must be a URL with https', undefined],
    [
      `alerts:\n  a: { ${hook}, secret: whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA= }`,
      2,
      "'secret' of channel 'a' has 23 bytes, expected 24 or more",
      'Make one with `echo whsec_$(openssl rand -base64 32)`, and give it to the receiver, too.',
    ],
    [
      `alerts:\n  a: { ${hook}, secret: "" }`,
      2,
      "'secret' of channel 'a' must be a text that is not empty",
      'Is its environment variable set?',
    ],
    [
      `alerts:\n  a: { ${hook}, headers: { "a b": c } }`,
      2,
      "'headers' of channel 'a' has \"a b\", which is not the name of a header",
      undefined,
    ],
    [`alerts:\n  a: { ${hook}, headers: { a: "b\\nc" } }`, 2, "'headers.a' of channel 'a' must be one line", undefined],
    [
      `alerts:\n  a:\n    ${hook}\n    on: [faild]`,
      4,
      "'on[0]' of channel 'a' must be one of failed, stale",
      "did you mean 'failed'?",
    ],
    [
      `alerts:\n  a: { ${hook}, on: recovered }`,
      2,
      "'on' of channel 'a' has 'recovered' alone",
      'add failed, stale, slow, project or database',
    ],
    [
      `alerts:\n  a: { ${hook}, after: 0 }`,
      2,
      "'after' of channel 'a' must be a whole number from 1 to 1000, found 0",
      undefined,
    ],
    [
      `alerts:\n  a: { ${hook}, repeat: 10 }`,
      2,
      'must be a duration such as 30s, 5m or 1h30m, found 10',
      'A number needs its unit',
    ],
    [
      `alerts:\n  a: { ${hook}, after: 12345678901234567890 }`,
      2,
      'from 1 to 1000, found "12345678901234567890"',
      undefined,
    ],
    [`alerts:\n  a: { ${hook}, repeat: 5s }`, 2, 'must be at least 1m, found "5s"', undefined],
    [`alerts:\n  a: { ${hook}, timeout: 1 hour }`, 2, 'found "1 hour"', "found 'hour'"],
    [`alerts:\n  a: { ${hook}, rows: 100 }`, 2, 'a whole number from 0 to 20, found 100', undefined],
    [`alerts:\n  a: { ${hook}, tag: [] }`, 2, "'tag' of channel 'a' must be a list of texts, found []", undefined],
    [
      'alerts:\n  a: { alertmanager: "http://x", repeat: 1h }',
      2,
      "'repeat' of channel 'a' cannot be used with 'alertmanager'",
      'repeat_interval',
    ],
    [
      'alerts:\n  a: { alertmanager: "http://x", username: u }',
      2,
      "channel 'a' has 'username' and lacks 'password'",
      undefined,
    ],
    [
      'alerts:\n  a: { alertmanager: "http://x", labels: { "a-b": c } }',
      2,
      'has "a-b", which is not a label of letters, digits and underscores',
      undefined,
    ],
    [
      'alerts:\n  a: { email: nobody, from: a@b.c, smtp: { host: x } }',
      2,
      "'email' of channel 'a' must be an address of e-mail, found \"nobody\"",
      undefined,
    ],
    ['alerts:\n  a: { email: a@b.c, smtp: { host: x } }', 2, "channel 'a' needs 'from'", undefined],
    ['alerts:\n  a: { email: a@b.c, from: a@b.c }', 2, "channel 'a' needs 'smtp'", 'Write: smtp:'],
    [`alerts:\n  a: { ${smtp} { hots: x } }`, 2, "unknown key 'smtp.hots' of channel 'a'", "did you mean 'host'?"],
    [
      `alerts:\n  a: { ${smtp} { host: "x:25" } }`,
      2,
      "'smtp.host' of channel 'a' must be a name without a port",
      undefined,
    ],
    [
      `alerts:\n  a: { ${smtp} { host: x, tls: yes } }`,
      2,
      'must be one of starttls, implicit, none, found true',
      undefined,
    ],
    [`alerts:\n  a: { ${smtp} { host: x, port: 0 } }`, 2, 'must be a whole number from 1 to 65535, found 0', undefined],
    [
      `alerts:\n  a: { ${smtp} { host: x, user: u } }`,
      2,
      "'smtp' of channel 'a' has 'user' and lacks 'password'",
      undefined,
    ],
    [
      `alerts:\n  a: { ${smtp} { host: x, user: u, password: pass, tls: none } }`,
      2,
      "'smtp.tls' of channel 'a' would send the password unencrypted",
      'Take tls: starttls or implicit',
    ],
    [`alerts:\n  a: { ${smtp} { host: x, ca: gone.pem } }`, 2, "'smtp.ca' of channel 'a': ", undefined],
  ])('is rejected with position and advice: %j', (text, line, message, hint) => {
    let found: unknown;
    try {
      read(text);
    } catch (error) {
      found = error;
    }
    expect(found).toBeInstanceOf(TsdbtError);
    const error = found as TsdbtError;
    expect(error.message).toContain(message);
    expect({ kind: error.kind, path: error.details.path, line: error.details.line }).toEqual({
      kind: 'project',
      path,
      line,
    });
    if (hint === undefined) return;
    expect(error.details.hint).toContain(hint);
  });

  it('shows no secret in an error', () => {
    for (const text of [
      'alerts:\n  a: { webhook: "hooks.example.com/s3cret" }',
      'alerts:\n  a: { slack: s3cret }',
      'alerts:\n  a: { webhook: "https://x.y", secret: [s3cret] }',
      'alerts:\n  a: { webhook: "https://x.y", headers: { "a b": s3cret } }',
    ])
      expect(() => read(text)).toThrow(expect.objectContaining({ message: expect.not.stringContaining('s3cret') }));
  });
});
