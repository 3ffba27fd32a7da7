// A channel of `alerts:` after it was read and checked, and which alarms it takes. read-alerts.ts makes channels,
// delivery.ts sends.
import type { AlarmEvent, Subject, Trouble } from './alarm.ts';

export interface ChannelBase {
  readonly name: string;
  readonly on: ReadonlySet<AlarmEvent>;
  /** Empty: whoever owns it. */
  readonly owners: readonly string[];
  readonly groups: readonly string[];
  readonly tags: readonly string[];
  readonly jobs: readonly string[];
  /** How often a trouble must have been found before the channel is told. */
  readonly after: number;
  /** Milliseconds between messages about a trouble that lasts; null: told once. */
  readonly repeatMs: number | null;
  /** How many failing rows a message shows. */
  readonly rows: number;
  /** Milliseconds that a receiver has to answer. */
  readonly timeoutMs: number;
}

export interface WebhookChannel extends ChannelBase {
  readonly kind: 'webhook';
  readonly url: string;
  /** Key of the signature; null: nothing is signed. */
  readonly secret: string | null;
  readonly headers: Readonly<Record<string, string>>;
}

export interface SlackChannel extends ChannelBase {
  readonly kind: 'slack';
  readonly url: string;
}

export interface AlertmanagerChannel extends ChannelBase {
  readonly kind: 'alertmanager';
  /** Without `/api/v2`. */
  readonly url: string;
  /** Value of the header Authorization; null: none. */
  readonly authorization: string | null;
  /** Beside the labels of the alarm. */
  readonly labels: Readonly<Record<string, string>>;
}

export interface EmailChannel extends ChannelBase {
  readonly kind: 'email';
  readonly to: readonly string[];
  readonly from: string;
  readonly smtp: {
    readonly host: string;
    readonly port: number;
    readonly user: string | null;
    readonly password: string | null;
    /** `starttls`: refused when the server does not offer it; `implicit`: from the first byte on. */
    readonly tls: 'starttls' | 'implicit' | 'none';
    /** Certificates that are trusted, as text; null: the system's. */
    readonly ca: string | null;
    /** Name in the server's certificate; null: the host. */
    readonly servername: string | null;
  };
}

export type Channel = WebhookChannel | SlackChannel | AlertmanagerChannel | EmailChannel;

/** Whether a channel wants to hear of a trouble. @param event the kind of trouble, or that it is over */
export function takes(channel: Channel, trouble: Trouble, event: AlarmEvent): boolean {
  return channel.on.has(event) && channel.on.has(trouble.kind) && concerns(channel, trouble);
}

/** The parts of a trouble that a channel's filters let through; of a trouble that concerns it as a whole, all. */
export function partsFor(channel: Channel, trouble: Trouble): readonly Subject[] {
  if (fits(channel, trouble.subject)) return trouble.parts;
  return trouble.parts.filter((part) => fits(channel, part));
}

function concerns(channel: Channel, trouble: Trouble): boolean {
  if (channel.jobs.length > 0 && (trouble.job === null || !channel.jobs.includes(trouble.job))) return false;
  return fits(channel, trouble.subject) || trouble.parts.some((part) => fits(channel, part));
}

/** Each filter that is given must have a match. Owners are compared without case. */
function fits({ owners, groups, tags }: ChannelBase, subject: Subject): boolean {
  const known = new Set(subject.owners.map((owner) => owner.toLowerCase()));
  return (
    (owners.length === 0 || owners.some((owner) => known.has(owner.toLowerCase()))) &&
    (groups.length === 0 || (subject.group !== null && groups.includes(subject.group))) &&
    (tags.length === 0 || tags.some((tag) => subject.tags.includes(tag)))
  );
}

/** @param secret `whsec_` and base64, or any text, as Standard Webhooks writes it */
export function signingKey(secret: string): Buffer {
  return secret.startsWith('whsec_') ? Buffer.from(secret.slice(6), 'base64') : Buffer.from(secret, 'utf8');
}
