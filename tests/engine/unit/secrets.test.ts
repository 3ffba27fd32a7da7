// Tests which texts are masked, in which spellings, and what stays readable.
import { expect, it } from 'vitest';
import { publicEnvironment, serverEnvironment, Secrets } from '../../../src/secrets.ts';

function knowing(...values: unknown[]): Secrets {
  const secrets = new Secrets();
  secrets.add(...values);
  return secrets;
}

it('a secret is masked verbatim, in JSON, in nested JSON, in SQL, in a URL and in HTML', () => {
  const secret = 'p\'a"s\\s <é>';
  const secrets = knowing(secret);
  const inJson = JSON.stringify({ a: secret });
  const texts = [
    secret,
    inJson,
    JSON.stringify(inJson),
    JSON.stringify(JSON.stringify(inJson)),
    secret.replaceAll("'", "''"),
    encodeURIComponent(secret),
    `x${secret}x${secret}`,
    inJson.replaceAll('<', '\\u003c'),
    inJson.replaceAll('é', '\\u00e9'),
  ];
  expect(texts.map((text) => secrets.mask(text))).toEqual([
    '*****',
    '{"a":"*****"}',
    '"{\\"a\\":\\"*****\\"}"',
    JSON.stringify(JSON.stringify('{"a":"*****"}')),
    '*****',
    '*****',
    'x*****x*****',
    '{"a":"*****"}',
    '{"a":"*****"}',
  ]);
});

it('a key of several lines is masked line by line, too, and values under four characters are not masked', () => {
  const key = '-----BEGIN KEY-----\nMIIEvQIBADANBg\nkqhkiG9w0BAQEF\n-----END KEY-----\n';
  expect(knowing(key).mask(`a MIIEvQIBADANBg\n  kqhkiG9w0BAQEF b ${key}`)).toBe('a *****\n  ***** b *****');
  expect(knowing('a', 'abc', '   ', '', null, undefined, 12345).mask('a man, abc, 12345')).toBe('a man, abc, 12345');
  expect(knowing('abcd', 'abcdef').mask('abcdef abcd')).toBe('***** *****');
});

it('the beginning of a truncated secret is masked, too', () => {
  const secrets = knowing('top-secret.1234');
  expect(knowing('a.long.secret.of.dots').mask('| a.long.secret.... |')).toBe('| *****.... |');
  expect(secrets.mask('| top-secret... | top-... | stop-secr…')).toBe('| *****... | top-... | s*****…');
  expect(secrets.maskJsonLine('{"a":"x top-secre..."}')).toBe('{"a":"x *****..."}');
  expect(secrets.mask('1 of 1 START model ........ [RUN]')).toBe('1 of 1 START model ........ [RUN]');
});

it(
  'an artifact stays valid JSON and keeps its names: a password that is a plain word is masked only in ' + 'free text',
  () => {
    const secrets = knowing('analytics', '20241231', 'pass-word-1');
    const artifact = { name: 'analytics', at: 0.20241231, exact: 20241231, text: 'on 20241231 with pass-word-1' };
    expect(JSON.parse(secrets.maskJson(JSON.stringify(artifact)))).toEqual({
      name: 'analytics',
      at: 0.20241231,
      exact: '*****',
      text: 'on ***** with *****',
    });
    expect(
      secrets.maskArguments({
        which: 'analytics',
        vars: { a: 'analytics' },
        invocation_command: 'tsdbt run --vars {a: analytics}',
      }),
    ).toEqual({
      which: 'analytics',
      vars: { a: '*****' },
      invocation_command: 'tsdbt run --vars {a: *****}',
    });
    expect(
      secrets.maskArguments({
        vars: { DBT_ENV_SECRET_short: 'abc', DBT_ENV_SECRET_N: 7, plain: 'abc' },
        invocation_command: 'tsdbt run --vars {DBT_ENV_SECRET_short: abc, "DBT_ENV_SECRET_N": 7, plain: abc}',
      }),
    ).toEqual({
      vars: { DBT_ENV_SECRET_short: '*****', DBT_ENV_SECRET_N: '*****', plain: 'abc' },
      invocation_command: 'tsdbt run --vars {DBT_ENV_SECRET_short: *****, "DBT_ENV_SECRET_N": *****, plain: abc}',
    });
    expect(secrets.mask('analytics')).toBe('*****');
    expect(secrets.maskFile('select pass-word-1 from analytics.a')).toBe('select ***** from analytics.a');
    const same = { a: 'x' };
    expect(secrets.maskValue(same)).toBe(same);
    expect([secrets.isIn(Buffer.from('a pass-word-1')), secrets.isIn(Buffer.from('analytics'))]).toEqual([true, false]);
  },
);

it('the known secrets are DBT_ENV_SECRET variables, passwords of profile and proxies, and secret variables', () => {
  const env = {
    DBT_ENV_SECRET_A: 'secret-a',
    DBT_ENV_SECRETB: 'secret-b',
    DBT_ENGINE_ENV_SECRET_C: 'secret-c',
    PGPASSWORD: 'secret-d',
    TSDBT_HASH_KEY: 'secret-e',
    https_proxy: 'http://me:secret%2Ff@proxy:80',
    DBT_ENV_PRIVATE_GIT_PROVIDER_INFO: '[{"org": "acme", "token": "secret-g"}]',
    OTHER: 'plain',
    DBT_TARGET: 'dev-target',
  };
  const secrets = new Secrets();
  secrets.addEnvironment(env);
  secrets.addVars({ DBT_ENV_SECRET_V: 'secret-v', plain: 'plain' });
  secrets.addProfile({
    type: 'postgres',
    user: 'postgres',
    password: 'postgres',
    pass: 'secret-p',
    custom_settings: { s3_secret_key: 'secret-s', max_threads: '4444' },
  });
  for (const letter of 'abcdegvps') expect(secrets.mask(`secret-${letter}`)).toBe('*****');
  expect(secrets.mask('secret/f secret%2Ff')).toBe('***** *****');
  expect(secrets.mask('plain dev-target postgres acme 4444')).toBe('plain dev-target postgres acme 4444');
  expect(
    serverEnvironment({ ...env, PATH: '/bin', LC_ALL: 'C', LOOKUP_PASSWORD: 'x', AWS_SECRET_ACCESS_KEY: 'x' }),
  ).toEqual({
    PATH: '/bin',
    LC_ALL: 'C',
  });
  expect(publicEnvironment(env)).toEqual({ https_proxy: env.https_proxy, OTHER: 'plain', DBT_TARGET: 'dev-target' });
});

it('a statement that a ClickHouse error quotes shows no secret', () => {
  const secrets = new Secrets();
  secrets.add("it's a \\ secret");
  // As ClickHouse 26 writes: Unknown expression identifier `x` in scope SELECT 'it\'s a \\ secret', x.
  const error = "in scope SELECT 'it\\'s a \\\\ secret', x";
  expect(secrets.mask(error)).toBe("in scope SELECT '*****', x");
  expect(JSON.parse(secrets.maskJson(JSON.stringify({ error })))).toEqual({ error: "in scope SELECT '*****', x" });
});
