// Receives the alerts of `tsdbt serve` as webhooks and shows each as one line. In earnest this is Slack, an inbox or
// Alertmanager.
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

/** @returns the address for `webhook:` in jobs.yml */
export async function receiveAlerts(say: (text: string) => void): Promise<{ url: string; close(): Promise<void> }> {
  const server = createServer((request, response) => {
    let body = '';
    request.setEncoding('utf8').on('data', (text: string) => {
      body += text;
    });
    request.on('end', () => {
      const { title, link } = JSON.parse(body) as { title: string; link: string | null };
      say(`alert | ${title} ${link ?? ''}`);
      response.end();
    });
  }).listen(0, '127.0.0.1');
  await new Promise((done) => server.once('listening', done));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    async close() {
      server.closeAllConnections();
      await new Promise((done) => server.close(done));
    },
  };
}
