// The text of an alert for readers: title and body, bounded in length. Each channel embeds it in its own format.
import { dateTime } from '../../values/utc-text.ts';
import type { Alarm, Subject, TroubleKind } from './alert.ts';
import { type Channel, partsFor } from './channel.ts';

const TITLES: Readonly<Record<TroubleKind, string>> = {
  failed: 'FAILED',
  stale: 'STALE',
  slow: 'SLOW',
  project: 'BROKEN PROJECT',
  database: 'DATABASE AWAY',
};

const MOST_PARTS = 5;
const MOST_MESSAGE = 600;
const MOST_LINES = 8;
const MOST_CELL = 40;
const MOST_BODY = 6000;
const MOST_TITLE = 140;

/** One line: `[FAILED] shop: job fast`. */
export function titleOf({ trouble, occasion, project }: Alarm): string {
  const word = occasion.kind === 'recovered' ? 'RECOVERED' : TITLES[trouble.kind];
  const again = occasion.kind === 'repeated' ? ', still' : '';
  return cut(`[${word}${again}] ${project}: ${trouble.subject.what}`.replace(/\s+/g, ' '), MOST_TITLE);
}

/** The body: reason, start, count, position, failing rows, descendants, owners, links. */
export function bodyOf(alarm: Alarm, channel: Channel): string {
  const { trouble, occasion, link } = alarm;
  const { incident, subject } = trouble;
  const lines = [];
  if (occasion.kind === 'recovered') {
    lines.push(`It was: ${messageOf(incident.reason)}`);
    const lasted = spanOf((incident.closedAt ?? alarm.at) - incident.openedAt);
    lines.push(`It lasted ${lasted}, since ${dateTime(incident.openedAt)} UTC.`);
    lines.push(...ownersOf(subject));
  } else {
    lines.push(messageOf(incident.reason));
    const times = alarm.times === null || alarm.times < 2 ? '' : `, found ${alarm.times} times`;
    lines.push(`Since ${dateTime(incident.openedAt)} UTC${times}.`);
    lines.push(...aboutOf(subject, channel, subject.message === incident.reason));
    const parts = partsFor(channel, trouble);
    for (const part of parts.slice(0, MOST_PARTS))
      lines.push('', part.what, ...aboutOf(part, channel, false).map((line) => `  ${line}`));
    if (parts.length > MOST_PARTS) lines.push('', `and ${parts.length - MOST_PARTS} more`);
  }
  if (link !== null) lines.push('', link);
  return cut(lines.join('\n'), MOST_BODY);
}

function aboutOf(subject: Subject, channel: Channel, known: boolean): string[] {
  const { message, path, line, rows, downstream } = subject;
  const lines: string[] = [];
  if (message !== null && !known) lines.push(...messageOf(message).split('\n'));
  if (path !== null) lines.push(line === null ? path : `${path} line ${line}`);
  const shown = rows?.rows.slice(0, channel.rows) ?? [];
  if (rows !== null && shown.length > 0) {
    const total = rows.total ?? rows.rows.length;
    lines.push(total > shown.length ? `The first ${shown.length} of ${total} failing rows:` : 'Failing rows:');
    lines.push(rowOf(rows.columns), ...shown.map(rowOf));
  }
  if (downstream.names.length > 0)
    lines.push(
      `Downstream: ${downstream.names.join(', ')}${downstream.more > 0 ? ` and ${downstream.more} more` : ''}`,
    );
  lines.push(...ownersOf(subject));
  return lines;
}

function ownersOf({ owners }: Subject): string[] {
  return owners.length === 0 ? [] : [`Owner: ${owners.join(', ')}`];
}

function rowOf(cells: readonly string[]): string {
  return `| ${cells.map((cell) => cut(cell.replace(/\s+/g, ' '), MOST_CELL)).join(' | ')} |`;
}

function messageOf(text: string): string {
  const lines = text.trim().split('\n');
  const kept = lines.slice(0, MOST_LINES).join('\n');
  return cut(lines.length > MOST_LINES ? `${kept}\n…` : kept, MOST_MESSAGE);
}

/** Cuts a text to a number of characters. The last one shows that it was cut. */
export function cut(text: string, most: number): string {
  // Surrogate pairs are not split.
  const points = text.length > most ? [...text] : [];
  return points.length > most ? `${points.slice(0, most - 1).join('')}…` : text;
}

/** `2 h 5 min`, `40 s`. */
function spanOf(ms: number): string {
  const seconds = Math.max(0, Math.round(ms / 1000));
  const [days, hours, minutes] = [
    Math.floor(seconds / 86_400),
    Math.floor(seconds / 3600) % 24,
    Math.floor(seconds / 60) % 60,
  ];
  if (days > 0) return `${days} d ${hours} h`;
  if (hours > 0) return `${hours} h ${minutes} min`;
  return minutes > 0 ? `${minutes} min` : `${seconds} s`;
}
