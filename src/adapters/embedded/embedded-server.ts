// The embedded server of a target as `tsdbt db` meets it, whatever the dialect. Types only.

/** Where a server listens, and as whom. */
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
  /** Runs until it is stopped; else until its last user ends. */
  readonly kept: boolean;
  readonly port?: number;
  readonly pid?: number;
  /** Processes that use it. */
  readonly users?: readonly number[];
}

/** The server that a target has of its own. */
export interface EmbeddedServer {
  /** The database's name as people write it. */
  readonly title: string;
  /** Starts it, to run until it is stopped. */
  keep(): Promise<EmbeddedAddress & { release(): Promise<void> }>;
  /** @returns the processes that still use it: then it goes on; else none */
  stop(): Promise<readonly number[]>;
  status(): EmbeddedState;
  /** Takes over data that an earlier version kept in the project. @returns the folder that holds them now */
  adopt(): Promise<string>;
  /** With the password. */
  url(address: EmbeddedAddress): string;
}

/** `user:password@host:port` of a URL. */
export function loginOf({ host, port, user, password }: EmbeddedAddress): string {
  return `${encodeURIComponent(user)}:${encodeURIComponent(password)}@${host}:${port}`;
}
