// A server that receives webhooks and keeps each message.
import { once } from 'node:events';
import { createServer } from 'node:http';

export interface WebhookReceiver<T> {
  readonly port: number;
  readonly received: readonly T[];
  close(): void;
}

/** Listens on the loopback address. Messages are JSON. */
export async function receiveWebhooks<T>(): Promise<WebhookReceiver<T>> {
  const received: T[] = [];
  const server = createServer((request, response) => {
    const parts: Buffer[] = [];
    request.on('data', (part: Buffer) => parts.push(part));
    request.on('end', () => {
      received.push(JSON.parse(Buffer.concat(parts).toString()) as T);
      response.end();
    });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('it listens on no port');
  return { port: address.port, received, close: () => void server.close() };
}
