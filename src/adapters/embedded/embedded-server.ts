// The embedded server of a target for `tsdbt db`, for any dialect. Types only.

/** Where a server listens, and its user. */
export interface EmbeddedAddress {
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly password: string;
}

export interface EmbeddedState {
  readonly state: 'absent' | 'stopped' | 'running';
  /** Folder of its data. */
  readonly home: string;
  /** Whether it runs until it is stopped; otherwise until its last user ends. */
  readonly kept: boolean;
  readonly port?: number;
  readonly pid?: number;
  /** Processes that use it. */
  readonly users?: readonly number[];
}

/** A target's embedded server. */
export interface EmbeddedServer {
  /** The database's display name. */
  readonly title: string;
  /** Starts it; it runs until it is stopped. */
  keep(): Promise<EmbeddedAddress & { release(): Promise<void> }>;
  /** @returns the processes that still use it, if it keeps running; otherwise none */
  stop(): Promise<readonly number[]>;
  status(): EmbeddedState;
  /** Takes over data that an earlier version kept in the project. @returns the new data folder */
  adopt(): Promise<string>;
  /** Includes the password. */
  url(address: EmbeddedAddress): string;
}

/** `user:password@host:port` of a URL. */
export function loginOf({ host, port, user, password }: EmbeddedAddress): string {
  return `${encodeURIComponent(user)}:${encodeURIComponent(password)}@${host}:${port}`;
}
