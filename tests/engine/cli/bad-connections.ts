// Mistakes in connections.yml, in load configs and in options of `load`, and what is said of each: file, line, what was
// meant.
import { type Row, stopped, text } from './bad-input.ts';

const SOURCE = text(
  'sources:',
  '  - name: raw',
  '    tables:',
  '      - { name: t, config: { meta: { tsdbt: { load: { topic: t } } } }, columns: [{ name: id }] }',
  '',
);

/** `load check` of one table with these connections. */
const check = (name: string, connections: string[], ...says: string[]): Row => ({
  name: `connections.yml: ${name}`,
  command: 'load check',
  files: { 'models/s.yml': SOURCE, 'connections.yml': text(...connections, '') },
  exit: 1,
  says: text('raw.t: not ready', ...says.map((line) => `  ${line}`)),
});
const at = (line: number, column?: number): string =>
  `  DIR/connections.yml line ${line}${column === undefined ? '' : `, column ${column}`}`;
const MISSPELT =
  "Unknown key 'broker' of connection 'default'. did you mean 'brokers'? Keys: brokers, tls, sasl, registry.";
const EXAMPLE = ['connections:', '  default: { brokers: ["localhost:9092"] }'];

/** `load check` of a table with this load config. */
const load = (name: string, config: string, column: number, problem: string, ...hint: string[]): Row => ({
  name: `load: ${name}`,
  command: 'load check',
  files: {
    'models/s.yml': text(
      'sources:',
      '  - name: raw',
      '    tables:',
      '      - name: t',
      '        config:',
      '          meta:',
      '            tsdbt:',
      `              load: ${config}`,
      '        columns: [{ name: id }]',
      '',
    ),
  },
  exit: 2,
  says: stopped(
    'Parsing Error',
    `  ${problem}`,
    `    models/s.yml line 8, column ${column}`,
    `                    load: ${config}`,
    `${' '.repeat(column + 5)}^`,
    ...hint,
  ),
});

export const CONNECTIONS: readonly Row[] = [
  check('a misspelt option', ['connections:', '  default:', '    broker: ["127.0.0.1:1"]'], MISSPELT, at(3, 5)),
  check(
    'a misspelt option without the line connections:',
    ['other: { type: s3 }', 'default: { broker: "127.0.0.1:1" }'],
    MISSPELT,
    at(2, 12),
  ),
  check(
    'the first line misspelt',
    ['connection:', '  default: { brokers: ["127.0.0.1:1"] }'],
    "There is no connection 'default'. 'connection' at the top: did you mean 'connections'?",
    at(1, 1),
  ),
  check(
    'another name',
    ['connections:', '  defaults: { type: s3 }', '  events: { type: s3 }'],
    "There is no connection 'default'. did you mean 'defaults'? Connections: defaults, events.",
    at(1, 1),
  ),
  check('nothing', [''], `There is no connection 'default'. ${EXAMPLE[0]}`, EXAMPLE[1] ?? '', at(1, 1)),
  check(
    'a list',
    ['- default: { brokers: ["127.0.0.1:1"] }'],
    `connections.yml must hold names with their connections. ${EXAMPLE[0]}`,
    EXAMPLE[1] ?? '',
    at(1),
  ),
  check(
    'a name written twice',
    ['connections:', '  default: { brokers: ["127.0.0.1:1"] }', '  default: { brokers: ["127.0.0.1:2"] }'],
    "'default' is written twice",
    at(3, 3),
  ),
  check(
    'an address instead of options',
    ['connections:', '  default: 127.0.0.1:1'],
    `Connection 'default' must be a dictionary. ${EXAMPLE[0]}`,
    EXAMPLE[1] ?? '',
    at(2, 3),
  ),
  check(
    'a port that no server has',
    ['connections:', '  default: { brokers: ["127.0.0.1:99999"] }'],
    `'brokers[0]' of connection 'default' must be host:port, with a port up to 65535, found "127.0.0.1:99999"`,
    at(2, 24),
  ),
  check(
    'a variable that is not set',
    [
      'connections:',
      '  default:',
      '    brokers: ["127.0.0.1:1"]',
      `    sasl: { username: u, password: "{{ env_var('NOT_SET_HERE') }}" }`,
    ],
    "Env var required but not provided: 'NOT_SET_HERE'",
    at(4),
  ),
  check(
    'a password as it is',
    ['connections:', '  default:', '    brokers: ["127.0.0.1:1"]', '    sasl: { username: u, password: s3cr3t }'],
    "The secret 'default.sasl.password' is written in plain text. Read secrets from the environment: " +
      `"{{ env_var('DBT_ENV_SECRET_...') }}".`,
    at(4, 26),
  ),
  load(
    'a value that is not one of them',
    '{ topic: t, mode: upsrt }',
    33,
    `'meta.tsdbt.load.mode' of source.p.raw.t must be one of append, upsert, found "upsrt"`,
    "  did you mean 'upsert'?",
  ),
  load(
    'a text instead of options',
    'events',
    15,
    "'meta.tsdbt.load' of source.p.raw.t must be a dictionary of table, connection, strategy, cursor, lookback and " +
      'others, found "events"',
    '  Example: load: {topic: events}. false: nothing loads the table.',
  ),
  {
    name: 'load: a folder instead of a file',
    command: 'load --from models',
    files: { 'models/s.yml': SOURCE },
    exit: 2,
    says: stopped('Runtime Error', '  The file DIR/models cannot be read: it is a folder'),
  },
  {
    name: 'load: a file that is not there',
    command: 'load --from nope.ndjson',
    files: { 'models/s.yml': SOURCE },
    exit: 2,
    says: stopped('Runtime Error', '  The file DIR/nope.ndjson cannot be read: no such file or folder'),
  },
  {
    name: 'load: an option of another action',
    command: 'load --to latest',
    files: { 'models/s.yml': SOURCE },
    exit: 2,
    says: stopped('Usage Error', "  Error: '--to' has no effect without `load rewind` or `load repair`."),
  },
  {
    name: 'load rewind: a place that is none, before the broker is asked',
    command: 'load rewind --to nowhere',
    files: { 'models/s.yml': SOURCE },
    exit: 2,
    says: stopped(
      'Usage Error',
      "  Error: Invalid value for '--to': 'nowhere' is not earliest, latest, loaded, an offset, a time, or " +
        'PARTITION:OFFSET.',
    ),
  },
  {
    name: 'publish: an age without files to look for',
    command: 'publish --older-than 5d',
    files: { 'models/a.sql': 'select 1 as a' },
    exit: 2,
    says: stopped(
      'Usage Error',
      "  Error: '--older-than' has no effect without '--list-orphans' or '--remove-orphans'.",
    ),
  },
  {
    name: 'docs serve: a port that no server has',
    command: 'docs serve --no-browser --port 99999',
    files: { 'models/a.sql': 'select 1 as a' },
    exit: 2,
    says: stopped('Usage Error', "  Error: Invalid value for '--port': 99999 is not a port, 0 to 65535."),
  },
  {
    name: 'connections.yml: a type that a broker has not',
    command: 'load --once',
    files: {
      'models/s.yml': SOURCE,
      'connections.yml': text('connections:', '  default:', '    type: kafak', '    brokers: ["127.0.0.1:1"]', ''),
    },
    exit: 2,
    says: stopped(
      'Runtime Error',
      "  Connection 'default' is of type kafak, and a broker is needed",
      '    DIR/connections.yml line 3, column 5',
      '  type: kafka.',
    ),
  },
];
