// The request for each kind of channel, and the meaning of its response: delivered, retry, or refused. delivery.ts
// handles retries and order.
import { isoTime } from '../../values/utc-text.ts';
import { createHmac } from 'node:crypto';
import { requestReason } from '../../http/request-reason.ts';
import type { Moment } from '../store/serve-store.ts';
import type { Alarm } from './alert.ts';
import { type AlertmanagerChannel, type Channel, partsFor, type SlackChannel, type WebhookChannel } from './channel.ts';
import { basicAuthorization, signingKey } from './alert-settings.ts';
import { sendEmail } from './email.ts';
import { bodyOf, cut, titleOf } from './alert-text.ts';
import { within } from '../../within.ts';

/** The outcome of one attempt. */
export type Sent =
  | { readonly kind: 'delivered' }
  /** @param waitMs how long the server asks to wait; null: not specified */
  | { readonly kind: 'again'; readonly why: string; readonly waitMs: number | null }
  | { readonly kind: 'refused'; readonly why: string };

export type Fetch = typeof fetch;

/**
 * Alertmanager resolves an alert that is not repeated for this long, so alerts end even if a message is lost or serve
 * has died. alert-routing.ts repeats it every minute.
 */
const ALERT_LASTS_MS = 5 * 60_000;
const SLACK_TITLE = 150;
const SLACK_BODY = 2900;

/** Attempts once to deliver. Never throws. @param now for the timestamp of a signature */
export async function send(alarm: Alarm, channel: Channel, now: () => Moment, fetch: Fetch): Promise<Sent> {
  try {
    switch (channel.kind) {
      case 'webhook':
        return await post(fetch, channel.webhook, webhookRequest(alarm, channel, now()), channel.timeout);
      case 'slack':
        return await post(fetch, channel.slack, slackRequest(alarm, channel), channel.timeout);
      case 'alertmanager':
        return await post(
          fetch,
          `${channel.alertmanager}/api/v2/alerts`,
          alertmanagerRequest(alarm, channel),
          channel.timeout,
        );
      case 'email':
        return await sendEmail(alarm, channel);
    }
  } catch (error) {
    return { kind: 'again', why: requestReason(error), waitMs: null };
  }
}

interface HttpRequest {
  readonly body: string;
  readonly headers: Readonly<Record<string, string>>;
}

/** The JSON body for a webhook. Fields may be added, but are never renamed within one `version`. */
function webhookRequest(alarm: Alarm, channel: WebhookChannel, now: Moment): HttpRequest {
  const { trouble, occasion } = alarm;
  const { incident, kind, job, runId, subject } = trouble;
  const about = ({ rows, ...rest }: typeof subject): object => ({
    ...rest,
    rows: rows === null || channel.rows === 0 ? null : { ...rows, rows: rows.rows.slice(0, channel.rows) },
  });
  const body = JSON.stringify({
    version: 1,
    id: alarm.id,
    occasion: occasion.kind,
    number: occasion.kind === 'repeated' ? occasion.number : null,
    kind,
    project: alarm.project,
    key: incident.key,
    incident: incident.id,
    reason: incident.reason,
    since: isoTime(incident.openedAt),
    until: occasion.kind === 'recovered' ? isoTime(incident.closedAt ?? alarm.at) : null,
    times: alarm.times,
    job,
    run_id: runId,
    link: alarm.link,
    about: about(subject),
    parts: partsFor(channel, trouble).map(about),
    title: titleOf(alarm),
    text: bodyOf(alarm, channel),
  });
  const seconds = String(Math.floor(now / 1000));
  const signature =
    channel.secret === null ? {} : { 'webhook-signature': signatureOf(channel.secret(), alarm.id, seconds, body) };
  return {
    body,
    headers: { ...channel.headers, 'webhook-id': alarm.id, 'webhook-timestamp': seconds, ...signature },
  };
}

/** The signature of Standard Webhooks: HMAC-SHA256 of `id.timestamp.body`. */
function signatureOf(secret: string, id: string, timestamp: string, body: string): string {
  return `v1,${createHmac('sha256', signingKey(secret)).update(`${id}.${timestamp}.${body}`).digest('base64')}`;
}

function slackRequest(alarm: Alarm, channel: SlackChannel): HttpRequest {
  const title = titleOf(alarm);
  // A code block contains no mentions, links or styles, except for text in angle brackets.
  const body = cut(bodyOf(alarm, channel).replaceAll('```', "'''"), SLACK_BODY);
  return {
    body: JSON.stringify({
      text: escapeSlack(title),
      blocks: [
        { type: 'header', text: { type: 'plain_text', text: cut(title, SLACK_TITLE), emoji: false } },
        { type: 'section', text: { type: 'mrkdwn', text: `\`\`\`\n${cut(escapeSlack(body), 2980)}\n\`\`\`` } },
        ...(alarm.link === null
          ? []
          : [{ type: 'section', text: { type: 'mrkdwn', text: `<${encodeURI(alarm.link)}|Open>` } }]),
      ],
    }),
    headers: {},
  };
}

function escapeSlack(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}

/** One alert an incident. Its labels are the same while it lasts: Alertmanager tells alerts by them. */
function alertmanagerRequest(alarm: Alarm, channel: AlertmanagerChannel): HttpRequest {
  const { trouble, occasion, link } = alarm;
  const { incident, kind, job, subject } = trouble;
  const labels = Object.fromEntries(
    Object.entries({
      ...channel.labels,
      alertname: `Tsdbt${kind.slice(0, 1).toUpperCase()}${kind.slice(1)}`,
      project: alarm.project,
      key: incident.key,
      ...(job === null ? {} : { tsdbt_job: job }),
      ...(subject.group === null ? {} : { group: subject.group }),
      owner: subject.owners[0] ?? '',
    }).filter(([, value]) => value !== ''),
  );
  const over = occasion.kind === 'recovered';
  return {
    body: JSON.stringify([
      {
        labels,
        annotations: { summary: titleOf(alarm), description: bodyOf(alarm, channel) },
        startsAt: isoTime(incident.openedAt),
        endsAt: isoTime(over ? (incident.closedAt ?? alarm.at) : alarm.at + ALERT_LASTS_MS),
        ...(link !== null && URL.canParse(link) ? { generatorURL: link } : {}),
      },
    ]),
    headers: authorizationOf(channel),
  };
}

function authorizationOf(channel: AlertmanagerChannel): Record<string, string> {
  if (channel.token !== null) return { authorization: `Bearer ${channel.token()}` };
  return channel.password === null ? {} : { authorization: `Basic ${basicAuthorization(channel)}` };
}

/** Milliseconds after the timeout until a request counts as failed that its signal has not ended. */
const GRACE_MS = 1000;

async function post(fetch: Fetch, url: string, request: HttpRequest, timeoutMs: number): Promise<Sent> {
  const sent = posted(fetch, url, request, timeoutMs);
  if (!(await within(sent, timeoutMs + GRACE_MS))) throw new Error(`no answer within ${timeoutMs / 1000} s`);
  return sent;
}

async function posted(fetch: Fetch, url: string, { body, headers }: HttpRequest, timeoutMs: number): Promise<Sent> {
  const answer = await fetch(url, {
    method: 'POST',
    body,
    headers: { 'content-type': 'application/json', 'user-agent': 'tsdbt', ...headers },
    redirect: 'manual',
    signal: AbortSignal.timeout(timeoutMs),
  });
  const { status } = answer;
  if (status >= 200 && status < 300) {
    abandon(answer.body);
    return { kind: 'delivered' };
  }
  const why = `HTTP ${status} ${cut((await beginningOf(answer)).replace(/\s+/g, ' ').trim(), 200)}`.trim();
  if (status >= 300 && status < 400)
    return { kind: 'refused', why: `${why}; it redirects; messages go only to the address that jobs.yml names` };
  if (status === 408 || status === 425 || status === 429 || status >= 500)
    return { kind: 'again', why, waitMs: waitOf(answer.headers.get('retry-after')) };
  return { kind: 'refused', why };
}

/** Closes what is not read. Its end is not awaited: a receiver can delay it. */
function abandon(body: { cancel(): Promise<void> } | null): void {
  body?.cancel().catch(() => undefined);
}

/** The first bytes of an answer, however long it is. */
async function beginningOf(answer: Response): Promise<string> {
  const reader = answer.body?.getReader();
  if (reader === undefined) return '';
  const { value } = await reader.read();
  abandon(reader);
  return value === undefined ? '' : new TextDecoder().decode(value.subarray(0, 1000));
}

/** Retry-After in seconds; its form with a date is not used by these receivers. */
function waitOf(header: string | null): number | null {
  const seconds = Number(header ?? 'none');
  return Number.isFinite(seconds) && seconds >= 0 ? seconds * 1000 : null;
}
