// Reads and checks `alerts:` of jobs.yml: channels with their receivers, filters and limits. read-jobs.ts renders
// it and refuses written secrets; who is told of what is channel.ts's.
import { type Dictionary, shown, withOn } from '../written-value.ts';
import { durationMs, writtenDuration } from '../../values/duration.ts';
import { dirname, resolve } from 'node:path';
import type { Json } from '../../contracts/node.ts';
import { systemReason, TsdbtError } from '../../errors.ts';
import { checkWithin } from '../../project/outside-paths.ts';
import { readFileText } from '../../project/read-file.ts';
import { knownWords } from '../../values/close-matches.ts';
import { ALARM_EVENTS, type AlarmEvent } from './alarm.ts';
import {
  type AlertmanagerChannel,
  type Channel,
  type ChannelBase,
  type EmailChannel,
  type SlackChannel,
  signingKey,
  type WebhookChannel,
} from './channel.ts';
import { isDictionary } from '../../values/is-dictionary.ts';

export interface AlertsFile {
  /** The section, rendered; null: there is none. */
  readonly alerts: Json | null;
  readonly path: string;
  /** Folder that the files it names must lie in; null, the default: any. */
  readonly folder?: string | null;
  /** Line of a key, by the keys above it and itself: `['alerts', 'oncall', 'slack']`; undefined: unknown. */
  readonly lineOf?: (keys: readonly string[]) => number | undefined;
  /** Called with each secret, for masking. */
  readonly seen?: (secret: string) => void;
}

const KINDS = ['webhook', 'slack', 'alertmanager', 'email'] as const;
const COMMON = ['on', 'owner', 'group', 'tag', 'job', 'after', 'repeat', 'rows', 'timeout'];
const OWN: Readonly<Record<(typeof KINDS)[number], readonly string[]>> = {
  webhook: ['secret', 'headers'],
  slack: [],
  alertmanager: ['username', 'password', 'token', 'labels'],
  email: ['from', 'smtp'],
};
const SMTP = ['host', 'port', 'user', 'password', 'tls', 'ca', 'servername'];

const HOUR_MS = 3_600_000;
const TIMEOUT_MS = 10_000;
const LONGEST_TIMEOUT_MS = 60_000;
const ROWS = 5;
const MOST_ROWS = 20;
/** Bytes of a key; Standard Webhooks wants 24 to 64. */
const SHORTEST_SECRET = 24;
const PORTS = { starttls: 587, implicit: 465, none: 25 } as const;

/**
 * The channels of `alerts:`, in the order of the file.
 * @returns none when there is no such section
 * @throws {TsdbtError} `project` error with place, what was expected and found, and a suggestion
 */
export function readAlerts(file: AlertsFile): readonly Channel[] {
  if (file.alerts === null) return [];
  const alerts = withOn(file.alerts);
  const top = new Place(file, ['alerts']);
  if (!isDictionary(alerts)) return top.refuse(`'alerts' must be a dictionary of channels, found ${shown(alerts)}`);
  return Object.entries(alerts).map(([name, value]) => new ChannelReader(name, value, top.at(name)).read());
}

/** Reports errors at a key of the file. */
class Place {
  readonly #file: AlertsFile;
  readonly #keys: readonly string[];

  constructor(file: AlertsFile, keys: readonly string[]) {
    this.#file = file;
    this.#keys = keys;
  }

  at(key: string): Place {
    return new Place(this.#file, [...this.#keys, key]);
  }

  refuse(message: string, hint?: string): never {
    const { path, lineOf } = this.#file;
    // A key that is not found has the line of what holds it.
    const places = this.#keys.map((_key, i) => lineOf?.(this.#keys.slice(0, this.#keys.length - i)));
    throw new TsdbtError('project', message, { path, line: places.find((line) => line !== undefined), hint });
  }

  get path(): string {
    return this.#file.path;
  }

  get folder(): string | null {
    return this.#file.folder ?? null;
  }

  seen(secret: string): void {
    this.#file.seen?.(secret);
  }
}

class ChannelReader {
  readonly #name: string;
  readonly #place: Place;
  readonly #options: Dictionary;

  constructor(name: string, value: Json, place: Place) {
    this.#name = name;
    this.#place = place;
    this.#options = isDictionary(value)
      ? value
      : place.refuse(
          `channel '${name}' must be a dictionary, found ${shown(value)}`,
          `Write: ${name}: { webhook: https://… } or slack, alertmanager, email.`,
        );
  }

  read(): Channel {
    const given = KINDS.filter((kind) => this.#options[kind] !== undefined);
    const [kind] = given;
    const known = [...(given.length === 1 && kind !== undefined ? [kind, ...OWN[kind]] : KINDS), ...COMMON];
    for (const option of Object.keys(this.#options))
      if (!known.includes(option) && !(given.length > 1 && Object.values(OWN).flat().includes(option)))
        this.#place
          .at(option)
          .refuse(
            `channel '${this.#name}' has the unknown option '${option}'`,
            `${knownWords('Options', option, known)}.`,
          );
    if (kind === undefined || given.length > 1)
      return this.#place.refuse(
        `channel '${this.#name}' must have one of ${KINDS.join(', ')}, found ${given.join(' and ') || 'none'}`,
        given.length > 1 ? 'Make a channel of each.' : undefined,
      );
    const base = this.#base();
    switch (kind) {
      case 'webhook':
        return this.#webhook(base);
      case 'slack':
        return this.#slack(base);
      case 'alertmanager':
        return this.#alertmanager(base);
      case 'email':
        return this.#email(base);
    }
  }

  #base(): ChannelBase {
    const { repeat } = this.#options;
    return {
      name: this.#name,
      on: this.#events(),
      owners: this.#names('owner'),
      groups: this.#names('group'),
      tags: this.#names('tag'),
      jobs: this.#names('job'),
      after: this.#count('after', 1, 1, 1000),
      repeatMs:
        repeat === false || repeat === 'none' ? null : this.#duration('repeat', HOUR_MS, 60_000, 30 * 24 * HOUR_MS),
      rows: this.#count('rows', ROWS, 0, MOST_ROWS),
      timeoutMs: this.#duration('timeout', TIMEOUT_MS, 100, LONGEST_TIMEOUT_MS),
    };
  }

  #events(): ReadonlySet<AlarmEvent> {
    const events = this.#names('on').map((name) => {
      const found = ALARM_EVENTS.find((event) => event === name);
      return (
        found ??
        this.#place
          .at('on')
          .refuse(
            `'on' of channel '${this.#name}' has the unknown event '${name}'`,
            `${knownWords('Events', name, ALARM_EVENTS)}.`,
          )
      );
    });
    if (events.length > 0 && events.every((event) => event === 'recovered'))
      this.#place
        .at('on')
        .refuse(
          `'on' of channel '${this.#name}' has 'recovered' alone`,
          'A channel that reports no incident does not report its end: add failed, stale, slow, project or database.',
        );
    return new Set(events.length === 0 ? ALARM_EVENTS : events);
  }

  #webhook(base: ChannelBase): WebhookChannel {
    const { headers } = this.#options;
    if (headers !== undefined && !isDictionary(headers))
      this.#wrong('headers', 'a dictionary of names and texts', headers);
    const texts = Object.entries(isDictionary(headers) ? headers : {}).map(([name, value]): [string, string] => {
      if (!/^[A-Za-z0-9-]+$/.test(name) || /[\r\n]/.test(String(value)))
        this.#place.at('headers').refuse(`'headers' of channel '${this.#name}' has the impossible header '${name}'`);
      this.#place.seen(String(value));
      return [name, String(value)];
    });
    return {
      ...base,
      kind: 'webhook',
      url: this.#url('webhook'),
      secret: this.#signingSecret(),
      headers: Object.fromEntries(texts),
    };
  }

  #slack(base: ChannelBase): SlackChannel {
    const url = this.#url('slack');
    const { protocol, hostname, pathname } = new URL(url);
    if (protocol !== 'https:' && !['127.0.0.1', '[::1]', 'localhost'].includes(hostname))
      this.#place.at('slack').refuse(`'slack' of channel '${this.#name}' must be a URL with https`);
    this.#place.seen(url);
    this.#place.seen(pathname);
    return { ...base, kind: 'slack', url };
  }

  #alertmanager(base: ChannelBase): AlertmanagerChannel {
    const { username, labels, repeat } = this.#options;
    if (repeat !== undefined)
      this.#place
        .at('repeat')
        .refuse(`channel '${this.#name}' has 'repeat'`, 'Alertmanager repeats by its own repeat_interval.');
    const password = this.#secret(this.#options, 'password', this.#place);
    const token = this.#secret(this.#options, 'token', this.#place);
    if (token !== null && (password !== null || username !== undefined))
      this.#place.at('token').refuse(`channel '${this.#name}' has a token and a username; one of them must go`);
    if ((username === undefined) !== (password === null))
      this.#place.refuse(`channel '${this.#name}' needs both username and password, or none of them`);
    if (labels !== undefined && !isDictionary(labels)) this.#wrong('labels', 'a dictionary of names and texts', labels);
    for (const label of Object.keys(isDictionary(labels) ? labels : {}))
      if (!/^[A-Za-z_][A-Za-z0-9_]*$/.test(label))
        this.#place
          .at('labels')
          .refuse(`'labels' of channel '${this.#name}' has '${label}'; a label holds letters, digits and underscores`);
    const basic = password === null ? null : Buffer.from(`${String(username)}:${password}`).toString('base64');
    if (basic !== null) this.#place.seen(basic);
    return {
      ...base,
      kind: 'alertmanager',
      url: this.#url('alertmanager')
        .replace(/(?<!\/)\/+$/, '')
        .replace(/\/api\/v2(\/alerts)?$/, ''),
      authorization: token !== null ? `Bearer ${token}` : basic !== null ? `Basic ${basic}` : null,
      labels: Object.fromEntries(
        Object.entries(isDictionary(labels) ? labels : {}).map(([name, value]) => [name, String(value)]),
      ),
    };
  }

  #email(base: ChannelBase): EmailChannel {
    const to = this.#names('email');
    const { from, smtp } = this.#options;
    for (const address of to) this.#address('email', address);
    if (to.length === 0) this.#wrong('email', 'an address or a list of addresses', this.#options['email']);
    if (typeof from !== 'string')
      return this.#place.refuse(`channel '${this.#name}' needs 'from', the address that its e-mail comes from`);
    this.#address('from', from);
    if (!isDictionary(smtp))
      return this.#place.refuse(
        `channel '${this.#name}' needs 'smtp', found ${shown(smtp)}`,
        'Write: smtp: { host: mail.example.com, user: …, password: "{{ env_var(\'DBT_ENV_SECRET_SMTP\') }}" }.',
      );
    return { ...base, kind: 'email', to, from, smtp: this.#smtp(smtp) };
  }

  #smtp(options: Dictionary): EmailChannel['smtp'] {
    const place = this.#place.at('smtp');
    const what = `'smtp' of channel '${this.#name}'`;
    for (const option of Object.keys(options))
      if (!SMTP.includes(option))
        place
          .at(option)
          .refuse(`${what} has the unknown option '${option}'`, `${knownWords('Options', option, SMTP)}.`);
    const { host, user, ca, servername } = options;
    if (typeof host !== 'string' || !/^[\w.:-]+$/.test(host))
      return place.refuse(`${what} needs 'host', a name without a port; 'port' is an option of its own`);
    const { tls: asked = 'starttls' } = options;
    const tls =
      asked === 'starttls' || asked === 'implicit' || asked === 'none'
        ? asked
        : place.at('tls').refuse(`'tls' of ${what} must be starttls, implicit or none, found ${shown(asked)}`);
    const port = Number(options['port'] ?? PORTS[tls]);
    if (!Number.isInteger(port) || port < 1 || port > 65535)
      place.at('port').refuse(`'port' of ${what} must be a port, found ${shown(options['port'])}`);
    const password = this.#secret(options, 'password', place);
    if ((user === undefined) !== (password === null))
      place.refuse(`${what} needs both user and password, or none of them`);
    if (password !== null && tls === 'none')
      place.refuse(`${what} would send its password unencrypted`, 'Take tls: starttls or implicit, or no user.');
    if (ca !== undefined && typeof ca !== 'string') place.at('ca').refuse(`'ca' of ${what} must be the path of a file`);
    return {
      host,
      port,
      user: user === undefined ? null : String(user),
      password,
      tls,
      ca: typeof ca === 'string' ? contents(ca, place.at('ca'), what) : null,
      servername: typeof servername === 'string' ? servername : null,
    };
  }

  #url(option: string): string {
    const value = this.#options[option];
    const found = typeof value === 'string' ? value.trim() : '';
    // What is found may be a secret that was mistyped: it is not shown.
    if (!URL.canParse(found) || !/^https?:\/\//.test(found))
      return this.#place
        .at(option)
        .refuse(
          `'${option}' of channel '${this.#name}' must be a URL with http or https`,
          found === '' ? 'It is empty: is the environment variable set?' : undefined,
        );
    const { username, password } = new URL(found);
    if (username !== '' || password !== '')
      this.#place.at(option).refuse(`'${option}' of channel '${this.#name}' must not hold credentials`);
    return found;
  }

  #address(option: string, address: string): void {
    if (!/^(?:[^<>\r\n]*<)?[^\s<>@,;]+@[^\s<>@,;]+>?$/.test(address))
      this.#place.at(option).refuse(`'${option}' of channel '${this.#name}' has '${address}', which is no address`);
  }

  #secret(options: Dictionary, option: string, place: Place): string | null {
    const value = options[option];
    if (value === undefined || value === null) return null;
    if (typeof value !== 'string' || value === '')
      return place
        .at(option)
        .refuse(`'${option}' of channel '${this.#name}' must be a text that is not empty`, 'Is the variable set?');
    place.seen(value);
    return value;
  }

  #signingSecret(): string | null {
    const secret = this.#secret(this.#options, 'secret', this.#place);
    const { length } = secret === null ? { length: SHORTEST_SECRET } : signingKey(secret);
    if (length < SHORTEST_SECRET)
      this.#place
        .at('secret')
        .refuse(
          `'secret' of channel '${this.#name}' has ${length} bytes, expected ${SHORTEST_SECRET} or more`,
          'Make one with `echo whsec_$(openssl rand -base64 32)`, and give it to the receiver, too.',
        );
    return secret;
  }

  #names(option: string): string[] {
    const value = this.#options[option];
    if (value === undefined || value === null) return [];
    const list = Array.isArray(value) ? value : [value];
    const texts = list.filter((item) => typeof item === 'string' && item.trim() !== '').map(String);
    if (texts.length !== list.length || list.length === 0) this.#wrong(option, 'a text or a list of texts', value);
    return texts;
  }

  #count(option: string, fallback: number, least: number, most: number): number {
    const value = this.#options[option];
    if (value === undefined) return fallback;
    return typeof value === 'number' && Number.isInteger(value) && value >= least && value <= most
      ? value
      : this.#wrong(option, `a whole number from ${least} to ${most}`, value);
  }

  #duration(option: string, fallback: number, least: number, most: number): number {
    const value = this.#options[option];
    if (value === undefined) return fallback;
    const total = typeof value === 'string' ? durationMs(value) : null;
    return total !== null && total >= least && total <= most
      ? total
      : this.#wrong(
          option,
          `a duration like 30s, 5m or 1h, from ${writtenDuration(least)} to ${writtenDuration(most)}`,
          value,
        );
  }

  #wrong(option: string, expected: string, found: Json | undefined): never {
    return this.#place
      .at(option)
      .refuse(`'${option}' of channel '${this.#name}' must be ${expected}, found ${shown(found)}`);
  }
}

function contents(file: string, place: Place, what: string): string {
  try {
    const full = resolve(dirname(place.path), file);
    if (place.folder !== null) checkWithin(full, place.folder, `'ca' of ${what}`);
    return readFileText(full);
  } catch (error) {
    return place.refuse(
      `'ca' of ${what} cannot be read: ${error instanceof TsdbtError ? error.message : systemReason(error)}`,
    );
  }
}
