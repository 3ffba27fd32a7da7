// Sends one HTTP request to a service, such as a schema registry or a token endpoint. Callers interpret the answer.
import { type ClientRequest, request as httpRequest } from 'node:http';
import { request as httpsRequest } from 'node:https';

/** Contents of the files, read again for each request, and the name that the server's certificate must have. */
export interface TlsOptions {
  readonly ca?: string;
  readonly cert?: string;
  readonly key?: string;
  readonly servername?: string;
}

export interface HttpQuestion {
  readonly method: 'GET' | 'POST';
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | null;
  readonly tls: TlsOptions | null;
}

export interface HttpAnswer {
  readonly status: number;
  readonly body: string;
}

/** Timeouts: without a byte, and until the end of the answer. */
const [SILENT_MS, TIMEOUT_MS] = [10_000, 60_000];
const MAX_BYTES = 16 * 1024 * 1024;

/**
 * @param limitMs until the end of the answer
 * @throws the system's error if there is no answer, or it is too long
 */
export async function ask(
  url: URL,
  { method, headers, body, tls }: HttpQuestion,
  limitMs = TIMEOUT_MS,
): Promise<HttpAnswer> {
  const options = { method, headers, timeout: Math.min(SILENT_MS, limitMs) };
  return new Promise((resolve, reject) => {
    const request = url.protocol === 'https:' ? httpsRequest(url, { ...options, ...tls }) : httpRequest(url, options);
    const late = (): unknown => request.destroy(new Error('it does not answer'));
    const timer = setTimeout(late, limitMs).unref();
    request.on('close', () => clearTimeout(timer));
    request.on('timeout', late);
    request.on('error', reject);
    onUpgrade(request);
    request.on('response', (response) => {
      let size = 0;
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => {
        size += chunk.length;
        if (size > MAX_BYTES) request.destroy(new Error('its answer is too long'));
        chunks.push(chunk);
      });
      response.on('error', reject);
      response.on('end', () =>
        resolve({ status: response.statusCode ?? 0, body: Buffer.concat(chunks).toString('utf8') }),
      );
    });
    request.end(body ?? undefined);
  });
}

/** Ends a request whose answer changes the protocol (101). Without a listener it would never end. */
export function onUpgrade(request: ClientRequest): void {
  request.once('upgrade', (_answer, socket) => {
    socket.destroy();
    request.emit('error', new Error('it answers with another protocol'));
  });
}

/** Whether the error is about certificates, so that a retry cannot help. */
export function isCertificateError(error: Error & { readonly code?: string }): boolean {
  return (
    /CERT|certificate|SSL|ALTNAME|self.signed/i.test(`${error.code ?? ''} ${error.message}`) &&
    error.code !== 'ECONNRESET'
  );
}
