// Signs requests to S3-compatible stores by AWS Signature Version 4 with node:crypto: 60 lines do not justify a
// dependency.
import { createHash, createHmac } from 'node:crypto';

/** The credentials and the region. */
export interface SigningKey {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken: string | null;
  readonly region: string;
}

/** A request before it is signed. */
export interface UnsignedRequest {
  readonly method: string;
  readonly host: string;
  /** Already encoded by `encodePath`. */
  readonly path: string;
  readonly query: Readonly<Record<string, string>>;
  readonly headers: Readonly<Record<string, string>>;
  /** In several chunks. */
  readonly body: readonly Uint8Array[];
}

/** The query and headers of a request, with its signature. */
export interface SignedRequest {
  readonly query: string;
  readonly headers: Readonly<Record<string, string>>;
}

/** Encodes each segment of a key and keeps the slashes. */
export function encodePath(key: string): string {
  return key.split('/').map(encode).join('/');
}

/** @param at milliseconds since 1970 by the machine's clock, which the store compares with its own */
export function sign(request: UnsignedRequest, key: SigningKey, at: number): SignedRequest {
  const moment = new Date(at).toISOString().replace(/[-:]|\.\d{3}/g, '');
  const day = moment.slice(0, 8);
  const hash = sha256(request.body);
  const headers: Record<string, string> = {
    ...request.headers,
    host: request.host,
    'x-amz-content-sha256': hash,
    'x-amz-date': moment,
    ...(key.sessionToken === null ? {} : { 'x-amz-security-token': key.sessionToken }),
  };
  const query = Object.entries(request.query)
    .map(([name, value]) => `${encode(name)}=${encode(value)}`)
    .sort()
    .join('&');
  const names = Object.keys(headers).sort();
  const canonical = [
    request.method,
    request.path,
    query,
    ...names.map((name) => `${name}:${headers[name]?.trim()}`),
    '',
    names.join(';'),
    hash,
  ].join('\n');
  const scope = `${day}/${key.region}/s3/aws4_request`;
  const signing = [day, key.region, 's3', 'aws4_request'].reduce<string | Buffer>(
    (secret, part) => hmac(secret, part),
    `AWS4${key.secretAccessKey}`,
  );
  const signature = hmac(signing, ['AWS4-HMAC-SHA256', moment, scope, sha256([canonical])].join('\n')).toString('hex');
  const authorization =
    `AWS4-HMAC-SHA256 Credential=${key.accessKeyId}/${scope}, SignedHeaders=${names.join(';')}, ` +
    `Signature=${signature}`;
  return { query, headers: { ...headers, authorization } };
}

function encode(text: string): string {
  return encodeURIComponent(text).replace(/[!'()*]/g, (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`);
}

function sha256(pieces: readonly (string | Uint8Array)[]): string {
  const hash = createHash('sha256');
  for (const piece of pieces) hash.update(piece);
  return hash.digest('hex');
}

function hmac(key: string | Buffer, text: string): Buffer {
  return createHmac('sha256', key).update(text).digest();
}
