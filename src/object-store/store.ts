// What the layers above need of an object store, and how one is reached. Types only; s3-store.ts is the client.

/** An S3-compatible store, as connections.yml names it. Secrets are asked for at each request: they may rotate. */
export interface StoreSettings {
  readonly name: string;
  /** The file, for errors. */
  readonly path: string;
  /** `https://host:port`, without a path. */
  readonly endpoint: string;
  readonly region: string;
  readonly bucket: string;
  readonly accessKeyId: string;
  readonly secretAccessKey: () => string;
  readonly sessionToken: (() => string) | null;
  /** `endpoint/bucket/key`; false: `bucket.endpoint/key`. */
  readonly pathStyle: boolean;
  /** Who is trusted in place of the system's authorities; null: these. */
  readonly ca: (() => string) | null;
}

/** An object as a listing shows it. */
export interface StoredObject {
  readonly key: string;
  readonly size: number;
  readonly etag: string;
  /** ISO time. */
  readonly modified: string;
}

/** The result of a PUT. */
export interface Put {
  /** False: the condition did not hold, and what is there was left as it is. */
  readonly created: boolean;
  /** Null: not written. */
  readonly etag: string | null;
}

/** Bytes, or pieces of them: who has pieces need not copy them into one. */
export type Body = Uint8Array | readonly Uint8Array[];

export interface PutOptions {
  /** Sends `If-None-Match: *`: an object that is there is not written over. */
  readonly whenAbsent?: boolean;
  /** Sends `If-Match`: only the object with this etag is written over. */
  readonly whenEtag?: string;
  readonly type?: string;
  /** Milliseconds since 1970 after which nothing is sent any more: a `connection` error. */
  readonly until?: number;
}

/** Methods fail with a `connection` error while the store is away, else with a `runtime` error. */
export interface ObjectStore {
  readonly settings: StoreSettings;
  put(key: string, body: Body, options?: PutOptions): Promise<Put>;
  /** Null: there is no such object. */
  get(key: string): Promise<Buffer | null>;
  /** Bytes of an object from `start` on, up to before `end`, and how many it has in all. Null: there is none. */
  part(key: string, start: number, end: number): Promise<{ readonly body: Buffer; readonly size: number } | null>;
  /** With its etag, for a conditional write. */
  read(key: string): Promise<{ readonly body: Buffer; readonly etag: string } | null>;
  head(key: string): Promise<Pick<StoredObject, 'size' | 'etag'> | null>;
  /** All objects whose key begins so, in the order of their keys. */
  list(prefix: string): AsyncGenerator<StoredObject>;
  /** An object that is not there is no error. */
  delete(key: string): Promise<void>;
  /** The bucket is there, and the keys may list it. Writes nothing. */
  check(): Promise<void>;
  /** Does it honour `If-None-Match: *` and `If-Match`? Writes an object and deletes it. @param prefix of its key */
  honoursConditions(prefix: string): Promise<boolean>;
  close(): void;
}
