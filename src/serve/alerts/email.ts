// Sends one alert by SMTP. The library is loaded for the first e-mail. The server's code distinguishes permanent
// failures from those worth a retry.
import { limitedSocket } from '../../http/limited-socket.ts';
import type { Alarm } from './alert.ts';
import type { EmailChannel } from './channel.ts';
import type { Sent } from './channel-requests.ts';
import { within } from '../../within.ts';
import { bodyOf, titleOf } from './alert-text.ts';

const PORTS = { starttls: 587, implicit: 465, none: 25 } as const;
/** Bytes that a server may send for one message: the library keeps unread replies. */
const MAX_BYTES = 1024 * 1024;

/** Attempts once to deliver to all addresses. @throws errors of the library without a code */
export async function sendEmail(alarm: Alarm, channel: EmailChannel): Promise<Sent> {
  const { createTransport } = await import('nodemailer');
  const { smtp, timeout } = channel;
  const auth = smtp.user === null || smtp.password === null ? null : { user: smtp.user, pass: smtp.password() };
  const ca = smtp.ca?.() ?? null;
  const attempt = new AbortController();
  let why = 'it does not answer in time';
  const connection = limitedSocket(MAX_BYTES, () => {
    why = 'its answers are too long';
    attempt.abort();
  });
  const transport = createTransport({
    socket: connection.socket,
    host: smtp.host,
    port: smtp.port ?? PORTS[smtp.tls],
    secure: smtp.tls === 'implicit',
    requireTLS: smtp.tls === 'starttls',
    ignoreTLS: smtp.tls === 'none',
    ...(auth === null ? {} : { auth }),
    tls: {
      minVersion: 'TLSv1.2',
      ...(smtp.servername === null ? {} : { servername: smtp.servername }),
      ...(ca === null ? {} : { ca }),
    },
    connectionTimeout: timeout,
    greetingTimeout: timeout,
    socketTimeout: timeout,
    disableFileAccess: true,
    disableUrlAccess: true,
  });
  const work = transport.sendMail({
    signal: attempt.signal,
    from: channel.from,
    to: [...channel.email],
    subject: titleOf(alarm),
    text: bodyOf(alarm, channel),
    messageId: messageId(alarm, alarm.id),
    // Mail readers show follow-up messages below the first alert.
    ...(alarm.occasion.kind === 'opened' ? {} : { inReplyTo: messageId(alarm, `${alarm.trouble.incident.id}.opened`) }),
    headers: { 'Auto-Submitted': 'auto-generated', 'X-Tsdbt-Key': alarm.trouble.incident.key.replace(/\s+/g, ' ') },
  });
  try {
    // A server that sends a byte from time to time never triggers the library's own timeouts.
    if (!(await within(work, 3 * timeout)) || attempt.signal.aborted) return { kind: 'again', why, waitMs: null };
    const { rejected } = await work;
    return rejected.length === 0
      ? { kind: 'delivered' }
      : { kind: 'refused', why: `it does not take mail for ${rejected.length} of ${channel.email.length} addresses` };
  } catch (error) {
    return judged(error);
  } finally {
    // Also ends a message that is still being sent.
    attempt.abort();
    connection.close();
    transport.close();
  }
}

/** Copies of one message have the same id. */
function messageId({ project }: Alarm, id: string): string {
  const safe = (text: string): string => text.replace(/[^A-Za-z0-9.-]+/g, '-');
  return `<${safe(id)}@${safe(project)}.tsdbt>`;
}

function judged(error: unknown): Sent {
  const why = error instanceof Error ? (error.message.split('\n')[0] ?? '') : String(error);
  const code = errorField(error, 'responseCode');
  const lasting = typeof code === 'number' ? code >= 500 : errorField(error, 'code') === 'EAUTH';
  return lasting ? { kind: 'refused', why } : { kind: 'again', why, waitMs: null };
}

function errorField(error: unknown, name: string): unknown {
  return typeof error === 'object' && error !== null ? Reflect.get(error, name) : undefined;
}
