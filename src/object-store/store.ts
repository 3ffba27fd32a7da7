// The interface of an object store for the layers above, and its connection settings. Types only; s3-store.ts is the
// client.

/** An S3-compatible store from connections.yml. Secrets are read for each request, because they may rotate. */
export interface StoreSettings {
  readonly name: string;
  /** The file of the connection, for errors. */
  readonly path: string;
  /** `https://host:port`, without a path. */
  readonly endpoint: string;
  readonly region: string;
  readonly bucket: string;
  readonly accessKeyId: string;
  readonly secretAccessKey: () => string;
  readonly sessionToken: (() => string) | null;
  /** True: `endpoint/bucket/key`; false: `bucket.endpoint/key`. */
  readonly pathStyle: boolean;
  /** Trusted certificate authorities that replace the system's; null: the system's. */
  readonly ca: (() => string) | null;
}

/** An object in a listing. */
export interface StoredObject {
  readonly key: string;
  readonly size: number;
  readonly etag: string;
  /** ISO time. */
  readonly modified: string;
}

/** The result of a PUT. */
export interface Put {
  /** False: the condition was not met, and the stored object is unchanged. */
  readonly created: boolean;
  /** Null: not written. */
  readonly etag: string | null;
}

/** Bytes, or chunks, which then need not be concatenated. */
export type Body = Uint8Array | readonly Uint8Array[];

export interface PutOptions {
  /** Sends `If-None-Match: *`: an existing object is not overwritten. */
  readonly whenAbsent?: boolean;
  /** Sends `If-Match`: only an object with this etag is overwritten. */
  readonly whenEtag?: string;
  readonly type?: string;
  /** Deadline in milliseconds since 1970, after which nothing is sent: a `connection` error. */
  readonly until?: number;
}

/** Methods fail with a `connection` error while the store is unavailable, otherwise with a `runtime` error. */
export interface ObjectStore {
  readonly settings: StoreSettings;
  put(key: string, body: Body, options?: PutOptions): Promise<Put>;
  /** Null: the object does not exist. */
  get(key: string): Promise<Buffer | null>;
  /** Returns bytes `start` to before `end` of an object, and its total size. Null: it does not exist. */
  part(key: string, start: number, end: number): Promise<{ readonly body: Buffer; readonly size: number } | null>;
  /** Returns the object with its etag, for a conditional write. */
  read(key: string): Promise<{ readonly body: Buffer; readonly etag: string } | null>;
  head(key: string): Promise<Pick<StoredObject, 'size' | 'etag'> | null>;
  /** Returns all objects with this key prefix, in key order. */
  list(prefix: string): AsyncGenerator<StoredObject>;
  /** A missing object is not an error. */
  delete(key: string): Promise<void>;
  /** Checks that the bucket exists and the credentials may list it. Writes nothing. */
  check(): Promise<void>;
  /**
   * Whether the store honors `If-None-Match: *` and `If-Match`. Writes and deletes an object. @param prefix of its key
   */
  honoursConditions(prefix: string): Promise<boolean>;
  close(): void;
}
