// The settings of `alerts:` in jobs.yml as data: alert channels with their destinations, filters and limits.
import {
  certificateFile,
  choice,
  dictionary,
  duration,
  either,
  httpUrl,
  list,
  literal,
  matching,
  scalar,
  type Secret,
  secret,
  text,
  whole,
} from '../../settings/kinds.ts';
import {
  exclusive,
  notWith,
  optional,
  record,
  required,
  together,
  variantsByKey,
  withDefault,
} from '../../settings/record-settings.ts';
import { mapped, type Setting } from '../../settings/setting.ts';
import { ALARM_EVENTS, type AlarmEvent } from './alert.ts';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
/** Length of a key in bytes: Standard Webhooks requires 24 to 64. */
const SHORTEST_SECRET = 24;

const EVENTS: Setting<ReadonlySet<AlarmEvent>> = mapped(
  list(choice(...ALARM_EVENTS), { of: 'events' }),
  (events, place) =>
    events.every((event) => event === 'recovered')
      ? place.must(
          "has 'recovered' alone",
          'A channel that never reports an incident does not report its end: add failed, stale, slow, project or ' +
            'database.',
        )
      : new Set(events),
);
const REPEAT = either(
  (value) => value === false || value === 'none',
  { ...literal('none', null), read: () => null },
  duration({ least: MINUTE, most: 30 * 24 * HOUR }),
);
const names = list(text, { of: 'texts', repeated: true });

/** Settings of every channel. */
const COMMON = {
  on: withDefault(
    { ...EVENTS, type: 'list of events' },
    new Set(ALARM_EVENTS),
    'events to send: `failed`, `stale`, `slow`, `project`, `database`, `recovered`',
    'all',
  ),
  owner: optional(names, 'filter: one value or a list; every filter that is set must match', 'no filter'),
  group: optional(names, 'filter', 'no filter'),
  tag: optional(names, 'filter', 'no filter'),
  job: optional(names, 'filter', 'no filter'),
  after: withDefault(whole(1, 1000), 1, 'number of detections before the channel is notified, 1 to 1000'),
  repeat: withDefault(REPEAT, HOUR, 'interval between reminders while the incident is open, or `none`', '`1h`'),
  rows: withDefault(whole(0, 20), 5, 'number of failing rows in a message, 0 to 20'),
  timeout: withDefault(
    duration({ least: 100, most: MINUTE }),
    10_000,
    'how long to wait for the response of the endpoint, up to `1m`',
    '`10s`',
  ),
};

/** @param signingKey `whsec_` and base64, as in Standard Webhooks, or any text */
export function signingKey(secret: string): Buffer {
  return secret.startsWith('whsec_') ? Buffer.from(secret.slice(6), 'base64') : Buffer.from(secret, 'utf8');
}

const signingSecret = mapped(secret, (read, place) => {
  const { length } = signingKey(read());
  return length >= SHORTEST_SECRET
    ? read
    : place.must(
        `has ${length} bytes, expected ${SHORTEST_SECRET} or more`,
        'Make one with `echo whsec_$(openssl rand -base64 32)`, and give it to the receiver, too.',
      );
});

const header: Setting<string> = mapped(scalar, (value, place) => {
  place.secret(value);
  return /[\r\n]/.test(value) ? place.must('must be one line') : value;
});

export const WEBHOOK = record({
  webhook: required(
    httpUrl({ hidden: true }),
    'JSON with `version: 1`, signed as in [Standard Webhooks](https://www.standardwebhooks.com/)',
  ),
  secret: optional(signingSecret, 'Key of the signature, 24 bytes or more', 'not signed'),
  headers: optional(dictionary(header, { name: /^[A-Za-z0-9-]+$/, names: 'the name of a header' }), 'Further headers'),
  ...COMMON,
});

/** The URL of a Slack channel alone allows writing to it, so it is a secret. */
const slackUrl = mapped(httpUrl({ hidden: true }), (url, place) => {
  const { protocol, hostname, pathname } = new URL(url);
  if (protocol !== 'https:' && !['127.0.0.1', '[::1]', 'localhost'].includes(hostname))
    place.must('must be a URL with https');
  place.secret(url);
  place.secret(pathname);
  return url;
});

export const SLACK = record({
  slack: required(slackUrl, 'incoming webhook URL, HTTPS only; the URL is treated as a secret'),
  ...COMMON,
});

/** The credentials of HTTP basic authentication, in base64. */
export function basicAuthorization({
  username,
  password,
}: {
  username: string | null;
  password: Secret | null;
}): string {
  return password === null ? '' : Buffer.from(`${username ?? ''}:${password()}`).toString('base64');
}

export const ALERTMANAGER = record(
  {
    alertmanager: required(
      mapped(httpUrl({ hidden: true }), (url) => url.replace(/\/api\/v2(\/alerts)?$/, '')),
      'URL; API v2; no `repeat`, because Alertmanager repeats alerts',
    ),
    username: optional(scalar, 'Basic authentication'),
    password: optional(secret, 'Of the user'),
    token: optional(secret, 'Bearer token, in place of a user'),
    labels: optional(
      dictionary(scalar, { name: /^[A-Za-z_]\w*$/, names: 'a label of letters, digits and underscores' }),
      'Further labels',
    ),
    ...COMMON,
  },
  {
    rules: [
      exclusive('token', 'username'),
      together('username', 'password'),
      notWith(['repeat'], 'alertmanager', 'Alertmanager repeats by its own repeat_interval.'),
    ],
    check: (channel, place) => place.secret(basicAuthorization(channel)),
  },
);

const ADDRESS = matching(/^(?:[^<>\r\n]*<)?[^\s<>@,;]+@[^\s<>@,;]+>?$/, 'an address of e-mail', 'address');

export const SMTP = record(
  {
    host: required(
      matching(/^[\w.-]+$|^[\w.:][\w.]*:[\w.]*:[\w.:]*$/, "a name without a port; 'port' is a setting of its own"),
      'The server',
    ),
    port: optional(whole(1, 65_535), 'Its port', '587, 465 or 25, by `tls`'),
    user: optional(scalar, 'The user'),
    password: optional(secret, 'Its password'),
    tls: withDefault(
      choice('starttls', 'implicit', 'none'),
      'starttls',
      '`starttls` is refused when the server does not offer it; `implicit` is TLS from the first byte',
    ),
    ca: optional(certificateFile, 'A file with the certificates that are trusted', "the system's"),
    servername: optional(text, "The name that the server's certificate must have", '`host`'),
  },
  {
    rules: [together('user', 'password')],
    check: ({ password, tls }, place) => {
      if (password !== null && tls === 'none')
        place.at('tls').must('would send the password unencrypted', 'Take tls: starttls or implicit, or no user.');
    },
    example: 'smtp: { host: mail.example.com, user: …, password: "{{ env_var(\'DBT_ENV_SECRET_SMTP\') }}" }',
  },
);

export const EMAIL = record({
  email: required(
    list(ADDRESS, { of: 'addresses' }),
    'one message to all addresses; follow-ups are sent in the same thread',
  ),
  from: required(ADDRESS, 'The sender', 'from: tsdbt <tsdbt@example.com>'),
  smtp: required(
    SMTP,
    'The server: [smtp](#smtp)',
    'Write: smtp: { host: mail.example.com, user: …, password: "{{ env_var(\'DBT_ENV_SECRET_SMTP\') }}" }.',
  ),
  ...COMMON,
});

export const CHANNELS = dictionary(
  variantsByKey(
    { webhook: WEBHOOK, slack: SLACK, alertmanager: ALERTMANAGER, email: EMAIL },
    'Write: oncall: { webhook: https://… }, or slack, alertmanager, email.',
  ),
  { expects: 'a dictionary of channels', subject: 'channel' },
);
