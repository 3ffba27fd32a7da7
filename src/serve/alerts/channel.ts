// An alert channel of `alerts:`, and which alerts it accepts. alert-settings.ts defines the settings, delivery.ts
// sends.
import type { ValueOf } from '../../settings/setting.ts';
import type { AlarmEvent, Subject, Trouble } from './alert.ts';
import type { CHANNELS } from './alert-settings.ts';

export type Channel = ValueOf<typeof CHANNELS>[string] & { readonly name: string };
/** The channels of `alerts:`, in the order of the file. */
export function channelList(channels: ValueOf<typeof CHANNELS> | null): Channel[] {
  return Object.entries(channels ?? {}).map(([name, channel]) => ({ ...channel, name }));
}

type ChannelOf<K extends Channel['kind']> = Extract<Channel, { readonly kind: K }>;
export type WebhookChannel = ChannelOf<'webhook'>;
export type SlackChannel = ChannelOf<'slack'>;
export type AlertmanagerChannel = ChannelOf<'alertmanager'>;
export type EmailChannel = ChannelOf<'email'>;

/** Whether a channel accepts an alert. @param event the kind of problem, or `recovered` */
export function takes(channel: Channel, trouble: Trouble, event: AlarmEvent): boolean {
  return channel.on.has(event) && channel.on.has(trouble.kind) && concerns(channel, trouble);
}

/** The parts of a problem that match a channel's filters; all parts if its subject matches. */
export function partsFor(channel: Channel, trouble: Trouble): readonly Subject[] {
  if (fits(channel, trouble.subject)) return trouble.parts;
  return trouble.parts.filter((part) => fits(channel, part));
}

function concerns(channel: Channel, trouble: Trouble): boolean {
  if (channel.job !== null && (trouble.job === null || !channel.job.includes(trouble.job))) return false;
  return fits(channel, trouble.subject) || trouble.parts.some((part) => fits(channel, part));
}

/** Each given filter must match. Owners are compared case-insensitively. */
function fits({ owner, group, tag }: Channel, subject: Subject): boolean {
  const known = new Set(subject.owners.map((each) => each.toLowerCase()));
  return (
    (owner === null || owner.some((each) => known.has(each.toLowerCase()))) &&
    (group === null || (subject.group !== null && group.includes(subject.group))) &&
    (tag === null || tag.some((each) => subject.tags.includes(each)))
  );
}
